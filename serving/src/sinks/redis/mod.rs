//! A mirror of the latest forecasts and windows in Redis, for those who look there. `docs/redis.md` describes keys and values.
//!
//! It stands beside the service: nothing waits for it. What cannot be written is kept, newest first and one value a key until it
//! expires, however long Redis is away; and a Redis that comes back, empty or not, is given all of it.

mod board;
mod document;
mod settings;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::FutureExt;
use futures::future::BoxFuture;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::board::{Board, Write};
use super::ForecastSink;
use crate::Result;
use crate::config::ServingConfig;
use crate::metrics::{Metric, Metrics};
use crate::score::Issue;
use crate::state::AppState;
use crate::sync::lock;

pub use settings::RedisSettings;

/// The longest wait for a connection, and for each answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often Redis is asked whether it is there, so that one that came back is not left empty until the next window.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pauses between two tries: the first, doubled up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Values a round trip.
const AT_ONCE: usize = 1000;

/// What has come in and is not on the board yet. It is taken in while Redis is away, too: whole issues would fill the memory.
#[derive(Default)]
struct Inbox {
    issues: Vec<Arc<Issue>>,
    windows: Vec<(String, RecordBatch)>,
}

/// The mirror. As a sink of forecasts and as a follower of commits it only takes note; [`RedisMirror::run`] writes.
pub struct RedisMirror {
    settings: RedisSettings,
    client: redis::Client,
    serving: ServingConfig,
    inbox: Mutex<Inbox>,
    arrived: Notify,
}

impl RedisMirror {
    /// A mirror where the settings name a Redis; nothing is connected yet.
    ///
    /// # Errors
    /// Settings that do not check.
    pub fn new(settings: &RedisSettings, serving: &ServingConfig) -> Result<Option<Arc<Self>>> {
        let Some(client) = settings.client()? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Self {
            settings: settings.clone(),
            client,
            serving: serving.clone(),
            inbox: Mutex::default(),
            arrived: Notify::new(),
        })))
    }

    /// Takes note of the windows of one commit; quick.
    pub fn take(&self, topic: &str, batch: &RecordBatch) {
        lock(&self.inbox).windows.push((topic.into(), batch.clone()));
        self.arrived.notify_one();
    }

    /// Writes until the service stops.
    pub async fn run(self: Arc<Self>, state: Arc<AppState>) {
        let mut board = Board::new(&self.settings.prefix, self.settings.ttl.to_std());
        let mut pause = PAUSES.0;
        loop {
            state.metrics.set(Metric::RedisConnected, 0.0);
            let error = tokio::select! {
                () = state.stop.cancelled() => return,
                error = self.write_forever(&mut board, &state.metrics, &mut pause) => error,
            };
            state.metrics.count(Metric::RedisFailures, 1);
            // A Redis that was there and went is said again; one that stays away is not said every few seconds.
            if pause == PAUSES.0 {
                tracing::warn!(%error, "the mirror in Redis cannot be written; it is tried again, and nothing else waits for it");
            }
            tokio::select! {
                () = state.stop.cancelled() => return,
                () = self.wait(&mut board, pause) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Waits so long, and takes in what comes meanwhile.
    async fn wait(&self, board: &mut Board, pause: Duration) {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            self.collect(board);
            tokio::select! {
                () = &mut over => return,
                () = self.arrived.notified() => {}
            }
        }
    }

    /// Writes everything that is known, and then whatever changes, until Redis goes away.
    async fn write_forever(&self, board: &mut Board, metrics: &Metrics, pause: &mut Duration) -> redis::RedisError {
        self.collect(board);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        board.write_all_again();
        loop {
            if let Err(error) = self.write(board, &mut connection, metrics).await {
                return error;
            }
            metrics.set(Metric::RedisConnected, 1.0);
            *pause = PAUSES.0;
            tokio::select! {
                () = self.arrived.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {
                    if let Err(error) = redis::cmd("PING").exec_async(&mut connection).await {
                        return error;
                    }
                }
            }
        }
    }

    /// Writes what waits, and what comes while it is written. What Redis did not take waits on.
    async fn write(
        &self,
        board: &mut Board,
        connection: &mut MultiplexedConnection,
        metrics: &Metrics,
    ) -> redis::RedisResult<()> {
        loop {
            self.collect(board);
            let writes = board.next(AT_ONCE, Instant::now());
            if writes.is_empty() {
                return Ok(());
            }
            pipe(&writes).exec_async(connection).await?;
            board.written(&writes);
            metrics.count(Metric::RedisWrites, writes.len() as u64);
        }
    }

    /// Moves what has come in to the board, and what has expired off it.
    fn collect(&self, board: &mut Board) {
        let Inbox { issues, windows } = std::mem::take(&mut *lock(&self.inbox));
        let now = Instant::now();
        board.forget(now);
        for (topic, batch) in windows {
            board.windows(&topic, &batch, now);
        }
        for issue in issues {
            let kept = self.serving.stored_steps(issue.step);
            if let Err(error) = board.forecasts(&issue, &kept, self.serving.stale_after, now) {
                tracing::warn!(error = crate::error::chain(&error), "forecasts could not be mirrored");
            }
        }
    }
}

impl ForecastSink for RedisMirror {
    fn name(&self) -> &'static str {
        "redis"
    }

    /// Takes note and is done: what is written counts in `arterial_redis_writes_total` once Redis has it.
    fn deliver(&self, issue: Arc<Issue>) -> BoxFuture<'_, Result<u64>> {
        lock(&self.inbox).issues.push(issue);
        self.arrived.notify_one();
        async { Ok(0) }.boxed()
    }
}

/// One round trip.
fn pipe(writes: &[Write]) -> redis::Pipeline {
    let mut pipe = redis::pipe();
    for write in writes {
        match write {
            Write::Set { key, value, seconds } => pipe.cmd("SET").arg(key).arg(value).arg("EX").arg(*seconds),
            Write::Delete { key } => pipe.cmd("DEL").arg(key),
        };
    }
    pipe
}

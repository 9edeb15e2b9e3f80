//! Answers: a query runs on threads of its own and hands its batches over one by one, so that neither a heavy query nor a client that
//! stops reading costs anybody else more than the batch under way.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::execute_stream;
use futures::{StreamExt, stream};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

use super::engine::{Planned, Sql};
use super::guard::guarded;
use super::limits::SqlConfig;
use super::plain;
use super::problem::failure;
use crate::flight::{Batches, Giver, hand_over, stopped};
use crate::metrics::Metric;
use crate::sync::lock;
use crate::{Error, Result};

/// Planning follows the nesting of a query, and dev builds need much stack for it.
const STACK: usize = 16 << 20;

/// The rows of a query, on their way.
pub struct Answer {
    /// Their columns.
    pub schema: SchemaRef,
    /// The batches; an error is the last thing that comes.
    pub batches: Batches,
}

/// The threads that queries run on.
pub(super) struct Workers(Option<Runtime>);

impl Workers {
    /// One for each core.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("sql")
            .thread_stack_size(STACK)
            .enable_all()
            .build();
        let refused =
            |error: std::io::Error| Error::Background(format!("threads for queries cannot be started: {error}"));
        Ok(Self(Some(runtime.map_err(refused)?)))
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<tokio::task::JoinHandle<T>> {
        match &self.0 {
            Some(runtime) => Ok(runtime.spawn(work)),
            None => Err(Error::NotReady("the service is shutting down".to_owned())),
        }
    }

    /// Does some work there; it ends with whoever waits for it.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let done = AbortOnDropHandle::new(self.spawn(work)?).await;
        done.unwrap_or_else(|error| Err(Error::Background(format!("a query stopped: {error}"))))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // A runtime must not wait for its threads inside of another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The queries that run and can be cancelled, by number.
#[derive(Debug, Default)]
pub(super) struct Cancels(Mutex<HashMap<u64, CancellationToken>>);

/// Takes a query off the list when it ends.
struct Running {
    number: u64,
    list: Arc<Cancels>,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.list.0).remove(&self.number);
    }
}

impl Sql {
    /// Runs a query until its first batch is there. `number` is by what [`cancel`](Self::cancel) knows it.
    ///
    /// # Errors
    /// A query that fails before its first row; what fails later comes out of the stream.
    pub async fn answer(&self, planned: Planned, number: u64) -> Result<Answer> {
        let begun = Instant::now();
        let allowed = self.limits.deadline.to_std();
        let deadline = begun + allowed;
        // None of them ended in time.
        let busy = |_| Error::TooMany {
            what: "queries that run",
            most: self.limits.concurrent_queries,
        };
        let place = self.waiting.enter()?;
        let permit = tokio::time::timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit
            .map_err(busy)?
            .map_err(|error| Error::Background(error.to_string()))?;
        drop(place);
        let runtime = self.share.of_query()?;
        let cancelled = CancellationToken::new();
        lock(&self.cancels.0).insert(number, cancelled.clone());
        let running = Running {
            number,
            list: Arc::clone(&self.cancels),
        };
        let (giver, mut batches) = hand_over();
        let state = Arc::clone(&self.state);
        let (schema, limits) = (Arc::clone(&planned.schema), self.limits.clone());
        self.workers.spawn(async move {
            let work = pump(planned, runtime, &giver, &limits);
            let ended = tokio::select! {
                ended = giver.run(begun, allowed, work) => ended,
                () = cancelled.cancelled() => Err(stopped("the query was cancelled")),
            };
            let how = ended
                .as_ref()
                .map_or_else(|error| format!("{:?}", error.code()), |_| "Ok".to_owned());
            state.metrics.count_by(Metric::SqlQueries, "outcome", &how, 1);
            state
                .metrics
                .count(Metric::SqlRows, *ended.as_ref().unwrap_or(&0) as u64);
            state.metrics.observe(Metric::SqlDuration, begun.elapsed());
            // Whoever has seen the end finds the place free, and nothing left to cancel.
            drop((running, permit));
            giver.end(ended.map(|_| ()));
        })?;
        let first = match batches.next().await {
            Some(Err(error)) => return Err(error),
            first => first,
        };
        Ok(Answer {
            schema,
            batches: stream::iter(first).chain(batches).boxed(),
        })
    }

    /// Ends a running query; false where none of that number runs.
    pub fn cancel(&self, number: u64) -> bool {
        let running = lock(&self.cancels.0).get(&number).cloned();
        running.inspect(CancellationToken::cancel).is_some()
    }
}

/// What a plan runs in, without the functions by their names: operators hold those that they call, and nothing in `DataFusion` looks for one
/// here but the lists of functions in its `information_schema`. To copy all of them costs what a small query does.
fn without_functions(session: &SessionState, runtime: Arc<RuntimeEnv>) -> TaskContext {
    TaskContext::new(
        None,
        session.session_id().to_owned(),
        session.config().clone(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        runtime,
    )
}

/// Hands over every batch; gives the number of rows.
async fn pump(planned: Planned, runtime: Arc<RuntimeEnv>, giver: &Giver, limits: &SqlConfig) -> Result<usize> {
    let Planned {
        schema,
        plan,
        session,
        lists,
    } = planned;
    let plan = session
        .create_physical_plan(&plan)
        .await
        .and_then(|plan| guarded(plan, limits.query_memory_bytes))
        .map_err(|error| failure(&error))?;
    let context = if lists {
        TaskContext::from(&*session).with_runtime(runtime)
    } else {
        without_functions(&session, runtime)
    };
    let mut batches = execute_stream(plan, Arc::new(context)).map_err(|error| failure(&error))?;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| failure(&error))?;
        rows += batch.num_rows();
        let most = limits.max_rows;
        if rows > most {
            return Err(Error::Query {
                code: Code::ResourceExhausted,
                message: format!("the answer has more than {most} rows: aggregate, select less, or set a LIMIT"),
            });
        }
        if batch.num_rows() == 0 {
            continue;
        }
        giver.give(plain::batch(&batch, &schema)?).await?;
    }
    Ok(rows)
}

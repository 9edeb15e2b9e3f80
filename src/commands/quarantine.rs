//! `arterial quarantine list|replay`.

use std::sync::Arc;

use arterial_datasets::lake::Lake;
use arterial_datasets::time::{Clock, SystemClock, Timestamp};
use arterial_features::pipeline::quarantine::{self, Filter, Refused, Sink};
use arterial_serving::sinks::kafka::{KafkaWriter, Outgoing};
use serde::Serialize;

use super::place::LakePlace;
use crate::config::Config;
use crate::service::lake_options;

/// Records that could not be taken: see them, and send them again
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List refused records, the latest first
    List {
        #[command(flatten)]
        which: Which,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Send refused records to their topics again, once their stream's definition was mended
    Replay {
        #[command(flatten)]
        which: Which,
        /// The brokers [default: the configured ones]
        #[arg(long, value_name = "LIST")]
        brokers: Option<String>,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    #[command(flatten)]
    place: LakePlace,
    /// Of this topic only
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// With this code only, such as `OUT_OF_RANGE`
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Refused at or after this instant, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

/// A refused record as JSON shows it.
#[derive(Debug, Serialize)]
struct Shown {
    topic: String,
    partition: i32,
    offset: i64,
    received_at: String,
    reason: String,
    detail: String,
    payload: Option<String>,
    payload_bytes: i64,
}

#[derive(Debug, Serialize)]
struct Replayed {
    sent: u64,
    not_whole: u64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List { which, json } => list(which, *json),
        Verb::Replay { which, brokers, json } => replay(which, brokers.as_deref(), *json),
    }
}

impl Which {
    fn filter(&self) -> anyhow::Result<Filter> {
        Ok(Filter {
            topic: self.topic.clone(),
            reason: self.reason.as_deref().map(quarantine::reason).transpose()?,
            since: self.since,
            limit: Some(self.limit),
        })
    }
}

async fn open(config: &Config) -> anyhow::Result<Lake> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Lake::open(&config.lake.url, lake_options(config, &clock)).await?)
}

fn list(which: &Which, json: bool) -> anyhow::Result<()> {
    let config = which.place.configuration()?;
    let filter = which.filter()?;
    let refused =
        super::runtime()?.block_on(async { anyhow::Ok(quarantine::list(&open(&config).await?, &filter).await?) })?;
    if json {
        return super::print_json(&refused.into_iter().map(shown).collect::<Vec<_>>());
    }
    for one in refused {
        println!(
            "{}  {:<15} {}/{}@{}  {}",
            one.received_at, one.reason, one.topic, one.partition, one.offset, one.detail
        );
    }
    Ok(())
}

fn shown(one: Refused) -> Shown {
    Shown {
        topic: one.topic,
        partition: one.partition,
        offset: one.offset,
        received_at: one.received_at.to_string(),
        reason: one.reason,
        detail: one.detail,
        payload: one.payload.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        payload_bytes: one.payload_bytes,
    }
}

fn replay(which: &Which, brokers: Option<&str>, json: bool) -> anyhow::Result<()> {
    let config = which.place.configuration()?;
    let filter = which.filter()?;
    let brokers = brokers.unwrap_or(&config.kafka.brokers);
    let runtime = super::runtime()?;
    // The writer's callbacks live in the runtime.
    let writer = runtime.block_on(async { KafkaWriter::new(brokers, "", &config.kafka.properties) })?;
    let mut waiting = Waiting(Vec::new());
    let replayed = runtime.block_on(async {
        let replayed = quarantine::replay(&open(&config).await?, &filter, &mut waiting).await?;
        writer.send_all(waiting.0).await?;
        anyhow::Ok(Replayed {
            sent: replayed.sent,
            not_whole: replayed.not_whole,
        })
    })?;
    if json {
        return super::print_json(&replayed);
    }
    println!(
        "{} sent again, {} not whole and left alone",
        replayed.sent, replayed.not_whole
    );
    Ok(())
}

/// Records that are sent together at the end; at most as many as the limit.
struct Waiting(Vec<Outgoing>);

impl Sink for Waiting {
    fn send(&mut self, topic: &str, payload: &[u8]) -> arterial_features::Result<()> {
        self.0.push(Outgoing {
            topic: topic.into(),
            key: None,
            partition: None,
            payload: payload.to_vec(),
            timestamp: None,
        });
        Ok(())
    }

    fn flush(&mut self) -> arterial_features::Result<()> {
        Ok(())
    }
}

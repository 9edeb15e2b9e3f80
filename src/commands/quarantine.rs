//! `arterial quarantine list|replay`.

use std::sync::Arc;

use arterial_datasets::lake::{Lake, TopicPartition};
use arterial_datasets::time::{Clock, SystemClock, Timestamp};
use arterial_features::pipeline::quarantine::{self, Filter, Refused, Sink};
use arterial_serving::sinks::kafka::Outgoing;
use serde::Serialize;

use super::outlet::reached;
use super::place::LakePlace;
use crate::config::Config;
use crate::service::{catalog, lake_options};

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
        /// At most so many
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Send refused records to their partitions again, once their stream's definition was mended. Those whose payload was
    /// withheld (personal fields) or cut cannot be sent, nor those of replayed files
    Replay {
        #[command(flatten)]
        which: Which,
        /// At most so many, the latest [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
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
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Timestamp>,
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
    of_files: u64,
    left: u64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Verb::List { which, limit, json } => list(which, *limit, *json),
        Verb::Replay {
            which,
            limit,
            brokers,
            json,
        } => replay(which, *limit, brokers.as_deref(), *json),
    }
}

impl Which {
    fn filter(&self, config: &Config, limit: Option<usize>) -> anyhow::Result<Filter> {
        if let Some(topic) = &self.topic {
            catalog(config)?.get(topic)?;
        }
        Ok(Filter {
            topic: self.topic.clone(),
            reason: self.reason.as_deref().map(quarantine::reason).transpose()?,
            since: self.since,
            limit,
        })
    }
}

async fn open(config: &Config) -> anyhow::Result<Lake> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Lake::open_existing(&config.lake.url, lake_options(config, &clock)).await?)
}

fn list(which: &Which, limit: usize, json: bool) -> anyhow::Result<()> {
    let config = which.place.configuration()?;
    let filter = which.filter(&config, Some(limit))?;
    let refused =
        super::runtime()?.block_on(async { anyhow::Ok(quarantine::list(&open(&config).await?, &filter).await?) })?;
    if refused.is_empty() {
        eprintln!("nothing in quarantine");
    }
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

fn replay(which: &Which, limit: Option<usize>, brokers: Option<&str>, json: bool) -> anyhow::Result<()> {
    let config = which.place.configuration()?;
    let filter = which.filter(&config, limit)?;
    let (option, brokers) = brokers.map_or(("kafka.brokers", &*config.kafka.brokers), |given| ("--brokers", given));
    let mut waiting = Waiting(Vec::new());
    // The writer's callbacks live in the runtime.
    let replayed = super::runtime()?.block_on(async {
        let lake = open(&config).await?;
        let writer = reached(option, brokers, &config).await?;
        let replayed = quarantine::replay(&lake, &filter, &mut waiting).await?;
        writer.send_all(waiting.0).await?;
        anyhow::Ok(Replayed {
            sent: replayed.sent,
            not_whole: replayed.not_whole,
            of_files: replayed.of_files,
            left: replayed.left,
        })
    })?;
    if json {
        return super::print_json(&replayed);
    }
    replayed.print();
    Ok(())
}

impl Replayed {
    fn print(&self) {
        let Self {
            sent,
            not_whole,
            of_files,
            left,
        } = self;
        println!("{sent} sent again, {not_whole} not whole and left alone");
        if *of_files > 0 {
            eprintln!("{of_files} of replayed files left alone: no topic has had them");
        }
        if *left > 0 {
            eprintln!("{left} more are behind --limit");
        }
    }
}

/// Records that are sent together at the end.
struct Waiting(Vec<Outgoing>);

impl Sink for Waiting {
    fn send(&mut self, partition: &TopicPartition, payload: &[u8]) -> arterial_features::Result<()> {
        self.0.push(Outgoing {
            topic: partition.topic.clone(),
            key: None,
            partition: Some(partition.partition),
            payload: payload.to_vec(),
            trace: None,
        });
        Ok(())
    }

    fn flush(&mut self) -> arterial_features::Result<()> {
        Ok(())
    }
}

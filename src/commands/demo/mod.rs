//! `arterial demo`: a simulated city from event to served forecast and alert, on this machine alone.

mod city;
mod clock;
mod incident;
mod interrupt;
mod live;
mod model;
mod preparation;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use arterial_datasets::city::City;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Clock, Timestamp};
use arterial_features::pipeline::{CommitObserver, WindowCommit};
use arterial_features::source::{ContinuedSource, KafkaSettings, KafkaSource, ReplaySource};
use arterial_models::alerts::Evidence;
use arterial_serving::alerts::{AlertRevision, AlertStore};
use arterial_serving::sinks::kafka::{KafkaWriter, MockBrokers};
use tokio::sync::{oneshot, watch};

use crate::config::Config;
use crate::outcome::{Interrupted, Usage};
use crate::service::{Foundation, Ingest, Service, catalog, indices, ingest, publisher};
use crate::telemetry::Log;
use city::{History, TOPIC};
use clock::CityClock;
use interrupt::Interrupt;
use preparation::{Preparation, Prepared};

/// A simulated city, from event to served forecast, on this machine alone
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End after the first forecasts of a window that came in live and the alert of the scheduled accident
    #[arg(long)]
    once: bool,
    /// Print one JSON document; needs --once
    #[arg(long, requires = "once")]
    json: bool,
    /// Where every random choice of the city starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days of history before the live part
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(8..=90))]
    days: u16,
    /// Simulated seconds a second once the city is live
    #[arg(long, default_value = "60x")]
    speed: arterial_datasets::mapping::Speed,
    /// Keep lake and registry in this folder, which must be new or empty [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Send the live part through these brokers instead of the built-in mock
    #[arg(long, value_name = "LIST")]
    brokers: Option<String>,
    /// Where gRPC, Flight and health listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50051")]
    grpc: String,
    /// Where HTTP listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: String,
    /// Write {"grpc", "http", "pid"} to this file once it serves
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let began = Instant::now();
    let folder = Folder::choose(args.dir.as_deref())?;
    let config = args.configuration(folder.path())?;
    config.check()?;
    folder.make()?;
    let runtime = super::runtime()?;
    let entered = runtime.enter();
    Log::start(&config)?;
    drop(entered);
    let drains = AtomicBool::new(false);
    let summary = runtime.block_on(async {
        let interrupt = Interrupt::listen();
        tokio::select! {
            summary = play(args, config, began, &drains, &interrupt) => summary,
            () = interrupted_before(&interrupt, &drains) => Err(Interrupted.into()),
        }
    })?;
    if args.json { super::print_json(&summary) } else { Ok(()) }
}

/// Returns at Ctrl-C, unless the play ends by itself then, as it does once it has something to drain.
async fn interrupted_before(interrupt: &Interrupt, drains: &AtomicBool) {
    interrupt.pressed().await;
    if drains.load(Ordering::Acquire) {
        std::future::pending::<()>().await;
    }
}

/// Where lake and registry are kept.
enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn choose(given: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = given else {
            return Ok(Self::Temporary(tempfile::tempdir()?));
        };
        let holds_something = match std::fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        if holds_something {
            return Err(Usage(format!(
                "`--dir` is `{}`, accepted: a new or empty folder",
                path.display()
            ))
            .into());
        }
        Ok(Self::Given(path.into()))
    }

    fn make(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(self.path())
            .with_context(|| format!("cannot make the folder `{}`", self.path().display()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Args {
    fn configuration(&self, folder: &Path) -> anyhow::Result<Config> {
        let mut config = Config::load(None, [])?;
        config.site.name = "synthetic city".into();
        config.site.timezone = city::config(self.seed).timezone;
        config.lake.url = folder.join("lake").to_string_lossy().into_owned();
        config.registry.url = folder.join("registry").to_string_lossy().into_owned();
        config.listen_on(Some(&self.grpc), Some(&self.http));
        config.kafka.brokers = self.brokers.clone().unwrap_or_default();
        config.telemetry.log = "warn".into();
        Ok(config)
    }
}

/// The whole play: history, model, servers, live events.
async fn play(
    args: &Args,
    mut config: Config,
    began: Instant,
    drains: &AtomicBool,
    interrupt: &Interrupt,
) -> anyhow::Result<summary::Summary> {
    let said = summary::Words { quiet: args.json };
    let streams = city::streams(catalog(&config)?)?;
    let topics: Vec<String> = streams.names().map(str::to_owned).collect();
    let brokers = match &args.brokers {
        Some(_) => None,
        None => Some(mock(&mut config, &topics)?),
    };
    said.say(&format!(
        "simulating {} days of a city (seed {}; everything here is synthetic)",
        args.days, args.seed
    ));
    let simulated = City::new(city::config(args.seed))?;
    let live_from = city::end_of_history(simulated.now(), args.days);
    let clock = Arc::new(CityClock::at(live_from));
    let foundation = Arc::new(open(&config, streams, &clock).await?);
    let service = Service::listen(&foundation, publisher(&foundation.config)?, true).await;
    let service = service.map_err(with_options)?;
    said.say(&format!(
        "page: http://{}/ (fills while the history is read)",
        service.addresses().1
    ));

    let (handed_over, city) = oneshot::channel();
    let history = ReplaySource::new(
        format!("synthetic city, seed {}", args.seed),
        topics.clone(),
        History::new(simulated, live_from, handed_over),
    );
    let live = KafkaSource::new(KafkaSettings::new(config.kafka.brokers.clone(), topics))?;
    let (newest, windows) = watch::channel(None);
    let observers: Vec<Arc<dyn CommitObserver>> = vec![
        service.observer(),
        Arc::new(Newest(newest)),
        indices::start(Arc::clone(&foundation), &service),
    ];
    let mut ingest = Ingest::start(
        &foundation,
        city::options(&foundation),
        ContinuedSource::new(history, live),
        observers,
    )?;
    tokio::spawn(ingest::report(ingest.status.clone(), Arc::clone(&service.state)));

    drains.store(true, Ordering::Release);
    let preparation = Preparation {
        args,
        began,
        foundation: &foundation,
        service: &service,
        said: &said,
        interrupt,
        live_from,
    };
    let prepared = tokio::select! {
        prepared = preparation.make(city, windows.clone(), &mut ingest) => prepared,
        () = interrupt.pressed() => Err(Interrupted.into()),
    };
    let Prepared {
        mut city,
        trained,
        first_forecast,
    } = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            // Nothing may be written any more into a folder that is about to be removed. What is said is why it ends.
            let _ = ingest.shutdown().await;
            return Err(error);
        }
    };
    let scheduled = incident::schedule(&mut city)?;
    said.invite(&service, &city, &scheduled, first_forecast, args.speed);

    let writer = KafkaWriter::new(&config.kafka.brokers, "", &config.kafka.properties)?;
    let producing = tokio::spawn(live::produce(city, writer, Arc::clone(&clock), args.speed));
    let outcome = tokio::select! {
        outcome = wait_live(args.once, windows, (live_from, &scheduled), &service, &said) => outcome,
        ended = ingest.failed() => ended,
        () = service.failed() => Err(anyhow::anyhow!("a server has stopped")),
        () = interrupt.pressed() => Err(Interrupted.into()),
    };
    producing.abort();
    // The writer must be gone before the brokers are; that it was cut off is what was asked for.
    let _ = producing.await;
    let summary = match outcome {
        Ok(()) => {
            summary::Summary::collect(
                &foundation,
                &service,
                &ingest,
                trained,
                scheduled,
                first_forecast,
                live_from,
            )
            .await
        }
        Err(error) => Err(error),
    };
    ingest.shutdown().await?;
    service.shutdown().await?;
    drop(brokers);
    summary
}

/// Brokers in this process, which the configuration then names.
fn mock(config: &mut Config, topics: &[String]) -> anyhow::Result<MockBrokers> {
    let topics: Vec<_> = topics.iter().map(|topic| (topic.clone(), 1)).collect();
    let mock = MockBrokers::start(&topics)?;
    mock.address().clone_into(&mut config.kafka.brokers);
    // The mock has the city's topics only.
    config.kafka.publish_results = false;
    Ok(mock)
}

async fn open(config: &Config, streams: StreamCatalog, clock: &Arc<CityClock>) -> anyhow::Result<Foundation> {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Foundation::open(config.clone(), streams, clock).await
}

/// Remembers the newest traffic window that is durable.
struct Newest(watch::Sender<Option<Timestamp>>);

impl CommitObserver for Newest {
    fn committed(&self, commit: &WindowCommit) {
        if commit.stream.name == TOPIC {
            let start = Timestamp(commit.watermark.0 - commit.stream.window.0).window_start(commit.stream.window);
            self.0.send_replace(Some(start));
        }
    }
}

async fn wait_for(mut windows: watch::Receiver<Option<Timestamp>>, start: Timestamp) -> anyhow::Result<()> {
    windows
        .wait_for(|newest| newest.is_some_and(|newest| newest >= start))
        .await?;
    Ok(())
}

/// Names the options for an address that is taken.
fn with_options(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<arterial_serving::Error>() {
        Some(arterial_serving::Error::Listen { address, .. }) => {
            let said = format!(
                "cannot listen on `{address}`: `--grpc ADDR` and `--http ADDR` choose others, 127.0.0.1:0 a free port"
            );
            error.context(said)
        }
        _ => error,
    }
}

/// Tells of the alert of what is scheduled. With `once`, returns when it did and a live window was closed; otherwise never.
async fn wait_live(
    once: bool,
    windows: watch::Receiver<Option<Timestamp>>,
    (live_from, scheduled): (Timestamp, &incident::Scheduled),
    service: &Service,
    said: &summary::Words,
) -> anyhow::Result<()> {
    match first_alert(scheduled, service).await {
        Some(revision) => said.tell(&revision.alert),
        None => said.say("the accident should be over by now, and no alert told of it"),
    }
    if !once {
        return std::future::pending().await;
    }
    wait_for(windows, live_from).await
}

/// The alert of what is scheduled once there is one; none where it should long be over.
async fn first_alert(scheduled: &incident::Scheduled, service: &Service) -> Option<Arc<AlertRevision>> {
    let alerts = &service.state.alerts;
    let looked_past = || {
        alerts
            .watched()
            .iter()
            .any(|one| one.target.topic == TOPIC && one.next > Some(scheduled.end))
    };
    let mut every = tokio::time::interval(std::time::Duration::from_millis(200));
    loop {
        let found = that_tells_of(&alerts.store, scheduled);
        if found.is_some() || looked_past() {
            return found;
        }
        every.tick().await;
    }
}

/// The alert of the roads that names what is scheduled, before anything else.
fn that_tells_of(alerts: &AlertStore, scheduled: &incident::Scheduled) -> Option<Arc<AlertRevision>> {
    let names = |evidence: &Evidence| evidence.subject == scheduled.incident_id;
    let mut roads = alerts.live().into_iter().filter(|one| one.alert.topic == TOPIC);
    roads.find(|one| one.alert.evidence.first().is_some_and(names))
}

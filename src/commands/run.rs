//! `arterial run`.

use std::path::PathBuf;
use std::sync::Arc;

use arterial_datasets::time::SystemClock;
use arterial_features::source::{Assignment, KafkaSettings, KafkaSource};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{self, Config};
use crate::outcome::Usage;
use crate::service::{Foundation, Ingest, LiveObserver, Service, catalog, indices, ingest, publisher, upkeep};

/// The service against real brokers and a real lake; SIGTERM drains, SIGHUP looks for promoted models
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file; `arterial config show` prints every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where gRPC, Flight and health listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    grpc: Option<String>,
    /// Where HTTP listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Write {"grpc", "http", "pid"} to this file once it serves
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.configuration()?;
    crate::telemetry::start(&config.telemetry)?;
    super::runtime()?.block_on(serve(args, config))
}

impl Args {
    fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(Some(&self.config), std::env::vars())?;
        if let Some(grpc) = &self.grpc {
            config.server.grpc.clone_from(grpc);
        }
        if let Some(http) = &self.http {
            config.server.http.clone_from(http);
        }
        Ok(config)
    }
}

async fn serve(args: &Args, config: Config) -> anyhow::Result<()> {
    let streams = catalog(&config)?;
    let foundation = Arc::new(Foundation::open(config, streams, Arc::new(SystemClock)).await?);
    let source = KafkaSource::new(kafka_settings(&foundation)?)?;
    let service = Service::listen(&foundation, publisher(&foundation.config)?, false).await?;
    let observer = Arc::new(LiveObserver(Arc::clone(&service.state)));
    let options = foundation.pipeline_options();
    let mut ingest = Ingest::start(
        &foundation,
        options,
        source,
        vec![observer, indices::start(Arc::clone(&foundation))],
    )?;
    tokio::spawn(ingest::report(ingest.status.clone(), Arc::clone(&service.state)));
    service.open().await?;
    let upkeep = tokio::spawn(upkeep::forever(Arc::clone(&foundation)));
    service.announce(args.ready_file.as_deref())?;

    let ended = wait(&mut ingest, &service).await;
    tracing::info!("draining");
    upkeep.abort();
    let stopped = match ended {
        Ok(()) => ingest.shutdown().await,
        Err(error) => Err(error),
    };
    service.shutdown().await?;
    stopped
}

/// Waits for a signal that ends the service, or for a part that fails.
async fn wait(ingest: &mut Ingest, service: &Service) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => service.state.look_for_models().await,
            ended = ingest.failed() => return ended,
            () = service.failed() => anyhow::bail!("a server has stopped"),
        }
    }
}

fn kafka_settings(foundation: &Foundation) -> anyhow::Result<KafkaSettings> {
    let kafka = &foundation.config.kafka;
    if kafka.brokers.is_empty() {
        return Err(
            Usage("`kafka.brokers` is empty, accepted: host:port, or several with commas between".into()).into(),
        );
    }
    let topics = foundation.streams()?.into_iter().map(|stream| stream.name.clone());
    Ok(KafkaSettings {
        group: kafka.group.clone(),
        assignment: match kafka.assignment {
            config::Assignment::Group => Assignment::Group,
            config::Assignment::Manual => Assignment::All,
        },
        properties: kafka.properties.clone(),
        ..KafkaSettings::new(kafka.brokers.clone(), topics)
    })
}

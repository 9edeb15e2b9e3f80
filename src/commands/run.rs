//! `arterial run`.

use std::path::PathBuf;
use std::sync::Arc;

use arterial_datasets::time::SystemClock;
use arterial_features::source::KafkaSource;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::outcome::INTERRUPTED;
use crate::service::{Foundation, Ingest, Service, catalog, indices, ingest, publisher, upkeep};
use crate::telemetry::Log;

/// The service against real brokers and a real lake; SIGTERM and Ctrl-C drain, a second Ctrl-C ends at once, SIGHUP reads the log filter and suppressions anew and looks for promoted models
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
    /// Write {"grpc", "http", "pid"} to this file once calls are answered; whether brokers are reached, `arterial health` and /readyz say
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.configuration()?;
    let runtime = super::runtime()?;
    let entered = runtime.enter();
    let log = Log::start(&config)?;
    drop(entered);
    let ended = runtime.block_on(serve(args, config, &log));
    log.end(ended)
}

impl Args {
    fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(Some(&self.config), std::env::vars())?;
        config.listen_on(self.grpc.as_deref(), self.http.as_deref());
        config.check_service()?;
        Ok(config)
    }
}

async fn serve(args: &Args, config: Config, log: &Log) -> anyhow::Result<()> {
    let streams = catalog(&config)?;
    let foundation = Arc::new(Foundation::open(config, streams, Arc::new(SystemClock)).await?);
    let topics = foundation.streams()?.into_iter().map(|stream| stream.name.clone());
    let source = KafkaSource::new(foundation.config.kafka_settings(topics))?;
    let service = Service::listen(&foundation, publisher(&foundation.config)?, false).await?;
    let observer = service.observer();
    let options = foundation.pipeline_options();
    let mut ingest = Ingest::start(
        &foundation,
        options,
        source,
        vec![observer, indices::start(Arc::clone(&foundation), &service)],
    )?;
    tokio::spawn(ingest::report(ingest.status.clone(), Arc::clone(&service.state)));
    service.open().await?;
    let upkeep = tokio::spawn(upkeep::forever(Arc::clone(&foundation)));
    service.announce(args.ready_file.as_deref())?;

    let ended = wait(args, log, &mut ingest, &service).await;
    let mut again = signal(SignalKind::interrupt())?;
    tracing::info!("draining");
    upkeep.abort();
    tokio::select! {
        drained = drain(ended, ingest, service) => drained,
        _ = again.recv() => {
            tracing::warn!("interrupted again: calls in flight are cut off, what is not committed is read again by the next start");
            // The runtime would wait for the thread that commits.
            std::process::exit(INTERRUPTED.into());
        }
    }
}

/// Sends callers elsewhere while what was read is committed, then finishes what is in flight.
async fn drain(ended: anyhow::Result<()>, ingest: Ingest, service: Service) -> anyhow::Result<()> {
    let commit = async {
        ended?;
        ingest.shutdown().await
    };
    let (stopped, ()) = tokio::join!(commit, service.leave());
    service.shutdown().await?;
    stopped
}

/// Waits for a signal that ends the service, or for a part that fails.
async fn wait(args: &Args, log: &Log, ingest: &mut Ingest, service: &Service) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => {
                reload(args, log, service);
                service.state.look_for_models().await;
            }
            ended = ingest.failed() => return ended,
            () = service.failed() => anyhow::bail!("a server has stopped"),
        }
    }
}

/// Reads the configuration again. The log's filter and what holds alerts back can change at once; everything else waits for the next
/// start.
fn reload(args: &Args, log: &Log, service: &Service) {
    let read = args.configuration().and_then(|config| {
        let suppressions = config.alerts_config()?.settings.suppressions;
        log.filter_by(&config.telemetry.log)?;
        let number = suppressions.len();
        service.state.alerts.suppress(suppressions);
        Ok((config.telemetry.log, number))
    });
    match read {
        Ok((filter, suppressions)) => {
            tracing::info!(
                log = filter,
                suppressions,
                "log filter and suppressions read again; other changes need a new start"
            );
        }
        Err(error) => tracing::error!(error = format!("{error:#}"), "the configuration cannot be read again"),
    }
}

//! `arterial health`: whether a running service may be asked.

use std::io::Write;

use serde_json::json;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::client::{Service, failed, table};
use super::{print_json, runtime};

/// The services that are asked after; the empty name is the whole.
const SERVICES: [&str; 5] = [
    "",
    "arterial.v1.ForecastService",
    "arterial.v1.CatalogService",
    "arterial.v1.ModelService",
    "arrow.flight.protocol.FlightService",
];

/// Asks whether a running service is serving
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
}

/// Asks and prints; a service that is not serving is a failure.
///
/// # Errors
/// A service that cannot be reached, or one that is starting or shutting down.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let found = runtime()?.block_on(ask(&args.service))?;
    let serving = found.iter().all(|(_, status)| status == "SERVING");
    if args.json {
        let services: Vec<_> = found
            .iter()
            .map(|(name, status)| json!({"service": name, "status": status}))
            .collect();
        print_json(&json!({"endpoint": args.service.endpoint, "serving": serving, "services": services}))?;
    } else {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|(name, status)| vec![label(name), status.clone()])
            .collect();
        write!(std::io::stdout().lock(), "{}", table(&["service", "status"], &rows))?;
    }
    anyhow::ensure!(serving, "`{}` is not serving", args.service.endpoint);
    Ok(())
}

fn label(service: &str) -> String {
    if service.is_empty() {
        "all".into()
    } else {
        service.into()
    }
}

async fn ask(service: &Service) -> anyhow::Result<Vec<(String, String)>> {
    let mut client = HealthClient::new(service.connect().await?);
    let mut found = Vec::new();
    for name in SERVICES {
        let request = HealthCheckRequest { service: name.into() };
        let response = client
            .check(request)
            .await
            .map_err(|status| failed(&status))?
            .into_inner();
        let status = match response.status() {
            ServingStatus::Serving => "SERVING",
            ServingStatus::NotServing => "NOT_SERVING",
            _ => "UNKNOWN",
        };
        found.push((name.to_owned(), status.to_owned()));
    }
    Ok(found)
}

//! `arterial health`: whether a running service may be asked.

use std::io::Write;

use arterial_serving::grpc::SERVICES;
use arterial_serving::readiness::Reason;
use serde_json::json;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::client::{Connection, Service, failed, table};
use super::{print_json, runtime};

/// The name of the service as a whole.
const WHOLE: &str = "";

/// Ask whether a running service is serving
///
/// Exits with 0 where it serves, with 1 where it does not or nobody answers. A service that serves may still lack something, such as its
/// brokers: that is named, and stands in `degraded` of `--json` for scripts that mind, as it does in `/readyz`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
}

/// Asks and prints; a service that is not serving is a failure. One that serves may still lack something, such as its brokers, which is
/// named.
///
/// # Errors
/// A service that cannot be reached, or one that is starting or shutting down.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (found, reasons) = runtime()?.block_on(ask(&args.service))?;
    let serving = found.iter().any(|(name, status)| name == WHOLE && status == "SERVING");
    let (stops, lacks): (Vec<Reason>, Vec<Reason>) = reasons.into_iter().partition(|reason| reason.stops_serving());
    let codes = |reasons: &[Reason]| -> Vec<&'static str> { reasons.iter().map(|reason| reason.code()).collect() };
    let (stops, lacks) = (codes(&stops), codes(&lacks));
    if args.json {
        let services: Vec<_> = found
            .iter()
            .map(|(name, status)| json!({"service": name, "status": status}))
            .collect();
        print_json(&json!({
            "endpoint": args.service.endpoint, "serving": serving, "ready": serving,
            "reasons": stops, "degraded": lacks, "services": services,
        }))?;
    } else {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|(name, status)| vec![label(name), status.clone()])
            .collect();
        let mut out = std::io::stdout().lock();
        write!(out, "{}", table(&["service", "status"], &rows))?;
        for (said, codes) in [("not ready", stops), ("degraded", lacks)] {
            if !codes.is_empty() {
                writeln!(out, "{said}: {}", codes.join(", "))?;
            }
        }
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

/// The status of each service, what keeps callers away, and what is lacking.
async fn ask(service: &Service) -> anyhow::Result<(Vec<(String, String)>, Vec<Reason>)> {
    let mut client = HealthClient::new(service.connect().await?);
    let mut found = Vec::new();
    for name in [WHOLE].into_iter().chain(SERVICES) {
        let status = match check(&mut client, name.into()).await? {
            ServingStatus::Serving => "SERVING",
            ServingStatus::NotServing => "NOT_SERVING",
            _ => "UNKNOWN",
        };
        found.push((name.to_owned(), status.to_owned()));
    }
    let mut reasons = Vec::new();
    for reason in Reason::ALL {
        if check(&mut client, reason.health_service()).await? == ServingStatus::NotServing {
            reasons.push(reason);
        }
    }
    Ok((found, reasons))
}

async fn check(client: &mut HealthClient<Connection>, service: String) -> anyhow::Result<ServingStatus> {
    let answer = client.check(HealthCheckRequest { service }).await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner().status())
}

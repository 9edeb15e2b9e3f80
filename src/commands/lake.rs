//! `arterial lake maintain`.

use std::sync::Arc;

use arterial_datasets::lake::{Lake, MaintainPlan, maintain};
use arterial_datasets::time::{Clock, Duration, SystemClock};

use super::place::LakePlace;
use crate::service::{catalog, lake_options};

/// Keep a lake in order
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Compact small files, make windows final, drop what is older than its retention, remove files that nothing needs
    Maintain(Maintain),
}

#[derive(Debug, clap::Args)]
struct Maintain {
    #[command(flatten)]
    place: LakePlace,
    /// Remove files that no version needs after so long [default: as configured]
    #[arg(long, value_name = "DURATION")]
    vacuum_after: Option<Duration>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let Verb::Maintain(args) = &args.verb;
    let config = args.place.configuration()?;
    let vacuum_after = args.vacuum_after.unwrap_or(config.lake.vacuum_after);
    let plan = MaintainPlan {
        vacuum_after,
        ..MaintainPlan::for_streams(&catalog(&config)?)
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let reports = super::runtime()?.block_on(async {
        let lake = Lake::open_existing(&config.lake.url, lake_options(&config, &clock)).await?;
        maintain(&lake, &plan).await
    })?;
    if reports.is_empty() {
        eprintln!("no tables in `{}`", config.lake.url);
    }
    if args.json {
        return super::print_json(&reports);
    }
    println!(
        "{:<28} {:>8} {:>9} {:>10} {:>8}",
        "table", "final", "expired", "compacted", "removed"
    );
    for (name, report) in &reports {
        let removed = report.cleaned_entries + report.vacuumed_files;
        let compacted = format!("{} > {}", report.compacted_files, report.compacted_into);
        println!(
            "{name:<28} {:>8} {:>9} {compacted:>10} {removed:>8}",
            report.finalised_windows, report.expired_files
        );
    }
    Ok(())
}

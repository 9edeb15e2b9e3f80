//! `arterial backtest`.

use std::path::PathBuf;

use arterial_features::sets;
use arterial_models::forecasters;
use arterial_training::backtest::{Request, run as measure};
use arterial_training::choice::choose;
use arterial_training::train::naive;
use arterial_training::{report, table};

use super::progress::Bar;
use super::protocol::ProtocolArgs;
use super::reading::Reading;

/// Measure models on a file: fit on its past, forecast its future, score
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A wide file (`timestamp` and one column a series) or a long one (`unique_id`, `ds`, `y`); CSV, .csv.gz or Parquet
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Which models: names, or all
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', required = true)]
    models: Vec<String>,
    /// Write a page with charts: one file that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    reading: Reading,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let protocol = args.protocol.protocol()?;
    let list = forecasters::list(sets::standard());
    let kinds = choose(&list, &args.models)?;
    let (panel, data) = args.reading.read(&args.data)?;
    let request = Request {
        panel: &panel,
        kinds: &kinds,
        naive: naive(&list)?,
        veterans: &[],
        protocol: &protocol,
        for_report: args.report.is_some(),
    };
    let bar = Bar::new();
    let backtest = measure(&request, data, &bar)?;
    bar.finish();
    if let Some(path) = &args.report {
        report::write(path, &backtest, panel.series())?;
        eprintln!("report: {}", path.display());
    }
    if args.json {
        return super::print_json(&backtest.document);
    }
    print!("{}", table::backtest(&backtest.document));
    Ok(())
}

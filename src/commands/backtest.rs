//! `arterial backtest`.

use std::path::PathBuf;

use arterial_datasets::panel::Panel;
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_models::neural::Device;
use arterial_training::ablation::{self, Ablation, Bereft, ablate};
use arterial_training::backtest::{Request, run as measure};
use arterial_training::choice::choose;
use arterial_training::document::Document;
use arterial_training::train::naive;
use arterial_training::{report, table};
use serde::Serialize;

use super::device::DeviceArgs;
use super::imported::ImportedArgs;
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
    /// Measure again without each of these groups of inputs: calendar, neighbours, static, a covariate, or the topic of
    /// several (weather, incidents)
    #[arg(long, value_name = "GROUP,..", value_delimiter = ',')]
    ablate: Vec<String>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    imported: ImportedArgs,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    reading: Reading,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let protocol = args.protocol.protocol()?;
    // What cannot be done is said before anything takes its time.
    if let Some(path) = &args.report {
        report::check(path)?;
    }
    args.imported.check(&args.models)?;
    let device = args.device.device()?;
    let list = args.imported.add_to(forecasters::list_on(sets::standard(), device))?;
    let kinds = choose(&list, &args.models, "--models")?;
    let (panel, data) = args.reading.read(&args.data)?;
    let request = Request {
        panel: &panel,
        kinds: &kinds,
        naive: naive(&list)?,
        veterans: &[],
        protocol: &protocol,
        for_report: args.report.is_some(),
    };
    let bereft = bereft(&panel, args, device)?;
    ablation::check(&request, &bereft)?;
    let bar = Bar::new();
    let backtest = measure(&request, data.clone(), &bar)?;
    let ablations = ablate(&request, &data, &bereft, &bar)?;
    bar.finish();
    // A page that cannot be written takes no scores away, and a reader who has seen enough of the scores takes no page away.
    let page = args.report.as_deref();
    let written = page.map(|path| report::write(path, &backtest, panel.series()));
    print(&backtest.document, ablations, args.json)?;
    written.transpose()?;
    if let Some(path) = page {
        eprintln!("report: {}", path.display());
    }
    Ok(())
}

fn print(document: &Document, ablations: Vec<Ablation>, json: bool) -> anyhow::Result<()> {
    if json {
        return super::print_json(&Printed { document, ablations });
    }
    print!("{}", table::backtest(document));
    if !ablations.is_empty() {
        print!("\n{}", ablation::table(&document.scores, &ablations));
    }
    Ok(())
}

/// The JSON of a backtest.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    document: &'a Document,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ablations: Vec<Ablation>,
}

/// `panel` without each of the groups, checked before anything is fitted.
fn bereft(panel: &Panel, args: &Args, device: Device) -> anyhow::Result<Vec<Bereft>> {
    let without = |group: &String| {
        let kinds = forecasters::list_on(sets::without(sets::standard(), group), device);
        Ok(Bereft {
            panel: panel.without(group)?,
            kinds: args.imported.add_to(kinds)?,
            group: group.clone(),
        })
    };
    args.ablate.iter().map(without).collect()
}

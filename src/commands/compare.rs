//! `arterial compare A B`.

use std::path::PathBuf;

use anyhow::Context;
use arterial_datasets::panel::Panel;
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::{Manifest, ModelVersion, Reference, Registry, Target};
use arterial_training::compare::{Difference, compare};
use arterial_training::document::{DataBlock, ProtocolBlock};
use arterial_training::evidence;
use arterial_training::protocol::Protocol;
use arterial_training::table::{Table, number};
use arterial_training::veteran::Veteran;
use serde::Serialize;

use super::progress::Bar;
use super::reading::Reading;
use super::registry::{RegistryArgs, only_target};
use super::source::Source;

/// Compare two published models on the same windows
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model: linear@3, linear (its newest version) or @champion
    #[arg(value_name = "A")]
    first: Reference,
    /// The model that it is compared with, named in the same way
    #[arg(value_name = "B")]
    second: Reference,
    /// Measure on this file instead of the data of A. Both know its series by name, whatever their order
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Whose aliases are meant, such as traffic-sensors.speed_kmh
    #[arg(long, value_name = "TOPIC.FIELD")]
    target: Option<Target>,
    /// Where the resampling starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    reading: Reading,
}

/// What the JSON holds.
#[derive(Debug, Serialize)]
struct Comparison {
    a: String,
    b: String,
    data: DataBlock,
    protocol: ProtocolBlock,
    verdict: &'static str,
    overall: Difference,
    steps: Vec<Difference>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let registry = args.registry.open()?;
    let bar = Bar::new();
    let comparison = super::runtime()?.block_on(measure(args, &registry, &bar))?;
    bar.finish();
    if args.json {
        return super::print_json(&comparison);
    }
    print!("{}", text(&comparison));
    Ok(())
}

async fn measure(args: &Args, registry: &Registry, bar: &Bar) -> anyhow::Result<Comparison> {
    let a = resolve(registry, &args.first, args.target.as_ref()).await?;
    let b = resolve(registry, &args.second, args.target.as_ref()).await?;
    let list = forecasters::list(sets::standard());
    let (manifest, first) = registry.load(&a, &list).await?;
    let (_, second) = registry.load(&b, &list).await?;
    let (panel, data) = match &args.data {
        Some(path) => args.reading.read(path)?,
        None => Source::again(&manifest).await?,
    };
    let protocol = protocol_for(&manifest, &data)?;
    let models = [
        veteran(&a, &first, &panel, &protocol)?,
        veteran(&b, &second, &panel, &protocol)?,
    ];
    let backtest = evidence::measure(&models, &list, &panel, data, &protocol, bar)?;
    let windows = |id: &ModelVersion| {
        let name = id.to_string();
        let found = backtest.scores.iter().find(|(model, _)| *model == name);
        let windows = found.map(|(_, scores)| &scores.windows);
        windows.with_context(|| format!("{id} was not measured"))
    };
    let minutes = panel.step().seconds() / 60.0;
    let mut rows = compare(windows(&a)?, windows(&b)?, &protocol.report_at, minutes, args.seed)?;
    let overall = rows.remove(0);
    Ok(Comparison {
        a: a.to_string(),
        b: b.to_string(),
        verdict: overall.verdict(),
        data: backtest.document.data,
        protocol: backtest.document.protocol,
        overall,
        steps: rows,
    })
}

/// The protocol of a manifest; on other data the first window is wherever its shares put it.
pub fn protocol_for(manifest: &Manifest, data: &DataBlock) -> anyhow::Result<Protocol> {
    let mut protocol = evidence::protocol_of(manifest)?;
    if data.sha256 != manifest.data.sha256 {
        protocol.test_start = None;
    }
    Ok(protocol)
}

/// The published model `id`, ready to be measured on `panel`, whose series it knows by their names, whatever their order.
pub fn veteran<'a>(
    id: &ModelVersion,
    pipeline: &'a Pipeline,
    panel: &Panel,
    protocol: &Protocol,
) -> anyhow::Result<Veteran<'a>> {
    let known = Veteran::new(id.to_string(), pipeline, panel, protocol);
    known.with_context(|| format!("{id} cannot be measured on these data"))
}

/// Which version is meant; an alias without a target is that of the only target that has it. An error says where was looked.
pub async fn resolve(
    registry: &Registry,
    reference: &Reference,
    target: Option<&Target>,
) -> anyhow::Result<ModelVersion> {
    let found = match (reference, target) {
        (Reference::Alias(alias), None) => Some(only_target(registry, alias).await?),
        _ => target.cloned(),
    };
    let resolved = registry.resolve(reference, found.as_ref()).await;
    resolved.with_context(|| format!("cannot find `{reference}` in the registry `{registry}`"))
}

fn text(comparison: &Comparison) -> String {
    let mut table = Table::new([
        "step",
        "minutes",
        "MAE of A",
        "MAE of B",
        "A - B",
        "from",
        "to",
        "p",
        "forecasts",
        "verdict",
    ]);
    for row in std::iter::once(&comparison.overall).chain(&comparison.steps) {
        table.push([
            row.step.map_or_else(|| "all".to_owned(), |step| step.to_string()),
            row.minutes
                .map_or_else(|| "-".to_owned(), |minutes| minutes.to_string()),
            number(row.mae_a, 3),
            number(row.mae_b, 3),
            number(row.difference, 4),
            number(row.low_95, 4),
            number(row.high_95, 4),
            number(row.p_value, 4),
            row.forecasts.to_string(),
            row.verdict().to_owned(),
        ]);
    }
    format!(
        "A is {}, B is {}, on {} windows of {}\n\n{}\nfrom, to: 95 % of the difference by moving-block bootstrap; p: Diebold-Mariano\n",
        comparison.a,
        comparison.b,
        comparison.protocol.test_windows,
        comparison.data.path,
        table.render()
    )
}

//! `arterial promote MODEL@VERSION`.

use std::path::PathBuf;

use arterial_datasets::time::SystemClock;
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_models::registry::{CHAMPION, Manifest, Reference, Registry};
use arterial_training::evidence;
use arterial_training::gate::{self, Order};
use arterial_training::promotion::Evidence;
use serde::Serialize;

use super::compare::{protocol_for, resolve};
use super::progress::Bar;
use super::reading::Reading;
use super::registry::RegistryArgs;
use super::source::Source;
use crate::outcome::Usage;

/// Let a published model serve, if it beats seasonal naive and the current champion
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model, such as linear@3
    #[arg(value_name = "MODEL@VERSION")]
    model: Reference,
    /// The alias that moves
    #[arg(long, default_value = CHAMPION)]
    alias: String,
    /// Measure candidate and champion on this file instead of the candidate's own data
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Promote although the gate says no; needs --reason
    #[arg(long, requires = "reason")]
    force: bool,
    /// A word for those who come after; kept with the alias
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Serialize)]
struct Promotion {
    target: String,
    alias: String,
    model: String,
    former: Option<String>,
    revision: u64,
    forced: bool,
    reason: Option<String>,
    evidence: Evidence,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.force && args.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Usage("`--reason` is empty, accepted: a word on why the gate is overruled".into()).into());
    }
    let registry = args.registry.open()?;
    let bar = Bar::new();
    let promotion = super::runtime()?.block_on(promote(args, &registry, &bar))?;
    bar.finish();
    if args.json {
        return super::print_json(&promotion);
    }
    println!("{}@{} is {} now", promotion.target, promotion.alias, promotion.model);
    if let Some(former) = promotion.former {
        println!("before: {former}; `arterial rollback` puts it back");
    }
    Ok(())
}

async fn promote(args: &Args, registry: &Registry, bar: &Bar) -> anyhow::Result<Promotion> {
    let id = resolve(registry, &args.model, None).await?;
    // Every byte is checked before anything moves.
    let manifest = registry.verify(&id).await?;
    let standing = registry.alias(&manifest.target, &args.alias).await?;
    let measured = evidence_for(args, registry, &manifest, bar).await;
    let evidence = match measured {
        Ok(evidence) => evidence,
        // Where nothing can be measured, only force moves the alias.
        Err(error) if args.force => {
            eprintln!("not measured: {error}");
            Evidence {
                candidate: id.to_string(),
                data_sha256: manifest.data.sha256.clone(),
                windows: 0,
                mae: None,
                seasonal_naive_mae: None,
                champion: None,
            }
        }
        Err(error) => return Err(error),
    };
    let order = Order {
        alias: args.alias.clone(),
        force: args.force,
        reason: args.reason.clone(),
    };
    let moved = gate::promote(registry, &manifest, standing.as_ref(), &evidence, &order, &SystemClock).await?;
    let changed = standing.as_ref().is_none_or(|before| before.revision != moved.revision);
    Ok(Promotion {
        target: manifest.target.to_string(),
        alias: args.alias.clone(),
        model: id.to_string(),
        former: standing.filter(|_| changed).map(|revision| revision.model.to_string()),
        revision: moved.revision,
        forced: moved.forced,
        reason: moved.reason,
        evidence,
    })
}

/// The figures of the candidate's training where they hold the model that stands now; a new measurement otherwise.
async fn evidence_for(args: &Args, registry: &Registry, manifest: &Manifest, bar: &Bar) -> anyhow::Result<Evidence> {
    let id = manifest.id();
    let champion = registry
        .alias(&manifest.target, &args.alias)
        .await?
        .map(|revision| revision.model);
    if args.data.is_none()
        && let Some(evidence) = evidence::from_manifest(manifest, champion.as_ref())
    {
        return Ok(evidence);
    }
    let list = forecasters::list(sets::standard());
    let (panel, data) = match &args.data {
        Some(path) => args.reading.read(path)?,
        None => Source::again(manifest).await?,
    };
    let protocol = protocol_for(manifest, &data)?;
    let (_, candidate) = registry.load(&id, &list).await?;
    let rival = match &champion {
        Some(champion) if *champion != id => Some((champion.clone(), registry.load(champion, &list).await?.1)),
        _ => None,
    };
    let mut models = vec![(id.clone(), &candidate)];
    models.extend(rival.iter().map(|(champion, pipeline)| (champion.clone(), pipeline)));
    let backtest = evidence::measure(&models, &list, &panel, data, &protocol, bar)?;
    Ok(evidence::from_measurement(&id, &backtest, champion.as_ref()))
}

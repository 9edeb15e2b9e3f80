//! `arterial promote MODEL@VERSION`.

use std::path::PathBuf;

use arterial_datasets::time::SystemClock;
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_models::registry::{
    AliasRevision, CANARY, CHALLENGER, CHAMPION, Change, Manifest, Reference, Registry, SHADOW, Share,
};
use arterial_training::evidence;
use arterial_training::gate::{self, Order};
use arterial_training::promotion::Evidence;
use serde::Serialize;

use super::compare::{protocol_for, resolve, veteran};
use super::nearest::near;
use super::progress::Bar;
use super::reading::Reading;
use super::registry::RegistryArgs;
use super::source::Source;
use crate::outcome::Usage;

/// The aliases that mean something by themselves.
const KNOWN: [&str; 4] = [CHAMPION, CHALLENGER, CANARY, SHADOW];

/// Let a published model serve, if it beats seasonal naive and the current champion
///
/// As champion it answers for every key. As canary (--alias canary --share 0.1) it answers for that share of the keys, the same ones
/// whatever happens. As shadow (--alias shadow) it is scored beside the champion and never served, so nothing is asked of it
/// first; `arterial models shadow` compares.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model, such as linear@3
    #[arg(value_name = "MODEL@VERSION")]
    model: Reference,
    /// The alias that moves: champion, canary, shadow or one of your own, which is said to be new the first time. What looks like a
    /// slip of champion, challenger, canary or shadow is refused
    #[arg(long, default_value = CHAMPION)]
    alias: String,
    /// Take --alias as a new name of your own, also where it looks like a slip
    #[arg(long)]
    new_alias: bool,
    /// The share of the keys that a canary answers for, above 0, at most 1
    #[arg(long, value_name = "SHARE")]
    share: Option<Share>,
    /// Measure candidate and champion on this file instead of the candidate's own data. They know its series by name, whatever their
    /// order
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
    share: Option<Share>,
    forced: bool,
    reason: Option<String>,
    evidence: Option<Evidence>,
    /// The trials of this very model, which are over once it is the champion.
    withdrawn: Vec<&'static str>,
    /// Whether an alias of that name was never set before, is none that means something by itself, and was not said to be new.
    #[serde(skip)]
    is_new_name: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.force && args.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Usage("`--reason` is empty, accepted: a word on why the gate is overruled".into()).into());
    }
    check_share(args)?;
    let registry = args.registry.open()?;
    let bar = Bar::new();
    let promotion = super::runtime()?.block_on(promote(args, &registry, &bar))?;
    bar.finish();
    if promotion.is_new_name {
        eprintln!("{}", new_name(args, &promotion.target));
    }
    if args.json {
        return super::print_json(&promotion);
    }
    let share = promotion
        .share
        .map(|share| format!(" for a share of {share} of the keys"));
    println!(
        "{}@{} is {} now{}",
        promotion.target,
        promotion.alias,
        promotion.model,
        share.unwrap_or_default()
    );
    if let Some(former) = promotion.former {
        println!("before: {former}; `arterial rollback` puts it back");
    }
    for alias in promotion.withdrawn {
        println!("@{alias} is withdrawn: its model is the champion");
    }
    Ok(())
}

fn new_name(args: &Args, target: &str) -> String {
    let (alias, hint) = (&args.alias, args.registry.hint());
    format!(
        "warning: `{alias}` is a new alias of {target}; a service follows champion, canary and shadow alone. Where it is a slip: \
         arterial withdraw --target {target} --alias {alias}{hint}"
    )
}

fn check_share(args: &Args) -> anyhow::Result<()> {
    let problem = match args.share {
        None if args.alias == CANARY => {
            "is missing, accepted: the share of the keys that the canary answers for, such as 0.1"
        }
        Some(_) if args.alias != CANARY => "is given, accepted: nothing, unless `--alias` is canary",
        _ => return Ok(()),
    };
    Err(Usage(format!("`--share` {problem}")).into())
}

/// Refuses a name that nobody has set before and that is nearly one of those that mean something: nobody would follow it.
async fn check_alias(args: &Args, registry: &Registry) -> anyhow::Result<()> {
    let alias = args.alias.as_str();
    let Some(meant) = near(alias, KNOWN).first().copied().filter(|meant| *meant != alias) else {
        return Ok(());
    };
    if args.new_alias || registry.aliases().await?.iter().any(|(_, set)| set == alias) {
        return Ok(());
    }
    Err(Usage(format!(
        "`--alias` is `{alias}`, accepted: {meant}, if that is meant; with --new-alias a new alias of this name"
    ))
    .into())
}

async fn promote(args: &Args, registry: &Registry, bar: &Bar) -> anyhow::Result<Promotion> {
    check_alias(args, registry).await?;
    let id = resolve(registry, &args.model, None).await?;
    // Every byte is checked before anything moves.
    let manifest = registry.verify(&id).await?;
    let standing = registry.alias(&manifest.target, &args.alias).await?;
    let is_new_name = is_new_name(args, registry, &manifest).await?;
    let (moved, evidence) = if args.alias == SHADOW {
        (shadow(args, registry, &manifest, standing.as_ref()).await?, None)
    } else {
        let evidence = evidence(args, registry, &manifest, bar).await?;
        let order = Order {
            alias: args.alias.clone(),
            force: args.force,
            reason: args.reason.clone(),
            share: args.share,
        };
        let moved = gate::promote(registry, &manifest, standing.as_ref(), &evidence, &order, &SystemClock).await?;
        (moved, Some(evidence))
    };
    let changed = standing.as_ref().is_none_or(|before| before.revision != moved.revision);
    Ok(Promotion {
        target: manifest.target.to_string(),
        alias: args.alias.clone(),
        model: id.to_string(),
        former: standing.filter(|_| changed).map(|revision| revision.model.to_string()),
        revision: moved.revision,
        share: moved.share,
        forced: moved.forced,
        reason: moved.reason,
        evidence,
        withdrawn: end_trials(args, registry, &manifest).await?,
        is_new_name,
    })
}

async fn is_new_name(args: &Args, registry: &Registry, manifest: &Manifest) -> anyhow::Result<bool> {
    if args.new_alias || KNOWN.contains(&args.alias.as_str()) {
        return Ok(false);
    }
    Ok(registry.history(&manifest.target, &args.alias).await?.is_empty())
}

/// Nobody is served by a shadow: it only has to be whole.
async fn shadow(
    args: &Args,
    registry: &Registry,
    manifest: &Manifest,
    standing: Option<&AliasRevision>,
) -> anyhow::Result<AliasRevision> {
    if let Some(standing) = standing.filter(|standing| standing.model == manifest.id()) {
        return Ok(standing.clone());
    }
    let change = Change {
        reason: args.reason.clone(),
        ..Change::default()
    };
    let expected = standing.map_or(0, |revision| revision.revision);
    let id = manifest.id();
    Ok(registry
        .promote(&manifest.target, SHADOW, &id, expected, change, &SystemClock)
        .await?)
}

/// A trial whose model became the champion would begin again, unasked, with the next champion.
async fn end_trials(args: &Args, registry: &Registry, manifest: &Manifest) -> anyhow::Result<Vec<&'static str>> {
    let mut ended = Vec::new();
    for alias in [CANARY, SHADOW].into_iter().filter(|_| args.alias == CHAMPION) {
        let standing = registry.alias(&manifest.target, alias).await?;
        if standing.is_some_and(|standing| standing.model == manifest.id()) {
            let reason = Some("its model is the champion".into());
            registry.withdraw(&manifest.target, alias, reason, &SystemClock).await?;
            ended.push(alias);
        }
    }
    Ok(ended)
}

async fn evidence(args: &Args, registry: &Registry, manifest: &Manifest, bar: &Bar) -> anyhow::Result<Evidence> {
    match evidence_for(args, registry, manifest, bar).await {
        // Where nothing can be measured, only force moves the alias.
        Err(error) if args.force => {
            eprintln!("not measured: {error:#}");
            Ok(Evidence {
                candidate: manifest.id().to_string(),
                data_sha256: manifest.data.sha256.clone(),
                windows: 0,
                mae: None,
                seasonal_naive_mae: None,
                champion: None,
            })
        }
        measured => measured,
    }
}

/// The figures of the candidate's training where they hold the model that stands now; a new measurement otherwise. A canary is
/// measured beside the champion, whose keys it takes.
async fn evidence_for(args: &Args, registry: &Registry, manifest: &Manifest, bar: &Bar) -> anyhow::Result<Evidence> {
    let id = manifest.id();
    let rival = if args.alias == CANARY { CHAMPION } else { &args.alias };
    let champion = registry
        .alias(&manifest.target, rival)
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
    let mut models = vec![veteran(&id, &candidate, &panel, &protocol)?];
    if let Some((champion, pipeline)) = &rival {
        match veteran(champion, pipeline, &panel, &protocol) {
            Ok(model) => models.push(model),
            // The gate says that it could not be measured, and only here it is known why.
            Err(error) => eprintln!("{error:#}"),
        }
    }
    let backtest = evidence::measure(&models, &list, &panel, data, &protocol, bar)?;
    Ok(evidence::from_measurement(&id, &backtest, champion.as_ref()))
}

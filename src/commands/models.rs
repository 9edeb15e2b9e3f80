//! `arterial models list|show|verify|shadow`.

mod card;
mod shadow;

use arterial_models::registry::{AliasRevision, Manifest, ModelVersion, Reference, Registry, Share, Target};
use arterial_training::table::{Table, number};
use serde::Serialize;
use serde_json::{Value, json};

use super::compare::resolve;
use super::registry::RegistryArgs;

/// Look into the registry
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Every published version, and the aliases that point to it
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// What is known of a version, and every move of its aliases
    Show {
        /// linear@3, linear (its newest version) or @champion
        model: Reference,
        /// Whose alias is meant, such as traffic-sensors.speed_kmh
        #[arg(long, value_name = "TOPIC.FIELD")]
        target: Option<Target>,
        /// Print one JSON document: the whole manifest, with every figure and the digest of every file
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Check every byte of one version, or of all
    Verify {
        /// linear@3, linear or @champion [default: every version]
        model: Option<Reference>,
        /// Whose alias is meant, such as traffic-sensors.speed_kmh
        #[arg(long, value_name = "TOPIC.FIELD")]
        target: Option<Target>,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// A running service's shadow beside its champion: the errors of both on the same windows and keys
    Shadow(shadow::Args),
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    match &args.verb {
        Verb::List { json, registry } => {
            let lines = runtime.block_on(list(&registry.open()?))?;
            if *json {
                super::print_json(&lines)
            } else {
                print_lines(&lines);
                Ok(())
            }
        }
        Verb::Show {
            model,
            target,
            json,
            registry,
        } => {
            let shown = runtime.block_on(show(&registry.open()?, model, target.as_ref()))?;
            if *json {
                super::print_json(&shown)
            } else {
                print_shown(&shown);
                Ok(())
            }
        }
        Verb::Verify {
            model,
            target,
            json,
            registry,
        } => {
            let checked = runtime.block_on(verify(&registry.open()?, model.as_ref(), target.as_ref()))?;
            if *json {
                return super::print_json(&json!({"verified": checked}));
            }
            for model in &checked {
                println!("{model} is whole");
            }
            Ok(())
        }
        Verb::Shadow(args) => runtime.block_on(shadow::run(args)),
    }
}

#[derive(Debug, Serialize)]
struct Line {
    model: String,
    kind: String,
    target: String,
    aliases: Vec<String>,
    /// The share of the keys that it answers for as canary.
    share: Option<Share>,
    series: usize,
    step: String,
    horizon: usize,
    mae: Option<f64>,
    skill: Option<f64>,
    synthetic: bool,
    created_at: String,
}

#[derive(Debug, Serialize)]
struct Shown {
    manifest: Manifest,
    aliases: Vec<String>,
    history: Vec<Value>,
}

async fn list(registry: &Registry) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let aliases = aliases(registry).await?;
    for id in registry.list().await? {
        let manifest = registry.manifest(&id).await?;
        lines.push(Line {
            model: id.to_string(),
            aliases: names_of(&aliases, &id),
            share: pointing(&aliases, &id).find_map(|(_, _, revision)| revision.share),
            target: manifest.target.to_string(),
            series: manifest.series,
            step: manifest.step.to_string(),
            horizon: manifest.horizon,
            mae: own_score(&manifest, "mae_through"),
            skill: own_score(&manifest, "skill"),
            synthetic: manifest.data.synthetic,
            created_at: manifest.created_at.to_string(),
            kind: manifest.kind,
        });
    }
    Ok(lines)
}

/// An alias in force.
type Alias = (Target, String, AliasRevision);

/// Every alias, and where it points.
async fn aliases(registry: &Registry) -> anyhow::Result<Vec<Alias>> {
    let mut found = Vec::new();
    for (target, alias) in registry.aliases().await? {
        if let Some(revision) = registry.alias(&target, &alias).await? {
            found.push((target, alias, revision));
        }
    }
    Ok(found)
}

fn names_of(aliases: &[Alias], id: &ModelVersion) -> Vec<String> {
    pointing(aliases, id)
        .map(|(target, alias, _)| format!("{target}@{alias}"))
        .collect()
}

/// The aliases that point to `id`.
fn pointing<'a>(aliases: &'a [Alias], id: &ModelVersion) -> impl Iterator<Item = &'a Alias> {
    aliases.iter().filter(move |(_, _, revision)| revision.model == *id)
}

/// A figure of the model's own row at its last step.
fn own_score(manifest: &Manifest, field: &str) -> Option<f64> {
    let rows = manifest.scores.as_array()?;
    let own = rows
        .iter()
        .rfind(|row| row.get("model").and_then(Value::as_str) == Some(manifest.kind.as_str()))?;
    own.get(field)?.as_f64()
}

async fn show(registry: &Registry, model: &Reference, target: Option<&Target>) -> anyhow::Result<Shown> {
    let id = resolve(registry, model, target).await?;
    let manifest = registry.manifest(&id).await?;
    let mut history = Vec::new();
    let aliases = aliases(registry).await?;
    let moved = registry.aliases().await?;
    for (of, alias) in moved.iter().filter(|(of, _)| *of == manifest.target) {
        for revision in registry.history(of, alias).await? {
            let mut move_of = serde_json::to_value(&revision)?;
            if let Some(fields) = move_of.as_object_mut() {
                fields.insert("alias".into(), alias.clone().into());
            }
            history.push(move_of);
        }
    }
    Ok(Shown {
        aliases: names_of(&aliases, &id),
        manifest,
        history,
    })
}

async fn verify(
    registry: &Registry,
    model: Option<&Reference>,
    target: Option<&Target>,
) -> anyhow::Result<Vec<String>> {
    let ids = match model {
        Some(model) => vec![resolve(registry, model, target).await?],
        None => registry.list().await?,
    };
    let mut checked = Vec::new();
    for id in ids {
        registry.verify(&id).await?;
        checked.push(id.to_string());
    }
    Ok(checked)
}

fn print_lines(lines: &[Line]) {
    if lines.is_empty() {
        println!("no model yet: arterial train --data FILE --model linear");
        return;
    }
    let mut table = Table::new([
        "model",
        "target",
        "series",
        "step",
        "horizon",
        "MAE",
        "skill",
        "published",
        "aliases",
    ]);
    for line in lines {
        table.push([
            line.model.clone(),
            line.target.clone(),
            line.series.to_string(),
            line.step.clone(),
            line.horizon.to_string(),
            number(line.mae, 3),
            number(line.skill, 3),
            line.created_at.clone(),
            with_share(line),
        ]);
    }
    print!("{}", table.render());
}

/// The aliases of a version, a canary's with its share.
fn with_share(line: &Line) -> String {
    let aliases = line.aliases.join(", ");
    match line.share {
        Some(share) => format!("{aliases} ({share} of the keys)"),
        None => aliases,
    }
}

fn print_shown(shown: &Shown) {
    print!("{}", card::card(&shown.manifest, &shown.aliases));
    if !shown.history.is_empty() {
        println!("\nmoves of the aliases of {}:", shown.manifest.target);
    }
    for revision in &shown.history {
        let text = |field: &str| match revision.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "-".into(),
            Some(other) => other.to_string(),
        };
        println!(
            "  {} {} @{} -> {} (forced: {}, reason: {})",
            text("moved_at"),
            text("action"),
            text("alias"),
            text("model"),
            text("forced"),
            text("reason")
        );
    }
}

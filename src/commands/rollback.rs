//! `arterial rollback`.

use arterial_datasets::time::SystemClock;
use arterial_models::registry::{CHAMPION, Target};
use serde_json::json;

use super::registry::{RegistryArgs, only_target};

/// Put back the model that an alias pointed to before its last promotion or withdrawal
///
/// A canary gets its former share back, too. `arterial withdraw` ends a canary or a shadow altogether.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose alias, such as traffic-sensors.speed_kmh [default: the only target that has it]
    #[arg(long, value_name = "TOPIC.FIELD")]
    target: Option<Target>,
    /// The alias that moves back
    #[arg(long, default_value = CHAMPION)]
    alias: String,
    /// A word for those who come after; kept with the alias
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let registry = args.registry.open()?;
    let (target, before, now) = super::runtime()?.block_on(async {
        let target = match &args.target {
            Some(target) => target.clone(),
            None => only_target(&registry, &args.alias).await?,
        };
        let before = registry
            .alias(&target, &args.alias)
            .await?
            .map(|revision| revision.model.to_string());
        let now = registry
            .rollback(&target, &args.alias, args.reason.clone(), &SystemClock)
            .await?;
        anyhow::Ok((target, before, now))
    })?;
    if args.json {
        return super::print_json(&json!({
            "target": target.to_string(),
            "alias": args.alias,
            "model": now.model.to_string(),
            "former": before,
            "revision": now.revision,
            "share": now.share,
            "reason": now.reason,
        }));
    }
    println!(
        "{target}@{} is {} again, before: {}",
        args.alias,
        now.model,
        before.unwrap_or_default()
    );
    Ok(())
}

//! `arterial withdraw`.

use arterial_datasets::time::SystemClock;
use arterial_models::registry::{CANARY, Target};
use serde_json::json;

use super::registry::{RegistryArgs, only_target};

/// End the trial of a canary or shadow: its alias points nowhere from then on
///
/// The champion answers for the keys of a canary again. `arterial rollback --alias canary` brings it back with its share.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose alias, such as traffic-sensors.speed_kmh [default: the only target that has it]
    #[arg(long, value_name = "TOPIC.FIELD")]
    target: Option<Target>,
    /// The alias that is withdrawn, never the champion
    #[arg(long, default_value = CANARY)]
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
    let (target, withdrawn) = super::runtime()?.block_on(async {
        let target = match &args.target {
            Some(target) => target.clone(),
            None => only_target(&registry, &args.alias).await?,
        };
        let withdrawn = registry
            .withdraw(&target, &args.alias, args.reason.clone(), &SystemClock)
            .await?;
        anyhow::Ok((target, withdrawn))
    })?;
    if args.json {
        return super::print_json(&json!({
            "target": target.to_string(),
            "alias": args.alias,
            "model": null,
            "former": withdrawn.model.to_string(),
            "revision": withdrawn.revision,
            "share": withdrawn.share,
            "reason": withdrawn.reason,
        }));
    }
    println!(
        "{target}@{} points nowhere now, before: {}",
        args.alias, withdrawn.model
    );
    Ok(())
}

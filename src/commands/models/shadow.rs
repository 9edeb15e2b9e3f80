//! `arterial models shadow`: asks a running service how its shadow does beside the champion.

use std::io::{BufWriter, Write};

use arterial_models::registry::Target;
use arterial_serving::flight::client::ask_with;
use futures::TryStreamExt;

use super::super::client::{Service, failed};
use super::super::sql;

/// The view of the running service that has the figures.
const VIEW: &str = "shadow_scores";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of which target, such as traffic-sensors.speed_kmh [default: every one that has a shadow]
    #[arg(long, value_name = "TOPIC.FIELD")]
    target: Option<Target>,
    /// Print one JSON document: a list with an object for each shadow, champion and horizon
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
}

/// Prints the errors of shadow and champion by horizon.
///
/// # Errors
/// A service that cannot be reached, output that cannot be written.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let token = args.service.token()?;
    let token = token.as_deref();
    let channel = args.service.channel().await?;
    let known = format!("SELECT table_name FROM catalog WHERE table_name = '{VIEW}' LIMIT 1");
    let known = ask_with(channel.clone(), token, &known).await;
    let known = known.map_err(|status| failed(&status))?;
    let known: Vec<_> = known.batches.try_collect().await.map_err(|status| failed(&status))?;
    let out = BufWriter::new(std::io::stdout().lock());
    if known.iter().all(|batch| batch.num_rows() == 0) {
        return nothing_yet(args.json, out);
    }
    let rows = ask_with(channel, token, &query(args.target.as_ref())).await;
    sql::whole(rows.map_err(|status| failed(&status))?, args.json, out).await
}

fn nothing_yet(json: bool, mut out: impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "[]")?;
    } else {
        eprintln!("no shadow was scored yet: arterial promote MODEL@VERSION --alias shadow");
    }
    Ok(())
}

fn query(target: Option<&Target>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let condition = target.map(|target| {
        let (topic, field) = (quoted(&target.topic), quoted(&target.field));
        format!(" WHERE topic = {topic} AND target = {field}")
    });
    format!(
        "SELECT topic, target, shadow_model || '@' || shadow_version AS shadow, model || '@' || model_version AS champion, \
         horizon_minutes, forecasts, round(shadow_mae, 3) AS shadow_mae, round(mae, 3) AS champion_mae, \
         round(shadow_coverage, 3) AS shadow_coverage, round(coverage, 3) AS champion_coverage, first_window, last_window \
         FROM {VIEW}{} ORDER BY topic, target, shadow, champion, horizon_minutes",
        condition.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_stands_in_quotes() {
        let target: Target = "traffic-sensors.speed_kmh".parse().unwrap();
        let text = query(Some(&target));
        assert!(
            text.contains("WHERE topic = 'traffic-sensors' AND target = 'speed_kmh' ORDER"),
            "{text}"
        );
        assert!(!query(None).contains("WHERE"));
    }

    #[test]
    fn without_a_shadow_json_is_an_empty_list() {
        let mut out = Vec::new();
        nothing_yet(true, &mut out).unwrap();
        assert_eq!(out, b"[]\n");
    }
}

//! `arterial forecast`: asks a running service.

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use serde_json::{Value, json};

use super::client::{Service, failed, table};
use super::{print_json, runtime};

/// Asks a running service for its newest forecasts
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stream.
    #[arg(long, default_value = "traffic-sensors", value_name = "NAME")]
    topic: String,
    /// The number to forecast.
    #[arg(long, default_value = "speed_kmh", value_name = "FIELD")]
    target: String,
    /// The keys, with commas between; all of them where neither keys nor zones are given.
    #[arg(long, value_delimiter = ',', value_name = "KEY,..")]
    keys: Vec<String>,
    /// Zones whose keys are meant, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "ZONE,..")]
    zones: Vec<String>,
    /// How far ahead, in minutes [default: 3, 6 and 12 windows].
    #[arg(long = "horizons", value_delimiter = ',', value_name = "MINUTES,..")]
    horizons_minutes: Vec<i32>,
    /// Which quantiles [default: 0.1,0.5,0.9].
    #[arg(long, value_delimiter = ',', value_name = "FRACTION,..")]
    quantiles: Vec<f64>,
    /// Which model: @champion, @ALIAS, NAME or NAME@VERSION [default: @champion].
    #[arg(long, default_value = "", hide_default_value = true, value_name = "MODEL")]
    model: String,
    /// The forecast as it was served then, RFC 3339.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    as_of: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
}

/// Asks and prints.
///
/// # Errors
/// A service that cannot be reached, a wrong request.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let named = |text: &String| text.parse::<Timestamp>().map_err(|error| error.about("--as-of"));
    let as_of = args.as_of.as_ref().map(named).transpose()?;
    let request = v1::ForecastRequest {
        topic: args.topic.clone(),
        target: args.target.clone(),
        keys: args.keys.clone(),
        zones: args.zones.clone(),
        horizons_minutes: args.horizons_minutes.clone(),
        quantiles: args.quantiles.clone(),
        as_of: as_of.map(|instant| instant.0),
        model: args.model.clone(),
    };
    let response = runtime()?.block_on(ask(&args.service, request))?;
    if args.json {
        print_json(&document(&response))
    } else {
        print(&response)
    }
}

async fn ask(service: &Service, request: v1::ForecastRequest) -> anyhow::Result<v1::ForecastResponse> {
    let mut client = ForecastServiceClient::new(service.connect().await?).max_decoding_message_size(256 << 20);
    Ok(client
        .forecast(request)
        .await
        .map_err(|status| failed(&status))?
        .into_inner())
}

fn document(response: &v1::ForecastResponse) -> Value {
    let forecast = |one: &v1::Forecast| {
        let pair = |pair: &v1::QuantileValue| json!({"quantile": pair.quantile, "value": pair.value});
        json!({
            "topic": one.topic,
            "key": one.key,
            "target": one.target,
            "origin": Timestamp(one.origin).to_string(),
            "target_time": Timestamp(one.target_time).to_string(),
            "horizon_minutes": one.horizon_minutes,
            "quantiles": one.quantiles.iter().map(pair).collect::<Vec<_>>(),
            "model": one.model,
            "model_version": one.model_version,
            "step_of_ladder": one.step_of_ladder,
            "data_age_seconds": one.data_age_seconds,
            "issued_at": Timestamp(one.issued_at).to_string(),
        })
    };
    let refusal = |one: &v1::Refusal| json!({"key": one.key, "code": one.code, "message": one.message, "horizon_minutes": one.horizon_minutes});
    json!({
        "forecasts": response.forecasts.iter().map(forecast).collect::<Vec<_>>(),
        "refusals": response.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

fn print(response: &v1::ForecastResponse) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if let Some(first) = response.forecasts.first() {
        let quantiles: Vec<String> = first
            .quantiles
            .iter()
            .map(|pair| format!("p{}", percent(pair.quantile)))
            .collect();
        let mut heads = vec!["key", "time", "minutes"];
        heads.extend(quantiles.iter().map(String::as_str));
        heads.extend(["model", "step", "data age"]);
        let rows: Vec<Vec<String>> = response.forecasts.iter().map(row).collect();
        write!(out, "{}", table(&heads, &rows))?;
    }
    for refusal in &response.refusals {
        let key = if refusal.key.is_empty() {
            "request"
        } else {
            &refusal.key
        };
        writeln!(out, "refused  {key}  {}: {}", refusal.code, refusal.message)?;
    }
    Ok(())
}

fn row(forecast: &v1::Forecast) -> Vec<String> {
    let mut cells = vec![
        forecast.key.clone(),
        Timestamp(forecast.target_time).to_string(),
        forecast.horizon_minutes.to_string(),
    ];
    cells.extend(forecast.quantiles.iter().map(|pair| format!("{:.2}", pair.value)));
    cells.push(format!("{}@{}", forecast.model, forecast.model_version));
    cells.push(forecast.step_of_ladder.clone());
    cells.push(format!("{:.0} s", forecast.data_age_seconds));
    cells
}

/// A fraction as a percentage without needless digits: 0.5 is 50, 0.975 is 97.5.
fn percent(fraction: f64) -> f64 {
    (fraction * 1e6).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_headed_by_its_percentage() {
        assert_eq!(
            [0.5, 0.975, 0.1].map(|one| format!("p{}", percent(one))),
            ["p50", "p97.5", "p10"]
        );
    }
}

//! `arterial forecast`: of a file, or asked of a running service.

use std::fmt::Write;
use std::path::PathBuf;

use arterial_datasets::time::{Duration, Timestamp};
use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use arterial_serving::answer::{DEFAULT_TARGET, DEFAULT_TOPIC, MOST_FEATURES};
use serde_json::{Value, json};
use tonic::codec::CompressionEncoding;

use super::client::{Service, failed, table};
use super::explanation;
use super::forecast_file::{self, FileOptions};
use super::forecast_given::Checked;
use super::{print_json, runtime};
use crate::outcome::{Refused, Usage};

/// Keys that are asked for at a time.
const PAGE: i32 = 1_000;

/// Forecast the series of a file, or ask a running service for its newest forecasts
#[derive(Debug, clap::Args)]
pub struct Args {
    // First, as every other field takes its options away.
    #[command(flatten)]
    _checked: Checked,
    /// Forecast the series of this file beyond its last row: wide (`timestamp` and one column a series) or long
    /// (`unique_id`, `ds`, `y`). A model of the registry knows its series by name, whatever their order. Where the file is
    /// left out, a running service is asked.
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["topic", "target", "keys", "zones", "horizons_minutes", "quantiles", "as_of", "explain"]
    )]
    data: Option<PathBuf>,
    /// The stream.
    #[arg(long, default_value = DEFAULT_TOPIC, value_name = "NAME")]
    topic: String,
    /// The number to forecast.
    #[arg(long, default_value = DEFAULT_TARGET, value_name = "FIELD")]
    target: String,
    /// The keys, with commas between; all of them where neither keys nor zones are given.
    #[arg(long, value_delimiter = ',', value_name = "KEY,..")]
    keys: Vec<String>,
    /// Zones whose keys are meant, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "ZONE,..")]
    zones: Vec<String>,
    /// How far ahead, in minutes from the start of the last window used to the start of the one that is forecast
    /// [default: 3, 6 and 12 windows].
    #[arg(long = "horizons", value_delimiter = ',', value_name = "MINUTES,..")]
    horizons_minutes: Vec<i32>,
    /// Which quantiles [default: 0.1,0.5,0.9].
    #[arg(long, value_delimiter = ',', value_name = "FRACTION,..")]
    quantiles: Vec<f64>,
    /// Which model. Of a service: @champion, @ALIAS, NAME or NAME@VERSION [default: @champion]. With --data: NAME@VERSION
    /// or @ALIAS of the registry, or a kind that is fitted on the file at once [default: linear, as it is quick;
    /// `gbdt` is more accurate].
    #[arg(long, default_value = "", hide_default_value = true, value_name = "MODEL")]
    model: String,
    /// The forecast as it was served then, RFC 3339.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    as_of: Option<String>,
    /// Say what moved each median: the COUNT features that moved it most. For at most 100 forecasts, of `gbdt` and `linear`.
    #[arg(long, value_name = "COUNT", num_args = 0..=1, require_equals = true, default_missing_value = "5")]
    explain: Option<i32>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    file: FileOptions,
}

/// Forecasts a file, or asks and prints.
///
/// # Errors
/// A file that cannot be forecast; a service that cannot be reached, a wrong request, an answer of refusals only.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(path) = &args.data {
        return forecast_file::run(path, &args.model, args.json, &args.file);
    }
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
        explain: args.explain.is_some(),
        explain_features: features(args.explain)?,
        page_size: PAGE,
        ..v1::ForecastRequest::default()
    };
    let response = runtime()?.block_on(ask(&args.service, request))?;
    if args.json {
        print_json(&document(&response))?;
    } else {
        print!("{}", text(&response));
    }
    answered(&response)
}

/// How many features are asked for; 0 where nobody asks, which the service does not take for a number.
fn features(asked: Option<i32>) -> Result<i32, Usage> {
    match asked {
        None => Ok(0),
        Some(count) if count > 0 => Ok(count),
        Some(count) => Err(Usage(format!(
            "`--explain` is `{count}`, accepted: 1 to {MOST_FEATURES}"
        ))),
    }
}

/// A script must be able to tell an answer from none.
fn answered(response: &v1::ForecastResponse) -> anyhow::Result<()> {
    match response.refusals.first() {
        Some(first) if response.forecasts.is_empty() => {
            Err(Refused(format!("every forecast was refused, the first as {}", first.code)).into())
        }
        _ => Ok(()),
    }
}

/// Asks page by page.
async fn ask(service: &Service, mut request: v1::ForecastRequest) -> anyhow::Result<v1::ForecastResponse> {
    let client = ForecastServiceClient::new(service.connect().await?).max_decoding_message_size(256 << 20);
    let mut client = client.accept_compressed(CompressionEncoding::Zstd);
    let mut whole = v1::ForecastResponse::default();
    loop {
        let answer = client.forecast(request.clone()).await;
        let page = answer.map_err(|status| failed(&status))?.into_inner();
        whole.forecasts.extend(page.forecasts);
        whole.refusals.extend(page.refusals);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(whole);
        }
    }
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
            "data_digest": one.data_digest,
            "newest_window": one.newest_window.map(|window| Timestamp(window).to_string()),
            "newest_revision": one.newest_revision,
            "revised_windows": one.revised_windows,
            "explanation": one.explanation.as_ref().map(explanation::document),
        })
    };
    let refusal = |one: &v1::Refusal| json!({"key": one.key, "code": one.code, "message": one.message, "horizon_minutes": one.horizon_minutes});
    json!({
        "forecasts": response.forecasts.iter().map(forecast).collect::<Vec<_>>(),
        "refusals": response.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

fn text(response: &v1::ForecastResponse) -> String {
    let mut text = String::new();
    if let Some(first) = response.forecasts.first() {
        let quantiles: Vec<String> = first
            .quantiles
            .iter()
            .map(|pair| quantile_name(pair.quantile))
            .collect();
        let mut heads = vec!["key", "time", "minutes"];
        heads.extend(quantiles.iter().map(String::as_str));
        heads.extend(["model", "step", "data age"]);
        let rows: Vec<Vec<String>> = response.forecasts.iter().map(row).collect();
        text.push_str(&table(&heads, &rows));
        text.push_str(
            "time: the start of the window that is forecast; minutes: from the start of the last window used\n",
        );
    }
    for forecast in &response.forecasts {
        if let Some(said) = &forecast.explanation {
            text.push_str(&explanation::text(forecast, said));
        }
    }
    for refusal in &response.refusals {
        let key = if refusal.key.is_empty() {
            "request"
        } else {
            &refusal.key
        };
        let _ = writeln!(text, "refused  {key}  {}: {}", refusal.code, refusal.message);
    }
    text
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
    cells.push(Duration((forecast.data_age_seconds * 1e6) as i64).in_words());
    cells
}

/// The column of a quantile, by its percentage without needless digits: 0.5 is p50, 0.975 is p97.5.
pub fn quantile_name(fraction: f64) -> String {
    format!("p{}", (fraction * 1e6).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_refusals_only_is_a_refusal() {
        let mut response = v1::ForecastResponse {
            refusals: vec![v1::Refusal {
                code: "STALE".into(),
                ..v1::Refusal::default()
            }],
            ..v1::ForecastResponse::default()
        };
        let error = answered(&response).unwrap_err();
        assert!(error.is::<Refused>() && error.to_string().contains("STALE"));
        response.forecasts.push(v1::Forecast::default());
        assert!(answered(&response).is_ok());
    }

    #[test]
    fn a_quantile_is_headed_by_its_percentage() {
        assert_eq!([0.5, 0.975, 0.1].map(quantile_name), ["p50", "p97.5", "p10"]);
    }
}

//! Between wire types and our own.

use arterial_datasets::time::Timestamp;
use arterial_models::explanation::{Contribution, Explanation};
use arterial_proto::v1;

use super::mask::Mask;
use crate::answer::{Answer, DEFAULT_FEATURES, Forecast, MOST_FEATURES, Question, Refusal};
use crate::{Error, Result};

/// A request that was read.
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// Which fields of each forecast are sent.
    mask: Mask,
}

impl Asked {
    /// Reads a request; whether it can be answered is seen later.
    ///
    /// # Errors
    /// A mask of fields that there are not, a number of features that is none.
    pub fn read(request: v1::ForecastRequest) -> Result<Self> {
        let features = match usize::try_from(request.explain_features) {
            Ok(0) => DEFAULT_FEATURES,
            Ok(features) => features,
            Err(_) => {
                let accepted = format!("1 to {MOST_FEATURES}");
                return Err(Error::invalid("explain_features", request.explain_features, accepted));
            }
        };
        Ok(Self {
            mask: Mask::of::<v1::Forecast>(request.read_mask)?,
            question: Question {
                topic: request.topic,
                target: request.target,
                keys: request.keys,
                zones: request.zones,
                horizons_minutes: request.horizons_minutes,
                quantiles: request.quantiles,
                as_of: request.as_of.map(Timestamp),
                origin: None,
                model: request.model,
                explain: request.explain.then_some(features),
            },
        })
    }

    /// Whether every field of each forecast is sent.
    pub fn wants_all_fields(&self) -> bool {
        self.mask.is_all()
    }
}

/// `answer` to what was `asked` as a message, without what says how to go on.
pub fn response(asked: &Asked, answer: Answer) -> v1::ForecastResponse {
    let quantiles = answer.quantiles;
    let forecasts = answer.forecasts.into_iter();
    v1::ForecastResponse {
        forecasts: forecasts
            .map(|one| asked.mask.apply(forecast(&asked.question, &quantiles, one)))
            .collect(),
        refusals: answer.refusals.into_iter().map(refusal).collect(),
        ..v1::ForecastResponse::default()
    }
}

fn forecast(question: &Question, quantiles: &[f64], forecast: Forecast) -> v1::Forecast {
    let revisions = forecast.revisions;
    let features = question.explain.unwrap_or(DEFAULT_FEATURES);
    v1::Forecast {
        key: forecast.key.to_string(),
        origin: forecast.origin.0,
        target_time: forecast.target_time.0,
        horizon_minutes: forecast.horizon_minutes,
        quantiles: pairs(quantiles, forecast.values),
        model: forecast.source.model.clone(),
        model_version: forecast.source.version.clone(),
        step_of_ladder: forecast.rung.name().into(),
        data_age_seconds: forecast.age.seconds(),
        topic: question.topic.clone(),
        target: question.target.clone(),
        issued_at: forecast.issued_at.0,
        data_digest: forecast.source.digest.clone(),
        newest_window: revisions.map(|revisions| revisions.window.0),
        newest_revision: revisions.map(|revisions| i32::from(revisions.newest)),
        revised_windows: revisions.map(|revisions| revisions.revised as i32),
        explanation: forecast.explanation.map(|said| explanation(said, features)),
    }
}

/// The quantiles of a forecast with their values.
pub fn pairs(quantiles: &[f64], values: Vec<f64>) -> Vec<v1::QuantileValue> {
    let pair = |(&quantile, value)| v1::QuantileValue { quantile, value };
    quantiles.iter().zip(values).map(pair).collect()
}

fn explanation(said: Result<Explanation, String>, features: usize) -> v1::Explanation {
    let contribution = |one: Contribution| v1::Contribution {
        feature: one.feature,
        value: one.value,
        amount: one.amount,
    };
    match said {
        Ok(explanation) => {
            let base = explanation.base;
            let (strongest, others) = explanation.strongest(features);
            v1::Explanation {
                base,
                contributions: strongest.into_iter().map(contribution).collect(),
                others,
                refusal: String::new(),
            }
        }
        Err(refusal) => v1::Explanation {
            refusal,
            ..v1::Explanation::default()
        },
    }
}

pub fn refusal(refusal: Refusal) -> v1::Refusal {
    v1::Refusal {
        key: refusal.key,
        code: refusal.code.name().into(),
        message: refusal.message,
        horizon_minutes: refusal.horizon_minutes,
    }
}

//! Between wire types and our own.

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;

use crate::answer::{Answer, Question};

impl From<v1::ForecastRequest> for Question {
    fn from(request: v1::ForecastRequest) -> Self {
        Self {
            topic: request.topic,
            target: request.target,
            keys: request.keys,
            zones: request.zones,
            horizons_minutes: request.horizons_minutes,
            quantiles: request.quantiles,
            as_of: request.as_of.map(Timestamp),
            origin: None,
            model: request.model,
        }
    }
}

/// `answer` to `question` as a message.
pub fn response(question: &Question, answer: Answer) -> v1::ForecastResponse {
    let quantiles = answer.quantiles;
    let pairs = |values: Vec<f64>| {
        let pair = |(&quantile, value)| v1::QuantileValue { quantile, value };
        quantiles.iter().zip(values).map(pair).collect()
    };
    let forecast = |forecast: crate::answer::Forecast| v1::Forecast {
        key: forecast.key.to_string(),
        origin: forecast.origin.0,
        target_time: forecast.target_time.0,
        horizon_minutes: forecast.horizon_minutes,
        quantiles: pairs(forecast.values),
        model: forecast.source.model.clone(),
        model_version: forecast.source.version.clone(),
        step_of_ladder: forecast.rung.name().into(),
        data_age_seconds: forecast.age.seconds(),
        topic: question.topic.clone(),
        target: question.target.clone(),
        issued_at: forecast.issued_at.0,
    };
    let refusal = |refusal: crate::answer::Refusal| v1::Refusal {
        key: refusal.key,
        code: refusal.code.name().into(),
        message: refusal.message,
        horizon_minutes: refusal.horizon_minutes,
    };
    v1::ForecastResponse {
        forecasts: answer.forecasts.into_iter().map(forecast).collect(),
        refusals: answer.refusals.into_iter().map(refusal).collect(),
    }
}

//! Between wire types and our own, of areas.

use arterial_proto::v1;

use super::convert::{pairs, refusal};
use crate::answer::{AreaAnswer, AreaForecast, Question};

/// What `request` asks.
pub fn question(request: v1::ForecastAreasRequest) -> Question {
    Question {
        topic: request.topic,
        target: request.target,
        zones: request.zones,
        horizons_minutes: request.horizons_minutes,
        quantiles: request.quantiles,
        ..Question::default()
    }
}

/// `answer` as a message.
pub fn response(answer: AreaAnswer) -> v1::ForecastAreasResponse {
    let quantiles = answer.quantiles;
    let areas = answer.areas.into_iter();
    v1::ForecastAreasResponse {
        areas: areas.map(|one| area(&quantiles, one)).collect(),
        refusals: answer.refusals.into_iter().map(refusal).collect(),
    }
}

fn area(quantiles: &[f64], forecast: AreaForecast) -> v1::AreaForecast {
    v1::AreaForecast {
        level: forecast.level().into(),
        members: forecast.members as i32,
        origin: forecast.origin.0,
        target_time: forecast.target_time.0,
        horizon_minutes: forecast.horizon_minutes,
        quantiles: pairs(quantiles, forecast.values),
        model: forecast.source.model.clone(),
        model_version: forecast.source.version.clone(),
        issued_at: forecast.issued_at.0,
        zone_id: forecast.zone.unwrap_or_default(),
    }
}

//! How far each sensor's traffic is below its own free flow, now and in the forecast.

use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_features::indices::congestion;

use super::columns::Columns;
use super::free_flow::free_flow;
use super::newest::newest;
use super::selection::places;
use super::{SPEED, TRAFFIC};
use crate::answer::{Question, answer};
use crate::live::Place;
use crate::state::AppState;
use crate::{Error, Result};

/// One sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorCongestion {
    /// Its key.
    pub key: Arc<str>,
    /// Where it is.
    pub place: Place,
    /// The start of the window that is told of.
    pub window: Timestamp,
    /// Mean speed in the window, km/h; of a forecast its median.
    pub speed_kmh: Option<f64>,
    /// Its free-flow speed, km/h: the 85th percentile of its own window mean speeds over 28 days.
    pub free_flow_kmh: Option<f64>,
    /// `clamp(1 - speed / free flow, 0, 1)`.
    pub congestion: Option<f64>,
    /// Mean count of vehicles per 5 minutes; none in a forecast, as flow is not forecast here.
    pub vehicle_flow: Option<f64>,
}

/// The sensors of a city.
#[derive(Debug, Clone, Default)]
pub struct Congestion {
    /// The sensors, by key.
    pub sensors: Vec<SensorCongestion>,
    /// The start of the newest window, or of the one that is forecast.
    pub window: Option<Timestamp>,
    /// How far ahead, in minutes; 0 is now.
    pub horizon_minutes: u32,
    /// Sensors that could not be told of: silent for longer than `serving.stale_after`, or refused a forecast.
    pub left_out: usize,
    /// Why there is nothing, where there is nothing.
    pub absent: Option<String>,
}

/// Now: the newest windows of all sensors that are not stale.
///
/// # Errors
/// A lake that cannot be read.
pub async fn now(state: &Arc<AppState>) -> Result<Congestion> {
    let newest = newest(state, TRAFFIC).await?;
    let stream = state.live.stream(TRAFFIC)?;
    let Some(window) = newest.window else {
        return Ok(Congestion {
            absent: Some(format!("no window of `{TRAFFIC}` has closed yet")),
            ..Congestion::default()
        });
    };
    let free = free_flow(state).await?;
    let columns = Columns(&newest.rows);
    let fresh = Timestamp(window.0 - state.config.stale_after.0);
    let mut sensors = Vec::with_capacity(newest.rows.num_rows());
    for (row, place) in columns.rows().zip(places(&newest.rows, stream)) {
        let (Some(key), Some(window)) = (columns.text("key", row), columns.instant("window_start", row)) else {
            continue;
        };
        if window < fresh {
            continue;
        }
        let speed_kmh = columns.number("speed_kmh_mean", row);
        let free_flow_kmh = free.get(key).copied();
        sensors.push(SensorCongestion {
            key: key.into(),
            place,
            window,
            speed_kmh,
            free_flow_kmh,
            congestion: congestion(speed_kmh, free_flow_kmh),
            vehicle_flow: columns.number("vehicle_flow_mean", row),
        });
    }
    Ok(Congestion {
        left_out: newest.rows.num_rows() - sensors.len(),
        sensors,
        window: Some(window),
        ..Congestion::default()
    })
}

/// In the forecast: the median of what the newest forecasts say `minutes` ahead, against the free flow of now.
///
/// # Errors
/// A horizon that is no multiple of the stream's window, a service that is not ready.
pub async fn ahead(state: &Arc<AppState>, minutes: u32) -> Result<Congestion> {
    let horizon = i32::try_from(minutes)
        .map_err(|_| Error::invalid("horizon_minutes", minutes, "minutes that a model reaches"))?;
    let question = Question {
        topic: TRAFFIC.into(),
        target: SPEED.into(),
        horizons_minutes: vec![horizon],
        quantiles: vec![0.5],
        ..Question::default()
    };
    let answered = answer(state, &question).await.map_err(|error| match error {
        Error::Invalid { field, value, accepted } if field == "horizons_minutes" => {
            Error::invalid("horizon_minutes", value, accepted)
        }
        other => other,
    })?;
    let free = free_flow(state).await?;
    let stream = state.live.stream(TRAFFIC)?;
    let mut sensors = Vec::with_capacity(answered.forecasts.len());
    for forecast in &answered.forecasts {
        let speed_kmh = forecast.values.first().copied().filter(|speed| speed.is_finite());
        let free_flow_kmh = free.get(&forecast.key).copied();
        sensors.push(SensorCongestion {
            key: Arc::clone(&forecast.key),
            place: stream.place(&forecast.key).unwrap_or_default(),
            window: forecast.target_time,
            speed_kmh,
            free_flow_kmh,
            congestion: congestion(speed_kmh, free_flow_kmh),
            vehicle_flow: None,
        });
    }
    sensors.sort_by(|one, other| one.key.cmp(&other.key));
    let refused = answered.refusals.iter().map(|refusal| &refusal.message);
    let absent = if sensors.is_empty() {
        refused.clone().next().cloned()
    } else {
        None
    };
    Ok(Congestion {
        window: sensors.first().map(|sensor| sensor.window),
        horizon_minutes: minutes,
        left_out: answered
            .refusals
            .iter()
            .filter(|refusal| !refusal.key.is_empty())
            .count(),
        absent: absent.or_else(|| sensors.is_empty().then(|| "no forecast is at hand".to_owned())),
        sensors,
    })
}

/// The mean of what is there, and how many that are.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> (Option<f64>, usize) {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values {
        sum += value;
        count += 1;
    }
    ((count > 0).then(|| sum / count as f64), count)
}

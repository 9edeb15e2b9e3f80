//! What is known around the keys: where they are, what was reported, which weather it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arterial_datasets::lake::{Lake, Table};
use arterial_datasets::time::{Duration, HOUR, MINUTE, Timestamp};
use arterial_models::alerts::{COUNTS_AN_HOUR, Cause, Incident, Place, Places, Surroundings, Weather};

use super::flows::Flows;
use super::windows::{WindowRow, read_windows};
use crate::Result;
use crate::live::{self, Live};

/// The stream of the weather, and how old a window of it may be to count.
const WEATHER: &str = "weather";
const WEATHER_AGE: i64 = 30 * MINUTE;
/// The conditions that windows of the weather count.
const CONDITIONS: [&str; 5] = ["clear", "cloudy", "rain", "fog", "snow"];
/// Incidents that ended so lately can still be a cause.
const LATELY: i64 = 2 * HOUR;
/// The columns of a stream of traffic that say how much a place matters.
const SPEED: &str = "speed_kmh_mean";
const FLOW: &str = "vehicle_flow_mean";
/// Places are put together anew after so many windows.
const PLACES_EVERY: usize = 12;

/// What is usual at a key of traffic.
#[derive(Debug, Clone, Copy)]
struct Usual {
    free_flow_kmh: f64,
    flow_per_window: f64,
}

/// What is known around the keys of one stream: another one may have keys of the same names elsewhere.
#[derive(Debug, Default)]
struct Local {
    usual: HashMap<Arc<str>, Usual>,
    places: Arc<Places>,
    windows: usize,
    keys: usize,
    /// How many flows were left out because another stream has their keys, too.
    unclear: usize,
}

/// The surroundings as they become known.
#[derive(Debug, Default)]
pub struct Around {
    flows: Flows,
    topics: BTreeMap<String, Local>,
    weather: Option<Table>,
}

impl Around {
    /// Nothing is known yet but from which key traffic flows on to which.
    pub fn new(flows: Flows) -> Self {
        Self {
            flows,
            ..Self::default()
        }
    }

    /// Learns what is usual from the rows of a window of `topic` with the columns `columns`.
    pub fn learn(&mut self, topic: &str, columns: &[String], rows: &[WindowRow]) {
        let place = |name: &str| columns.iter().position(|column| column == name);
        let (Some(speed), flow) = (place(SPEED), place(FLOW)) else {
            return;
        };
        let local = self.topics.entry(topic.to_owned()).or_default();
        for row in rows {
            let speed = row.values[speed];
            let flow = flow.map_or(f64::NAN, |flow| row.values[flow]);
            if !speed.is_finite() {
                continue;
            }
            let usual = local.usual.entry(Arc::clone(&row.key)).or_insert(Usual {
                free_flow_kmh: speed,
                flow_per_window: flow,
            });
            usual.learn(speed, flow);
        }
    }

    /// What is known of the window of `topic` of `length` that starts at `window`.
    ///
    /// # Errors
    /// A stream that there is none of, a lake that cannot be read.
    pub async fn of(
        &mut self,
        live: &Live,
        lake: &Lake,
        topic: &str,
        (window, length): (Timestamp, Duration),
    ) -> Result<Surroundings> {
        let keys = live.stream(topic)?.key_count();
        let local = self.topics.entry(topic.to_owned()).or_default();
        if local.windows.is_multiple_of(PLACES_EVERY) || keys != local.keys {
            local.keys = keys;
            let flows = self.flows.of(live, topic)?;
            local.tell_unclear(topic, flows.unclear);
            local.places = Arc::new(Places::new(local.places_of(live, topic)?, &flows.pairs));
        }
        local.windows += 1;
        let places = Arc::clone(&local.places);
        let end = Timestamp(window.0 + length.0);
        Ok(Surroundings {
            places,
            incidents: incidents(live, end),
            weather: self.weather(live, lake, end).await?,
            ..Surroundings::default()
        })
    }

    /// The weather of the city: the means over its stations in their newest window before `now`.
    async fn weather(&mut self, live: &Live, lake: &Lake, now: Timestamp) -> Result<Option<Weather>> {
        let Ok(stream) = live.stream(WEATHER) else {
            return Ok(None);
        };
        match &mut self.weather {
            Some(table) => table.refresh().await?,
            None => self.weather = lake.existing(&stream.definition().windows_table()).await?,
        }
        let Some(table) = &self.weather else {
            return Ok(None);
        };
        let mut columns: Vec<String> = ["precipitation_mm_mean", "wind_speed_kmh_mean", "visibility_km_mean"]
            .map(String::from)
            .to_vec();
        columns.extend(CONDITIONS.map(|name| format!("condition_{name}_count")));
        let windows = read_windows(table, &columns, (Timestamp(now.0 - WEATHER_AGE), now)).await?;
        let Some((_, rows)) = windows.last_key_value() else {
            return Ok(None);
        };
        let column = |at: usize| {
            rows.iter()
                .map(move |row| row.values[at])
                .filter(|value| value.is_finite())
        };
        let mean = |at: usize| {
            let count = column(at).count();
            (count > 0).then(|| column(at).sum::<f64>() / count as f64)
        };
        let counts = CONDITIONS
            .iter()
            .enumerate()
            .map(|(at, name)| (column(3 + at).sum::<f64>(), name));
        let most = counts.max_by(|one, other| one.0.total_cmp(&other.0));
        Ok(Some(Weather {
            condition: most
                .filter(|(count, _)| *count > 0.0)
                .map(|(_, name)| (*name).to_owned()),
            precipitation_mm: mean(0),
            wind_kmh: mean(1),
            visibility_km: mean(2),
        }))
    }
}

impl Local {
    /// Says so when more flows than before could be those of another stream.
    fn tell_unclear(&mut self, topic: &str, unclear: usize) {
        if unclear > self.unclear {
            tracing::warn!(
                topic,
                flows = unclear,
                "rows of `alerts.graph` fit two streams and are left out: a column `topic` says which is meant"
            );
        }
        self.unclear = unclear;
    }

    /// Where the keys of its stream are, with what is usual there.
    fn places_of(&self, live: &Live, topic: &str) -> Result<BTreeMap<String, Place>> {
        let mut by_key = places_of(live, topic)?;
        for (key, usual) in &self.usual {
            let Some(place) = by_key.get_mut(&**key) else { continue };
            let flow = Some(usual.flow_per_window).filter(|flow| flow.is_finite());
            place.free_flow_kmh = Some(usual.free_flow_kmh);
            place.flow_per_hour = flow.map(|flow| flow * COUNTS_AN_HOUR);
        }
        Ok(by_key)
    }
}

/// Where the keys of `topic` are, as far as live state knows.
///
/// # Errors
/// A stream that there is none of.
pub fn places_of(live: &Live, topic: &str) -> Result<BTreeMap<String, Place>> {
    let text = |known: &Option<Arc<str>>| known.as_deref().map(str::to_owned);
    let place = |known: &live::Place| Place {
        lat: known.lat,
        lon: known.lon,
        zone_id: text(&known.zone),
        road_id: text(&known.road_id),
        road_name: text(&known.road_name),
        name: text(&known.name),
        ..Place::default()
    };
    Ok(live.stream(topic)?.with(|state| {
        let known = state.keys().iter().zip(state.places());
        known.map(|(key, known)| (key.to_string(), place(known))).collect()
    }))
}

impl Usual {
    /// Follows the speed that one window in ten exceeds, by stochastic approximation, and the mean flow of about a day.
    fn learn(&mut self, speed: f64, flow: f64) {
        let step = 0.01 * self.free_flow_kmh.max(1.0);
        self.free_flow_kmh += if speed > self.free_flow_kmh {
            0.9 * step
        } else {
            -0.1 * step
        };
        if flow.is_finite() {
            let known = self.flow_per_window;
            self.flow_per_window = if known.is_finite() {
                known + (flow - known) / 288.0
            } else {
                flow
            };
        }
    }
}

/// The incidents that had been reported by `now` and were not over for long.
fn incidents(live: &Live, now: Timestamp) -> Vec<Incident> {
    let lately = live.incidents().since(Timestamp(now.0 - LATELY), now);
    let incident = |one: live::Incident| Incident {
        active: one.is_active(now),
        cause: one.kind.parse().unwrap_or(Cause::Unknown),
        severity: Some(one.severity).filter(|severity| !severity.is_empty()),
        zone_id: one.zone_id,
        road_id: one.road_id,
        lat: one.lat,
        lon: one.lon,
        reported_at: one.reported_at,
        estimated_duration: one
            .estimated_duration_min
            .map(|minutes| Duration((minutes * MINUTE as f64) as i64)),
        incident_id: one.incident_id,
    };
    lately.into_iter().map(incident).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use arterial_datasets::lake::LakeOptions;
    use arterial_datasets::stream::StreamCatalog;
    use arterial_datasets::time::DAY;

    use super::*;
    use crate::live::Maker;

    const TRAFFIC: &str = "traffic-sensors";
    const BIKES: &str = "bike-share";

    /// A window of the key `12`, which is at this latitude.
    fn seen_at(lat: f64) -> RecordBatch {
        let start = TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC");
        RecordBatch::try_from_iter([
            ("key", Arc::new(StringArray::from(vec!["12"])) as ArrayRef),
            ("window_start", Arc::new(start) as ArrayRef),
            ("revision", Arc::new(Int32Array::from(vec![0])) as ArrayRef),
            ("lat_last", Arc::new(Float64Array::from(vec![lat])) as ArrayRef),
            ("lon_last", Arc::new(Float64Array::from(vec![10.0])) as ArrayRef),
        ])
        .unwrap()
    }

    #[tokio::test]
    async fn a_key_that_two_streams_have_is_where_each_of_them_says() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_string_lossy();
        let lake = Lake::open(&place, LakeOptions::default()).await.unwrap();
        let live = Live::new(&StreamCatalog::built_in().unwrap(), Duration(DAY), usize::MAX);
        let mut around = Around::default();
        let usual = Usual {
            free_flow_kmh: 70.0,
            flow_per_window: f64::NAN,
        };
        let traffic = around.topics.entry(TRAFFIC.into()).or_default();
        traffic.usual.insert("12".into(), usual);
        let known = [(TRAFFIC, 56.0, Some(70.0)), (BIKES, 57.0, None)];
        for (topic, lat, _) in known {
            live.stream(topic).unwrap().take(&seen_at(lat), Maker::Past).unwrap();
        }
        for (topic, lat, free_flow_kmh) in known {
            let window = (Timestamp(0), Duration(5 * MINUTE));
            let surroundings = around.of(&live, &lake, topic, window).await.unwrap();
            let place = surroundings.places.get("12").unwrap();
            assert_eq!((place.lat, place.free_flow_kmh), (Some(lat), free_flow_kmh), "{topic}");
        }
    }
}

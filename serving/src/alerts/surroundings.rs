//! What is known around the keys: where they are, what was reported, which weather it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arterial_datasets::lake::{Lake, Table};
use arterial_datasets::time::{Duration, HOUR, MINUTE, Timestamp};
use arterial_models::alerts::{COUNTS_AN_HOUR, Cause, Incident, Place, Places, Surroundings, Weather};

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

/// The surroundings as they become known.
#[derive(Debug, Default)]
pub struct Around {
    flows: Vec<(String, String)>,
    usual: HashMap<Arc<str>, Usual>,
    places: Arc<Places>,
    weather: Option<Table>,
    windows: usize,
    keys: usize,
}

impl Around {
    /// Nothing is known yet but from which key traffic flows on to which.
    pub fn new(flows: &[(String, String)]) -> Self {
        Self {
            flows: flows.to_vec(),
            ..Self::default()
        }
    }

    /// Learns what is usual from the rows of a window with the columns `columns`.
    pub fn learn(&mut self, columns: &[String], rows: &[WindowRow]) {
        let place = |name: &str| columns.iter().position(|column| column == name);
        let (Some(speed), flow) = (place(SPEED), place(FLOW)) else {
            return;
        };
        for row in rows {
            let speed = row.values[speed];
            let flow = flow.map_or(f64::NAN, |flow| row.values[flow]);
            if !speed.is_finite() {
                continue;
            }
            let usual = self.usual.entry(Arc::clone(&row.key)).or_insert(Usual {
                free_flow_kmh: speed,
                flow_per_window: flow,
            });
            usual.learn(speed, flow);
        }
    }

    /// What is known of the window of `length` that starts at `window`.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn of(
        &mut self,
        live: &Live,
        lake: &Lake,
        topics: &[&str],
        (window, length): (Timestamp, Duration),
    ) -> Result<Surroundings> {
        let keys = topics.iter().filter_map(|topic| live.stream(topic).ok());
        let keys = keys.map(live::LiveStream::key_count).sum();
        if self.windows.is_multiple_of(PLACES_EVERY) || keys != self.keys {
            self.keys = keys;
            self.places = Arc::new(self.places_of(live, topics)?);
        }
        self.windows += 1;
        let end = Timestamp(window.0 + length.0);
        Ok(Surroundings {
            places: Arc::clone(&self.places),
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

    fn places_of(&self, live: &Live, topics: &[&str]) -> Result<Places> {
        let mut by_key = places_of(live, topics)?;
        for (key, usual) in &self.usual {
            let Some(place) = by_key.get_mut(&**key) else { continue };
            let flow = Some(usual.flow_per_window).filter(|flow| flow.is_finite());
            place.free_flow_kmh = Some(usual.free_flow_kmh);
            place.flow_per_hour = flow.map(|flow| flow * COUNTS_AN_HOUR);
        }
        Ok(Places::new(by_key, &self.flows))
    }
}

/// Where the keys of `topics` are, as far as live state knows.
///
/// # Errors
/// A stream that there is none of.
pub fn places_of(live: &Live, topics: &[&str]) -> Result<BTreeMap<String, Place>> {
    let text = |known: &Option<Arc<str>>| known.as_deref().map(str::to_owned);
    let mut by_key = BTreeMap::new();
    for topic in topics {
        live.stream(topic)?.with(|state| {
            for (key, known) in state.keys().iter().zip(state.places()) {
                let place = Place {
                    lat: known.lat,
                    lon: known.lon,
                    zone_id: text(&known.zone),
                    road_id: text(&known.road_id),
                    road_name: text(&known.road_name),
                    name: text(&known.name),
                    ..Place::default()
                };
                by_key.insert(key.to_string(), place);
            }
        });
    }
    Ok(by_key)
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

//! `/v1/traffic`, `/v1/transport` and `/v1/mobility`: the newest window of each key, or the windows of a time.

mod page;
mod shape;

use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

pub use page::WindowPage;
pub use shape::{Mobility, Traffic, Transport, schemas};

use super::Problem;
use super::accept::Format;
use super::geo::FeatureCollection;
use super::names::FormatName;
use super::params::{Given, Limit, List, Parameter};
use super::problem::Problems;
use super::reply::Asked;
use crate::analytics::{Bounds, Selection, TRAFFIC};
use crate::state::AppState;
use page::Question;

/// The most windows a page.
pub const LARGEST_PAGE: usize = 10_000;
/// The streams of `/v1/mobility`.
pub const MOBILITY: [&str; 3] = ["bike-share", "parking", "taxi-vtc"];
/// The stream of `/v1/transport`.
pub const TRANSPORT: &str = "public-transport";

/// Which windows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WindowQuery {
    /// Only these keys; all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    keys: List<String>,
    /// Only keys that lie in these zones; with `since`, those that do now.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only keys within west,south,east,north, degrees, with `since` those that are there now; west may be east of east across the
    /// 180th meridian.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// Only these members of each window, in this order; all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    fields: List<String>,
    /// The windows that begin at or after this instant, by time and key; the newest one of each key where absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Given<Timestamp>,
    /// Only windows that begin before this instant; needs `since`.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Given<Timestamp>,
    /// Windows a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// Which windows, of which streams.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MobilityQuery {
    /// Only these streams; all three where absent.
    #[param(value_type = Vec<MobilityTopic>, style = Form, explode = false)]
    topics: List<MobilityTopic>,
    /// Only these keys; all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    keys: List<String>,
    /// Only keys that lie in these zones; with `since`, those that do now.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only keys within west,south,east,north, degrees, with `since` those that are there now; west may be east of east across the
    /// 180th meridian.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// Only these members of each window, in this order; all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    fields: List<String>,
    /// The windows that begin at or after this instant, stream by stream, by time and key; the newest one of each key where absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Given<Timestamp>,
    /// Only windows that begin before this instant; needs `since`.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Given<Timestamp>,
    /// Windows a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// A stream of `/v1/mobility`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum MobilityTopic {
    /// Bikes and free docks of rental stations.
    BikeShare,
    /// Free and taken spaces of car parks and streets.
    Parking,
    /// Taxis and private hire cars by zone.
    TaxiVtc,
}

impl Parameter for MobilityTopic {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "bike-share" => Ok(Self::BikeShare),
            "parking" => Ok(Self::Parking),
            "taxi-vtc" => Ok(Self::TaxiVtc),
            _ => Err(MOBILITY.join(", ")),
        }
    }
}

impl MobilityTopic {
    fn name(self) -> &'static str {
        MOBILITY[self as usize]
    }
}

impl WindowQuery {
    fn question(self, topic: &'static str) -> (Question, Option<Format>) {
        MobilityQuery {
            topics: List::default(),
            keys: self.keys,
            zones: self.zones,
            bbox: self.bbox,
            fields: self.fields,
            since: self.since,
            until: self.until,
            limit: self.limit,
            cursor: self.cursor,
            format: self.format,
        }
        .of(vec![topic])
    }
}

impl MobilityQuery {
    fn question(self) -> (Question, Option<Format>) {
        let wanted =
            |topic: &&'static str| self.topics.0.is_empty() || self.topics.0.iter().any(|one| one.name() == *topic);
        let topics = MOBILITY.into_iter().filter(wanted).collect();
        self.of(topics)
    }

    fn of(self, topics: Vec<&'static str>) -> (Question, Option<Format>) {
        let question = Question {
            topics,
            selection: Selection {
                keys: self.keys.0.into_iter().collect(),
                zones: self.zones.0.into_iter().collect(),
                bounds: self.bbox.0,
            },
            fields: self.fields.0,
            since: self.since.0,
            until: self.until.0,
            limit: self.limit,
            cursor: self.cursor.0,
        };
        (question, self.format.0)
    }
}

/// Road traffic: speed, flow and occupancy of each sensor.
///
/// The newest window of each sensor that reported within the hour before the newest window of all, by key; with `since` the
/// windows of that time, of each the newest revision, by time and key. `congestion` and `jam_factor` measure a sensor's mean speed
/// against its own free flow, and stand in newest windows only.
#[utoipa::path(
    get,
    path = "/v1/traffic",
    tag = "city",
    params(WindowQuery),
    responses(
        (status = 200, description = "Windows of traffic sensors", content(
            (WindowPage<Traffic> = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn traffic(State(state): State<Arc<AppState>>, asked: Asked<WindowQuery>) -> Result<Response, Problem> {
    let (question, format) = asked.query.question(TRAFFIC);
    page::answer(&state, &question, format, &asked.request).await
}

/// Public transport: delay, load and speed of each line.
///
/// As `/v1/traffic`, of lines. A line has no place of its own: in GeoJSON its geometry is null.
#[utoipa::path(
    get,
    path = "/v1/transport",
    tag = "city",
    params(WindowQuery),
    responses(
        (status = 200, description = "Windows of lines", content(
            (WindowPage<Transport> = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn transport(State(state): State<Arc<AppState>>, asked: Asked<WindowQuery>) -> Result<Response, Problem> {
    let (question, format) = asked.query.question(TRANSPORT);
    page::answer(&state, &question, format, &asked.request).await
}

/// Bike share, parking, taxis and private hire cars.
///
/// As `/v1/traffic`, of stations, car parks and zones, stream by stream. Each window has the members of its own stream; as CSV and
/// Arrow there is a column for each member of any of the streams that were asked for.
#[utoipa::path(
    get,
    path = "/v1/mobility",
    tag = "city",
    params(MobilityQuery),
    responses(
        (status = 200, description = "Windows of stations, car parks and zones", content(
            (WindowPage<Mobility> = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn mobility(State(state): State<Arc<AppState>>, asked: Asked<MobilityQuery>) -> Result<Response, Problem> {
    let (question, format) = asked.query.question();
    page::answer(&state, &question, format, &asked.request).await
}

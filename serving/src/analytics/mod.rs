//! Questions about the city, answered from live state and the lake, without wire types: logic that every edge shares.
//!
//! | file | what it answers |
//! |---|---|
//! | `newest`, `history` | the newest window of each key; the windows of a time |
//! | `free_flow`, `congestion` | how far each sensor's traffic is below its own free flow, now and in the forecast |
//! | `zones`, `roads` | the indices of zones; roads by congestion, worst first |
//! | `hot_spots` | where congestion and incidents cluster |
//! | `incidents` | when a reported incident is expected to be over |
//! | `kpis` | figures of the whole city, each with what it was made from |
//! | `selection`, `unknown`, `columns` | which keys are meant; which of them never reported; the columns of a table |
//! | `slices` | the rows of a range of time, no more at a time than memory is for |
//!
//! A figure that has no input has no value, and says why.

mod columns;
mod congestion;
mod free_flow;
mod history;
mod hot_spots;
mod incidents;
mod kpis;
mod newest;
mod roads;
mod selection;
mod slices;
mod unknown;
mod zones;

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::stream::StreamCatalog;
use tokio::sync::Mutex;

pub use columns::Columns;
pub use congestion::{Congestion, SensorCongestion, ahead, now};
pub use free_flow::free_flow;
pub use history::{After, Range, history};
pub use hot_spots::{HotSpot, HotSpotKind, HotSpots, hot_spots};
pub use incidents::expected_end;
pub use kpis::{Kpi, kpis};
pub use newest::{Newest, RECENT, newest};
pub use roads::{Road, Roads, rank};
pub use selection::{Bounds, Selection, places};
pub use unknown::unknown;
pub use zones::{ZoneIndex, ZonePlace, ZoneSelection, Zones, zone_centres, zones_ahead, zones_between, zones_now};

/// The stream that congestion is measured by.
pub const TRAFFIC: &str = "traffic-sensors";
/// Its number.
pub const SPEED: &str = "speed_kmh";

/// What is kept between two questions.
#[derive(Debug)]
pub struct Analytics {
    newest: BTreeMap<String, Mutex<Option<Arc<Newest>>>>,
    free_flow: Mutex<Option<free_flow::Kept>>,
    hot_spots: BTreeMap<HotSpotKind, Mutex<hot_spots::Kept>>,
}

impl Analytics {
    /// Nothing kept yet.
    pub fn new(catalog: &StreamCatalog) -> Self {
        Self {
            newest: catalog
                .iter()
                .map(|stream| (stream.name.clone(), Mutex::default()))
                .collect(),
            free_flow: Mutex::default(),
            hot_spots: HotSpotKind::ALL.map(|kind| (kind, Mutex::default())).into(),
        }
    }
}

//! Time x series x channel: what forecasters are fitted on and forecast from.

mod ahead;
mod arrange;
mod attributes;
mod clock;
mod columnar;
mod covariate;
mod covariates;
mod csv;
mod describe;
mod digest;
mod flow;
mod frame;
mod graph;
mod grid;
mod holidays;
mod intern;
mod options;
mod read;
mod rows;
mod strays;
mod table;
pub mod without;
mod zones;

pub use attributes::Attributes;
pub use covariate::{CityMeans, Covariate, city_mean};
pub use describe::{Description, describe};
pub use flow::{Flow, read_flows};
pub use graph::read_graph;
pub use holidays::Holidays;
pub use options::{Duplicates, Gaps, PanelOptions, UtcOffset};
pub use read::{FileFacts, read};
pub use rows::{RowOptions, Rows, read_rows};
pub use table::{Format, Layout, file_digest};
pub use zones::read_zones;

use ndarray::{Array3, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

use crate::time::{Duration, Timestamp, check_zone};
use crate::{Error, Result};

/// What a channel of a panel may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRole {
    /// What is forecast; channel 0.
    Target,
    /// Known up to the origin.
    Observed,
    /// Known ahead, such as a calendar or a weather forecast; it may go on behind the last row.
    KnownAhead,
}

/// One channel of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The column's name.
    pub name: String,
    /// What it may be used for.
    pub role: ChannelRole,
}

/// A weighted graph over the series of a panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Edges `(from, to, weight)` by the series' positions.
    pub edges: Vec<(u32, u32, f32)>,
}

/// Regular series side by side.
///
/// # Shapes
/// `values` is time x series x channel; NaN is missing, and nothing is ever filled in. Its rows are those of the target:
/// what is known ahead of the last one stands apart, where [`Panel::known`] finds it.
#[derive(Debug, Clone)]
pub struct Panel {
    start: Timestamp,
    step: Duration,
    timezone: String,
    series: Vec<String>,
    channels: Vec<Channel>,
    values: Array3<f64>,
    /// The rows behind the last one, in the shape of `values`; NaN in channels that are not known ahead.
    ahead: Array3<f64>,
    graph: Option<Graph>,
    holidays: Holidays,
    attributes: Attributes,
    /// By series; empty where no zone is known.
    zones: Vec<Option<String>>,
}

impl Panel {
    /// A panel with one channel, the target.
    ///
    /// # Errors
    /// A step that is not positive, an unknown zone, or names that do not fit the shape of `values`.
    pub fn new(
        start: Timestamp,
        step: Duration,
        timezone: &str,
        series: Vec<String>,
        channels: Vec<Channel>,
        values: Array3<f64>,
    ) -> Result<Self> {
        if step.0 <= 0 {
            return Err(Error::invalid("step", step, "a positive duration, such as 5m"));
        }
        check_zone(timezone)?;
        let (_, width, depth) = values.dim();
        if series.len() != width || channels.len() != depth {
            return Err(Error::invalid(
                "values",
                format!("{width} series x {depth} channels"),
                format!("{} series x {} channels", series.len(), channels.len()),
            ));
        }
        if channels
            .first()
            .is_none_or(|channel| channel.role != ChannelRole::Target)
        {
            return Err(Error::invalid("channels", "no target", "the target as channel 0"));
        }
        Ok(Self {
            start,
            step,
            timezone: timezone.into(),
            series,
            channels,
            values,
            ahead: Array3::zeros((0, width, depth)),
            graph: None,
            holidays: Holidays::default(),
            attributes: Attributes::default(),
            zones: Vec::new(),
        })
    }

    /// This panel with other values of the same shape.
    ///
    /// # Errors
    /// Values of another shape.
    pub fn with_values(mut self, values: Array3<f64>) -> Result<Self> {
        if values.dim() != self.values.dim() {
            let shape = |values: &Array3<f64>| {
                let (steps, series, channels) = values.dim();
                format!("{steps} rows x {series} series x {channels} channels")
            };
            return Err(Error::invalid("values", shape(&values), shape(&self.values)));
        }
        self.values = values;
        Ok(self)
    }

    /// This panel with a graph over its series.
    #[must_use]
    pub fn with_graph(mut self, graph: Graph) -> Self {
        self.graph = Some(graph);
        self
    }

    /// This panel where these days count as Sundays.
    #[must_use]
    pub fn with_holidays(mut self, holidays: Holidays) -> Self {
        self.holidays = holidays;
        self
    }

    /// This panel where its series have these attributes, in the same order.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// This panel where its series lie in these zones, in the same order.
    #[must_use]
    pub fn with_zones(mut self, zones: Vec<Option<String>>) -> Self {
        self.zones = zones;
        self
    }

    /// The first instant.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The time between rows.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.step
    }

    /// The IANA zone whose clock seasonality follows.
    #[must_use]
    pub fn timezone(&self) -> &str {
        &self.timezone
    }

    /// The names of the series, in column order.
    #[must_use]
    pub fn series(&self) -> &[String] {
        &self.series
    }

    /// The channels, the target first.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The graph over the series, where one is known.
    #[must_use]
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// The days that count as Sundays.
    #[must_use]
    pub fn holidays(&self) -> &Holidays {
        &self.holidays
    }

    /// What does not change about the series.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The zone that the series at `series` lies in, where one is known.
    #[must_use]
    pub fn zone(&self, series: usize) -> Option<&str> {
        self.zones.get(series)?.as_deref()
    }

    /// Time x series x channel, NaN where missing.
    #[must_use]
    pub fn values(&self) -> &Array3<f64> {
        &self.values
    }

    /// Time x series of the target, NaN where missing.
    #[must_use]
    pub fn target(&self) -> ArrayView2<'_, f64> {
        self.values.index_axis(Axis(2), 0)
    }

    /// The number of rows; what is known ahead of the last one is not counted.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.values.dim().0
    }

    /// The instant of row `row`, which may lie behind the last one.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "rows are far below 2^63")]
    pub fn time(&self, row: usize) -> Timestamp {
        Timestamp(self.start.0 + self.step.0 * row as i64)
    }

    /// The rows `rows`, as a panel of its own. What is known ahead of them goes along.
    ///
    /// # Panics
    /// Rows beyond the end.
    #[must_use]
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Self {
        Self {
            start: self.time(rows.start),
            values: self.values.slice(s![rows.clone(), .., ..]).to_owned(),
            ahead: self.ahead_of(rows.end),
            series: self.series.clone(),
            channels: self.channels.clone(),
            timezone: self.timezone.clone(),
            graph: self.graph.clone(),
            holidays: self.holidays.clone(),
            attributes: self.attributes.clone(),
            zones: self.zones.clone(),
            step: self.step,
        }
    }

    /// The share of the target's values that are missing, 0 to 1; 0 for an empty panel.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn missing_share(&self) -> f64 {
        let target = self.target();
        if target.is_empty() {
            return 0.0;
        }
        target.iter().filter(|value| value.is_nan()).count() as f64 / target.len() as f64
    }
}

#[cfg(test)]
mod tests;

//! What one stream is: its fields, its key and identity, its windows.

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::time::{Duration, Timestamp};

/// One stream: a topic, its events and how they become windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamDefinition {
    /// The topic's name, such as `traffic-sensors`.
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// What the windows group by.
    pub key: KeyDefinition,
    /// The fields whose equal values make two records the same event. `key` stands for the key, whatever gave it.
    pub identity: Vec<String>,
    /// The path of the event time.
    #[serde(default = "default_timestamp")]
    pub timestamp: String,
    /// The IANA zone of event times without offset.
    #[serde(default = "default_timezone")]
    pub timezone: String,
    /// The path of the zone (district) that an event belongs to, where there is one.
    #[serde(default)]
    pub zone: Option<String>,
    /// How often one reporter reports; none where events come as they happen.
    #[serde(default)]
    pub interval: Option<Duration>,
    /// The path of a category whose value `good` marks an undisturbed reading.
    #[serde(default)]
    pub quality: Option<String>,
    /// The length of a window.
    #[serde(default = "default_window")]
    pub window: Duration,
    /// How long a window waits for late records after its end.
    #[serde(default = "default_allowed_lateness")]
    pub allowed_lateness: Duration,
    /// How long late records make revisions of closed windows.
    #[serde(default = "default_revision_horizon")]
    pub revision_horizon: Duration,
    /// A partition without records for so long does not hold the watermark.
    #[serde(default = "default_idle_timeout")]
    pub idle_timeout: Duration,
    /// Records further ahead of the clock are refused as `FROM_THE_FUTURE`.
    #[serde(default = "default_future_tolerance")]
    pub future_tolerance: Duration,
    /// Records before are refused as `BAD_TIMESTAMP`.
    #[serde(default = "default_earliest")]
    pub earliest: String,
    /// Whether the raw events are kept in `<topic>_events`.
    #[serde(default)]
    pub archive: bool,
    /// How long archived events are kept, counted back from the newest day of the archive. Events that are older already when
    /// they arrive are not archived.
    #[serde(default = "default_archive_retention")]
    pub archive_retention: Duration,
    /// How long archived events may wait for others before they are committed; as the service is configured where absent.
    #[serde(default)]
    pub archive_every: Option<Duration>,
    /// Numbers of other streams that may help to forecast this one's: `topic.field`.
    #[serde(default)]
    pub covariates: Vec<String>,
    /// What an event holds.
    pub fields: Vec<Field>,
    /// What can be said of its windows without any model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// What the windows of a stream group by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDefinition {
    /// The path of the key in the event.
    pub path: String,
    /// The key of events that lack the path; none makes such an event `MISSING_FIELD`.
    #[serde(default)]
    pub default: Option<String>,
}

/// One field of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Where the field stands in the JSON object; `.` steps into an object.
    pub path: String,
    /// The column's name; the path with `_` for `.` where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What it is for.
    pub role: Role,
    /// Its unit, such as `km/h`.
    #[serde(default)]
    pub unit: Option<String>,
    /// The least and the largest accepted number, both included.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// The accepted values of a category.
    #[serde(default)]
    pub values: Vec<String>,
    /// Whether an event without it is refused.
    #[serde(default)]
    pub required: bool,
    /// What a wrong type or a number outside the range does.
    #[serde(default)]
    pub on_bad: OnBad,
    /// What a window keeps of a value; all five where absent. A place or an attribute is kept where this is `["last"]`: do that
    /// where it tells of the key itself, such as the road of a sensor.
    #[serde(default)]
    pub aggregates: Option<Vec<Aggregate>>,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// A finite number.
    Float,
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// True or false.
    Bool,
    /// An instant, RFC 3339 as the event time.
    Timestamp,
}

/// What a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A number that windows aggregate.
    Value,
    /// One of few declared texts; windows count each.
    Category,
    /// Where it is: a coordinate, a road, a zone.
    Place,
    /// Anything else.
    Attribute,
    /// Tells of a person: serves identity in memory, reaches a table only as a keyed hash.
    Personal,
}

/// What happens to a listed field of the wrong type or outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    /// The record goes to quarantine.
    #[default]
    Reject,
    /// The field becomes null, the record stays.
    Null,
}

/// What a window keeps of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// The mean.
    Mean,
    /// The least.
    Min,
    /// The largest.
    Max,
    /// The sample standard deviation.
    Std,
    /// The value of the latest event.
    Last,
}

impl Aggregate {
    /// Every aggregate, in column order.
    pub const ALL: [Self; 5] = [Self::Mean, Self::Min, Self::Max, Self::Std, Self::Last];

    /// The ending of the column's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Std => "std",
            Self::Last => "last",
        }
    }
}

impl Field {
    /// The column's name.
    #[must_use]
    pub fn column(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.path.replace('.', "_"))
    }

    /// The aggregates a window keeps of this field, in column order: of a value those that are declared or else all, of a place
    /// or an attribute those that are declared, of anything else none.
    #[must_use]
    pub fn window_aggregates(&self) -> Vec<Aggregate> {
        let by_default = self.role == Role::Value;
        if !by_default && !self.is_descriptive() {
            return Vec::new();
        }
        let is_kept = |one: &Aggregate| {
            self.aggregates
                .as_ref()
                .map_or(by_default, |wanted| wanted.contains(one))
        };
        Aggregate::ALL.into_iter().filter(is_kept).collect()
    }

    /// Whether it says where something is or what it is called.
    #[must_use]
    pub fn is_descriptive(&self) -> bool {
        matches!(self.role, Role::Place | Role::Attribute)
    }

    /// The columns that it makes in the windows table: one an aggregate, one a declared value of a category.
    #[must_use]
    pub fn window_columns(&self) -> Vec<String> {
        let column = self.column();
        match self.role {
            Role::Value | Role::Place | Role::Attribute => self
                .window_aggregates()
                .into_iter()
                .map(|aggregate| format!("{column}_{}", aggregate.suffix()))
                .collect(),
            Role::Category => self
                .values
                .iter()
                .map(|value| format!("{column}_{value}_count"))
                .collect(),
            Role::Personal => Vec::new(),
        }
    }
}

impl StreamDefinition {
    /// The stem of this stream's table names: the topic with `_` for `-`.
    #[must_use]
    pub fn table_stem(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The name of the windows table.
    #[must_use]
    pub fn windows_table(&self) -> String {
        format!("{}_windows", self.table_stem())
    }

    /// The name of the view of the newest revisions.
    #[must_use]
    pub fn latest_view(&self) -> String {
        format!("{}_latest", self.table_stem())
    }

    /// The name of the archive of raw events.
    #[must_use]
    pub fn events_table(&self) -> String {
        format!("{}_events", self.table_stem())
    }

    /// The fields that windows aggregate, in declared order.
    pub fn value_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.role == Role::Value)
    }

    /// The fields whose declared values windows count, in declared order.
    pub fn category_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.role == Role::Category)
    }

    /// The windows column that counts undisturbed events; none where `quality` is no category with the value `good`.
    #[must_use]
    pub fn quality_column(&self) -> Option<String> {
        let path = self.quality.as_ref()?;
        let field = self.category_fields().find(|field| field.path == *path)?;
        let has_good = field.values.iter().any(|value| value == "good");
        has_good.then(|| format!("{}_good_count", field.column()))
    }

    /// The places and attributes of which windows keep the last, in declared order: where a key is and what it is called.
    pub fn descriptive_fields(&self) -> impl Iterator<Item = &Field> {
        let is_kept = |field: &&Field| field.is_descriptive() && !field.window_aggregates().is_empty();
        self.fields.iter().filter(is_kept)
    }

    /// The earliest plausible event time.
    ///
    /// # Errors
    /// A text that is no RFC 3339 instant; a checked definition has none.
    pub fn earliest_instant(&self) -> crate::Result<Timestamp> {
        self.earliest.parse()
    }

    /// How many events one reporter sends in a window; none where no interval is declared.
    #[must_use]
    pub fn expected_events(&self) -> Option<f64> {
        self.interval.map(|interval| self.window.seconds() / interval.seconds())
    }
}

fn default_timestamp() -> String {
    "timestamp".into()
}
fn default_timezone() -> String {
    "UTC".into()
}
fn default_window() -> Duration {
    Duration(5 * crate::time::MINUTE)
}
fn default_allowed_lateness() -> Duration {
    Duration(30 * crate::time::SECOND)
}
fn default_revision_horizon() -> Duration {
    Duration(24 * crate::time::HOUR)
}
fn default_idle_timeout() -> Duration {
    Duration(crate::time::MINUTE)
}
fn default_future_tolerance() -> Duration {
    Duration(crate::time::MINUTE)
}
fn default_earliest() -> String {
    "2000-01-01T00:00:00Z".into()
}
fn default_archive_retention() -> Duration {
    Duration(7 * crate::time::DAY)
}

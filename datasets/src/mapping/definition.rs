//! The mapping file and its checks.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::stream::StreamDefinition;
use crate::time::Duration;
use crate::{Error, Result};

/// How the columns of a file become the events of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Its name, as `--mapping` takes it.
    pub name: String,
    /// One sentence for people: which data set, from where.
    pub description: String,
    /// The stream whose events it makes.
    pub stream: String,
    /// What a row is.
    pub layout: Layout,
    /// The main file, where `--data` names a folder.
    pub file: String,
    /// How often each reporter of the files reports, by which the completeness of windows is judged; every window counts as
    /// complete where absent.
    #[serde(default)]
    pub interval: Option<Duration>,
    /// When.
    pub time: TimeRule,
    /// Which reporter; wide files only, long ones give it as a field.
    #[serde(default)]
    pub key: Option<KeyRule>,
    /// The fields that the files tell.
    #[serde(default)]
    pub fields: Vec<MappedField>,
    /// Fields that are the same in every event, by path.
    #[serde(default)]
    pub constants: BTreeMap<String, toml::Value>,
    /// A second file that tells more of each reporter.
    #[serde(default)]
    pub lookup: Option<Lookup>,
    /// Fields computed from others, in this order.
    #[serde(default)]
    pub derived: Vec<Derived>,
    /// Where files tell only changes: how long a value holds, and when it is told again.
    #[serde(default)]
    pub hold: Option<Hold>,
}

/// What a row of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// An instant, one column a reporter.
    Wide,
    /// An event.
    Long,
}

/// Where the time stands and on whose clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRule {
    /// The column.
    #[serde(default = "default_time")]
    pub column: String,
    /// The IANA zone of times without offset.
    #[serde(default)]
    pub zone: Option<String>,
    /// Their fixed offset instead, such as `+08:00`.
    #[serde(default)]
    pub offset: Option<String>,
    /// How they are written, in the letters of strftime; ISO 8601 where absent.
    #[serde(default)]
    pub format: Option<String>,
    /// A column with whole hours to add.
    #[serde(default)]
    pub hour: Option<String>,
    /// What a local time is that exists twice.
    #[serde(default)]
    pub ambiguous: Ambiguous,
}

/// What a local time is that exists twice, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ambiguous {
    /// An error with its row.
    #[default]
    Refuse,
    /// The earlier one.
    Earlier,
    /// The later one.
    Later,
}

/// How the column names of a wide file become keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRule {
    /// The field that takes the column's name.
    pub field: String,
    /// What is put before it.
    #[serde(default)]
    pub prefix: String,
}

/// One field that the files tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedField {
    /// The path in the event.
    pub field: String,
    /// The column; wide files have none.
    #[serde(default)]
    pub column: Option<String>,
    /// The file, where it is not the main one; wide files only. Its rows are those of the main file.
    #[serde(default)]
    pub file: Option<String>,
    /// Multiplies a number; 1 where absent.
    #[serde(default)]
    pub scale: Option<f64>,
    /// Is added to the scaled number; 0 where absent.
    #[serde(default)]
    pub shift: Option<f64>,
    /// Smaller results count as missing.
    #[serde(default)]
    pub least: Option<f64>,
    /// Larger results count as missing.
    #[serde(default)]
    pub most: Option<f64>,
    /// Results larger than a multiple of another field count as missing.
    #[serde(default)]
    pub most_times: Option<Times>,
    /// Raw numbers that mean missing, beside empty cells and NaN.
    #[serde(default)]
    pub missing: Vec<f64>,
    /// Digits behind the point; 6 where absent.
    #[serde(default)]
    pub decimals: Option<u32>,
    /// The event's text for each text of the file; others count as missing.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// What is put before a text.
    #[serde(default)]
    pub prefix: String,
}

/// A second file that tells more of each reporter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The file.
    pub file: String,
    /// Its column that holds the reporter: a wide file's column name, or a long one's key as the file has it.
    pub column: String,
    /// What it tells.
    pub fields: Vec<MappedField>,
}

/// A field computed from two others; absent where one of them is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The path in the event.
    pub field: String,
    /// The first less the second.
    #[serde(default)]
    pub difference: Option<[String; 2]>,
    /// The first as a percentage of the second.
    #[serde(default)]
    pub percent: Option<[String; 2]>,
    /// Smaller results become this.
    #[serde(default)]
    pub least: Option<f64>,
    /// A text by whether a number is above 0: the first where it is, else the second.
    #[serde(default)]
    pub sign: Option<Sign>,
}

/// A text by whether a number is above 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// The field with the number.
    pub of: String,
    /// The text where it is above 0, and the text where it is not.
    pub texts: [String; 2],
}

/// A limit that another field gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The other field.
    pub field: String,
    /// How many times its value.
    pub factor: f64,
}

/// Where files tell only changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// How long a value holds after its row.
    pub longest: Duration,
    /// How often it is told: at whole multiples, in UTC.
    pub grid: Duration,
    /// How long after each multiple.
    #[serde(default = "no_time")]
    pub offset: Duration,
}

fn default_time() -> String {
    "timestamp".into()
}

fn no_time() -> Duration {
    Duration(0)
}

impl Mapping {
    /// Reads a mapping; `path` names the file in errors.
    ///
    /// # Errors
    /// Text that is no TOML, an unknown or missing key.
    pub fn parse(path: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            let key = text.lines().nth(line - 1).unwrap_or_default();
            Error::Definition {
                path: path.into(),
                line,
                key: key.split('=').next().unwrap_or_default().trim().into(),
                message: error.message().replace('\n', " "),
            }
        })
    }

    /// Reads the mapping file at `path`.
    ///
    /// # Errors
    /// A file that cannot be read or is no mapping.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.into(),
            source,
        })?;
        Self::parse(&path.to_string_lossy(), &text)
    }

    /// The mapping that `text` names: one that is compiled in, or a file.
    ///
    /// # Errors
    /// Neither a known name nor a file that is a mapping.
    pub fn find(text: &str) -> Result<Self> {
        let names = super::shipped::names();
        if let Some(source) = super::shipped::text(text) {
            return Self::parse(&format!("{text}.toml"), source);
        }
        let path = Path::new(text);
        if path.is_file() {
            return Self::load(path);
        }
        Err(Error::Unknown {
            what: "mapping (and no such file)",
            name: text.into(),
            known: names.join(", "),
        })
    }

    /// The names of the mappings that are compiled in.
    #[must_use]
    pub fn shipped() -> Vec<&'static str> {
        super::shipped::names()
    }

    /// A mapping for a long file whose columns carry the stream's own field names.
    #[must_use]
    pub fn same_names(stream: &StreamDefinition, columns: &[String]) -> Self {
        let field = |field: &crate::stream::Field| {
            let column = columns
                .iter()
                .find(|name| **name == field.path || **name == field.column())?;
            Some(MappedField {
                column: Some(column.clone()),
                ..MappedField::of(&field.path)
            })
        };
        Self {
            name: stream.name.clone(),
            description: format!("a file whose columns carry the field names of {}", stream.name),
            stream: stream.name.clone(),
            layout: Layout::Long,
            file: String::new(),
            interval: stream.interval,
            time: TimeRule::in_zone(&stream.timestamp, &stream.timezone),
            key: None,
            fields: stream
                .fields
                .iter()
                .filter(|one| one.path != stream.timestamp)
                .filter_map(field)
                .collect(),
            constants: BTreeMap::new(),
            lookup: None,
            derived: Vec::new(),
            hold: None,
        }
    }

    /// Checks the mapping against the stream that it makes events for.
    ///
    /// # Errors
    /// Another stream, a field that the stream does not have, rules that contradict each other.
    pub fn check(&self, stream: &StreamDefinition) -> Result<()> {
        if self.stream != stream.name {
            return Err(Error::invalid(
                "stream",
                &stream.name,
                format!("`{}`, which mapping `{}` makes", self.stream, self.name),
            ));
        }
        let looked_up = self
            .lookup
            .iter()
            .flat_map(|lookup| lookup.fields.iter().map(|field| &field.field));
        let own = self.fields.iter().map(|field| &field.field);
        let derived = self.derived.iter().map(|derived| &derived.field);
        let key = self.key.iter().map(|key| &key.field);
        for path in own
            .chain(looked_up)
            .chain(derived)
            .chain(key)
            .chain(self.constants.keys())
        {
            if !stream.fields.iter().any(|field| field.path == *path) {
                let known: Vec<&str> = stream.fields.iter().map(|field| field.path.as_str()).collect();
                return Err(Error::invalid(
                    "field",
                    path,
                    format!("the fields of {}: {}", stream.name, known.join(", ")),
                ));
            }
        }
        if self.layout == Layout::Wide && self.key.is_none() {
            return Err(Error::invalid(
                "key",
                "",
                "a wide file names the field that takes the column's name",
            ));
        }
        if self.layout == Layout::Long
            && let Some(field) = self.fields.iter().find(|field| field.column.is_none())
        {
            return Err(Error::invalid(
                "column",
                &field.field,
                "every field of a long file names its column",
            ));
        }
        if let Some(interval) = self.interval.filter(|interval| interval.0 <= 0) {
            return Err(Error::invalid("interval", interval, "a positive duration"));
        }
        let ways = |one: &Derived| [one.difference.is_some(), one.percent.is_some(), one.sign.is_some()];
        if let Some(one) = self
            .derived
            .iter()
            .find(|one| ways(one).iter().filter(|way| **way).count() != 1)
        {
            return Err(Error::invalid(
                "derived",
                &one.field,
                "one of `difference`, `percent` and `sign`",
            ));
        }
        if let Some(hold) = self.hold
            && (self.layout == Layout::Long || hold.grid.0 <= 0 || hold.longest.0 <= 0)
        {
            return Err(Error::invalid("hold", hold.grid, "a wide file, and positive durations"));
        }
        self.time.check()
    }
}

impl MappedField {
    /// A field taken as it is.
    pub(super) fn of(path: &str) -> Self {
        Self {
            field: path.into(),
            column: None,
            file: None,
            scale: None,
            shift: None,
            least: None,
            most: None,
            most_times: None,
            missing: Vec::new(),
            decimals: None,
            texts: BTreeMap::new(),
            prefix: String::new(),
        }
    }
}

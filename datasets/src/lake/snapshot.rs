//! The state of a table at one version: what remains when its log is read from the beginning.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;

use super::action::{Add, Line, Metadata, Protocol, Remove, Transaction};
use super::progress::Progress;
use super::schema;
use super::stats::Stats;
use crate::{Error, Result};

/// The highest protocol versions that are understood here: no column mapping, no deletion vectors.
const READER_VERSION: i32 = 1;
const WRITER_VERSION: i32 = 2;

/// A data file of the table and, once asked for, its statistics.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub add: Add,
    stats: OnceLock<Option<Stats>>,
}

impl DataFile {
    pub(crate) fn new(add: Add) -> Self {
        Self {
            add,
            stats: OnceLock::new(),
        }
    }

    /// The file's statistics, where its writer left any.
    pub(crate) fn stats(&self) -> Option<&Stats> {
        self.stats
            .get_or_init(|| self.add.stats.as_deref().and_then(Stats::parse))
            .as_ref()
    }

    /// The value of a partition column as the log has it.
    pub(crate) fn partition_value(&self, column: &str) -> Option<&str> {
        self.add.partition_values.get(column)?.as_deref()
    }
}

/// What has been read of a log so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub version: i64,
    pub protocol: Option<Protocol>,
    pub metadata: Option<Metadata>,
    pub files: BTreeMap<String, Arc<DataFile>>,
    /// Files taken out of the table; old ones are forgotten at checkpoints.
    pub removed: BTreeMap<String, Remove>,
    pub txns: BTreeMap<String, Transaction>,
}

impl State {
    /// Takes in the lines of version `version`.
    pub(crate) fn apply(&mut self, version: i64, lines: impl IntoIterator<Item = Line>) {
        self.version = version;
        for line in lines {
            if let Some(remove) = line.remove {
                self.files.remove(&remove.path);
                self.removed.insert(remove.path.clone(), remove);
            }
            if let Some(add) = line.add {
                self.removed.remove(&add.path);
                self.files.insert(add.path.clone(), Arc::new(DataFile::new(add)));
            }
            if let Some(txn) = line.txn {
                self.txns.insert(txn.app_id.clone(), txn);
            }
            self.metadata = line.meta_data.or(self.metadata.take());
            self.protocol = line.protocol.or(self.protocol.take());
        }
    }
}

/// A table at one version.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub state: State,
    pub metadata: Metadata,
    pub schema: SchemaRef,
    pub progress: Progress,
}

impl Snapshot {
    /// Checks that the log holds a table which is understood here.
    ///
    /// # Errors
    /// [`Error::Log`] where it does not.
    pub(crate) fn new(table: &str, state: State) -> Result<Self> {
        let version = state.version;
        let refuse = |message: String| Error::Log {
            table: table.to_owned(),
            version,
            message,
        };
        let protocol = state
            .protocol
            .as_ref()
            .ok_or_else(|| refuse("no protocol action".to_owned()))?;
        if protocol.min_reader_version > READER_VERSION || protocol.min_writer_version > WRITER_VERSION {
            return Err(refuse(format!(
                "protocol reader {} writer {}, understood: reader {READER_VERSION} writer {WRITER_VERSION}",
                protocol.min_reader_version, protocol.min_writer_version
            )));
        }
        let metadata = state
            .metadata
            .clone()
            .ok_or_else(|| refuse("no metadata action".to_owned()))?;
        let schema = schema::from_delta(&metadata.schema_string).map_err(refuse)?;
        let txns = state
            .txns
            .values()
            .map(|txn| (txn.app_id.clone(), txn.version))
            .collect();
        let progress = Progress::read(&txns, &metadata.configuration);
        Ok(Self {
            state,
            metadata,
            schema: Arc::new(schema),
            progress,
        })
    }

    /// This snapshot one commit later.
    pub(crate) fn followed_by(&self, table: &str, lines: Vec<Line>) -> Result<Self> {
        let mut state = self.state.clone();
        state.apply(self.state.version + 1, lines);
        Self::new(table, state)
    }

    /// The column that the data files are split by, where there is one.
    pub(crate) fn partition_column(&self) -> Option<&str> {
        self.metadata.partition_columns.first().map(String::as_str)
    }
}

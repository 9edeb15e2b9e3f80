//! The table `indices`, kept up with the windows of traffic sensors.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, Progress, Scan, Table, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Clock, Timestamp};
use hashbrown::{HashMap, HashSet};

use super::speeds::speeds;
use super::{FreeFlow, derive};
use crate::Result;
use crate::pipeline::WindowCommit;

/// The table's name.
pub const TABLE: &str = "indices";
/// The columns that make a row of the table the same.
const IDENTITY: [&str; 4] = ["zone_id", "window_start", "formula", "revision"];

/// The indices of every zone, derived from the windows that the lake holds. One process at a time keeps them.
pub struct IndexTable {
    pub(super) windows: Table,
    pub(super) indices: Table,
    pub(super) free_flow: FreeFlow,
    /// The newest commit of windows that was taken.
    version: i64,
    /// The indices of this commit of windows and of all before it are there; none where nothing is known of that.
    pub(super) reached: Option<i64>,
    /// The UTC days that opening derived.
    pub(super) derived: BTreeSet<i64>,
    pub(super) clock: Arc<dyn Clock>,
}

impl IndexTable {
    /// Opens the table, and derives what is missing of the windows that are there. Days that brought no windows since they were
    /// derived are not derived again; of the newest ones the speeds are read, as free flow is made of them.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn open(lake: &Lake, traffic: &StreamDefinition, clock: Arc<dyn Clock>) -> Result<Self> {
        let windows = lake
            .table(&TableSpec::new(traffic.windows_table(), schema::windows(traffic)))
            .await?;
        let indices = lake.table(&TableSpec::new(TABLE, schema::indices())).await?;
        let mut table = Self {
            version: windows.version(),
            windows,
            indices,
            free_flow: FreeFlow::default(),
            reached: None,
            derived: BTreeSet::new(),
            clock,
        };
        table.catch_up().await?;
        Ok(table)
    }

    /// The UTC days whose indices [`open`](Self::open) derived.
    #[must_use]
    pub fn derived(&self) -> &BTreeSet<i64> {
        &self.derived
    }

    /// Derives the indices of the windows that a commit changed; gives the number of rows that were new. A commit that
    /// [`open`](Self::open) has seen changes nothing.
    ///
    /// # Errors
    /// A lake that cannot be read or written: what is missing then is derived by the next [`open`](Self::open).
    pub async fn take(&mut self, commit: &WindowCommit) -> Result<usize> {
        if commit.version <= self.version {
            return Ok(0);
        }
        let starts = commit.batch["window_start"].as_primitive::<TimestampMicrosecondType>();
        let (Some(first), Some(last)) = (arrow::compute::min(starts), arrow::compute::max(starts)) else {
            return Ok(0);
        };
        self.windows.refresh().await?;
        let reached = self.reached_with(commit.version).await?;
        let changed: BTreeSet<i64> = starts.values().iter().copied().collect();
        let rows = self.rows(Timestamp(first), Timestamp(last + 1)).await?;
        let mask: BooleanArray = rows["window_start"]
            .as_primitive::<TimestampMicrosecondType>()
            .values()
            .iter()
            .map(|start| Some(changed.contains(start)))
            .collect();
        let rows = filter_record_batch(&rows, &mask)?;
        self.observe(&commit.batch, &rows);
        self.version = commit.version;
        let derived = derive(&rows, &self.free_flow, self.clock.now())?;
        let count = self.append(&derived, reached).await?;
        self.reached = reached;
        Ok(count)
    }

    /// What is reached once the commit `version` is derived. Nothing more where a commit before it brought windows and was not
    /// told of, as its answer was lost or another process made it: that is left to the next [`open`](Self::open).
    async fn reached_with(&self, version: i64) -> Result<Option<i64>> {
        if self.reached != Some(self.version) {
            return Ok(self.reached);
        }
        let last = version - 1;
        let untold = self.windows.days_appended(self.version + 1..=last).await?;
        let is_next = untold.is_some_and(|days| days.is_empty());
        Ok(if is_next { Some(version) } else { self.reached })
    }

    /// The speeds of a commit enter free flow; those of the revisions before leave it.
    fn observe(&mut self, batch: &RecordBatch, rows: &RecordBatch) {
        let mut changes: HashMap<(&str, i64), Change> = HashMap::new();
        for row in speeds(batch) {
            let newest = (row.revision, row.kmh);
            let change = changes.entry((row.key, row.start)).or_insert(Change {
                first: row.revision,
                newest,
                before: None,
            });
            change.first = change.first.min(row.revision);
            if change.newest.0 < row.revision {
                change.newest = newest;
            }
        }
        for row in speeds(rows) {
            if let Some(change) = changes.get_mut(&(row.key, row.start))
                && row.revision < change.first
                && change.before.is_none_or(|(known, _)| known < row.revision)
            {
                change.before = Some((row.revision, row.kmh));
            }
        }
        for ((key, start), change) in changes {
            if let Some((_, kmh)) = change.before {
                self.free_flow.withdraw(key, Timestamp(start), kmh);
            }
            self.free_flow.observe(key, Timestamp(start), change.newest.1);
        }
    }

    /// Writes the rows that the table does not have, and in the same commit what is `reached`; gives their number.
    pub(super) async fn append(&mut self, derived: &RecordBatch, reached: Option<i64>) -> Result<usize> {
        // What another process has written since is there, too.
        self.indices.refresh().await?;
        let fresh = self.fresh(derived).await?;
        if fresh.num_rows() > 0 {
            self.commit(std::slice::from_ref(&fresh), reached).await?;
        }
        Ok(fresh.num_rows())
    }

    /// Commits rows, and what is `reached`. Where another process has moved that meanwhile, the rows alone: the less is said, the
    /// more is derived by the next [`open`](Self::open).
    pub(super) async fn commit(&mut self, rows: &[RecordBatch], reached: Option<i64>) -> Result<()> {
        let progress = self.progress(reached);
        match self.indices.commit(rows, &progress).await {
            Err(arterial_datasets::Error::Conflict { .. }) if progress.source_version.is_some() => {
                self.indices.refresh().await?;
                if !rows.is_empty() {
                    self.indices.commit(rows, &Progress::default()).await?;
                }
                Ok(())
            }
            outcome => Ok(outcome.map(drop)?),
        }
    }

    /// What a commit says of the windows that were derived.
    fn progress(&self, reached: Option<i64>) -> Progress {
        let said = self.indices.progress().source_version;
        let newest = self.windows.version();
        // It never goes back, unless the windows were made anew.
        let source_version = reached.filter(|reached| said.is_none_or(|said| !(*reached..=newest).contains(&said)));
        Progress {
            source_version,
            ..Progress::default()
        }
    }

    /// The rows that the table does not have.
    async fn fresh(&self, derived: &RecordBatch) -> Result<RecordBatch> {
        let starts = derived["window_start"].as_primitive::<TimestampMicrosecondType>();
        let (Some(first), Some(last)) = (arrow::compute::min(starts), arrow::compute::max(starts)) else {
            return Ok(derived.clone());
        };
        let scan = between(&IDENTITY, Timestamp(first), Timestamp(last + 1));
        let batches = self.indices.scan(&scan).await?;
        let known: HashSet<Identity<'_>> = batches.iter().flat_map(identities).collect();
        let mask: BooleanArray = identities(derived).map(|row| Some(!known.contains(&row))).collect();
        Ok(filter_record_batch(derived, &mask)?)
    }

    /// The windows that start in `[from, to)`, all revisions.
    async fn rows(&self, from: Timestamp, to: Timestamp) -> Result<RecordBatch> {
        let scan = between(&derive::COLUMNS, from, to);
        let batches = self.windows.scan(&scan).await?;
        Ok(concat_batches(&self.windows.scan_schema(&scan)?, &batches)?)
    }
}

/// What a commit changes of a sensor's window.
struct Change {
    /// The first revision that it brings.
    first: i32,
    /// The newest one that it brings, and its speed.
    newest: (i32, f64),
    /// The newest one that was there before, and its speed.
    before: Option<(i32, f64)>,
}

/// These columns of the rows whose windows start in `[from, to)`.
pub(super) fn between(columns: &[&str], from: Timestamp, to: Timestamp) -> Scan {
    Scan {
        columns: Some(columns.iter().map(|column| (*column).to_owned()).collect()),
        time_column: Some("window_start".into()),
        from: Some(from),
        to: Some(to),
        ..Scan::default()
    }
}

/// What makes a row of the table the same: zone, window, formula, revision.
type Identity<'a> = (&'a str, i64, &'a str, i32);

fn identities(batch: &RecordBatch) -> impl Iterator<Item = Identity<'_>> {
    let zones = batch["zone_id"].as_string::<i32>();
    let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>();
    let formulas = batch["formula"].as_string::<i32>();
    let revisions = batch["revision"].as_primitive::<Int32Type>();
    (0..batch.num_rows()).map(move |row| {
        (
            zones.value(row),
            starts.value(row),
            formulas.value(row),
            revisions.value(row),
        )
    })
}

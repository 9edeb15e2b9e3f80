//! Upkeep of a lake: finalise windows, drop old days, compact small files, clean the log, vacuum.
//!
//! None of it touches a table's progress, and none of it hinders a writer: each step is a commit of its own, which is
//! thrown away or made anew where a writer was quicker.

use std::collections::BTreeMap;

use super::log::{self, Entry};
use super::table::Table;
use super::{Lake, checkpoint, commit, compact, finalise, retention, vacuum};
use crate::stream::{StreamCatalog, StreamDefinition};
use crate::time::{DAY, Duration, Timestamp};
use crate::{Error, Result};

/// Tables that age beside those of the streams, and how long they keep a day.
const AGEING: [(&str, Duration); 2] = [
    // What judgements of alerts are previewed on.
    ("alert_signals", Duration(29 * DAY)),
    // Of which the newest row of a kind is what the next look goes on from.
    ("hot_spots", Duration(7 * DAY)),
];

/// When the windows of a table become final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRule {
    /// Length of a window.
    pub window: Duration,
    /// For how long after its end late records still make revisions.
    pub horizon: Duration,
}

impl WindowRule {
    /// The rule of a stream's windows.
    #[must_use]
    pub fn of(stream: &StreamDefinition) -> Self {
        Self {
            window: stream.window,
            horizon: stream.revision_horizon,
        }
    }

    /// Windows that start before this instant are past their horizon where a table's watermark stands at `watermark`: the
    /// newest revision of each is final.
    #[must_use]
    pub fn final_before(self, watermark: Timestamp) -> Timestamp {
        let limit = watermark.0.saturating_sub(self.window.0).saturating_sub(self.horizon.0);
        Timestamp(limit.saturating_add(1))
    }
}

/// What is special about one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableRule {
    /// Days that ended so long before the table's newest one are dropped; nothing is where it is absent.
    pub retention: Option<Duration>,
    /// For tables of windows.
    pub windows: Option<WindowRule>,
}

/// What upkeep is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintainPlan {
    /// Rules by table; the other tables of the lake are compacted and vacuumed only.
    pub tables: BTreeMap<String, TableRule>,
    /// Size that small files are brought to, in bytes (default 64 MiB).
    pub target_bytes: u64,
    /// A day's files are compacted from so many small ones on (default 4, at least 2).
    pub min_files: usize,
    /// Unreferenced files older than this are deleted (default 7 days). A reader of an older version needs them, and so
    /// does a commit that is being made: not less than an hour.
    pub vacuum_after: Duration,
    /// Log entries behind the last checkpoint and older than this are deleted (default 7 days): time travel ends there.
    /// Not less than an hour.
    pub log_retention: Duration,
}

impl Default for MaintainPlan {
    fn default() -> Self {
        Self {
            tables: BTreeMap::new(),
            target_bytes: 64 << 20,
            min_files: 4,
            vacuum_after: Duration(7 * DAY),
            log_retention: Duration(7 * DAY),
        }
    }
}

impl MaintainPlan {
    /// The rules that the stream definitions imply: windows become final, archives age. Signals and looks at hot spots age, too.
    #[must_use]
    pub fn for_streams(catalog: &StreamCatalog) -> Self {
        let mut plan = Self::default();
        for (table, kept) in AGEING {
            let age = TableRule {
                retention: Some(kept),
                windows: None,
            };
            plan.tables.insert(table.into(), age);
        }
        for stream in catalog.iter() {
            plan.tables.insert(
                stream.windows_table(),
                TableRule {
                    retention: None,
                    windows: Some(WindowRule::of(stream)),
                },
            );
            let archive = TableRule {
                retention: Some(stream.archive_retention),
                windows: None,
            };
            plan.tables.insert(stream.events_table(), archive);
        }
        plan
    }

    fn check(&self) -> Result<()> {
        let hour = Duration(DAY / 24);
        for (field, value) in [
            ("vacuum_after", self.vacuum_after),
            ("log_retention", self.log_retention),
        ] {
            if value < hour {
                return Err(Error::invalid(format!("lake.{field}"), value, "1h or more"));
            }
        }
        if self.min_files < 2 {
            return Err(Error::invalid("lake.min_files", self.min_files, "2 or more"));
        }
        Ok(())
    }
}

/// What upkeep did to one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct TableReport {
    /// Windows that became final.
    pub finalised_windows: usize,
    /// Files of days that were dropped.
    pub expired_files: usize,
    /// Small files that were put together.
    pub compacted_files: usize,
    /// The files that came of them.
    pub compacted_into: usize,
    /// Log entries that were deleted.
    pub cleaned_entries: usize,
    /// Unreferenced files that were deleted.
    pub vacuumed_files: usize,
}

/// Maintains every table of the lake; gives what was done by table.
///
/// # Errors
/// [`Error::Invalid`] for a plan that could harm a reader or a writer; [`Error::Conflict`] where writers were always
/// quicker; [`Error::Log`] for a table that is not understood; the store's errors. The first error is given after the
/// other tables were maintained all the same.
pub async fn maintain(lake: &Lake, plan: &MaintainPlan) -> Result<BTreeMap<String, TableReport>> {
    plan.check()?;
    let mut reports = BTreeMap::new();
    let mut first_error = None;
    for name in lake.names().await? {
        match maintain_named(lake, &name, plan).await {
            Ok(report) => drop(reports.insert(name, report)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(reports), Err)
}

async fn maintain_named(lake: &Lake, name: &str, plan: &MaintainPlan) -> Result<TableReport> {
    match lake.existing(name).await? {
        Some(mut table) => maintain_table(&mut table, plan).await,
        None => Ok(TableReport::default()),
    }
}

async fn maintain_table(table: &mut Table, plan: &MaintainPlan) -> Result<TableReport> {
    let rule = plan.tables.get(table.name()).copied().unwrap_or_default();
    let mut report = TableReport::default();
    if let Some(windows) = rule.windows {
        report.finalised_windows = finalise::finalise(table, windows).await?;
    }
    if let Some(age) = rule.retention {
        report.expired_files = retention::expire(table, age).await?;
    }
    (report.compacted_files, report.compacted_into) =
        compact::compact(table, plan.target_bytes, plan.min_files).await?;
    report.cleaned_entries = clean_log(table, plan.log_retention).await?;
    report.vacuumed_files = vacuum::vacuum(table, plan.vacuum_after).await?;
    Ok(report)
}

/// Writes a checkpoint where the last one is old, then deletes what lies behind it and is older than `age`.
async fn clean_log(table: &mut Table, age: Duration) -> Result<usize> {
    table.refresh().await?;
    let store = table.shared.store.clone();
    let now = table.shared.options.clock.now();
    let every = table.shared.options.checkpoint_every;
    let newest = |entries: &[(Entry, i64)]| {
        entries
            .iter()
            .filter_map(|(entry, _)| {
                if let Entry::Checkpoint(version) = entry {
                    Some(*version)
                } else {
                    None
                }
            })
            .max()
    };
    let mut entries = log::list_with_times(&store, &table.name).await?;
    if table.version() - newest(&entries).unwrap_or(0) >= every {
        checkpoint::write(&store, &table.name, &table.snapshot, now, commit::TOMBSTONES).await?;
        entries = log::list_with_times(&store, &table.name).await?;
    }
    let Some(checkpoint) = newest(&entries) else {
        return Ok(0);
    };
    let limit = now.0 - age.0;
    let mut cleaned = 0;
    for (entry, modified) in entries {
        let (version, path) = match entry {
            Entry::Commit(version) => (version, log::entry_path(&table.name, version)),
            Entry::Checkpoint(version) => (version, checkpoint::path(&table.name, version)),
        };
        if version < checkpoint && modified < limit {
            store.delete(&path).await?;
            cleaned += 1;
        }
    }
    Ok(cleaned)
}

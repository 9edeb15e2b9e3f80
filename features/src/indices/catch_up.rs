//! What opening the table of indices derives: the days of windows that were committed since they were kept.
//!
//! # Why nothing is lost
//! A commit of indices says up to which commit of windows all indices are there (`arterial/source_version`), so the log of the
//! windows names what came later: no clock is asked, and what was made by a compaction is not taken for new.
//!
//! | what happens | what follows |
//! |---|---|
//! | the process ends between a commit of windows and that of its indices | that commit lies behind the version that was said |
//! | windows or revisions are committed while nobody keeps the indices | so do they |
//! | a commit is not told of, as its answer was lost or another process made it | the version stays before it until the next opening |
//! | another process says a version meanwhile | rows are committed without one |
//! | opening breaks off between two days | the version is said after the last of them: all are derived again |
//! | compaction or finalisation writes files anew | their rows are the same, and their commits bring no day |
//! | entries of the log were deleted, or the table is of before versions were said | every day is derived |
//!
//! Deriving a day again adds nothing: a row has zone, window, formula and revision, and those that are there are passed over.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arterial_datasets::lake::Scan;
use arterial_datasets::time::{DAY, Timestamp};

use super::derive::{self, Derivation};
use super::free_flow::FREE_FLOW_DAYS;
use super::speeds::{self, DaySpeeds};
use super::table::{IndexTable, between};
use crate::{Error, Result};

/// Late records revise windows of so many days before the newest one: their free flow is to be whole, too.
const LATE_DAYS: i64 = 2;

impl IndexTable {
    /// Derives the days that are missing, and reads the speeds of those that free flow looks back on.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        let days = self.days().await?;
        let version = self.windows.version();
        // Windows that were deleted and made anew begin again at version 0.
        let said = self.indices.progress().source_version;
        self.reached = said.filter(|said| *said <= version);
        let missing = self.missing(&days).await?;
        let mut wanted = missing.clone();
        wanted.extend(days.last().into_iter().flat_map(|newest| newest - LATE_DAYS..=*newest));
        for day in days {
            if wanted.range(day..day + FREE_FLOW_DAYS).next().is_some() {
                self.read_day(day, missing.contains(&day)).await?;
            }
        }
        self.reached = Some(version);
        if !missing.is_empty() {
            self.indices.refresh().await?;
            self.commit(&[], self.reached).await?;
        }
        self.derived = missing;
        Ok(())
    }

    /// Those of `days` that windows were committed of since their indices were derived.
    async fn missing(&self, days: &BTreeSet<i64>) -> Result<BTreeSet<i64>> {
        let Some(reached) = self.reached else {
            return Ok(days.clone());
        };
        let appended = self.windows.days_appended(reached + 1..=self.windows.version()).await?;
        Ok(appended.map_or_else(|| days.clone(), |appended| &appended & days))
    }

    /// Takes a day's speeds into free flow and, where it is missing, derives its indices. Days come in ascending order.
    async fn read_day(&mut self, day: i64, is_missing: bool) -> Result<()> {
        let columns = if is_missing {
            &derive::COLUMNS[..]
        } else {
            &speeds::COLUMNS[..]
        };
        let scan = between(columns, Timestamp(day * DAY), Timestamp((day + 1) * DAY));
        let (mut speeds, mut windows) = (DaySpeeds::default(), Derivation::default());
        let take = |batch: RecordBatch| {
            speeds.take(&batch)?;
            if is_missing {
                windows.take(&batch)?;
            }
            Ok::<_, Error>(())
        };
        self.windows.each(&scan, take).await?;
        speeds.enter(day, &mut self.free_flow);
        if !is_missing {
            return Ok(());
        }
        while windows.step(&self.free_flow) {
            // Nothing of this waits for anything: whoever calls has a turn.
            tokio::task::yield_now().await;
        }
        let derived = windows.finish(self.clock.now())?;
        self.append(&derived, self.reached).await?;
        Ok(())
    }

    /// The UTC days that have windows.
    async fn days(&self) -> Result<BTreeSet<i64>> {
        if let Some(days) = self.windows.days() {
            return Ok(days);
        }
        let scan = Scan {
            columns: Some(vec!["window_start".into()]),
            ..Scan::default()
        };
        let mut days = BTreeSet::new();
        let take = |batch: RecordBatch| {
            let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>();
            days.extend(starts.values().iter().map(|start| Timestamp(*start).day()));
            Ok::<_, Error>(())
        };
        self.windows.each(&scan, take).await?;
        Ok(days)
    }
}

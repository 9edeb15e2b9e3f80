//! What other instances on the same lake commit: they share the partitions of the topics, and nobody says when one of them closes a window.
//!
//! A table is looked at again and again. What this instance commits itself it takes by itself, and says so, so that nothing is read where
//! nobody else commits.

use std::collections::BTreeSet;
use std::sync::Mutex;

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Lake, Scan, Table};
use arterial_datasets::time::Duration;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::rebuild::watermark;
use super::state::Maker;
use super::stream::LiveStream;
use crate::Result;
use crate::sync::lock;

/// Rows of others, on their way.
type Rows = BoxStream<'static, arterial_datasets::Result<RecordBatch>>;

/// How far a table is read, and which of its versions this instance committed.
#[derive(Debug, Default)]
pub(super) struct Reading {
    table: Mutex<Option<Table>>,
    own: Mutex<BTreeSet<i64>>,
}

/// One look at a table.
pub(super) struct Look {
    pub table: Table,
    before: Option<Table>,
    own: BTreeSet<i64>,
}

impl Reading {
    /// All of `table` is about to be read. Where that is done again, the first time counts: for other columns, what came since is new.
    pub fn begin(&self, table: &Table) {
        lock(&self.table).get_or_insert_with(|| table.clone());
    }

    /// Notes that this instance committed a version, whose rows it takes by itself.
    pub fn note_own(&self, version: i64) {
        lock(&self.own).insert(version);
    }

    /// Nobody wants the table's rows: whoever will reads all of it first.
    pub fn forget_own(&self) {
        lock(&self.own).clear();
    }

    /// Looks at the table called `name`; none where there is no such table yet.
    pub async fn look(&self, lake: &Lake, name: &str) -> Result<Option<Look>> {
        let before = lock(&self.table).clone();
        let table = match before.clone() {
            Some(mut table) => {
                table.refresh().await?;
                table
            }
            None => match lake.existing(name).await? {
                Some(table) => table,
                None => return Ok(None),
            },
        };
        let own = lock(&self.own).clone();
        Ok(Some(Look { table, before, own }))
    }

    /// All that `look` found is taken.
    pub fn done(&self, look: Look) {
        let version = look.table.version();
        lock(&self.own).retain(|own| *own > version);
        *lock(&self.table) = Some(look.table);
    }
}

impl Look {
    /// What others have committed since the look before; none where all of the table has to be read for it.
    pub async fn others(&self, scan: &Scan) -> Result<Option<Rows>> {
        Ok(self.table.appended_since(self.before.as_ref(), &self.own, scan).await?)
    }
}

impl LiveStream {
    /// Notes that this instance committed a version of the windows table, whose rows it takes by itself.
    pub fn note_own(&self, version: i64) {
        self.reading().note_own(version);
    }

    /// Takes the windows and revisions that other instances have committed since the last look, or whoever `maker` says. Whoever follows the
    /// stream is told when all of them are taken. Returns the rows read.
    ///
    /// # Errors
    /// A lake that cannot be read; the next look goes on from where the last one did.
    pub async fn follow(&self, lake: &Lake, history: Duration, maker: Maker) -> Result<u64> {
        if self.served().is_empty() {
            self.reading().forget_own();
            return Ok(0);
        }
        let name = self.definition().windows_table();
        let Some(look) = self.reading().look(lake, &name).await? else {
            return Ok(0);
        };
        // Asked for once the table was looked at: what is served from now on is read from it as it stands then, which is no earlier.
        let fields = self.served();
        let scan = self.scan(&look.table, &fields, &(Duration(0)..history));
        let rows = match look.others(&scan).await? {
            Some(rows) => self.take_others(rows, &look.table, maker).await?,
            None => self.rebuild(lake, &fields, history).await?,
        };
        self.reading().done(look);
        Ok(rows)
    }

    /// Reads all history of what is served again, also what came of commits of this instance of which nobody was told.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn read_again(&self, lake: &Lake, history: Duration) -> Result<()> {
        if self.served().is_empty() {
            return Ok(());
        }
        let look = self.reading().look(lake, &self.definition().windows_table()).await?;
        self.rebuild(lake, &self.served(), history).await?;
        if let Some(look) = look {
            self.reading().done(look);
        }
        Ok(())
    }

    async fn take_others(&self, mut others: Rows, table: &Table, maker: Maker) -> Result<u64> {
        let mut rows = 0;
        while let Some(batch) = others.try_next().await? {
            rows += self.take(&batch, maker)?.windows;
        }
        if rows > 0 {
            self.tell_of_others(watermark(table));
        }
        Ok(rows)
    }
}

//! A table's handle: it stands at one version, and moves forward by refreshing and committing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::action::{Add, Format, Line, Metadata, Protocol, Transaction};
use super::progress::{PartitionProgress, Progress, TopicPartition};
use super::snapshot::{Snapshot, State};
use super::unique::unique;
use super::{Shared, commit, files, log, schema};
use crate::time::{MINUTE, Timestamp};
use crate::{Error, Result};

/// A handle that was not refreshed for so long looks whether the log still holds its version.
pub(super) const LONG_ASLEEP: i64 = MINUTE;

/// What a table is to look like.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// Its columns.
    pub schema: SchemaRef,
    /// The date column that its files are split by (`day`), or nothing.
    pub partition_by: Vec<String>,
}

impl TableSpec {
    /// A table split by its `day` column where it has one.
    #[must_use]
    pub fn new(name: impl Into<String>, schema: SchemaRef) -> Self {
        let day = crate::schema::DAY_COLUMN;
        let partition_by = schema
            .field_with_name(day)
            .map(|_| vec![day.to_owned()])
            .unwrap_or_default();
        Self {
            name: name.into(),
            schema,
            partition_by,
        }
    }
}

/// A table as of one version. Clones move on their own.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) shared: Arc<Shared>,
    pub(super) name: String,
    pub(super) snapshot: Arc<Snapshot>,
    /// When the log was last looked at.
    pub(super) seen: Timestamp,
}

impl Table {
    pub(super) async fn open(shared: Arc<Shared>, name: &str) -> Result<Option<Self>> {
        check_name(name)?;
        let Some(state) = log::load(&shared.store, name, None).await? else {
            return Ok(None);
        };
        let snapshot = Arc::new(Snapshot::new(name, state)?);
        let seen = shared.options.clock.now();
        Ok(Some(Self {
            shared,
            name: name.to_owned(),
            snapshot,
            seen,
        }))
    }

    pub(super) async fn open_or_create(shared: Arc<Shared>, spec: &TableSpec) -> Result<Self> {
        check_name(&spec.name)?;
        if let Some(mut table) = Self::open(Arc::clone(&shared), &spec.name).await? {
            table.grow(&spec.schema).await?;
            return Ok(table);
        }
        files::check_partitioning(&spec.name, &spec.schema, &spec.partition_by)?;
        create(&shared, spec).await?;
        // Somebody else may have been quicker, with another schema.
        let mut table = Self::open(shared, &spec.name).await?.ok_or_else(|| Error::Log {
            table: spec.name.clone(),
            version: 0,
            message: "the table was created and is not there".to_owned(),
        })?;
        table.grow(&spec.schema).await?;
        Ok(table)
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its columns, with those that were added later.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.snapshot.schema)
    }

    /// The version that this handle stands at.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.snapshot.state.version
    }

    /// How far the sources are read at this version.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.snapshot.progress
    }

    /// Number and bytes of the data files at this version.
    #[must_use]
    pub fn files(&self) -> (usize, u64) {
        let files = &self.snapshot.state.files;
        (
            files.len(),
            files
                .values()
                .map(|file| u64::try_from(file.add.size).unwrap_or(0))
                .sum(),
        )
    }

    /// Moves this handle to the newest version.
    ///
    /// # Errors
    /// [`Error::Log`] where the log is not understood; the store's errors.
    pub async fn refresh(&mut self) -> Result<()> {
        let store = &self.shared.store;
        let version = self.version();
        // Most often there is nothing new: the state is copied only if there is.
        if let Some(lines) = log::read_entry(store, &self.name, version + 1).await? {
            let mut state = self.snapshot.state.clone();
            state.apply(version + 1, lines);
            log::advance(store, &self.name, &mut state, None).await?;
            self.snapshot = Arc::new(Snapshot::new(&self.name, state)?);
        } else if self.was_long_asleep() && !store.exists(&log::entry_path(&self.name, version)).await? {
            // The newest entry is never cleaned away: this handle is older than the log goes back.
            return self.reload().await;
        }
        self.seen = self.shared.options.clock.now();
        Ok(())
    }

    /// Reads the log from its last checkpoint on.
    pub(super) async fn reload(&mut self) -> Result<()> {
        let found = Self::open(Arc::clone(&self.shared), &self.name).await?;
        *self = found.ok_or_else(|| Error::Unknown {
            what: "table",
            name: self.name.clone(),
            known: "it was deleted".to_owned(),
        })?;
        Ok(())
    }

    pub(super) fn was_long_asleep(&self) -> bool {
        let now = self.shared.options.clock.now();
        (now.0 - self.seen.0).abs() > LONG_ASLEEP
    }

    /// Takes partitions over: their epoch grows by one, and from here on commits by whoever held them are refused.
    ///
    /// Read [`Table::progress`] afterwards: it holds the new epochs and everything that the former owner committed.
    ///
    /// # Errors
    /// [`Error::Conflict`] where other writers are always quicker; the store's errors.
    pub async fn acquire(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let now = self.milliseconds();
        commit::commit(self, "ACQUIRE", |snapshot| {
            let mut wanted = Progress::default();
            for place in partitions {
                let known = snapshot.progress.partitions.get(place).copied().unwrap_or_default();
                let next = PartitionProgress {
                    epoch: known.epoch + 1,
                    ..known
                };
                wanted.partitions.insert(place.clone(), next);
            }
            Ok(transactions(&wanted, &snapshot.progress, now))
        })
        .await
        .map(|_| ())
    }

    /// Makes sure that nobody has taken these partitions over since this handle acquired them, and moves it to the newest version.
    /// Where this fails, the handle stays where it was.
    ///
    /// A writer that has nothing to commit learns by this alone that another has its place.
    ///
    /// # Errors
    /// [`Error::Fenced`] where another writer has acquired one since; [`Error::Conflict`] where its progress moved; the store's errors.
    pub async fn ensure_owned(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let mut newest = self.clone();
        newest.refresh().await?;
        let known = self.progress();
        let mut held = Progress::default();
        for place in partitions {
            let own = known.partitions.get(place).copied().unwrap_or_default();
            held.partitions.insert(place.clone(), own);
        }
        held.check(&self.name, known, newest.progress())?;
        *self = newest;
        Ok(())
    }

    /// Commits rows together with the progress they bring; gives the new version.
    ///
    /// `progress` names the partitions that this writer owns, with the epochs it acquired; other partitions stay as they
    /// are. Rows may be empty. When this returns an error, nothing or everything of the commit is there: acquire anew,
    /// read the progress and go on from there.
    ///
    /// # Errors
    /// [`Error::Fenced`] where another writer has acquired a partition since; [`Error::Conflict`] where its progress
    /// moved or would go back; [`Error::Invalid`] for rows that do not fit; [`Error::DiskFull`]; the store's errors.
    pub async fn commit(&mut self, batches: &[RecordBatch], progress: &Progress) -> Result<i64> {
        let base = self.snapshot.progress.clone();
        progress.check(&self.name, &base, &base)?;
        let added = self.write(batches).await?;
        let now = self.milliseconds();
        let name = self.name.clone();
        let outcome = commit::commit(self, "WRITE", |snapshot| {
            progress.check(&name, &base, &snapshot.progress)?;
            let mut lines = transactions(progress, &snapshot.progress, now);
            if let Some(configuration) = progress.configuration(&snapshot.metadata.configuration) {
                lines.push(
                    Metadata {
                        configuration,
                        ..snapshot.metadata.clone()
                    }
                    .into(),
                );
            }
            lines.extend(added.iter().cloned().map(Line::from));
            Ok(lines)
        })
        .await;
        self.forget_if_refused(&outcome, &added).await;
        outcome
    }

    /// Commits rows that have no source position, such as forecasts; gives the new version.
    ///
    /// # Errors
    /// [`Error::Invalid`] for rows that do not fit; [`Error::DiskFull`]; the store's errors.
    pub async fn append(&mut self, batches: &[RecordBatch]) -> Result<i64> {
        let added = self.write(batches).await?;
        let lines: Vec<Line> = added.iter().cloned().map(Line::from).collect();
        let outcome = commit::commit(self, "WRITE", |_| Ok(lines.clone())).await;
        self.forget_if_refused(&outcome, &added).await;
        outcome
    }

    async fn write(&self, batches: &[RecordBatch]) -> Result<Vec<Add>> {
        let mut fitted = Vec::with_capacity(batches.len());
        for batch in batches {
            fitted.push(schema::conform(&self.name, batch, &self.snapshot.schema)?);
        }
        let now = self.shared.options.clock.now();
        files::write(
            &self.shared.store,
            &self.name,
            self.snapshot.partition_column(),
            &fitted,
            now,
            true,
        )
        .await
    }

    /// Deletes the data files of a commit that is known not to exist. Vacuum finds what is left over here.
    pub(super) async fn forget_if_refused(&self, outcome: &Result<i64>, added: &[Add]) {
        // A full disk most of all: what was written for nothing would take the room away.
        if matches!(
            outcome,
            Err(Error::Fenced { .. } | Error::Conflict { .. } | Error::DiskFull { .. })
        ) {
            files::forget(&self.shared.store, &self.name, added).await;
        }
    }

    async fn grow(&mut self, wanted: &SchemaRef) -> Result<()> {
        let name = self.name.clone();
        commit::commit(self, "ADD COLUMNS", |snapshot| {
            let Some(grown) = schema::grown(&name, &snapshot.schema, wanted)? else {
                return Ok(Vec::new());
            };
            let schema_string = schema::to_delta(&grown)?;
            Ok(vec![
                Metadata {
                    schema_string,
                    ..snapshot.metadata.clone()
                }
                .into(),
            ])
        })
        .await
        .map(|_| ())
    }

    pub(super) fn milliseconds(&self) -> i64 {
        self.shared.options.clock.now().0.div_euclid(1_000)
    }

    /// This table as it was at `version`.
    pub(super) async fn at(&self, version: i64) -> Result<Arc<Snapshot>> {
        if version == self.version() {
            return Ok(Arc::clone(&self.snapshot));
        }
        let state: Option<State> = log::load(&self.shared.store, &self.name, Some(version)).await?;
        let accepted = format!(
            "a kept version of table `{}`, the newest is {}",
            self.name,
            self.version()
        );
        let state = state.ok_or_else(|| Error::invalid("scan.version", version, accepted))?;
        Snapshot::new(&self.name, state).map(Arc::new)
    }
}

fn transactions(wanted: &Progress, current: &Progress, now: i64) -> Vec<Line> {
    let changed = wanted.transactions(current).into_iter();
    changed
        .map(|(app_id, version)| {
            Transaction {
                app_id,
                version,
                last_updated: Some(now),
            }
            .into()
        })
        .collect()
}

/// Puts version 0, if nobody did before.
async fn create(shared: &Shared, spec: &TableSpec) -> Result<()> {
    let now = shared.options.clock.now().0.div_euclid(1_000);
    let metadata = Metadata {
        id: unique().to_string(),
        name: Some(spec.name.clone()),
        description: None,
        format: Format {
            provider: "parquet".to_owned(),
            options: BTreeMap::new(),
        },
        schema_string: schema::to_delta(&spec.schema)?,
        partition_columns: spec.partition_by.clone(),
        configuration: BTreeMap::new(),
        created_time: Some(now),
    };
    let protocol = Protocol {
        min_reader_version: 1,
        min_writer_version: 2,
    };
    let info = commit::info("CREATE TABLE", now, &unique().to_string(), true);
    let bytes = commit::encode(&[info.into(), protocol.into(), metadata.into()])?;
    commit::put_first(&shared.store, &spec.name, bytes).await
}

fn check_name(name: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid("table", name, "a name of letters, digits, `_` and `-`"))
}

//! The commit: one conditional put of a log entry, and what to make of every answer to it.
//!
//! ```text
//! put entry N+1 if absent -> written              -> committed
//!                         -> exists, our id       -> committed before, the answer was lost
//!                         -> exists, another's id -> read it, check again (fenced? moved?), try N+2
//!                         -> no answer            -> look who owns N+1; nobody: put the same entry again
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::action::{CommitInfo, Line};
use super::fault::Step;
use super::fsync::Put;
use super::snapshot::Snapshot;
use super::store::Store;
use super::table::Table;
use super::unique::unique;
use super::{checkpoint, log};
use crate::time::DAY;
use crate::{Error, Result};

/// How often a commit follows other writers before it gives up.
const REBASES: usize = 200;
/// How often the same entry is put when no answer comes.
const PUTS: u32 = 5;
/// The first pause after a missing answer; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long checkpoints remember removed files, as Delta does by default.
pub(super) const TOMBSTONES: crate::time::Duration = crate::time::Duration(7 * DAY);

/// What became of an entry.
enum Outcome {
    Committed,
    /// Another writer has this version.
    Taken,
}

/// Commits what `build` makes of the newest snapshot; it is asked again after every commit of another writer. No lines:
/// nothing to commit. Gives the version that the table's handle then stands at.
pub(super) async fn commit(
    table: &mut Table,
    operation: &str,
    build: impl Fn(&Snapshot) -> Result<Vec<Line>>,
) -> Result<i64> {
    let id = unique().to_string();
    for _ in 0..REBASES {
        let mut lines = build(&table.snapshot)?;
        if lines.is_empty() {
            return Ok(table.version());
        }
        let blind = lines
            .iter()
            .all(|line| line.remove.is_none() && line.meta_data.is_none());
        lines.insert(0, info(operation, table.milliseconds(), &id, blind).into());
        let version = table.version() + 1;
        match put_entry(table, version, encode(&lines)?, &id).await? {
            Outcome::Committed => {
                table.snapshot = Arc::new(table.snapshot.followed_by(&table.name, lines)?);
                table.seen = table.shared.options.clock.now();
                checkpoint_if_due(table).await;
                table.shared.store.faults.enter(Step::Reply, &table.name)?;
                table.shared.store.faults.leave(Step::Reply, &table.name)?;
                return Ok(version);
            }
            Outcome::Taken => table.refresh().await?,
        }
    }
    Err(Error::Conflict {
        table: table.name.clone(),
        message: format!("{REBASES} times another writer was quicker"),
    })
}

async fn put_entry(table: &mut Table, version: i64, bytes: Bytes, id: &str) -> Result<Outcome> {
    let store = table.shared.store.clone();
    let path = log::entry_path(&table.name, version);
    let mut pause = FIRST_PAUSE;
    let mut lost = None;
    for _ in 0..PUTS {
        store.faults.enter(Step::LogEntry, &path)?;
        let answer = store.put_new(&path, bytes.clone()).await;
        store.faults.leave(Step::LogEntry, &path)?;
        match answer {
            Ok(Put::Written) => {
                return if in_a_hole(table, version).await? {
                    bury(table, &path).await
                } else {
                    Ok(Outcome::Committed)
                };
            }
            Err(error) if !store.is_remote() => return Err(error),
            Ok(Put::Exists) => {}
            Err(error) => lost = Some(error),
        }
        match owner(table, version).await {
            Ok(Some(owner)) if owner == id => return Ok(Outcome::Committed),
            Ok(Some(_)) => return Ok(Outcome::Taken),
            Ok(None) => {}
            Err(error) => lost = Some(error),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Err(lost.unwrap_or_else(|| Error::Conflict {
        table: table.name.clone(),
        message: format!("version {version} exists and cannot be read"),
    }))
}

/// Puts version 0 of a table. Whether this writer's entry wins or another's, the table is there afterwards.
pub(super) async fn put_first(store: &Store, table: &str, bytes: Bytes) -> Result<()> {
    let path = log::entry_path(table, 0);
    let mut pause = FIRST_PAUSE;
    let mut puts = 0;
    loop {
        store.faults.enter(Step::LogEntry, &path)?;
        let answer = store.put_new(&path, bytes.clone()).await;
        store.faults.leave(Step::LogEntry, &path)?;
        puts += 1;
        match answer {
            Err(error) if !store.is_remote() || puts == PUTS => return Err(error),
            Err(_) if !store.exists(&path).await? => {}
            _ => return Ok(()),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// The id of the commit that has `version`; empty where its writer gave none.
async fn owner(table: &Table, version: i64) -> Result<Option<String>> {
    let lines = log::read_entry(&table.shared.store, &table.name, version).await?;
    Ok(lines.map(|lines| {
        lines
            .into_iter()
            .find_map(|line| line.commit_info?.txn_id)
            .unwrap_or_default()
    }))
}

/// Whether the entry went to a version which existed and was cleaned away while this writer slept.
async fn in_a_hole(table: &Table, version: i64) -> Result<bool> {
    if !table.was_long_asleep() {
        return Ok(false);
    }
    // The newest entry is never cleaned away, so the one before a new one is always there.
    let before = table
        .shared
        .store
        .exists(&log::entry_path(&table.name, version - 1))
        .await?;
    Ok(!before)
}

/// Takes a stray entry away (no reader looks behind the last checkpoint) and goes on from the newest version.
async fn bury(table: &mut Table, path: &str) -> Result<Outcome> {
    table.shared.store.delete(path).await?;
    table.reload().await?;
    Ok(Outcome::Taken)
}

/// Writes a checkpoint every so many versions. The commit stands without it, so a failure is only told.
async fn checkpoint_if_due(table: &Table) {
    if table.version() % table.shared.options.checkpoint_every != 0 {
        return;
    }
    let now = table.shared.options.clock.now();
    if let Err(error) = checkpoint::write(&table.shared.store, &table.name, &table.snapshot, now, TOMBSTONES).await {
        tracing::warn!(table = table.name, version = table.version(), %error, "checkpoint not written");
    }
}

/// The first line of an entry.
pub(super) fn info(operation: &str, timestamp: i64, id: &str, blind: bool) -> CommitInfo {
    let parameters = if operation == "WRITE" {
        json!({"mode": "Append"})
    } else {
        json!({})
    };
    CommitInfo {
        timestamp,
        operation: operation.to_owned(),
        operation_parameters: parameters,
        is_blind_append: Some(blind),
        engine_info: Some(concat!("arterial/", env!("CARGO_PKG_VERSION")).to_owned()),
        txn_id: Some(id.to_owned()),
    }
}

/// The lines as the bytes of an entry.
pub(super) fn encode(lines: &[Line]) -> Result<Bytes> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line)
            .map_err(|error| Error::invalid("log entry", error, "actions that JSON can hold"))?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}

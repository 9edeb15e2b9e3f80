//! Reads a table's log: the last checkpoint, then entry by entry.
//!
//! Entries are asked for by name, one after the other: a listing would grow with the table's age.

use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::action::Line;
use super::checkpoint;
use super::snapshot::State;
use super::store::Store;
use crate::{Error, Result};

/// How many entries are asked for at once.
const AHEAD: i64 = 8;

/// The folder of a table's log.
pub(crate) fn folder(table: &str) -> String {
    format!("{table}/_delta_log")
}

/// The log entry of a version.
pub(crate) fn entry_path(table: &str, version: i64) -> String {
    format!("{}/{version:020}.json", folder(table))
}

/// The file that names the last checkpoint.
pub(crate) fn hint_path(table: &str) -> String {
    format!("{}/_last_checkpoint", folder(table))
}

/// What `_last_checkpoint` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hint {
    pub version: i64,
    pub size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u32>,
}

/// A log entry's name as found in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Commit(i64),
    Checkpoint(i64),
}

impl Entry {
    /// Reads a file name of the log's folder; `None` for anything else that may lie there.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (version, rest) = path.rsplit('/').next()?.split_once('.')?;
        let version = (version.len() == 20).then(|| version.parse().ok())??;
        match rest {
            "json" => Some(Self::Commit(version)),
            "checkpoint.parquet" => Some(Self::Checkpoint(version)),
            _ => None,
        }
    }
}

/// Reads the table as of `at`, or as of now. `None` where there is no such table.
pub(crate) async fn load(store: &Store, table: &str, at: Option<i64>) -> Result<Option<State>> {
    let mut state = match hinted(store, table, at).await? {
        Some(state) => state,
        None => match listed(store, table, at).await? {
            Some(state) => state,
            None => return Ok(None),
        },
    };
    advance(store, table, &mut state, at).await?;
    match at {
        Some(wanted) if wanted != state.version => Err(Error::invalid(
            "scan.version",
            wanted,
            format!("a kept version of table `{table}`, the newest is {}", state.version),
        )),
        _ => Ok(Some(state)),
    }
}

/// Takes in the entries after the state's version.
pub(crate) async fn advance(store: &Store, table: &str, state: &mut State, at: Option<i64>) -> Result<()> {
    // Most often there is nothing new: the first look is for one entry only.
    let mut ahead = 1;
    loop {
        let last = at.unwrap_or(i64::MAX).min(state.version + ahead);
        let versions: Vec<i64> = (state.version + 1..=last).collect();
        let found: Vec<Option<Vec<Line>>> = stream::iter(versions)
            .map(|version| read_entry(store, table, version))
            .buffered(AHEAD as usize)
            .try_collect()
            .await?;
        let asked = found.len();
        let mut seen = 0;
        for lines in found.into_iter().map_while(|lines| lines) {
            state.apply(state.version + 1, lines);
            seen += 1;
        }
        if seen < asked || asked == 0 {
            return Ok(());
        }
        ahead = AHEAD;
    }
}

/// The lines of one version, or nothing where it does not exist yet.
pub(crate) async fn read_entry(store: &Store, table: &str, version: i64) -> Result<Option<Vec<Line>>> {
    let Some(bytes) = store.get(&entry_path(table, version)).await? else {
        return Ok(None);
    };
    parse(table, version, &bytes).map(Some)
}

fn parse(table: &str, version: i64, bytes: &[u8]) -> Result<Vec<Line>> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|line| {
            serde_json::from_slice(line).map_err(|error| Error::Log {
                table: table.to_owned(),
                version,
                message: format!("a line is no action: {error}"),
            })
        })
        .collect()
}

/// The state of the checkpoint that `_last_checkpoint` names, if it is of use.
async fn hinted(store: &Store, table: &str, at: Option<i64>) -> Result<Option<State>> {
    let Some(bytes) = store.get(&hint_path(table)).await? else {
        return Ok(None);
    };
    let Ok(hint) = serde_json::from_slice::<Hint>(&bytes) else {
        return Ok(None);
    };
    if hint.parts.is_some_and(|parts| parts > 1) || at.is_some_and(|wanted| wanted < hint.version) {
        return Ok(None);
    }
    checkpoint::read(store, table, hint.version).await
}

/// The state of the newest checkpoint found in the folder, or the empty state before version 0.
async fn listed(store: &Store, table: &str, at: Option<i64>) -> Result<Option<State>> {
    let entries = list(store, table).await?;
    let limit = at.unwrap_or(i64::MAX);
    let newest = entries
        .iter()
        .filter_map(|entry| {
            if let Entry::Checkpoint(version) = entry {
                Some(*version)
            } else {
                None
            }
        })
        .filter(|version| *version <= limit)
        .max();
    if let Some(version) = newest {
        return checkpoint::read(store, table, version).await;
    }
    if entries.contains(&Entry::Commit(0)) {
        return Ok(Some(State {
            version: -1,
            ..State::default()
        }));
    }
    if entries.is_empty() {
        return Ok(None);
    }
    Err(match at {
        Some(wanted) => Error::invalid("scan.version", wanted, format!("a kept version of table `{table}`")),
        None => Error::Log {
            table: table.to_owned(),
            version: 0,
            message: "neither checkpoint nor first entry".to_owned(),
        },
    })
}

/// Every commit and checkpoint in the log's folder.
pub(crate) async fn list(store: &Store, table: &str) -> Result<Vec<Entry>> {
    Ok(list_with_times(store, table)
        .await?
        .into_iter()
        .map(|(entry, _)| entry)
        .collect())
}

/// Every commit and checkpoint in the log's folder, with the microsecond at which it was written.
pub(crate) async fn list_with_times(store: &Store, table: &str) -> Result<Vec<(Entry, i64)>> {
    let files: Vec<_> = store.list(&folder(table))?.try_collect().await?;
    let entry =
        |(path, meta): &(String, ObjectMeta)| Some((Entry::parse(path)?, meta.last_modified.timestamp_micros()));
    Ok(files.iter().filter_map(entry).collect())
}

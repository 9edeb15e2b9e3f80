//! The forecasts at hand: the newest issue of every target, straight from memory, with every horizon, those that the table `forecasts` does
//! not keep as well. Keys whose data are too old are left out, as they are refused to whoever asks for them otherwise.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arterial_datasets::schema;
use arterial_datasets::time::{Duration, Timestamp};
use futures::{StreamExt, stream};

use super::{Batches, project};
use crate::flight::query::Query;
use crate::score::{Issue, rows_fresh};
use crate::state::AppState;
use crate::{Error, Result};

/// The dataset's name.
pub(super) const NAME: &str = "forecasts_latest";
/// The columns by which rows are selected, the one that is meant without a name first: a step ahead of an issue has one value of each.
pub(super) const TIMES: [&str; 3] = ["origin", "target_time", "issued_at"];

pub(super) fn schema() -> SchemaRef {
    schema::forecasts()
}

/// The issues that were newest at an instant.
pub(super) struct Newest {
    issues: Vec<Arc<Issue>>,
    now: Timestamp,
    stale_after: Duration,
}

impl Newest {
    /// Those that are newest now.
    pub(super) fn of(state: &AppState) -> Self {
        Self {
            issues: state.scores.newest(),
            now: state.clock.now(),
            stale_after: state.config.stale_after,
        }
    }
}

/// The rows that `query` asks for: a batch for each step ahead of each issue, made when its turn comes, so that a large city is never in
/// memory twice.
///
/// # Errors
/// A time that is none of [`TIMES`].
pub(super) fn read(newest: &Newest, schema: &SchemaRef, query: &Query) -> Result<Batches> {
    let mut parts = Vec::new();
    for issue in &newest.issues {
        for ahead in 1..=issue.horizon() {
            if is_wanted(issue, ahead, query)? {
                parts.push((Arc::clone(issue), ahead));
            }
        }
    }
    let keys: Option<HashSet<String>> = query.keys.as_ref().map(|keys| keys.iter().cloned().collect());
    let (schema, now, stale_after) = (Arc::clone(schema), newest.now, newest.stale_after);
    let rows = move |(issue, ahead): (Arc<Issue>, usize)| {
        let is_asked = |key: usize| keys.as_ref().is_none_or(|keys| keys.contains(&*issue.keys[key]));
        let rows = rows_fresh(&issue, &BTreeSet::from([ahead]), now, stale_after, is_asked)?;
        project(&rows, &schema)
    };
    Ok(stream::iter(parts).map(rows).boxed())
}

/// Whether a step ahead of an issue lies in the time that is asked about.
fn is_wanted(issue: &Issue, ahead: usize, query: &Query) -> Result<bool> {
    let at = match query.time.as_deref() {
        None | Some("origin") => issue.origin,
        Some("target_time") => issue.target_time(ahead),
        Some("issued_at") => issue.issued_at,
        Some(other) => return Err(Error::invalid("time", other, TIMES.join(", "))),
    };
    Ok(query.from.is_none_or(|from| at >= from.0) && query.to.is_none_or(|to| at < to.0))
}

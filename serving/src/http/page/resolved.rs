//! The alerts that were resolved lately: who comes after one was over still finds it for some hours.

use std::cmp::Reverse;
use std::sync::Arc;

use arterial_datasets::time::{Duration, HOUR, Timestamp};

use crate::alerts::AlertRevision;
use crate::state::AppState;

/// For how long they are told of.
const LATELY: Duration = Duration(3 * HOUR);
/// The most that are told of.
const MOST: usize = 5;

/// Those that were resolved lately, the newest first.
pub fn lately(state: &AppState) -> Vec<Arc<AlertRevision>> {
    let since = Timestamp(state.clock.now().0 - LATELY.0);
    newest(state.alerts.store.all(), since)
}

/// What is part of another alert since is not among them: it is told of with that one.
fn newest(all: Vec<Arc<AlertRevision>>, since: Timestamp) -> Vec<Arc<AlertRevision>> {
    let is_recent = |one: &Arc<AlertRevision>| one.alert.is_resolved() && one.alert.closed_at >= Some(since);
    let mut over: Vec<Arc<AlertRevision>> = all.into_iter().filter(is_recent).collect();
    over.sort_by_key(|one| Reverse(one.alert.closed_at));
    over.truncate(MOST);
    over
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::State;

    use super::*;
    use crate::alerts::revision_example;

    fn closed(at: i64, state: State) -> Arc<AlertRevision> {
        let mut revision = revision_example();
        revision.alert.state = state;
        revision.alert.closed_at = Some(Timestamp(at));
        Arc::new(revision)
    }

    #[test]
    fn the_newest_that_were_resolved_come_first_and_old_ones_and_parts_of_others_do_not() {
        let mut all: Vec<_> = (0..10).map(|at| closed(at, State::Resolved)).collect();
        all.extend([closed(8, State::Merged), closed(9, State::Open)]);
        let told = |since: i64| {
            let found = newest(all.clone(), Timestamp(since));
            found
                .iter()
                .map(|one| one.alert.closed_at.unwrap().0)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(0), [9, 8, 7, 6, 5]);
        assert_eq!(told(8), [9, 8]);
        assert_eq!(told(10), Vec::<i64>::new());
    }
}

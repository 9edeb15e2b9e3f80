//! The alerts at hand: the newest revision of each, what changed since when, and the last revisions one by one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, RwLock};

use arterial_datasets::time::{Duration, Timestamp};
use tokio::sync::watch;

use super::filter::AlertFilter;
use super::find;
use super::ledger::Remembered;
use super::place::PagePlace;
use super::revision::AlertRevision;
use crate::sync::{read, write};
use crate::{Error, Result};

/// Revisions that are kept one by one for the sinks; who is further behind reads the table.
const LOG: usize = 4_096;

/// The alerts at hand.
#[derive(Debug)]
pub struct AlertStore {
    state: RwLock<State>,
    /// The sequence of the newest revision.
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    by_id: HashMap<String, Arc<AlertRevision>>,
    by_sequence: BTreeMap<u64, Arc<AlertRevision>>,
    log: VecDeque<Arc<AlertRevision>>,
    last: u64,
    /// Changes up to this sequence may be of alerts that are no longer at hand.
    forgotten_through: u64,
}

/// Changes, the earliest first.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The newest revision of each alert that changed.
    pub alerts: Vec<Arc<AlertRevision>>,
    /// Up to where they go.
    pub through: u64,
}

impl Default for AlertStore {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            newest: watch::Sender::new(0),
        }
    }
}

impl AlertStore {
    /// Begins anew from what the table knows, unless more is at hand: who reads the table beside the worker may be late with it. Sequences
    /// only grow, so that whoever watches goes on.
    pub fn load(&self, remembered: Remembered) {
        let mut state = State {
            last: remembered.last,
            forgotten_through: remembered.forgotten_through,
            ..State::default()
        };
        for revision in remembered.newest {
            state.put(Arc::new(revision));
        }
        let last = state.last;
        let mut known = write(&self.state);
        if last < known.last {
            return;
        }
        *known = state;
        drop(known);
        self.newest.send_replace(last);
    }

    /// Takes revisions that are durable, in order, and forgets alerts that have been over for longer than `keep`. What is at hand already
    /// is left aside: two who read the table at once may bring the same.
    pub fn take(&self, revisions: &[AlertRevision], keep: Duration) {
        let Some(newest) = revisions.iter().map(|one| one.alert.updated_at).max() else {
            return;
        };
        let mut state = write(&self.state);
        let known = state.last;
        for revision in revisions.iter().filter(|one| one.sequence > known) {
            let revision = Arc::new(revision.clone());
            state.last = state.last.max(revision.sequence);
            state.log.push_back(Arc::clone(&revision));
            state.put(revision);
        }
        while state.log.len() > LOG {
            state.log.pop_front();
        }
        state.forget(Timestamp(newest.0.saturating_sub(keep.0)));
        let last = state.last;
        drop(state);
        self.newest.send_replace(last);
    }

    /// Forgets alerts that have been over since before `instant`.
    pub fn forget(&self, instant: Timestamp) {
        write(&self.state).forget(instant);
    }

    /// The alert of that id.
    ///
    /// # Errors
    /// No such alert at hand.
    pub fn get(&self, alert_id: &str) -> Result<Arc<AlertRevision>> {
        let state = read(&self.state);
        state.by_id.get(alert_id).cloned().ok_or_else(|| unknown(alert_id))
    }

    /// The alert whose id is `beginning`, or the only one whose id begins with it.
    ///
    /// # Errors
    /// No such alert at hand, or several; no beginning at all.
    pub fn find(&self, beginning: &str) -> Result<Arc<AlertRevision>> {
        find::only(&read(&self.state).by_id, beginning).cloned()
    }

    /// At most `limit` alerts that `filter` takes, the latest change first, `from` a place on or else from the first; where the next page
    /// begins, if there is one; and the sequence of the newest revision of all.
    ///
    /// What changes while somebody reads page by page moves to the front, where he has been: it comes at the end, the earliest change first,
    /// so that none is missed. Some come twice then, as they were and as they have become.
    pub fn page(
        &self,
        filter: &AlertFilter,
        from: Option<PagePlace>,
        limit: usize,
    ) -> (Vec<Arc<AlertRevision>>, Option<PagePlace>, u64) {
        let state = read(&self.state);
        let PagePlace { before, since } = from.unwrap_or(PagePlace {
            before: u64::MAX,
            since: state.last,
        });
        let newest_first = state.by_sequence.range(..before).rev();
        let changed = state.by_sequence.range(since.saturating_add(1)..);
        let mut found: Vec<Arc<AlertRevision>> = newest_first
            .chain(changed)
            .filter(|(_, one)| filter.takes(&one.alert))
            .map(|(_, one)| Arc::clone(one))
            .take(limit + 1)
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| {
            let (before, since) = if last.sequence > since {
                (0, last.sequence)
            } else {
                (last.sequence, since)
            };
            PagePlace { before, since }
        });
        (found, next, state.last)
    }

    /// At most `limit` alerts that changed behind the sequence `after`.
    ///
    /// # Errors
    /// A place further back than what is at hand, or one that is yet to come.
    pub fn changes(&self, after: u64, limit: usize) -> Result<Changes> {
        let state = read(&self.state);
        if after > state.last {
            let accepted = format!("at most {}, the newest sequence", state.last);
            return Err(Error::invalid("resume_after", after, accepted));
        }
        if after < state.forgotten_through {
            return Err(Error::NotKept(format!(
                "what changed since {after} is not at hand any more: begin without `resume_after`, or read the table `alerts`"
            )));
        }
        let mut alerts: Vec<Arc<AlertRevision>> = state
            .by_sequence
            .range(after + 1..)
            .map(|(_, one)| Arc::clone(one))
            .take(limit + 1)
            .collect();
        let more = alerts.len() > limit;
        alerts.truncate(limit);
        let through = alerts.last().filter(|_| more).map_or(state.last, |last| last.sequence);
        Ok(Changes { alerts, through })
    }

    /// At most `most` revisions behind the sequence `after`, one by one; none where the table has to be read for them.
    pub fn log_after(&self, after: u64, most: usize) -> Option<Vec<Arc<AlertRevision>>> {
        let state = read(&self.state);
        if after >= state.last {
            return Some(Vec::new());
        }
        let first = state.log.front()?.sequence;
        if after + 1 < first {
            return None;
        }
        let behind = state.log.iter().filter(|one| one.sequence > after);
        Some(behind.take(most).cloned().collect())
    }

    /// Every alert at hand, the earliest change first.
    pub fn all(&self) -> Vec<Arc<AlertRevision>> {
        read(&self.state).by_sequence.values().cloned().collect()
    }

    /// The alerts that go on, the latest change first.
    pub fn live(&self) -> Vec<Arc<AlertRevision>> {
        let state = read(&self.state);
        let newest_first = state.by_sequence.values().rev();
        newest_first.filter(|one| one.alert.is_live()).cloned().collect()
    }

    /// The sequence of the newest revision.
    pub fn last(&self) -> u64 {
        read(&self.state).last
    }

    /// Follows the sequence of the newest revision.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

impl State {
    fn put(&mut self, revision: Arc<AlertRevision>) {
        let former = self
            .by_id
            .insert(revision.alert.alert_id.clone(), Arc::clone(&revision));
        if let Some(former) = former {
            self.by_sequence.remove(&former.sequence);
        }
        self.by_sequence.insert(revision.sequence, revision);
    }

    fn forget(&mut self, before: Timestamp) {
        let old = |one: &AlertRevision| !one.is_kept() && one.alert.updated_at < before;
        let forgotten: Vec<Arc<AlertRevision>> = self.by_sequence.values().filter(|one| old(one)).cloned().collect();
        for one in forgotten {
            self.forgotten_through = self.forgotten_through.max(one.sequence);
            self.by_sequence.remove(&one.sequence);
            self.by_id.remove(&one.alert.alert_id);
        }
    }
}

/// No such alert.
pub(super) fn unknown(alert_id: &str) -> Error {
    if alert_id.is_empty() {
        return Error::missing("alert_id", "the id of an alert, as ListAlerts gives it");
    }
    Error::Unknown {
        what: "alert",
        name: alert_id.into(),
        known: "those that ListAlerts gives".into(),
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::DAY;
    use arterial_models::alerts::State as Stage;

    use super::*;
    use crate::alerts::revision::examples::revision;

    const KEEP: Duration = Duration(DAY);

    #[test]
    fn what_is_over_for_long_is_forgotten_and_who_asks_for_it_is_told_so() {
        let store = AlertStore::default();
        store.take(
            &[
                revision(1, "old", 0, Stage::Resolved),
                revision(2, "open", 0, Stage::Open),
            ],
            KEEP,
        );
        store.take(&[revision(3, "new", 300, Stage::Open)], KEEP);
        assert!(store.get("old").is_err());
        assert!(store.get("open").is_ok(), "what goes on is never forgotten");
        let error = store.changes(0, 10).unwrap_err().to_string();
        assert!(error.contains("the table `alerts`"), "{error}");
        assert_eq!(store.changes(1, 10).unwrap().alerts.len(), 2);
    }

    #[test]
    fn what_was_read_before_the_last_change_does_not_take_it_back() {
        let store = AlertStore::default();
        let read_at = |last: u64| Remembered {
            newest: vec![revision(last, "a", last as u32, Stage::Open)],
            last,
            forgotten_through: 0,
        };
        store.load(read_at(3));
        store.take(&[revision(4, "a", 4, Stage::Open)], KEEP);
        store.load(read_at(3));
        assert_eq!((store.last(), store.get("a").unwrap().sequence), (4, 4));
        store.load(read_at(5));
        assert_eq!((store.last(), store.get("a").unwrap().sequence), (5, 5));
    }

    #[test]
    fn what_two_readers_bring_of_the_table_is_taken_once_and_in_order() {
        let store = AlertStore::default();
        let read: Vec<AlertRevision> = (1..=5).map(|at| revision(at, "a", at as u32, Stage::Open)).collect();
        for some in [&read[..2], &read[..], &read[1..4]] {
            store.take(some, KEEP);
        }
        assert_eq!((store.last(), store.get("a").unwrap().sequence), (5, 5));
        let told = store.log_after(0, 9).unwrap();
        assert_eq!(told.iter().map(|one| one.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_changes_while_somebody_reads_page_by_page_comes_at_the_end() {
        let store = AlertStore::default();
        let open = |sequence, id| revision(sequence, id, 0, Stage::Open);
        store.take(&[open(1, "a"), open(2, "b"), open(3, "c"), open(4, "d")], KEEP);
        let page = |from| {
            let (alerts, next, last) = store.page(&AlertFilter::default(), from, 2);
            let told: Vec<String> = alerts
                .iter()
                .map(|one| format!("{}{}", one.alert.alert_id, one.alert.revision))
                .collect();
            (told, next, last)
        };
        let (first, next, last) = page(None);
        assert_eq!((first, last), (vec!["d0".to_owned(), "c0".into()], 4));
        // Of the next page `a` changes, of the one before `d`, and `e` comes.
        let changed = [
            revision(5, "a", 1, Stage::Open),
            revision(6, "d", 1, Stage::Open),
            open(7, "e"),
        ];
        store.take(&changed, KEEP);
        let (second, next, _) = page(next);
        assert_eq!(second, ["b0", "a1"]);
        let (third, next, last) = page(next);
        assert_eq!((third, next, last), (vec!["d1".to_owned(), "e0".into()], None, 7));
        let beyond = PagePlace {
            before: 0,
            since: u64::MAX,
        };
        assert_eq!(page(Some(beyond)), (Vec::new(), None, 7));
    }

    #[test]
    fn a_sink_that_is_far_behind_is_sent_to_the_table() {
        let store = AlertStore::default();
        for sequence in 1..=(LOG as u64 + 10) {
            store.take(&[revision(sequence, "a", sequence as u32, Stage::Open)], KEEP);
        }
        assert_eq!(store.log_after(5, 3), None);
        let next = store.log_after(LOG as u64, 3).unwrap();
        assert_eq!(
            next.iter().map(|one| one.sequence).collect::<Vec<_>>(),
            [LOG as u64 + 1, LOG as u64 + 2, LOG as u64 + 3]
        );
        assert_eq!(store.log_after(LOG as u64 + 10, 3), Some(Vec::new()));
    }
}

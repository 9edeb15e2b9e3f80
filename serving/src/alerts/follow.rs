//! Whoever follows the alerts: a snapshot first, then what changes.

use std::collections::HashSet;
use std::sync::Arc;

use super::filter::AlertFilter;
use super::revision::AlertRevision;
use super::store::{AlertStore, Changes};
use crate::Result;

/// Changes that are told at a time.
const BATCH: usize = 500;

/// Where somebody who follows the alerts stands. It holds a number and the ids of alerts that go on, never a queue: whoever is slow
/// finds the newest revision of each alert.
#[derive(Debug)]
pub struct Follower {
    filter: AlertFilter,
    told: HashSet<String>,
    after: u64,
    begins: bool,
}

impl Follower {
    /// Begins with what goes on now, or behind `after`.
    pub fn new(filter: AlertFilter, after: Option<u64>) -> Self {
        Self {
            filter,
            told: HashSet::new(),
            after: after.unwrap_or_default(),
            begins: after.is_none(),
        }
    }

    /// The next changes, which may be none; `through` is where to resume.
    ///
    /// # Errors
    /// A place further back than what is at hand, or one that is yet to come.
    pub fn next(&mut self, store: &AlertStore) -> Result<Changes> {
        let changes = if self.begins {
            self.snapshot(store)
        } else {
            store.changes(self.after, BATCH)?
        };
        self.after = changes.through;
        let alerts = if std::mem::take(&mut self.begins) {
            changes.alerts
        } else {
            let wanted =
                |one: &Arc<AlertRevision>| self.filter.takes(&one.alert) || self.told.contains(&one.alert.alert_id);
            changes.alerts.into_iter().filter(wanted).collect()
        };
        for one in &alerts {
            if one.alert.is_live() {
                self.told.insert(one.alert.alert_id.clone());
            } else {
                self.told.remove(&one.alert.alert_id);
            }
        }
        Ok(Changes { alerts, ..changes })
    }

    /// What goes on, or whatever has the states that are asked for.
    fn snapshot(&self, store: &AlertStore) -> Changes {
        let (mut alerts, _, through) = store.page(&self.filter, u64::MAX, usize::MAX - 1);
        alerts.retain(|one| one.alert.is_live() || !self.filter.states.is_empty());
        alerts.reverse();
        Changes { alerts, through }
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::{DAY, Duration};
    use arterial_models::alerts::{Severity, State};

    use super::*;
    use crate::alerts::revision::examples::revision;

    const KEEP: Duration = Duration(30 * DAY);

    fn told(changes: &Changes) -> Vec<(&str, u32)> {
        changes
            .alerts
            .iter()
            .map(|one| (one.alert.alert_id.as_str(), one.alert.revision))
            .collect()
    }

    #[test]
    fn a_slow_reader_finds_the_newest_revision_of_each_alert_and_no_queue() {
        let store = AlertStore::default();
        let mut follower = Follower::new(AlertFilter::default(), None);
        assert!(follower.next(&store).unwrap().alerts.is_empty());
        for change in 0..10_000 {
            let id = if change % 2 == 0 { "even" } else { "odd" };
            store.take(&[revision(change + 1, id, (change / 2) as u32, State::Open)], KEEP);
        }
        let changes = follower.next(&store).unwrap();
        assert_eq!(
            (told(&changes), changes.through),
            (vec![("even", 4999), ("odd", 4999)], 10_000)
        );
        assert!(follower.next(&store).unwrap().alerts.is_empty());
    }

    #[test]
    fn an_alert_that_no_longer_fits_is_told_once_more() {
        let store = AlertStore::default();
        let filter = AlertFilter {
            severities: [Severity::High].into(),
            ..AlertFilter::default()
        };
        let mut follower = Follower::new(filter, None);
        follower.next(&store).unwrap();
        let mut high = revision(1, "a", 0, State::Open);
        high.alert.severity = Severity::High;
        store.take(&[high, revision(2, "other", 0, State::Open)], KEEP);
        assert_eq!(told(&follower.next(&store).unwrap()), [("a", 0)]);
        store.take(&[revision(3, "a", 1, State::Resolved)], KEEP);
        assert_eq!(told(&follower.next(&store).unwrap()), [("a", 1)]);
        store.take(&[revision(4, "a", 2, State::Resolved)], KEEP);
        assert!(follower.next(&store).unwrap().alerts.is_empty());
    }

    #[test]
    fn many_changes_come_in_several_answers() {
        let store = AlertStore::default();
        let many: Vec<_> = (0..1200)
            .map(|at| revision(at + 1, &format!("a{at}"), 0, State::Open))
            .collect();
        store.take(&many, KEEP);
        let mut follower = Follower::new(AlertFilter::default(), Some(0));
        let sizes: Vec<usize> = (0..4).map(|_| follower.next(&store).unwrap().alerts.len()).collect();
        assert_eq!(sizes, [500, 500, 200, 0]);
    }
}

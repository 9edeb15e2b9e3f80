//! Whoever follows the alerts: a snapshot first, then what changes.

use std::collections::HashSet;
use std::sync::Arc;

use super::filter::AlertFilter;
use super::revision::AlertRevision;
use super::store::{AlertStore, Changes};
use crate::Result;

/// Changes that are told at a time.
const BATCH: usize = 500;

/// Where somebody who follows the alerts stands. It holds a number and the ids of alerts at hand, never a queue: whoever is slow
/// finds the newest revision of each alert.
#[derive(Debug)]
pub struct Follower {
    filter: AlertFilter,
    /// What fitted when it was told last: it is told once more when it no longer fits.
    told: HashSet<String>,
    /// With more than so many, those that are no longer at hand are dropped.
    room: usize,
    after: u64,
    begins: bool,
    resumes: bool,
}

impl Follower {
    /// Begins with what goes on now, or behind `after`.
    pub fn new(filter: AlertFilter, after: Option<u64>) -> Self {
        Self {
            filter,
            told: HashSet::new(),
            room: BATCH,
            after: after.unwrap_or_default(),
            begins: after.is_none(),
            resumes: after.is_some(),
        }
    }

    /// The next changes, which may be none; `through` is where to resume.
    ///
    /// # Errors
    /// A place further back than what is at hand, or one that is yet to come.
    pub fn next(&mut self, store: &AlertStore) -> Result<Changes> {
        if std::mem::take(&mut self.resumes) {
            self.told = self.may_be_known(store);
        }
        let Changes { mut alerts, through } = if std::mem::take(&mut self.begins) {
            self.snapshot(store)
        } else {
            store.changes(self.after, BATCH)?
        };
        self.after = through;
        alerts.retain(|one| self.tells(one));
        if self.told.len() > self.room {
            self.told.retain(|id| store.get(id).is_ok());
            self.room = BATCH + 2 * self.told.len();
        }
        Ok(Changes { alerts, through })
    }

    /// Whether a change is told: that of an alert which fits, or which fitted when it was told last.
    fn tells(&mut self, one: &AlertRevision) -> bool {
        let id = &one.alert.alert_id;
        if self.filter.takes(&one.alert) {
            self.told.insert(id.clone());
            return true;
        }
        self.told.remove(id)
    }

    /// What somebody who goes on behind `after` may have been told of. What changed since then may have fitted before, so that it
    /// counts whether it fits now or not, unless it is known to have been opened since.
    fn may_be_known(&self, store: &AlertStore) -> HashSet<String> {
        let since = store.log_after(self.after, usize::MAX).unwrap_or_default();
        let opened = since.iter().filter(|one| one.alert.revision == 0);
        let opened: HashSet<&str> = opened.map(|one| one.alert.alert_id.as_str()).collect();
        let may_be_known = |one: &Arc<AlertRevision>| {
            if one.sequence <= self.after {
                self.filter.takes(&one.alert)
            } else {
                one.alert.revision > 0 && !opened.contains(one.alert.alert_id.as_str())
            }
        };
        let all = store.all().into_iter().filter(may_be_known);
        all.map(|one| one.alert.alert_id.clone()).collect()
    }

    /// What goes on, or whatever has the states that are asked for.
    fn snapshot(&self, store: &AlertStore) -> Changes {
        let (mut alerts, _, through) = store.page(&self.filter, None, usize::MAX - 1);
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
        let mut follower = Follower::new(only_high(), None);
        follower.next(&store).unwrap();
        store.take(&[high(1, "a", 0), revision(2, "other", 0, State::Open)], KEEP);
        assert_eq!(told(&follower.next(&store).unwrap()), [("a", 0)]);
        store.take(&[revision(3, "a", 1, State::Resolved)], KEEP);
        assert_eq!(told(&follower.next(&store).unwrap()), [("a", 1)]);
        store.take(&[revision(4, "a", 2, State::Resolved)], KEEP);
        assert!(follower.next(&store).unwrap().alerts.is_empty());
    }

    fn high(sequence: u64, id: &str, number: u32) -> AlertRevision {
        let mut high = revision(sequence, id, number, State::Open);
        high.alert.severity = Severity::High;
        high
    }

    fn only_high() -> AlertFilter {
        AlertFilter {
            severities: [Severity::High].into(),
            ..AlertFilter::default()
        }
    }

    fn only_open() -> AlertFilter {
        AlertFilter {
            states: [State::Open].into(),
            ..AlertFilter::default()
        }
    }

    #[test]
    fn an_alert_that_goes_on_without_fitting_is_told_once_and_again_when_it_fits() {
        let store = AlertStore::default();
        let mut follower = Follower::new(only_high(), None);
        let medium = |sequence, number| revision(sequence, "a", number, State::Open);
        let steps = [
            (high(1, "a", 0), true),
            (medium(2, 1), true),
            (medium(3, 2), false),
            (high(4, "a", 3), true),
            (medium(5, 4), true),
            (medium(6, 5), false),
        ];
        for (step, is_told) in steps {
            store.take(std::slice::from_ref(&step), KEEP);
            let told = follower.next(&store).unwrap().alerts.len() == 1;
            assert_eq!(told, is_told, "revision {}", step.alert.revision);
        }
    }

    #[test]
    fn an_alert_that_ended_while_its_watcher_was_away_is_told_whatever_is_asked_for() {
        let store = AlertStore::default();
        let mut follower = Follower::new(only_open(), None);
        store.take(&[revision(1, "a", 0, State::Open)], KEEP);
        let seen = follower.next(&store).unwrap();
        assert_eq!(told(&seen), [("a", 0)]);

        store.take(&[revision(2, "a", 1, State::Resolved)], KEEP);
        let mut back = Follower::new(only_open(), Some(seen.through));
        assert_eq!(told(&back.next(&store).unwrap()), [("a", 1)]);
        store.take(&[revision(3, "a", 2, State::Resolved)], KEEP);
        assert!(back.next(&store).unwrap().alerts.is_empty(), "once");
    }

    #[test]
    fn an_alert_that_ends_after_its_watcher_came_back_is_told() {
        let store = AlertStore::default();
        store.take(&[revision(1, "a", 0, State::Open)], KEEP);
        let mut back = Follower::new(only_open(), Some(1));
        assert!(back.next(&store).unwrap().alerts.is_empty(), "nothing changed");
        store.take(&[revision(2, "a", 1, State::Resolved)], KEEP);
        assert_eq!(told(&back.next(&store).unwrap()), [("a", 1)]);
    }

    #[test]
    fn what_began_and_never_fitted_while_its_watcher_was_away_is_not_told() {
        let store = AlertStore::default();
        store.take(&[high(1, "a", 0)], KEEP);
        let away = [
            revision(2, "b", 0, State::Open),
            revision(3, "b", 1, State::Open),
            high(4, "c", 0),
        ];
        store.take(&away, KEEP);
        let mut back = Follower::new(only_high(), Some(1));
        assert_eq!(told(&back.next(&store).unwrap()), [("c", 0)]);
    }

    #[test]
    fn alerts_that_are_no_longer_at_hand_take_no_room() {
        let store = AlertStore::default();
        let mut follower = Follower::new(AlertFilter::default(), None);
        follower.next(&store).unwrap();
        for at in 1..=5_000_u64 {
            // Each ten days after the one before: of those that are over, three are at hand.
            let over = revision(at, &format!("a{at}"), (at * 2880) as u32, State::Resolved);
            store.take(&[over], KEEP);
            assert_eq!(follower.next(&store).unwrap().alerts.len(), 1);
        }
        assert!(follower.told.len() < 1_000, "{}", follower.told.len());
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

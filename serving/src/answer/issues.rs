//! Which of the stored issues were in place: the newest of each instance.
//!
//! Instances that share the keys of a stream each put down the keys whose windows they make, and one that begins puts down all that it knows,
//! until it knows who makes what.

use std::collections::BTreeMap;

use arterial_datasets::time::Timestamp;

use crate::score::Stamp;

/// The newest issue of each instance, by since when that one ran; rows from before that was stored are of one instance.
#[derive(Debug, Default)]
pub struct Issues(BTreeMap<Option<Timestamp>, Stamp>);

impl Issues {
    /// Whether an issue of an instance was put in place behind all that are known of it.
    pub fn are_before(&self, instance: Option<Timestamp>, stamp: Stamp) -> bool {
        let order = |one: &Stamp| (one.issued_at, one.origin);
        let newest = self.0.get(&instance);
        newest.is_none_or(|newest| order(newest) < order(&stamp))
    }

    /// Takes note of an issue of an instance.
    pub fn note(&mut self, instance: Option<Timestamp>, stamp: Stamp) {
        if self.are_before(instance, stamp) {
            self.0.insert(instance, stamp);
        }
    }

    /// Leaves out what was issued before another instance began: that one took its place, or it has issued nothing since.
    pub fn settled(mut self) -> Self {
        let begun = self.0.keys().flatten().max().copied();
        self.0.retain(|_, stamp| Some(stamp.issued_at) >= begun);
        self
    }

    /// Whether an issue of an instance is one of them.
    pub fn hold(&self, instance: Option<Timestamp>, stamp: Stamp) -> bool {
        self.0.get(&instance) == Some(&stamp)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(issued_at: i64) -> Stamp {
        Stamp {
            origin: Timestamp(0),
            issued_at: Timestamp(issued_at),
        }
    }

    fn issues(of: &[(i64, i64)]) -> Issues {
        let mut issues = Issues::default();
        for &(instance, issued_at) in of {
            issues.note(Some(Timestamp(instance)), stamp(issued_at));
        }
        issues.settled()
    }

    #[test]
    fn the_newest_issue_of_each_instance_is_in_place() {
        let issues = issues(&[(1, 10), (2, 12), (1, 11), (2, 9)]);
        for (instance, issued_at, is_there) in [(1, 11, true), (1, 10, false), (2, 12, true), (2, 11, false)] {
            let held = issues.hold(Some(Timestamp(instance)), stamp(issued_at));
            assert_eq!(held, is_there, "{instance} at {issued_at}");
        }
    }

    #[test]
    fn an_instance_that_was_started_again_takes_the_place_of_itself() {
        let mut before = Issues::default();
        before.note(None, stamp(9));
        before.note(Some(Timestamp(1)), stamp(10));
        before.note(Some(Timestamp(11)), stamp(12));
        let issues = before.settled();
        assert!(issues.hold(Some(Timestamp(11)), stamp(12)));
        assert!(!issues.hold(Some(Timestamp(1)), stamp(10)) && !issues.hold(None, stamp(9)));
        assert!(!issues.is_empty() && Issues::default().settled().is_empty());
    }
}

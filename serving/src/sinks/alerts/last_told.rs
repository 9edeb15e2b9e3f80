//! What a receiver was told last of each alert.

use std::collections::{BTreeMap, VecDeque};

use arterial_models::alerts::{Severity, State};

use crate::alerts::AlertRevision;

/// Ends that are remembered: a letter that is older than that, and is sent again, counts as news.
const ENDS: usize = 4_096;

/// What a receiver was told last of each alert.
#[derive(Debug, Default)]
pub struct LastTold {
    /// Of alerts that are not over, by id.
    live: BTreeMap<String, Last>,
    /// The alerts whose ends were told last, with the sequences of these ends.
    over: VecDeque<(String, u64)>,
}

/// A revision that was told.
#[derive(Debug, Clone, Copy)]
struct Last {
    sequence: u64,
    state: State,
    severity: Severity,
}

impl LastTold {
    /// State and severity of an alert as they were told; none where nothing was, or its end.
    pub fn of(&self, alert_id: &str) -> Option<(State, Severity)> {
        let last = self.live.get(alert_id)?;
        Some((last.state, last.severity))
    }

    /// The receiver has been told. A revision that is older than what it was told before changes nothing: a dead letter that is
    /// sent again says what was, not how things stand.
    pub fn note(&mut self, revision: &AlertRevision) {
        let (alert, sequence) = (&revision.alert, revision.sequence);
        if self.sequence(&alert.alert_id).is_some_and(|known| known > sequence) {
            return;
        }
        self.over.retain(|(id, _)| *id != alert.alert_id);
        if alert.is_live() {
            let last = Last {
                sequence,
                state: alert.state,
                severity: alert.severity,
            };
            self.live.insert(alert.alert_id.clone(), last);
        } else {
            self.live.remove(&alert.alert_id);
            self.over.push_back((alert.alert_id.clone(), sequence));
        }
        if self.over.len() > ENDS {
            self.over.pop_front();
        }
    }

    /// The revision that was told last of an alert.
    fn sequence(&self, alert_id: &str) -> Option<u64> {
        let live = self.live.get(alert_id).map(|last| last.sequence);
        let over = || self.over.iter().find(|(id, _)| id == alert_id);
        live.or_else(|| over().map(|(_, sequence)| *sequence))
    }
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::Alert;

    use super::*;
    use crate::alerts::revision_example;

    fn revision(sequence: u64, state: State) -> AlertRevision {
        let alert = Alert {
            state,
            ..revision_example().alert
        };
        AlertRevision { sequence, alert }
    }

    #[test]
    fn an_old_letter_does_not_bring_back_what_is_over() {
        let mut told = LastTold::default();
        told.note(&revision(3, State::Resolved));
        told.note(&revision(1, State::Open));
        assert_eq!(told.of("a"), None);
        told.note(&revision(4, State::Reopened));
        assert_eq!(told.of("a"), Some((State::Reopened, Severity::Medium)));
    }

    #[test]
    fn an_old_letter_does_not_hide_what_was_told_since() {
        let mut told = LastTold::default();
        told.note(&revision(2, State::Acknowledged));
        told.note(&revision(1, State::Open));
        assert_eq!(told.of("a"), Some((State::Acknowledged, Severity::Medium)));
    }

    #[test]
    fn of_alerts_that_are_over_only_the_last_are_remembered() {
        let mut told = LastTold::default();
        for sequence in 1..=(ENDS as u64 + 10) {
            let mut end = revision(sequence, State::Resolved);
            end.alert.alert_id = sequence.to_string();
            told.note(&end);
        }
        assert_eq!((told.over.len(), told.live.len()), (ENDS, 0));
    }
}

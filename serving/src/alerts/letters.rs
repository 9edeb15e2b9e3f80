//! Revisions that a sink did not take: what there is, and another try.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Alerts;
use super::deliveries::{Deliveries, Delivery};
use super::ledger::Ledger;
use super::revision::AlertRevision;
use super::sink::AlertSink;
use crate::metrics::Metric;
use crate::sinks::alerts::dead_letters::{DeadLetter, DeadLetters};
use crate::state::AppState;
use crate::{Error, Result};

/// What another try gave.
#[derive(Debug, Default)]
pub struct Retried {
    /// Letters that were taken, or that newer revisions have made useless.
    pub sent: u64,
    /// Letters that were not, with what the receiver said this time.
    pub left: Vec<DeadLetter>,
}

impl Alerts {
    /// The dead letters, as the lake has them now: another service may have put some on the list since, or taken some off it.
    ///
    /// # Errors
    /// A lake that cannot be read or written; a service without a lake.
    pub async fn letters(&self, state: &AppState) -> Result<&DeadLetters> {
        let letters = self.known_letters(state).await?;
        letters.refresh().await?;
        Ok(letters)
    }

    /// The dead letters, as far as this service knows of them.
    ///
    /// # Errors
    /// As [`Alerts::letters`].
    pub(super) async fn known_letters(&self, state: &AppState) -> Result<&DeadLetters> {
        let lake = state.lake.as_ref();
        let lake = lake.ok_or_else(|| Error::NotKept("a service without a lake keeps no dead letters".into()))?;
        self.letters.get_or_try_init(|| DeadLetters::open(lake)).await
    }

    /// Sends the letters of these sinks again, those of all where none is named, once each and in order. After a failure the later
    /// letters of the same sink are left as they are. Whoever asks meanwhile waits, and is told of what is left then.
    ///
    /// # Errors
    /// A sink that is not configured; a lake that cannot be read or written.
    pub async fn retry_letters(&self, state: &AppState, sinks: &[String]) -> Result<Retried> {
        let configured = state.alert_sinks();
        if let Some(unknown) = sinks.iter().find(|name| find(configured, name).is_none()) {
            return Err(Error::Unknown {
                what: "sink",
                name: unknown.clone(),
                known: configured.iter().map(|sink| sink.name()).collect::<Vec<_>>().join(", "),
            });
        }
        let _turn = self.retrying.lock().await;
        let letters = self.letters(state).await?;
        let waiting = letters.list(sinks);
        let revisions = self.revisions(state, &waiting).await?;
        let (mut retried, mut failed) = (Retried::default(), BTreeSet::new());
        for letter in waiting {
            let sink = find(configured, &letter.sink).filter(|sink| !failed.contains(sink.name()));
            let (Some(sink), Some(revision)) = (sink, revisions.get(&letter.sequence)) else {
                retried.left.push(letter);
                continue;
            };
            let outcome = if self.is_overtaken(sink.as_ref(), revision) {
                Ok(false)
            } else {
                sink.deliver(revision).await.map(|()| true)
            };
            match outcome {
                Ok(is_told) => {
                    if is_told {
                        self.note_letter(state, sink.name(), revision).await?;
                    }
                    letters.settle(&letter, state.clock.now()).await?;
                    retried.sent += 1;
                }
                Err(error) => {
                    failed.insert(sink.name());
                    let reason = error.reason().to_owned();
                    retried.left.push(DeadLetter { reason, ..letter });
                }
            }
        }
        count(state, letters);
        Ok(retried)
    }

    /// Notes that the receiver has the alert after all.
    async fn note_letter(&self, state: &AppState, sink: &str, revision: &AlertRevision) -> Result<()> {
        let Some(lake) = &state.lake else { return Ok(()) };
        let delivery = Delivery::new(revision, state.clock.now());
        Deliveries::open(lake, sink).await?.note_letter(&delivery).await
    }

    /// Whether telling of `revision` would only hide what has become of its alert since, from a sink that is told how things stand.
    pub(super) fn is_overtaken(&self, sink: &dyn AlertSink, revision: &AlertRevision) -> bool {
        let newest = self.store.get(&revision.alert.alert_id);
        !sink.keeps_history() && newest.is_ok_and(|newest| newest.sequence > revision.sequence)
    }

    /// The revisions of `letters`, by sequence.
    async fn revisions(&self, state: &AppState, letters: &[DeadLetter]) -> Result<BTreeMap<u64, AlertRevision>> {
        let sequences: BTreeSet<u64> = letters.iter().map(|letter| letter.sequence).collect();
        match &state.lake {
            Some(lake) if !sequences.is_empty() => Ledger::open(lake).await?.find(&sequences).await,
            _ => Ok(BTreeMap::new()),
        }
    }
}

/// Sets the metric to what waits.
pub(super) fn count(state: &AppState, letters: &DeadLetters) {
    let letters = letters.list(&[]);
    for sink in state.alert_sinks() {
        let count = letters.iter().filter(|letter| letter.sink == sink.name()).count();
        state
            .metrics
            .set_by(Metric::AlertDeadLetters, "sink", sink.name(), count as f64);
    }
}

fn find<'a>(sinks: &'a [Arc<dyn AlertSink>], name: &str) -> Option<&'a Arc<dyn AlertSink>> {
    sinks.iter().find(|sink| sink.name() == name)
}

//! Other instances on the same lake: what they commit is taken into live state, so that each of them answers for every key.

use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::lake::Lake;
use tokio::time::{Instant, MissedTickBehavior};

use super::AppState;
use crate::Result;
use crate::error::chain;
use crate::live::Maker;
use crate::readiness::Reason;

/// Nobody says when another instance commits. Its windows are missed no longer than that, a small part of any window; where there is
/// nothing new a look is one request a table, for the next entry of its log.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl AppState {
    /// Notes that this instance committed version `version` of the windows table of `topic`. It [takes](AppState::take) the rows by itself.
    pub fn note_commit(&self, topic: &str, version: i64) {
        // A commit of a stream that is not defined is refused where it is taken.
        if let Ok(stream) = self.live.stream(topic) {
            stream.note_own(version);
        }
    }

    /// The same of the archive of `topic`.
    pub fn note_archived(&self, topic: &str, version: i64) {
        self.live.incidents().note_own(topic, version);
    }

    /// Takes what other instances have committed since the last look: windows and revisions of what is served, and incidents. It is done
    /// every few seconds; windows of this instance's own are not read.
    ///
    /// # Errors
    /// A lake that cannot be read: the next look finds what this one did not.
    pub async fn look_at_others(&self) -> Result<()> {
        let Some(lake) = &self.lake else { return Ok(()) };
        self.take_others(lake).await
    }

    /// Looks until the service stops.
    pub(super) async fn follow_others(self: Arc<Self>, lake: Lake) {
        // All of it has just been read.
        let mut every = tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_said = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = every.tick() => {}
            }
            let looked = tokio::select! {
                () = self.stop.cancelled() => return,
                looked = self.take_others(&lake) => looked,
            };
            if let Err(error) = &looked
                && !is_said
            {
                tracing::warn!(
                    error = chain(error),
                    "what other instances commit cannot be read; it is tried again"
                );
            }
            is_said = looked.is_err();
        }
    }

    async fn take_others(&self, lake: &Lake) -> Result<()> {
        // While commits fail, one may have reached the lake whose reply was lost: what is found may be of this instance.
        let maker = if self.readiness.reasons().contains_key(&Reason::LakeUnwritable) {
            Maker::Past
        } else {
            Maker::Other
        };
        let history = self.config.history;
        let taken = self.live.follow(lake, history, maker, &self.metrics).await;
        if !matches!(taken, Ok(0)) {
            self.alerts.wake();
        }
        taken.map(drop)
    }
}

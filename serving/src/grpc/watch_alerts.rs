//! The stream of `WatchAlerts`.
//!
//! Changes are looked up when the connection has room for them and not before: for whoever is slow no queue waits, but the place where
//! he stands, the ids of the alerts that he was told of, and the answer that he has not taken yet, which `backpressure.rs` bounds. Of a snapshot of many alerts the later parts wait as what they are in
//! memory, shared by everybody.

use std::collections::VecDeque;
use std::sync::Arc;

use arterial_models::alerts::Language;
use arterial_proto::v1;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;
use tonic::Status;

use super::convert_alert::alert;
use super::mask::Mask;
use crate::alerts::{AlertRevision, Changes, Follower};
use crate::state::AppState;
use crate::watchers::Place;
use crate::{Error, Result};

/// Alerts in an answer.
const MOST: usize = 500;

/// Somebody who watches alerts.
pub struct AlertWatch {
    state: Arc<AppState>,
    follower: Follower,
    language: Language,
    mask: Mask,
    news: watch::Receiver<u64>,
    /// What is known and not told yet, and up to where it goes.
    waiting: VecDeque<Arc<AlertRevision>>,
    through: u64,
    _place: Place,
}

impl AlertWatch {
    /// Begins with the first answer, which may be empty.
    ///
    /// # Errors
    /// A place further back than what is at hand, or one that is yet to come.
    pub fn begin(
        state: &Arc<AppState>,
        mut follower: Follower,
        language: Language,
        mask: Mask,
        place: Place,
    ) -> Result<(Self, v1::WatchAlertsResponse)> {
        let news = state.alerts.store.subscribe();
        let first = follower.next(&state.alerts.store)?;
        let mut watch = Self {
            state: Arc::clone(state),
            follower,
            language,
            mask,
            news,
            waiting: VecDeque::new(),
            through: first.through,
            _place: place,
        };
        watch.take(first);
        let first = watch.part();
        Ok((watch, first))
    }

    fn take(&mut self, changes: Changes) {
        self.through = changes.through;
        self.waiting = changes.alerts.into();
    }

    /// The next part of what waits.
    fn part(&mut self) -> v1::WatchAlertsResponse {
        let count = self.waiting.len().min(MOST);
        let told: Vec<Arc<AlertRevision>> = self.waiting.drain(..count).collect();
        let resume_after = match told.last() {
            Some(last) if !self.waiting.is_empty() => last.sequence,
            _ => self.through,
        };
        let message = |one: &Arc<AlertRevision>| self.mask.apply(alert(&self.state, one, self.language));
        v1::WatchAlertsResponse {
            alerts: told.iter().map(message).collect(),
            resume_after,
        }
    }

    /// The next answer, as soon as there is one.
    async fn next(&mut self) -> Result<v1::WatchAlertsResponse> {
        while self.waiting.is_empty() {
            let through = self.through;
            tokio::select! {
                () = self.state.stop.cancelled() => return Err(Error::NotReady("the service is shutting down".into())),
                changed = self.news.wait_for(|newest| *newest > through) => {
                    changed.map_err(|error| Error::Background(error.to_string()))?;
                }
            }
            let changes = self.follower.next(&self.state.alerts.store)?;
            self.take(changes);
        }
        Ok(self.part())
    }
}

/// The answers, `first` of all.
pub fn stream(
    watch: AlertWatch,
    first: v1::WatchAlertsResponse,
) -> BoxStream<'static, Result<v1::WatchAlertsResponse, Status>> {
    let later = stream::unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(answer) => Some((Ok(answer), Some(watch))),
            Err(error) => Some((Err(Status::from(error)), None)),
        }
    });
    stream::iter([Ok(first)]).chain(later).boxed()
}

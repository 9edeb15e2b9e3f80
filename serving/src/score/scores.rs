//! The forecasts at hand: the newest issue of each target, and a few that were computed because somebody asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use arc_swap::ArcSwapOption;
use arterial_datasets::time::Timestamp;
use arterial_models::registry::{ModelVersion, Target};
use tokio::sync::watch;

use super::issue::Issue;
use super::outlook::Outlooks;
use crate::model::Edition;
use crate::sync::{read, write};

/// So many issues beside the newest are kept for each target.
const KEPT: usize = 8;

/// What distinguishes an issue that was computed on request.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The model that was asked for; none for the ladder.
    pub model: Option<ModelVersion>,
    /// Who was in charge of the ladder.
    pub edition: Edition,
    /// The quantiles, ascending.
    pub quantiles: Vec<f64>,
}

/// The forecasts of one target.
#[derive(Debug)]
pub struct TargetScores {
    newest: ArcSwapOption<Issue>,
    published: watch::Sender<Option<Arc<Issue>>>,
    /// Whether the history is there in full: only then the models are asked, which were fitted on full history.
    whole: AtomicBool,
    /// What the issues said of windows an hour ahead.
    pub outlooks: Outlooks,
    /// Computing on request happens one at a time: who waits finds the issue ready.
    asked: tokio::sync::Mutex<Vec<(Wanted, Arc<Issue>)>>,
}

impl Default for TargetScores {
    fn default() -> Self {
        Self {
            newest: ArcSwapOption::empty(),
            published: watch::Sender::new(None),
            whole: AtomicBool::new(false),
            outlooks: Outlooks::default(),
            asked: tokio::sync::Mutex::default(),
        }
    }
}

impl TargetScores {
    /// The newest issue.
    pub fn newest(&self) -> Option<Arc<Issue>> {
        self.newest.load_full()
    }

    /// Puts an issue in place of the one before and tells those who watch.
    pub fn publish(&self, issue: Arc<Issue>) {
        self.newest.store(Some(Arc::clone(&issue)));
        self.outlooks.note(&issue);
        self.published.send_replace(Some(issue));
    }

    /// Whether the history is there in full.
    pub fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// Says that the history is there in full.
    pub fn complete(&self) {
        self.whole.store(true, Ordering::Release);
    }

    /// Follows the issues; a slow watcher misses some, never the newest.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Issue>>> {
        self.published.subscribe()
    }

    /// The issue that was computed for `wanted` from `origin`, or the one that `compute` gives.
    ///
    /// # Errors
    /// Whatever `compute` could not do.
    pub async fn asked<E>(
        &self,
        wanted: Wanted,
        origin: Option<Timestamp>,
        compute: impl AsyncFnOnce() -> Result<Option<Arc<Issue>>, E>,
    ) -> Result<Option<Arc<Issue>>, E> {
        let mut kept = self.asked.lock().await;
        kept.retain(|(_, issue)| Some(issue.origin) == origin);
        if let Some((_, issue)) = kept.iter().find(|(have, _)| *have == wanted) {
            return Ok(Some(Arc::clone(issue)));
        }
        let computed = compute().await?;
        if let Some(issue) = &computed {
            if kept.len() >= KEPT {
                kept.remove(0);
            }
            kept.push((wanted, Arc::clone(issue)));
        }
        Ok(computed)
    }
}

/// The forecasts of all targets.
#[derive(Debug, Default)]
pub struct Scores {
    targets: RwLock<BTreeMap<Target, Arc<TargetScores>>>,
}

impl Scores {
    /// The forecasts of `target`, where it is served.
    pub fn get(&self, target: &Target) -> Option<Arc<TargetScores>> {
        read(&self.targets).get(target).cloned()
    }

    /// The forecasts of `target`, which is served from now on.
    pub fn open(&self, target: &Target) -> Arc<TargetScores> {
        Arc::clone(write(&self.targets).entry(target.clone()).or_default())
    }

    /// The newest issue of every target that has one.
    pub fn newest(&self) -> Vec<Arc<Issue>> {
        read(&self.targets)
            .values()
            .filter_map(|scores| scores.newest())
            .collect()
    }

    /// The targets that are served.
    pub fn targets(&self) -> Vec<Target> {
        read(&self.targets).keys().cloned().collect()
    }
}

//! The forecasts at hand: the newest issue of each target, and a few that were computed because somebody asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwapOption;
use arterial_datasets::time::Timestamp;
use arterial_models::registry::{ModelVersion, Target};
use tokio::sync::watch;

use super::areas::AreaIntervals;
use super::issue::Issue;
use super::ladder::LadderStep;
use super::outlook::Outlooks;
use crate::live::Revisions;
use crate::model::Edition;
use crate::sync::{lock, read, write};

/// The issues beside the newest that are kept for each target have so many bytes, about. The last one is kept whatever it has, as
/// whoever asks for it page by page asks again.
const KEPT: usize = 64 << 20;

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
    /// Whoever asks for the same as another who computes it finds it ready afterwards.
    turn: tokio::sync::Mutex<()>,
    /// What was computed on request from the newest window, the last one last.
    asked: Mutex<Vec<(Wanted, Arc<Issue>)>>,
}

impl Default for TargetScores {
    fn default() -> Self {
        Self {
            newest: ArcSwapOption::empty(),
            published: watch::Sender::new(None),
            whole: AtomicBool::new(false),
            outlooks: Outlooks::default(),
            turn: tokio::sync::Mutex::default(),
            asked: Mutex::default(),
        }
    }
}

impl TargetScores {
    /// The newest issue.
    pub fn newest(&self) -> Option<Arc<Issue>> {
        self.newest.load_full()
    }

    /// Puts an issue in place of the one before and tells those who watch. What was computed on request beside the one before goes with it.
    pub fn publish(&self, issue: Arc<Issue>) {
        self.newest.store(Some(Arc::clone(&issue)));
        lock(&self.asked).clear();
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

    /// The issue that was computed for `wanted`, once nobody else computes on request, or the one that `compute` gives. What is kept
    /// already is had at once by [`TargetScores::kept`].
    ///
    /// # Errors
    /// Whatever `compute` could not do.
    pub async fn asked<E>(
        &self,
        wanted: Wanted,
        compute: impl AsyncFnOnce() -> Result<Option<Arc<Issue>>, E>,
    ) -> Result<Option<Arc<Issue>>, E> {
        let _turn = self.turn.lock().await;
        if let Some(issue) = self.kept(&wanted) {
            return Ok(Some(issue));
        }
        let computed = compute().await?;
        if let Some(issue) = &computed {
            self.keep(wanted, issue);
        }
        Ok(computed)
    }

    /// The issue that was computed for `wanted` since the newest one is in place.
    pub fn kept(&self, wanted: &Wanted) -> Option<Arc<Issue>> {
        let origin = self.newest()?.origin;
        let mut kept = lock(&self.asked);
        // One may have been put here while a newer window took its place.
        kept.retain(|(_, issue)| issue.origin >= origin);
        let (_, issue) = kept.iter().find(|(have, _)| have == wanted)?;
        Some(Arc::clone(issue))
    }

    /// Keeps what was computed, unless a newer window came meanwhile; the oldest go where it takes too much beside them.
    fn keep(&self, wanted: Wanted, issue: &Arc<Issue>) {
        if self.newest().is_some_and(|newest| newest.origin > issue.origin) {
            return;
        }
        let mut kept = lock(&self.asked);
        kept.push((wanted, Arc::clone(issue)));
        let mut held: usize = kept.iter().map(|(_, issue)| bytes(issue)).sum();
        while held > KEPT && kept.len() > 1 {
            let (_, oldest) = kept.remove(0);
            held -= bytes(&oldest);
        }
    }
}

/// What an issue holds, in bytes, about: its numbers, and what it has for each key and forecast. Keys and zones themselves are shared.
fn bytes(issue: &Issue) -> usize {
    let key = size_of::<(
        Arc<str>,
        Arc<str>,
        usize,
        Option<Arc<str>>,
        Option<Timestamp>,
        [bool; 2],
    )>();
    let revisions = issue.revisions.len() * size_of::<Option<Revisions>>();
    let areas = issue.areas.as_ref().map_or(0, AreaIntervals::numbers);
    (issue.values.len() + areas) * size_of::<f64>()
        + issue.steps.len() * size_of::<Option<LadderStep>>()
        + issue.keys.len() * (key + revisions)
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use arterial_datasets::time::{Duration, MINUTE};
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::score::NoAreas;
    use crate::traces::Trace;

    fn issue(origin: i64, numbers: usize) -> Arc<Issue> {
        Arc::new(Issue {
            target: Target {
                topic: "traffic-sensors".into(),
                field: "speed_kmh".into(),
            },
            origin: Timestamp(origin),
            step: Duration(5 * MINUTE),
            issued_at: Timestamp(origin),
            instance_since: Timestamp(0),
            quantiles: Vec::new(),
            keys: Vec::new(),
            zones: Vec::new(),
            newest: Vec::new(),
            in_domain: Vec::new(),
            ours: Vec::new(),
            steps: Array2::from_elem((0, 0), None),
            values: Array3::zeros((1, 1, numbers)),
            sources: HashMap::new(),
            revisions: HashMap::new(),
            areas: Err(NoAreas::without_model()),
            trace: Trace::default(),
            index: HashMap::new(),
        })
    }

    /// Asks for the quantile of that percentage; whether it had to be computed.
    async fn computes(scores: &TargetScores, percent: u32, numbers: usize) -> bool {
        let origin = scores.newest().map(|newest| newest.origin);
        let wanted = Wanted {
            model: None,
            edition: Edition::default(),
            quantiles: vec![f64::from(percent) / 100.0],
        };
        let mut computed = false;
        let compute = async || {
            computed = true;
            Ok::<_, Infallible>(Some(issue(origin.map_or(0, |origin| origin.0), numbers)))
        };
        let found = scores.asked(wanted, compute).await;
        assert!(found.is_ok_and(|issue| issue.is_some()));
        computed
    }

    #[tokio::test]
    async fn what_was_computed_on_request_is_kept_as_far_as_its_bytes_allow() {
        let scores = TargetScores::default();
        scores.publish(issue(0, 1));
        let third = KEPT / size_of::<f64>() / 3 + 1;
        for percent in [1, 2] {
            assert!(computes(&scores, percent, third).await);
            assert!(!computes(&scores, percent, third).await);
        }
        assert!(computes(&scores, 3, third).await);
        assert!(!computes(&scores, 2, third).await, "there is room for two");
        assert!(computes(&scores, 1, third).await, "the oldest had to go");
        assert!(computes(&scores, 4, 4 * third).await);
        assert!(!computes(&scores, 4, 4 * third).await, "the last one stays");
    }

    #[tokio::test]
    async fn what_was_computed_on_request_goes_with_its_window() {
        let scores = TargetScores::default();
        scores.publish(issue(0, 1));
        assert!(computes(&scores, 1, 1).await);
        scores.publish(issue(1, 1));
        assert!(lock(&scores.asked).is_empty(), "though nobody has asked since");
        assert!(computes(&scores, 1, 1).await);
    }
}

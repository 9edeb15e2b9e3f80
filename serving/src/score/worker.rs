//! The worker that scores one target, window after window, beside the thread that takes events in.

use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_models::Quantile;
use arterial_models::registry::{CHAMPION, Target};
use tracing::field::Empty;

use super::compute::{self, Computed, Order, Unwanted};
use super::issue::Issue;
use super::ladder::LadderStep;
use super::shadow::ShadowQueue;
use super::turns::Turn;
use crate::live::LiveStream;
use crate::metrics::Metric;
use crate::model::{Edition, ServedModel};
use crate::readiness::Reason;
use crate::state::AppState;
use crate::traces::{self, TARGET, Trace};
use crate::{Error, Result};

/// What an issue is scored from: where it is still the same there is nothing to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// The start of the newest window.
    pub origin: Timestamp,
    /// Who is in charge.
    pub edition: Edition,
    /// How often windows of several instances became more whole.
    pub news: u64,
}

impl Occasion {
    /// What there is to be scored of `target` now; none before the first window.
    pub fn now(state: &AppState, target: &Target) -> Option<Self> {
        let edition = state.champions.edition(target);
        let stream = state.live.stream(&target.topic).ok()?;
        stream.with(|live| {
            Some(Self {
                origin: live.ring(&target.field)?.newest()?,
                edition,
                news: live.news(),
            })
        })
    }
}

/// Scores every closed window of `target` until the service stops, and again where others had made a part of it that came later. Where it
/// falls behind it scores the newest window only, and says so. `last` is what was scored before. What was scored and served goes to
/// `shadow`, who is never waited for.
pub async fn score_forever(state: Arc<AppState>, target: Target, mut last: Option<Occasion>, shadow: ShadowQueue) {
    let Ok(stream) = state.live.stream(&target.topic) else {
        return;
    };
    let mut windows = stream.subscribe();
    let mut models = state.champions.subscribe();
    let mut readiness = state.readiness.subscribe();
    loop {
        let rebuilding = state.readiness.reasons().contains_key(&Reason::Rebuilding);
        if let Some(occasion) = Occasion::now(&state, &target)
            && !rebuilding
            && last != Some(occasion)
        {
            let (before, step) = (last.map(|last| last.origin), stream.definition().window.0);
            note_skipped(&state, &target, before, occasion.origin, step);
            last = Some(occasion);
            match score_once(&state, &target).await {
                Ok(Some(issue)) => {
                    state.deliver(Arc::clone(&issue)).await;
                    shadow.offer(&state, issue);
                }
                Ok(None) => {}
                Err(error) => {
                    let error = crate::error::chain(&error);
                    tracing::error!(target_name = %target, error, "window could not be scored");
                }
            }
            continue;
        }
        let alive = tokio::select! {
            () = state.stop.cancelled() => false,
            changed = windows.changed() => changed.is_ok(),
            changed = models.changed() => changed.is_ok(),
            changed = readiness.changed() => changed.is_ok(),
        };
        if !alive {
            return;
        }
    }
}

fn note_skipped(state: &AppState, target: &Target, last: Option<Timestamp>, origin: Timestamp, step: i64) {
    let Some(last) = last else { return };
    let skipped = (origin.0 - last.0) / step - 1;
    if skipped > 0 {
        state
            .metrics
            .count_by(Metric::ScoreSkipped, "target", &target.to_string(), skipped as u64);
        tracing::warn!(target_name = %target, skipped, "scoring fell behind and took the newest window only");
    }
}

/// Scores the newest window of `target`, puts the issue in place and gives it back; none before the first window.
///
/// # Errors
/// A target that is not served, or work that stopped.
pub async fn score_once(state: &Arc<AppState>, target: &Target) -> Result<Option<Arc<Issue>>> {
    let turn = state.turns.own().await?;
    let span = tracing::info_span!(target: TARGET, "score", target_name = %target, origin = Empty, forecasts = Empty);
    let records = state
        .live
        .stream(&target.topic)
        .map(LiveStream::trace)
        .unwrap_or_default();
    traces::continue_from(&span, &records);
    let order = order(state, target, &state.grid);
    let started = std::time::Instant::now();
    let Some(mut computed) = run(state, order, Some(turn)).await? else {
        return Ok(None);
    };
    computed.issue.issued_at = served_from(state, target);
    computed.issue.trace = Trace::of(&span).or(records);
    span.record("origin", tracing::field::display(computed.issue.origin));
    span.record("forecasts", computed.issue.given());
    let name = target.to_string();
    state.metrics.observe(Metric::ScoreDuration, started.elapsed());
    state.metrics.count_by(Metric::ScoreRuns, "target", &name, 1);
    for (step, failure) in &computed.failures {
        state.metrics.count_by(Metric::ModelFailures, "target", &name, 1);
        state.metrics.count_by(Metric::AliasFailures, "alias", alias(*step), 1);
        tracing::warn!(target_name = name, failure, "a model did not answer");
    }
    let issue = Arc::new(computed.issue);
    for (step, count) in compute::tally(&issue) {
        state
            .metrics
            .count_by(Metric::AliasForecasts, "alias", alias(step), count as u64);
    }
    tracing::debug!(target_name = name, origin = %issue.origin, forecasts = issue.given(), "window scored");
    if let Some(scores) = state.scores.get(target) {
        scores.publish(Arc::clone(&issue));
    }
    Ok(Some(issue))
}

/// Since when an issue that is put in place now is served: no two of a target at the same time.
fn served_from(state: &AppState, target: &Target) -> Timestamp {
    let before = state.scores.get(target).and_then(|scores| scores.newest());
    let now = state.clock.now();
    before.map_or(now, |before| now.max(Timestamp(before.issued_at.0 + 1)))
}

/// Who stands behind a step, as metrics name it.
fn alias(step: LadderStep) -> &'static str {
    match step {
        LadderStep::Model => CHAMPION,
        other => other.name(),
    }
}

/// How many steps ahead `target` is forecast, also where the profile answers alone.
pub fn reach(state: &AppState, target: &Target) -> usize {
    let in_charge = state.champions.get(target).map(|in_charge| in_charge.horizon());
    in_charge.filter(|reach| *reach > 0).unwrap_or_else(|| {
        let longest = state.config.profile_horizon;
        let stream = state.live.stream(&target.topic);
        let window = stream.map_or(longest, |stream| stream.definition().window);
        (longest.0 / window.0).max(1) as usize
    })
}

/// What the ladder is asked for `target` now.
pub fn order(state: &AppState, target: &Target, quantiles: &[Quantile]) -> Order {
    let mut models: Vec<(LadderStep, Arc<dyn ServedModel>)> = Vec::new();
    let mut canary = None;
    let whole = state.scores.get(target).is_none_or(|scores| scores.is_whole());
    let in_charge = state.champions.get(target);
    if let Some(in_charge) = in_charge.filter(|_| whole) {
        canary = in_charge
            .canary
            .as_ref()
            .and_then(|trial| Some((trial.model.clone().ok()?, trial.share?)));
        models.extend(in_charge.champion.clone().map(|model| (LadderStep::Model, model)));
        models.extend(in_charge.last_good.clone().map(|model| (LadderStep::LastGood, model)));
    }
    Order {
        target: target.clone(),
        models,
        canary,
        profile: true,
        profile_horizon: reach(state, target),
        quantiles: quantiles.to_vec(),
        timezone: state.config.timezone.clone(),
        holidays: state.config.holidays.clone(),
        origin: None,
        now: state.clock.now(),
        instance_since: state.since,
        unwanted: Unwanted::default(),
    }
}

/// Computes `order` on a thread that may take its time, in its turn, which ends with the work, or beside everything else where it
/// has none. Whoever drops this stops the work.
pub(crate) async fn run(state: &Arc<AppState>, order: Order, turn: Option<Turn>) -> Result<Option<Computed>> {
    let _unwanted = order.unwanted.0.clone().drop_guard();
    let state = Arc::clone(state);
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        compute::compute(&state.live, &order)
    });
    work.await.map_err(|error| Error::Background(error.to_string()))?
}

//! The worker that scores a shadow: behind the champion, on the same windows, for nobody but those who compare.

use std::sync::Arc;

use arterial_models::Quantile;
use arterial_models::registry::{SHADOW, Target};
use tokio::sync::mpsc;

use super::issue::Issue;
use super::ladder::LadderStep;
use super::worker;
use crate::error::chain;
use crate::metrics::Metric;
use crate::model::ServedModel;
use crate::sinks;
use crate::state::AppState;
use crate::{Error, Result};

/// So many windows wait for a shadow that takes longer than the champion; what comes then is not compared.
const WAITING: usize = 12;
/// What is stored of a forecast.
const STORED: [f64; 3] = [0.1, 0.5, 0.9];

/// Windows that the champion was served for.
pub struct ShadowQueue(mpsc::Sender<Arc<Issue>>);

/// The queue of one target, and its end for [`shadow_forever`].
pub fn queue() -> (ShadowQueue, mpsc::Receiver<Arc<Issue>>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (ShadowQueue(sender), receiver)
}

impl ShadowQueue {
    /// Hands a window over where a shadow stands, without waiting.
    pub fn offer(&self, state: &AppState, issue: Arc<Issue>) {
        if shadow(state, &issue.target).is_none() {
            return;
        }
        let name = issue.target.to_string();
        if let Err(mpsc::error::TrySendError::Full(issue)) = self.0.try_send(issue) {
            state.metrics.count_by(Metric::ShadowSkipped, "target", &name, 1);
            tracing::warn!(target_name = name, origin = %issue.origin, "the shadow fell behind: a window is not compared");
        }
    }
}

/// Scores the shadow of `target` on every window that was served, until the service stops.
pub async fn shadow_forever(state: Arc<AppState>, target: Target, mut issues: mpsc::Receiver<Arc<Issue>>) {
    loop {
        let served = tokio::select! {
            () = state.stop.cancelled() => return,
            served = issues.recv() => served,
        };
        let Some(served) = served else { return };
        let Some(model) = shadow(&state, &target) else { continue };
        if let Err(error) = score(&state, &served, Arc::clone(&model)).await {
            state.metrics.count_by(Metric::AliasFailures, "alias", SHADOW, 1);
            let (model, error) = (model.id(), chain(&error));
            tracing::warn!(target_name = %target, %model, origin = %served.origin, error, "the shadow did not answer");
        }
    }
}

/// The shadow of a target, where one stands and loads.
fn shadow(state: &AppState, target: &Target) -> Option<Arc<dyn ServedModel>> {
    state.champions.get(target)?.shadow.as_ref()?.model.clone().ok()
}

/// Scores the window of `served` and stores what the shadow says of it. The model runs beside whatever is served: nobody waits.
async fn score(state: &Arc<AppState>, served: &Issue, model: Arc<dyn ServedModel>) -> Result<()> {
    let quantiles = STORED
        .map(Quantile::try_from)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut order = worker::order(state, &served.target, &quantiles);
    order.models = vec![(LadderStep::Model, model)];
    order.canary = None;
    order.profile = false;
    order.origin = Some(served.origin);
    let started = std::time::Instant::now();
    let computed = worker::run(state, order, None).await?;
    state.metrics.observe(Metric::ShadowDuration, started.elapsed());
    let Some(mut computed) = computed else { return Ok(()) };
    // What was served beside it says which issue of an origin is the newest, whatever the clock does.
    computed.issue.issued_at = served.issued_at;
    if let Some((_, failure)) = computed.failures.into_iter().next() {
        return Err(Error::Background(failure));
    }
    let given = computed.issue.given() as u64;
    state.metrics.count_by(Metric::AliasForecasts, "alias", SHADOW, given);
    if let Some(sink) = state.shadow_sink().await? {
        sinks::deliver(state, sink, &Arc::new(computed.issue)).await;
    }
    Ok(())
}

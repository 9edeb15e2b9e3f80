//! Forecast requests and their answers, without wire types: logic that is tested without a network.

mod areas;
mod explain;
mod history;
mod issues;
mod page;
mod question;
mod reply;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use areas::{AreaAnswer, AreaForecast, answer_areas};
use history::Stored;
pub use page::{KeyPage, Page, Part};
pub use question::{
    Checked, DEFAULT_FEATURES, DEFAULT_QUANTILES, DEFAULT_STEPS, DEFAULT_TARGET, DEFAULT_TOPIC, FURTHEST,
    MOST_EXPLAINED, MOST_FEATURES, MOST_FORECASTS, MOST_KEYS, MOST_NUMBERS, MOST_QUANTILES, MOST_ZONES, Question,
};
pub use reply::{Answer, Forecast, Refusal};
use tokio::sync::OwnedSemaphorePermit;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::metrics::Metric;
use crate::score::{self, Issue, LadderStep, RefusalCode, TargetScores, Wanted};
use crate::state::AppState;
use crate::traces::{self, TARGET, Trace};
use crate::{Error, Result};

/// Answers `question`: from the forecasts at hand where they have what is asked for, computed otherwise.
///
/// # Errors
/// A wrong request, or a service that is starting. What cannot be forecast well is a refusal in the
/// answer, no error.
pub async fn answer(state: &Arc<AppState>, question: &Question) -> Result<Answer> {
    answer_page(state, question, KeyPage::ALL).await
}

/// Answers those keys of `question` that `page` means.
///
/// # Errors
/// As [`answer`].
pub async fn answer_page(state: &Arc<AppState>, question: &Question, page: KeyPage) -> Result<Answer> {
    answer_to(Asker::Call, state, question, &Part::Keys(page)).await
}

/// The same for those who watch: they hold no place of a call, and wait until it is their turn, however many they are. Only one of them is
/// before whoever calls.
///
/// # Errors
/// As [`answer`].
pub async fn answer_watching(state: &Arc<AppState>, question: &Question, page: Page) -> Result<Answer> {
    answer_to(Asker::Watcher, state, question, &Part::Places(page)).await
}

/// The keys of the forecasts that were served at the instant that `question` names, in alphabetical order and whichever keys it names; none
/// where it asks for the newest.
///
/// # Errors
/// An instant or a model that past forecasts cannot be asked with, a lake that cannot be read.
pub async fn keys_as_of(state: &AppState, question: &Question) -> Result<Option<BTreeSet<String>>> {
    let Some(as_of) = question.as_of else {
        return Ok(None);
    };
    let checked = question.check(state)?;
    let keys = history::keys(state, question, &checked, Stored::AsOf(as_of)).await?;
    Ok(Some(keys))
}

/// Who asks, which decides where he waits for what has to be computed.
#[derive(Debug, Clone, Copy)]
enum Asker {
    /// One of a few, as calls have deadlines: the next one does better to come again.
    Call,
    /// One of many, who come one after the other.
    Watcher,
}

impl Asker {
    /// A place among those who compute or wait for it, until it is dropped.
    async fn place(self, state: &AppState) -> Result<OwnedSemaphorePermit> {
        match self {
            Self::Call => state.asking.enter(),
            Self::Watcher => state.turns.watcher().await,
        }
    }
}

async fn answer_to(asker: Asker, state: &Arc<AppState>, question: &Question, part: &Part) -> Result<Answer> {
    let span = tracing::info_span!(
        target: TARGET,
        "answer",
        topic = question.topic,
        target_name = question.target,
        keys = question.keys.len(),
        forecasts = Empty,
        refusals = Empty,
    );
    let answer = answer_in_span(asker, state, question, part)
        .instrument(span.clone())
        .await?;
    span.record("forecasts", answer.forecasts.len());
    span.record("refusals", answer.refusals.len());
    Ok(answer)
}

async fn answer_in_span(asker: Asker, state: &Arc<AppState>, question: &Question, part: &Part) -> Result<Answer> {
    let started = std::time::Instant::now();
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let checked = question.check(state)?;
    part.check(question)?;
    // Before anything is computed; those whose keys are not named are counted once they are known.
    checked.check_size(question.keys.len().min(part.most()))?;
    let mut answer = match stored(state, question, &checked) {
        Some(_) if !is_known(&checked) => not_served(state, question, &checked),
        Some(stored) => history::answer(state, question, &checked, stored, part).await?,
        None => newest(asker, state, question, &checked, part).await?,
    };
    if question.explain.is_some() {
        explain::explain(asker, state, &checked, &mut answer).await?;
    }
    state.metrics.count(Metric::ForecastCalls, 1);
    for refusal in &answer.refusals {
        state
            .metrics
            .count_by(Metric::ForecastRefusals, "code", refusal.code.name(), 1);
    }
    state.metrics.observe(Metric::ForecastDuration, started.elapsed());
    Ok(answer)
}

/// The stored forecasts that are asked for; none where those at hand are.
fn stored(state: &AppState, question: &Question, checked: &Checked<'_>) -> Option<Stored> {
    if let Some(as_of) = question.as_of {
        return Some(Stored::AsOf(as_of));
    }
    let origin = question.origin?;
    let newest = state.scores.get(&checked.target).and_then(|scores| scores.newest());
    let is_at_hand = newest.is_some_and(|issue| issue.origin == origin);
    (!is_at_hand).then_some(Stored::From(origin))
}

/// Whether the stream has the number at all.
fn is_known(checked: &Checked<'_>) -> bool {
    crate::live::target_fields(checked.stream.definition()).contains(&checked.target.field)
}

async fn newest(
    asker: Asker,
    state: &Arc<AppState>,
    question: &Question,
    checked: &Checked<'_>,
    part: &Part,
) -> Result<Answer> {
    let Some(scores) = state.scores.get(&checked.target) else {
        return Ok(not_served(state, question, checked));
    };
    match issue(asker, state, checked, &scores).await? {
        Some(issue) => {
            // From the answer's trace to the one of the window that the forecasts were made from.
            if issue.trace != Trace::default() {
                traces::link(&Span::current(), &issue.trace);
            }
            let (now, stale_after) = (state.clock.now(), state.config.stale_after);
            reply::reply(question, checked, &issue, part, now, stale_after)
        }
        None => Ok(without_windows(question, checked)),
    }
}

/// The forecasts that have what is asked for.
async fn issue(
    asker: Asker,
    state: &Arc<AppState>,
    checked: &Checked<'_>,
    scores: &TargetScores,
) -> Result<Option<Arc<Issue>>> {
    let newest = scores.newest();
    let model = match &checked.model {
        None => None,
        Some(reference) => Some(state.champions.source()?.resolve(reference, &checked.target).await?),
    };
    if model.is_none()
        && let Some(issue) = &newest
        && issue.positions(&checked.levels).is_some()
    {
        return Ok(newest);
    }
    let wanted = Wanted {
        model: model.clone(),
        edition: state.champions.edition(&checked.target),
        quantiles: checked.levels.clone(),
    };
    if let Some(issue) = scores.kept(&wanted) {
        return Ok(Some(issue));
    }
    // Held until the issue is there: whoever asks for the same as another waits for it, too.
    let _place = asker.place(state).await?;
    let compute = async || {
        let mut order = score::order(state, &checked.target, &checked.quantiles);
        if let Some(id) = &model {
            let model = state.champions.source()?.load(id).await?;
            state.prepare(&checked.target, model.as_ref()).await?;
            order.models = vec![(LadderStep::Model, model)];
            order.canary = None;
            order.profile = false;
        }
        let turn = state.turns.request().await?;
        let trace = checked.stream.trace();
        let computed = score::run(state, order, Some(turn)).await?;
        Ok::<_, Error>(computed.map(|computed| {
            Arc::new(Issue {
                trace,
                ..computed.issue
            })
        }))
    };
    scores.asked(wanted, compute).await
}

/// The refusals for a target that does not exist or is not served.
fn not_served(state: &AppState, question: &Question, checked: &Checked<'_>) -> Answer {
    let served: Vec<String> = state.scores.targets().iter().map(ToString::to_string).collect();
    let known = crate::live::target_fields(checked.stream.definition());
    let message = if is_known(checked) {
        format!("`{}` is not served here; served: {}", checked.target, served.join(", "))
    } else {
        format!(
            "`{}` has no `{}`; it has: {}",
            checked.target.topic,
            checked.target.field,
            known.join(", ")
        )
    };
    refuse_all(question, checked, |key| {
        Refusal::new(key, RefusalCode::UnknownTarget, message.clone())
    })
}

fn without_windows(question: &Question, checked: &Checked<'_>) -> Answer {
    let mut answer = refuse_all(question, checked, |key| reply::absent(checked, key));
    if question.keys.is_empty() {
        let message = format!("no window of `{}` has closed yet", checked.target.topic);
        answer.refusals = vec![Refusal::new("", RefusalCode::NoData, message)];
    }
    answer
}

fn refuse_all(question: &Question, checked: &Checked<'_>, refusal: impl Fn(&str) -> Refusal) -> Answer {
    let mut refusals: Vec<Refusal> = question.keys.iter().map(|key| refusal(key)).collect();
    if refusals.is_empty() {
        refusals.push(refusal(""));
    }
    Answer {
        quantiles: checked.levels.clone(),
        refusals,
        ..Answer::default()
    }
}

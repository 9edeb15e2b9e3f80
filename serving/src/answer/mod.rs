//! Forecast requests and their answers, without wire types: logic that is tested without a network.

mod areas;
mod explain;
mod history;
mod page;
mod question;
mod reply;
mod rows;

use std::sync::Arc;

pub use areas::{AreaAnswer, AreaForecast, answer_areas};
use history::Stored;
pub use page::Page;
pub use question::{
    Checked, DEFAULT_FEATURES, DEFAULT_QUANTILES, DEFAULT_STEPS, DEFAULT_TARGET, DEFAULT_TOPIC, FURTHEST,
    MOST_EXPLAINED, MOST_FEATURES, MOST_FORECASTS, MOST_KEYS, MOST_NUMBERS, MOST_QUANTILES, MOST_ZONES, Question,
};
pub use reply::{Answer, Forecast, Refusal};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::admission::Crowd;
use crate::metrics::Metric;
use crate::score::{self, Issue, LadderStep, RefusalCode, TargetScores, Wanted};
use crate::state::AppState;
use crate::traces::{self, TARGET, Trace};
use crate::{Error, Result};

/// Answers `question`: from the forecasts at hand where they have what is asked for, computed otherwise.
///
/// # Errors
/// A wrong request, or a service that is starting or shutting down. What cannot be forecast well is a refusal in the
/// answer, no error.
pub async fn answer(state: &Arc<AppState>, question: &Question) -> Result<Answer> {
    answer_page(state, question, Page::ALL).await
}

/// Answers those keys of `question` that `page` means.
///
/// # Errors
/// As [`answer`].
pub async fn answer_page(state: &Arc<AppState>, question: &Question, page: Page) -> Result<Answer> {
    answer_in(Some(&state.asking), state, question, page).await
}

/// The same for those who watch: they hold no place of a call, and wait until it is their turn, however many they are.
///
/// # Errors
/// As [`answer`].
pub async fn answer_watching(state: &Arc<AppState>, question: &Question, page: Page) -> Result<Answer> {
    answer_in(None, state, question, page).await
}

/// Answers one of a `crowd`, or somebody outside of it.
async fn answer_in(crowd: Option<&Crowd>, state: &Arc<AppState>, question: &Question, page: Page) -> Result<Answer> {
    let span = tracing::info_span!(
        target: TARGET,
        "answer",
        topic = question.topic,
        target_name = question.target,
        keys = question.keys.len(),
        forecasts = Empty,
        refusals = Empty,
    );
    let answer = answer_in_span(crowd, state, question, page)
        .instrument(span.clone())
        .await?;
    span.record("forecasts", answer.forecasts.len());
    span.record("refusals", answer.refusals.len());
    Ok(answer)
}

async fn answer_in_span(
    crowd: Option<&Crowd>,
    state: &Arc<AppState>,
    question: &Question,
    page: Page,
) -> Result<Answer> {
    let started = std::time::Instant::now();
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let checked = question.check(state)?;
    // Before anything is computed; those whose keys are not named are counted once they are known.
    checked.check_size(question.keys.len().min(page.most))?;
    let mut answer = match stored(state, question, &checked) {
        Some(_) if !is_known(&checked) => not_served(state, question, &checked),
        Some(stored) => history::answer(state, question, &checked, stored, page).await?,
        None => newest(crowd, state, question, &checked, page).await?,
    };
    if question.explain.is_some() {
        explain::explain(crowd, state, &checked, &mut answer).await?;
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
    crowd: Option<&Crowd>,
    state: &Arc<AppState>,
    question: &Question,
    checked: &Checked<'_>,
    page: Page,
) -> Result<Answer> {
    let Some(scores) = state.scores.get(&checked.target) else {
        return Ok(not_served(state, question, checked));
    };
    match issue(crowd, state, checked, &scores).await? {
        Some(issue) => {
            // From the answer's trace to the one of the window that the forecasts were made from.
            if issue.trace != Trace::default() {
                traces::link(&Span::current(), &issue.trace);
            }
            let (now, stale_after) = (state.clock.now(), state.config.stale_after);
            reply::reply(question, checked, &issue, page, now, stale_after)
        }
        None => Ok(without_windows(question, checked)),
    }
}

/// The forecasts that have what is asked for.
async fn issue(
    crowd: Option<&Crowd>,
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
    // Held until the issue is there: whoever asks for the same as another waits for it, too.
    let _place = crowd.map(Crowd::enter).transpose()?;
    let compute = async || {
        let mut order = score::order(state, &checked.target, &checked.quantiles);
        if let Some(id) = &model {
            let model = state.champions.source()?.load(id).await?;
            state.prepare(&checked.target, model.as_ref()).await?;
            order.models = vec![(LadderStep::Model, model)];
            order.canary = None;
            order.profile = false;
        }
        let turn = score::turn(state).await?;
        let computed = score::run(state, order, Some(turn)).await?;
        Ok::<_, Error>(computed.map(|computed| Arc::new(computed.issue)))
    };
    scores.asked(wanted, newest.map(|issue| issue.origin), compute).await
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

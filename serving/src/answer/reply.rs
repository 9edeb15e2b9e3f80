//! From an issue of forecasts to the answer for some of its keys.

use std::sync::Arc;

use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::explanation::Explanation;

use super::page::Part;
use super::question::{Checked, DEFAULT_STEPS, Question};
use crate::Result;
use crate::live::Revisions;
use crate::score::{Issue, LadderStep, RefusalCode, Source};
use crate::traces::Trace;

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The quantiles, ascending.
    pub quantiles: Vec<f64>,
    /// The forecasts.
    pub forecasts: Vec<Forecast>,
    /// What could not be answered well.
    pub refusals: Vec<Refusal>,
    /// How many of the keys that are meant this answer tells of.
    pub keys: usize,
    /// How many keys are meant.
    pub of_keys: usize,
    /// The token of the next page; empty where this was the last, or nobody asked for pages.
    pub next_page: String,
    /// Where in a trace the window was committed and scored that the forecasts were made from; not kept of past ones.
    pub trace: Trace,
}

/// One forecast.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// The key.
    pub key: Arc<str>,
    /// The start of the last window used.
    pub origin: Timestamp,
    /// The start of the window that is forecast.
    pub target_time: Timestamp,
    /// How far ahead.
    pub horizon_minutes: i32,
    /// One value a quantile of the answer.
    pub values: Vec<f64>,
    /// Who gave it.
    pub source: Arc<Source>,
    /// Which step of the ladder that is.
    pub rung: LadderStep,
    /// How old the newest window of the key was.
    pub age: Duration,
    /// Since when it is served.
    pub issued_at: Timestamp,
    /// Which revisions of the key's windows it is made from, where that was kept.
    pub revisions: Option<Revisions>,
    /// What moved the median, or why that is not said; none where nobody asked.
    pub explanation: Option<Result<Explanation, String>>,
}

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The key; empty where the refusal holds for the whole request.
    pub key: String,
    /// Why.
    pub code: RefusalCode,
    /// The same for people.
    pub message: String,
    /// The horizon that is refused, in minutes; 0 where all of them are.
    pub horizon_minutes: i32,
}

impl Refusal {
    /// A refusal of all horizons.
    pub fn new(key: &str, code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            code,
            message: message.into(),
            horizon_minutes: 0,
        }
    }
}

/// The answer to `question` from `issue`, which has all of its quantiles, at `now`: those of its keys that `part` means.
///
/// # Errors
/// More than an answer may have.
pub fn reply(
    question: &Question,
    checked: &Checked<'_>,
    issue: &Issue,
    part: &Part,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Answer> {
    let mut answer = Answer {
        quantiles: checked.levels.clone(),
        trace: issue.trace.clone(),
        ..Answer::default()
    };
    let all = select(question, checked, issue, &mut answer.refusals);
    if !part.is_first() {
        // Those of the whole request were told with its first keys.
        answer.refusals.clear();
    }
    answer.of_keys = all.len();
    let (keys, next_page) = part.of(all, &question.keys, |&key| &*issue.keys[key]);
    (answer.keys, answer.next_page) = (keys.len(), next_page);
    checked.check_size(keys.len())?;
    let steps = steps(checked, issue.horizon());
    let places = issue.positions(&checked.levels).unwrap_or_default();
    answer.forecasts.reserve(keys.len() * steps.len());
    for key in keys {
        match age(issue, key, now, stale_after) {
            Ok(age) => tell(issue, key, age, &steps, &places, &mut answer),
            Err(refusal) => answer.refusals.push(refusal),
        }
    }
    Ok(answer)
}

/// The positions of the keys that are meant; those that are not there become refusals.
fn select(question: &Question, checked: &Checked<'_>, issue: &Issue, refusals: &mut Vec<Refusal>) -> Vec<usize> {
    if question.keys.is_empty() && question.zones.is_empty() {
        return (0..issue.keys.len()).collect();
    }
    let mut taken = vec![false; issue.keys.len()];
    let mut keys = Vec::with_capacity(question.keys.len());
    for name in &question.keys {
        match issue.index.get(name.as_str()) {
            Some(&key) if !taken[key] => {
                taken[key] = true;
                keys.push(key);
            }
            Some(_) => {}
            None => refusals.push(absent(checked, name)),
        }
    }
    for zone in &question.zones {
        let mut seen = false;
        for (key, of) in issue.zones.iter().enumerate() {
            if of.as_deref() == Some(zone.as_str()) {
                seen = true;
                if !std::mem::replace(&mut taken[key], true) {
                    keys.push(key);
                }
            }
        }
        if !seen {
            refusals.push(empty_zone(checked, zone));
        }
    }
    keys
}

/// That no key lies in a zone.
pub fn empty_zone(checked: &Checked<'_>, zone: &str) -> Refusal {
    let message = format!("no key of `{}` was last seen in zone `{zone}`", checked.target.topic);
    Refusal::new("", RefusalCode::UnknownKey, message)
}

/// Why a key is not in the issue.
pub fn absent(checked: &Checked<'_>, name: &str) -> Refusal {
    if checked.stream.with(|state| state.position(name).is_some()) {
        return Refusal::new(name, RefusalCode::NoData, "no window of this key has been scored yet");
    }
    let message = format!(
        "`{}` never reported a key of this name within the kept history",
        checked.target.topic
    );
    Refusal::new(name, RefusalCode::UnknownKey, message)
}

/// The steps that are asked for of an issue that reaches so far.
pub fn steps(checked: &Checked<'_>, horizon: usize) -> Vec<usize> {
    if let Some(steps) = &checked.steps {
        return steps.clone();
    }
    default_steps(horizon)
}

/// The steps of a request that names none: those of the default ones that are reached, or else the furthest.
pub fn default_steps(horizon: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = DEFAULT_STEPS.into_iter().filter(|&step| step <= horizon).collect();
    if steps.is_empty() && horizon > 0 {
        steps.push(horizon);
    }
    steps
}

/// How old the data of `key` are, or why they do not serve.
pub fn age(issue: &Issue, key: usize, now: Timestamp, stale_after: Duration) -> Result<Duration, Refusal> {
    let name = &issue.keys[key];
    let Some(age) = issue.age(key, now) else {
        return Err(Refusal::new(
            name,
            RefusalCode::NoData,
            "this key never reported the target within the kept history",
        ));
    };
    fresh(name, age, stale_after)
}

/// The age, or why what is so old is not told.
pub fn fresh(key: &str, age: Duration, stale_after: Duration) -> Result<Duration, Refusal> {
    if age <= stale_after {
        return Ok(age);
    }
    let message = format!(
        "the newest window used ended {} ago, the limit is {}",
        age.in_words(),
        stale_after.in_words()
    );
    Err(Refusal::new(key, RefusalCode::Stale, message))
}

/// What there is for one key.
fn tell(issue: &Issue, key: usize, age: Duration, steps: &[usize], places: &[usize], answer: &mut Answer) {
    let name = &issue.keys[key];
    for &ahead in steps {
        let horizon_minutes = minutes(issue, ahead);
        if ahead > issue.horizon() {
            answer.refusals.push(too_far(issue, name, ahead));
            continue;
        }
        let rung = issue.steps[[key, ahead - 1]];
        let Some((rung, source)) = rung.and_then(|rung| Some((rung, issue.sources.get(&rung)?))) else {
            answer.refusals.push(Refusal {
                horizon_minutes,
                ..unanswered(issue, key)
            });
            continue;
        };
        answer.forecasts.push(Forecast {
            key: Arc::clone(name),
            origin: issue.origin,
            target_time: issue.target_time(ahead),
            horizon_minutes,
            values: places
                .iter()
                .map(|&place| issue.values[[key, ahead - 1, place]])
                .collect(),
            source: Arc::clone(source),
            rung,
            age,
            issued_at: issue.issued_at,
            revisions: issue.revisions_of(rung, key),
            explanation: None,
        });
    }
}

/// So many steps ahead in minutes.
pub fn minutes(issue: &Issue, ahead: usize) -> i32 {
    (ahead as i64 * issue.step.0 / MINUTE) as i32
}

/// Why what is so many steps ahead is not told of `key`.
pub fn too_far(issue: &Issue, key: &str, ahead: usize) -> Refusal {
    let (horizon_minutes, furthest) = (minutes(issue, ahead), minutes(issue, issue.horizon()));
    let message = format!("{horizon_minutes} minutes ahead, the model in charge reaches {furthest}");
    Refusal {
        horizon_minutes,
        ..Refusal::new(key, RefusalCode::HorizonTooFar, message)
    }
}

fn unanswered(issue: &Issue, key: usize) -> Refusal {
    let name = &issue.keys[key];
    if issue.in_domain[key] {
        let message = "too little history to forecast from: the profile needs two days of the same kind, working days or \
                       weekend, with values at that time of day";
        return Refusal::new(name, RefusalCode::NoData, message);
    }
    let message = "the model in charge was not fitted for this key, and its own history is too short for a profile";
    Refusal::new(name, RefusalCode::OutOfDomain, message)
}

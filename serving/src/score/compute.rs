//! Computes an issue: live history in, the ladder down, forecasts out. Runs on a thread that may take its time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arterial_datasets::panel::{Channel, ChannelRole, Covariate, Holidays, Panel};
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::registry::{Share, Target};
use arterial_models::{Progress, Quantile};
use ndarray::{Array2, Array3, Axis, s};
use tokio_util::sync::CancellationToken;

use super::areas::{AreaIntervals, NoAreas};
use super::issue::{Issue, Source};
use super::ladder::LadderStep;
use super::profile;
use super::said::Said;
use crate::Result;
use crate::error::chain;
use crate::live::{self, Live, LiveStream, Revisions};
use crate::model::ServedModel;
use crate::traces::Trace;

/// What to compute.
pub struct Order {
    /// What is forecast.
    pub target: Target,
    /// Who may answer, the best first.
    pub models: Vec<(LadderStep, Arc<dyn ServedModel>)>,
    /// Who answers for a share of the keys instead.
    pub canary: Option<(Arc<dyn ServedModel>, Share)>,
    /// Whether the slot-of-week profile answers where nobody else does.
    pub profile: bool,
    /// How far the profile reaches where there is no model, in steps.
    pub profile_horizon: usize,
    /// The quantiles, ascending.
    pub quantiles: Vec<Quantile>,
    /// The zone whose clock seasonality follows.
    pub timezone: String,
    /// Days that count as Sundays.
    pub holidays: Holidays,
    /// The last window to use; none for the newest.
    pub origin: Option<Timestamp>,
    /// When it is.
    pub now: Timestamp,
    /// Since when this instance runs.
    pub instance_since: Timestamp,
    /// Cancelled where nobody waits for the issue any more.
    pub unwanted: Unwanted,
}

/// Says whether somebody still waits for what is computed.
#[derive(Debug, Clone, Default)]
pub struct Unwanted(pub CancellationToken);

impl Progress for Unwanted {
    fn report(&self, _: u64, _: u64, _: &str) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Unwanted {
    /// Ends work that nobody waits for.
    ///
    /// # Errors
    /// Nobody waits.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(arterial_models::Error::Cancelled.into());
        }
        Ok(())
    }
}

/// An issue, and what went wrong on the way.
pub struct Computed {
    /// The forecasts.
    pub issue: Issue,
    /// Models that failed or gave no number at all, by their steps, and why.
    pub failures: Vec<(LadderStep, String)>,
}

/// Computes the issue from the window that is ordered; none where there is no window yet.
///
/// # Errors
/// A topic that no stream has, a clock that does not reach as far as the data, an issue that nobody waits for any more.
pub fn compute(live: &Live, order: &Order) -> Result<Option<Computed>> {
    let stream = live.stream(&order.target.topic)?;
    let step = stream.definition().window;
    let Some(mut issue) = blank(stream, order, step) else {
        return Ok(None);
    };
    let mut failures = Vec::new();
    let mut open: Vec<usize> = (0..issue.keys.len()).collect();
    for (rung, model) in &order.models {
        if open.is_empty() {
            break;
        }
        let asked = ask(live, order, model.as_ref(), issue.origin, step);
        order.unwanted.check()?;
        match asked {
            Ok(Some(said)) => {
                let filled = fill(&mut issue, *rung, said.read.panel.series(), &said.values);
                if filled == 0 {
                    failures.push((*rung, format!("{} gave no number", model.id())));
                } else {
                    note(&mut issue, *rung, order, model.as_ref(), &said);
                }
            }
            Ok(None) => {}
            Err(error) => failures.push((*rung, format!("{}: {}", model.id(), chain(&error)))),
        }
        open.retain(|&key| issue.steps.row(key).iter().any(Option::is_none));
    }
    if order.profile && !open.is_empty() {
        fall_back(stream, order, &mut issue, &open)?;
    }
    if let Some((canary, share)) = &order.canary
        && let Err(failure) = try_canary(live, order, canary.as_ref(), *share, &mut issue)
    {
        failures.push((LadderStep::Canary, failure));
    }
    Ok(Some(Computed { issue, failures }))
}

/// The issue without any forecast yet.
fn blank(stream: &LiveStream, order: &Order, step: Duration) -> Option<Issue> {
    let leader = order.models.first().map(|(_, model)| model);
    let fitted: Option<std::collections::HashSet<&str>> =
        leader.map(|model| model.scope().series.iter().map(String::as_str).collect());
    let horizon = leader.map_or(order.profile_horizon, |model| model.horizon());
    stream.with(|state| {
        let ring = state.ring(&order.target.field)?;
        let origin = order.origin.or_else(|| ring.newest())?;
        let keys = state.keys().to_vec();
        let index: HashMap<Arc<str>, usize> = keys.iter().enumerate().map(|(at, key)| (Arc::clone(key), at)).collect();
        Some(Issue {
            target: order.target.clone(),
            origin,
            step,
            issued_at: order.now,
            instance_since: order.instance_since,
            quantiles: order.quantiles.iter().map(|one| f64::from(*one)).collect(),
            zones: state.places().iter().map(|place| place.zone.clone()).collect(),
            newest: (0..keys.len()).map(|key| ring.newest_of(key)).collect(),
            in_domain: keys
                .iter()
                .map(|key| fitted.as_ref().is_none_or(|fitted| fitted.contains(&**key)))
                .collect(),
            ours: (0..keys.len()).map(|key| state.is_ours(key)).collect(),
            steps: Array2::from_elem((keys.len(), horizon), None),
            values: Array3::from_elem((keys.len(), horizon, order.quantiles.len()), f64::NAN),
            sources: HashMap::new(),
            revisions: HashMap::new(),
            areas: Err(NoAreas::without_model()),
            trace: Trace::default(),
            keys,
            index,
        })
    })
}

/// Asks one model about the panel it was fitted for; none where nothing is held for it.
fn ask(live: &Live, order: &Order, model: &dyn ServedModel, origin: Timestamp, step: Duration) -> Result<Option<Said>> {
    let Some(read) = read(live, &order.target, model, &order.holidays, origin, step)? else {
        return Ok(None);
    };
    Said::by(model, read, &order.quantiles, &order.unwanted).map(Some)
}

/// What a model reads.
pub struct Read {
    /// The windows.
    pub panel: Panel,
    /// Which revisions they are, by series.
    pub revisions: Vec<Option<Revisions>>,
}

impl Read {
    /// The windows of `series` up to `origin`, under one lock with their revisions; none where nothing is held.
    fn of(
        stream: &LiveStream,
        field: &str,
        series: &[String],
        origin: Timestamp,
        shape: &live::Shape<'_>,
    ) -> Result<Option<Self>> {
        stream.with(|state| {
            let Some(panel) = live::panel(state, field, series, origin, shape)? else {
                return Ok(None);
            };
            let ring = state.ring(field);
            let revisions = |name: &String| ring?.revisions(state.position(name)?, origin, panel.steps());
            let revisions = series.iter().map(revisions).collect();
            Ok(Some(Self { panel, revisions }))
        })
    }
}

/// What `model` reads to forecast `target` from `origin`; none where nothing is held for it.
///
/// # Errors
/// A stream that is not defined, a covariate that is not held.
pub fn read(
    live: &Live,
    target: &Target,
    model: &dyn ServedModel,
    holidays: &Holidays,
    origin: Timestamp,
    step: Duration,
) -> Result<Option<Read>> {
    let scope = model.scope();
    let shape = live::Shape {
        channel: &scope.target,
        rows: model.history(),
        step,
        timezone: &scope.timezone,
        holidays,
    };
    let stream = live.stream(&target.topic)?;
    let Some(mut read) = Read::of(stream, &target.field, &scope.series, origin, &shape)? else {
        return Ok(None);
    };
    for covariate in covariates(model)? {
        read.panel = read.panel.with_covariate(&live.city_means(&covariate)?);
    }
    Ok(Some(read))
}

/// Keeps who answered at the step `rung` of the ladder and from what; the intervals of areas are those of the first who does.
fn note(issue: &mut Issue, rung: LadderStep, order: &Order, model: &dyn ServedModel, said: &Said) {
    let source = source(model, &said.read.panel);
    if issue.sources.is_empty() {
        issue.areas = AreaIntervals::of(model, said, &order.quantiles, &source);
    }
    issue.sources.insert(rung, source);
    note_revisions(issue, rung, &said.read);
}

/// Keeps which revisions the step `rung` of the ladder read.
fn note_revisions(issue: &mut Issue, rung: LadderStep, read: &Read) {
    let mut by_key = vec![None; issue.keys.len()];
    for (name, revisions) in read.panel.series().iter().zip(&read.revisions) {
        if let Some(&key) = issue.index.get(name.as_str()) {
            by_key[key] = *revisions;
        }
    }
    issue.revisions.insert(rung, by_key);
}

/// Takes what `series` were forecast where nobody answered yet; how many forecasts that are.
fn fill(issue: &mut Issue, rung: LadderStep, series: &[String], values: &Array3<f64>) -> usize {
    let horizon = issue.horizon().min(values.dim().1);
    let mut filled = 0;
    for (at, name) in series.iter().enumerate() {
        let Some(&key) = issue.index.get(name.as_str()) else {
            continue;
        };
        for ahead in 0..horizon {
            let given = values.slice(s![at, ahead, ..]);
            if issue.steps[[key, ahead]].is_none() && given.iter().all(|value| value.is_finite()) {
                issue.steps[[key, ahead]] = Some(rung);
                issue.values.slice_mut(s![key, ahead, ..]).assign(&given);
                filled += 1;
            }
        }
    }
    filled
}

/// Lets the canary answer for its share of the keys. A key that it has no number for at any step stays with those who answered
/// already: nobody gets an answer of two models.
fn try_canary(
    live: &Live,
    order: &Order,
    canary: &dyn ServedModel,
    share: Share,
    issue: &mut Issue,
) -> Result<(), String> {
    let horizon = issue.horizon();
    if canary.horizon() < horizon {
        let reach = canary.horizon();
        return Err(format!("{} reaches {reach} steps, the champion {horizon}", canary.id()));
    }
    let answer = ask(live, order, canary, issue.origin, issue.step);
    let Some(Said { read, values, .. }) = answer.map_err(|error| format!("{}: {}", canary.id(), chain(&error)))? else {
        return Ok(());
    };
    let is_chosen = share.chooser(&order.target);
    let (mut chosen, mut filled) = (0, 0);
    for (at, name) in read.panel.series().iter().enumerate() {
        let Some(&key) = issue.index.get(name.as_str()).filter(|_| is_chosen(name)) else {
            continue;
        };
        chosen += 1;
        let given = values.slice(s![at, ..horizon, ..]);
        if given.iter().all(|value| value.is_finite()) {
            issue.steps.row_mut(key).fill(Some(LadderStep::Canary));
            issue.values.slice_mut(s![key, .., ..]).assign(&given);
            filled += 1;
        }
    }
    if filled > 0 {
        issue.sources.insert(LadderStep::Canary, source(canary, &read.panel));
        note_revisions(issue, LadderStep::Canary, &read);
    } else if chosen > 0 {
        return Err(format!("{} gave no number", canary.id()));
    }
    Ok(())
}

/// The last step of the ladder, for the keys that nobody answered for in full.
fn fall_back(stream: &LiveStream, order: &Order, issue: &mut Issue, open: &[usize]) -> Result<()> {
    let series: Vec<String> = open.iter().map(|&key| issue.keys[key].to_string()).collect();
    let shape = live::Shape {
        channel: &order.target.field,
        rows: usize::MAX,
        step: issue.step,
        timezone: &order.timezone,
        holidays: &order.holidays,
    };
    let Some(read) = Read::of(stream, &order.target.field, &series, issue.origin, &shape)? else {
        return Ok(());
    };
    let values = profile::forecast(&read.panel, issue.horizon(), &order.quantiles, || {
        order.unwanted.check()
    })?;
    if fill(issue, LadderStep::Profile, &series, &values) > 0 {
        let source = Source {
            model: profile::PROFILE_NAME.into(),
            version: profile::PROFILE_VERSION.into(),
            digest: live::digest(&read.panel),
        };
        issue.sources.insert(LadderStep::Profile, Arc::new(source));
        note_revisions(issue, LadderStep::Profile, &read);
    }
    Ok(())
}

fn source(model: &dyn ServedModel, panel: &Panel) -> Arc<Source> {
    let id = model.id();
    Arc::new(Source {
        model: id.name.clone(),
        version: id.version.to_string(),
        digest: live::digest(panel),
    })
}

/// The numbers of other streams that a model was fitted with.
///
/// # Errors
/// A channel that is no number of a stream, or one that is known ahead: live windows have neither.
pub fn covariates(model: &dyn ServedModel) -> Result<Vec<Covariate>> {
    let number = |channel: &Channel| match (channel.role, channel.name.parse()) {
        (ChannelRole::Observed, Ok(covariate)) => Ok(covariate),
        _ => Err(crate::Error::invalid(
            "covariate of the model",
            &channel.name,
            "a number of a stream that is observed, such as weather.precipitation_mm",
        )),
    };
    model.scope().covariates.iter().map(number).collect()
}

/// Checks that a model can be asked about the live windows of its target.
///
/// # Errors
/// Windows of another length, or no windows of that target.
pub fn check_fit(stream: &LiveStream, target: &Target, model: &dyn ServedModel) -> Result<()> {
    let window = stream.definition().window;
    if live::target_column(stream.definition(), &target.field).is_none() {
        let known = live::target_fields(stream.definition()).join(", ");
        return Err(crate::Error::invalid("target", target, known));
    }
    if model.scope().step != window {
        let step = model.scope().step;
        return Err(crate::Error::invalid(
            "step of the model",
            step,
            format!("{window}, the window of `{}`", target.topic),
        ));
    }
    Ok(())
}

/// Counts the forecasts of each step of the ladder.
pub fn tally(issue: &Issue) -> BTreeMap<LadderStep, usize> {
    let mut counts = BTreeMap::new();
    for lane in issue.steps.axis_iter(Axis(0)) {
        for step in lane.iter().flatten() {
            *counts.entry(*step).or_default() += 1;
        }
    }
    counts
}

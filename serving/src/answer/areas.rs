//! Forecasts of zones and of the whole city. Their medians are means of the medians that [`super::answer`] gives for their keys at the
//! same instant, whoever gave those; their intervals are those of the model that leads.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::Quantile;
use arterial_models::areas::around;

use super::Asker;
use super::question::{Checked, Question};
use super::reply::{self, Refusal};
use crate::metrics::Metric;
use crate::score::{AreaIntervals, Issue, RefusalCode, Source};
use crate::state::AppState;
use crate::{Error, Result};

/// The quantile that means are taken of.
const MEDIAN: f64 = 0.5;

/// What is answered of areas.
#[derive(Debug, Clone, Default)]
pub struct AreaAnswer {
    /// The quantiles, ascending.
    pub quantiles: Vec<f64>,
    /// The forecasts: area by area, the city last, each with its horizons ascending.
    pub areas: Vec<AreaForecast>,
    /// What could not be answered well; the key is the zone.
    pub refusals: Vec<Refusal>,
}

/// One forecast of an area.
#[derive(Debug, Clone)]
pub struct AreaForecast {
    /// The zone; none is the whole city.
    pub zone: Option<String>,
    /// Of how many keys it is the mean.
    pub members: usize,
    /// The start of the last window used.
    pub origin: Timestamp,
    /// The start of the window that is forecast.
    pub target_time: Timestamp,
    /// How far ahead.
    pub horizon_minutes: i32,
    /// One value a quantile of the answer.
    pub values: Vec<f64>,
    /// Whose interval it is.
    pub source: Arc<Source>,
    /// Since when it is served.
    pub issued_at: Timestamp,
}

impl AreaForecast {
    /// `zone` or `city`.
    pub fn level(&self) -> &'static str {
        if self.zone.is_some() { "zone" } else { "city" }
    }
}

/// Answers `question` for its zones, or for all of them and the city where it names none; it has no keys, model or instant of its own.
///
/// # Errors
/// A wrong request, or a service that is starting. What cannot be forecast well is a refusal in the
/// answer, no error.
pub async fn answer_areas(state: &Arc<AppState>, question: &Question) -> Result<AreaAnswer> {
    let started = std::time::Instant::now();
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let mut checked = question.check(state)?;
    checked.check_size_of_zones(question.zones.len())?;
    let quantiles = checked.levels.clone();
    add_median(&mut checked);
    let mut answer = match newest(state, question, &checked).await? {
        Ok(issue) => Reply::new(state, &issue).to(question, &checked, &quantiles)?,
        Err(refusals) => AreaAnswer {
            refusals,
            ..AreaAnswer::default()
        },
    };
    answer.quantiles = quantiles;
    state.metrics.count(Metric::ForecastCalls, 1);
    for refusal in &answer.refusals {
        let code = refusal.code.name();
        state.metrics.count_by(Metric::ForecastRefusals, "code", code, 1);
    }
    state.metrics.observe(Metric::ForecastDuration, started.elapsed());
    Ok(answer)
}

/// Without the medians of the keys there is none of an area.
fn add_median(checked: &mut Checked<'_>) {
    let place = checked.levels.partition_point(|level| *level < MEDIAN);
    if checked.levels.get(place).is_none_or(|level| *level > MEDIAN) {
        checked.levels.insert(place, MEDIAN);
        checked.quantiles.insert(place, Quantile::MEDIAN);
    }
}

/// The newest forecasts, or why there are none.
async fn newest(
    state: &Arc<AppState>,
    question: &Question,
    checked: &Checked<'_>,
) -> Result<Result<Arc<Issue>, Vec<Refusal>>> {
    let Some(scores) = state.scores.get(&checked.target) else {
        return Ok(Err(super::not_served(state, question, checked).refusals));
    };
    let issue = super::issue(Asker::Call, state, checked, &scores).await?;
    Ok(issue.ok_or_else(|| super::without_windows(question, checked).refusals))
}

/// An area and the positions of its keys.
struct Wanted {
    zone: Option<String>,
    keys: Vec<usize>,
}

impl Wanted {
    /// What refusals call it.
    fn name(&self) -> &str {
        self.zone.as_deref().unwrap_or_default()
    }

    fn refusal(&self, code: RefusalCode, message: impl Into<String>) -> Refusal {
        Refusal::new(self.name(), code, message)
    }
}

/// What an issue says of areas at an instant.
struct Reply<'a> {
    issue: &'a Issue,
    now: Timestamp,
    stale_after: Duration,
}

impl<'a> Reply<'a> {
    fn new(state: &AppState, issue: &'a Issue) -> Self {
        Self {
            issue,
            now: state.clock.now(),
            stale_after: state.config.stale_after,
        }
    }

    /// The answer with the values of these `quantiles`.
    fn to(&self, question: &Question, checked: &Checked<'_>, quantiles: &[f64]) -> Result<AreaAnswer> {
        let mut answer = AreaAnswer::default();
        let intervals = match &self.issue.areas {
            Ok(intervals) => intervals,
            Err(none) => {
                answer.refusals.push(Refusal::new("", none.code, none.message.clone()));
                return Ok(answer);
            }
        };
        let wanted = self.wanted(question, checked, &mut answer.refusals);
        checked.check_size_of_zones(wanted.len())?;
        let mut steps = reply::steps(checked, self.issue.horizon());
        let reached = steps.partition_point(|&ahead| ahead <= self.issue.horizon());
        let beyond = steps.split_off(reached).into_iter();
        answer
            .refusals
            .extend(beyond.map(|ahead| reply::too_far(self.issue, "", ahead)));
        let (places, median) = self.places(quantiles);
        for mut area in wanted {
            let found = self.fresh(&mut area).and_then(|()| find(intervals, &area));
            match found {
                Ok(place) => {
                    for &ahead in &steps {
                        self.tell(
                            intervals,
                            (&area, place),
                            ahead,
                            (places.as_slice(), median),
                            &mut answer,
                        );
                    }
                }
                Err(refusal) => answer.refusals.push(refusal),
            }
        }
        Ok(answer)
    }

    /// Where `quantiles` and the median stand in the issue.
    fn places(&self, quantiles: &[f64]) -> (Vec<usize>, usize) {
        let places = self.issue.positions(quantiles).unwrap_or_default();
        let median = self.issue.positions(&[MEDIAN]).unwrap_or_default();
        (places, median.first().copied().unwrap_or_default())
    }

    /// The areas that are meant; zones that no key lies in become refusals.
    fn wanted(&self, question: &Question, checked: &Checked<'_>, refusals: &mut Vec<Refusal>) -> Vec<Wanted> {
        let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (key, zone) in self.issue.zones.iter().enumerate() {
            if let Some(zone) = zone {
                zones.entry(zone).or_default().push(key);
            }
        }
        let area = |(zone, keys): (&str, Vec<usize>)| Wanted {
            zone: Some(zone.to_owned()),
            keys,
        };
        if question.zones.is_empty() {
            let city = Wanted {
                zone: None,
                keys: (0..self.issue.keys.len()).collect(),
            };
            return zones.into_iter().map(area).chain([city]).collect();
        }
        let mut wanted: Vec<Wanted> = Vec::with_capacity(question.zones.len());
        for zone in &question.zones {
            if let Some(keys) = zones.remove(zone.as_str()) {
                wanted.push(area((zone, keys)));
            } else if wanted.iter().all(|area| area.name() != zone) {
                let topic = &checked.target.topic;
                let message = format!("no key of `{topic}` was last seen in zone `{zone}`");
                refusals.push(Refusal::new(zone, RefusalCode::UnknownKey, message));
            }
        }
        wanted
    }

    /// Leaves the keys out whose forecasts are not told either, as their data are too old.
    ///
    /// # Errors
    /// No key is left.
    fn fresh(&self, area: &mut Wanted) -> Result<(), Refusal> {
        let (issue, now) = (self.issue, self.now);
        let first = area.keys.first().copied();
        let is_fresh = |key: usize| issue.age(key, now).is_some_and(|age| age <= self.stale_after);
        area.keys.retain(|&key| is_fresh(key));
        if !area.keys.is_empty() {
            return Ok(());
        }
        let why = first.and_then(|key| reply::age(issue, key, now, self.stale_after).err());
        Err(match why {
            Some(refusal) => area.refusal(refusal.code, refusal.message),
            None => area.refusal(RefusalCode::NoData, "no key has reported yet"),
        })
    }

    /// What there is for one area, `ahead` steps ahead.
    fn tell(
        &self,
        intervals: &AreaIntervals,
        (area, place): (&Wanted, usize),
        ahead: usize,
        (places, median): (&[usize], usize),
        answer: &mut AreaAnswer,
    ) {
        let issue = self.issue;
        let answered = area.keys.iter().filter(|&&key| issue.steps[[key, ahead - 1]].is_some());
        let (sum, members) = answered.fold((0.0, 0_usize), |(sum, members), &key| {
            (sum + issue.values[[key, ahead - 1, median]], members + 1)
        });
        let horizon_minutes = reply::minutes(issue, ahead);
        let Some(distances) = intervals.distances(place, ahead).filter(|_| members > 0) else {
            let message = "the model in charge has no forecast of any key of it";
            answer.refusals.push(Refusal {
                horizon_minutes,
                ..area.refusal(RefusalCode::NoData, message)
            });
            return;
        };
        let mean = sum / members as f64;
        let least = intervals.least(place);
        let value = |&quantile: &usize| around(mean, distances[quantile], least);
        answer.areas.push(AreaForecast {
            zone: area.zone.clone(),
            members,
            origin: issue.origin,
            target_time: issue.target_time(ahead),
            horizon_minutes,
            values: places.iter().map(value).collect(),
            source: Arc::clone(&intervals.source),
            issued_at: issue.issued_at,
        });
    }
}

/// Where the model has the intervals of an area.
///
/// # Errors
/// It was fitted without that zone.
fn find(intervals: &AreaIntervals, area: &Wanted) -> Result<usize, Refusal> {
    intervals.place(area.zone.as_deref()).ok_or_else(|| {
        let Source { model, version, .. } = intervals.source.as_ref();
        let message = format!("`{model}@{version}` was fitted when no key lay in this zone");
        area.refusal(RefusalCode::OutOfDomain, message)
    })
}

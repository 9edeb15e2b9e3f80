//! What `linear`, `gbdt` and `forest` learn from: the deviation of the target from its usual level at its own slot of the week, in
//! units of the series' usual deviation, and the columns that tell how it goes on.

mod anchor;
mod groups;
mod outage;
pub(super) mod rows;
mod same_time;
mod scaler;

use std::sync::Arc;

use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, Waits, Wanted};
use arterial_datasets::panel::Panel;
use ndarray::Array1;

use crate::forecaster::go_on;
use crate::profile::{self, Profile, WithoutOwnDay};
use crate::season::{LocalClock, WEEK};
use crate::{Error, Progress, Result};

pub(super) use anchor::{
    Anchor, FEWEST_DAYS, LAST, LOOK_BACK, MEANS, OWN, OWN_NAMES, RETURNING, SERIES_COLUMNS, SERIES_TERMS,
};
pub(super) use groups::{ends, groups};
pub(super) use outage::{Outage, Outages};
pub(super) use scaler::{Scaler, check};

/// Origins that are used at least, however many series there are.
const FEWEST_ORIGINS: usize = 256;
/// Origins that the decay of deviations is learned from, at most about.
const DECAY_ORIGINS: usize = 2000;

/// What is learned before any column is weighed.
pub(super) struct Learned {
    pub(super) profile: Profile,
    pub(super) own_day: WithoutOwnDay,
    pub(super) state: FeatureState,
    pub(super) features: Box<dyn PreparedFeatures>,
}

impl Learned {
    /// Learns them of `training`, given up soon after `progress` says so.
    pub(super) fn of(features: &Arc<dyn FeatureSet>, training: &Panel, progress: &dyn Progress) -> Result<Self> {
        let (profile, own_day) = profile::learn(training, progress)?;
        go_on(progress)?;
        let waits = || !progress.is_cancelled();
        let state = features.learn_while(training, Waits::new(&waits))?;
        go_on(progress)?;
        let features = prepare(features, training, &state, None, progress)?;
        Ok(Self {
            profile,
            own_day,
            state,
            features,
        })
    }
}

/// The features of `panel`, all or those that are wanted, given up soon after `progress` says so.
pub(super) fn prepare(
    features: &Arc<dyn FeatureSet>,
    panel: &Panel,
    state: &FeatureState,
    wanted: Option<Wanted<'_>>,
    progress: &dyn Progress,
) -> Result<Box<dyn PreparedFeatures>> {
    let waits = || !progress.is_cancelled();
    let prepared = features.prepare_while(panel, state, wanted, Waits::new(&waits))?;
    go_on(progress)?;
    Ok(prepared)
}

/// Evenly spread origins out of `range`, at most about `wanted`.
pub(super) fn spread(range: std::ops::Range<usize>, wanted: usize, slots_per_day: usize) -> Vec<usize> {
    let mut stride = range.len().div_ceil(wanted.max(1)).max(1);
    // A stride that shares a factor with the day would see some slots only.
    while stride > 1 && common_factor(stride, slots_per_day) > 1 {
        stride += 1;
    }
    range.step_by(stride).collect()
}

fn common_factor(one: usize, other: usize) -> usize {
    if other == 0 {
        one
    } else {
        common_factor(other, one % other)
    }
}

/// Origins of `training` that have a target in it, at most about `wanted`.
pub(super) fn training_origins(training: &Panel, horizon: usize, wanted: usize) -> Result<Vec<usize>> {
    let first = LOOK_BACK.min(training.steps().saturating_sub(horizon + 1));
    let slots = LocalClock::of(training)?.slots_per_day();
    Ok(spread(first..training.steps() - 1, wanted, slots))
}

/// How many origins are wanted for about `rows` rows of a group of `steps`, each of which serves one step, of all `series` that have
/// values, and of how many rows one is kept.
pub(super) fn wanted(rows: usize, series: usize, steps: usize) -> (usize, usize) {
    let origins = (rows / series.max(1)).max(FEWEST_ORIGINS).max(steps);
    (origins, (origins * series).div_ceil(2 * rows).max(1))
}

/// What is left of the last deviation at each step ahead: the weight of least squares, between 0 and 1.
pub(super) fn decays(
    anchor: &Anchor<'_>,
    profile: &Profile,
    training: &Panel,
    origins: &[usize],
    horizon: usize,
) -> Array1<f64> {
    let mut sums = vec![(0.0, 0.0); horizon];
    let usual = profile.usual_scale();
    let stride = origins.len().div_ceil(DECAY_ORIGINS).max(1);
    let some: Vec<usize> = origins.iter().copied().step_by(stride).collect();
    let recent = anchor.recent(&some);
    for (at, origin) in some.iter().enumerate() {
        for series in 0..training.series().len() {
            let last = recent[(at, series, LAST)];
            let weight = profile.scale[series] / usual;
            for (step, (product, square)) in sums.iter_mut().enumerate() {
                let row = origin + step + 1;
                if row >= training.steps() {
                    break;
                }
                let later = anchor.deviation(row, series);
                if last.is_finite() && later.is_finite() {
                    *product += weight * last * later;
                    *square += weight * last * last;
                }
            }
        }
    }
    let weight = |(product, square): (f64, f64)| {
        if square > 0.0 {
            (product / square).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    sums.into_iter().map(weight).collect()
}

/// Rows that features and anchor look back: eight weeks and a day.
pub(super) fn history(profile: &Profile) -> usize {
    (8 * WEEK + 1) * profile.level.dim().1
}

/// What the columns are called that a model reads: the anchor's, the feature set's, and the flags of those that may be missing.
pub(super) fn column_names(features: &[String], flags: &[usize]) -> Vec<String> {
    let missing = flags.iter().map(|flag| format!("{}_missing", features[*flag]));
    let own = OWN_NAMES.iter().map(|name| (*name).to_owned());
    own.chain(features.iter().cloned()).chain(missing).collect()
}

/// Checks that a model was fitted with the feature set at hand.
pub(super) fn check_features(fitted: &FeatureSetId, here: &FeatureSetId) -> Result<()> {
    if fitted == here {
        return Ok(());
    }
    Err(Error::malformed(
        "parameters.json",
        format!(
            "the feature set is `{fitted}` with hash `{}`, this version has `{here}` with hash `{}`",
            fitted.hash, here.hash
        ),
    ))
}

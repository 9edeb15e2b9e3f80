//! Feature sets: named, versioned, hashed lists of Polars expressions.
//!
//! A feature is one small function and one line in a list; the lists stand in the order of the data:
//!
//! | list | one row is | what it makes |
//! |---|---|---|
//! | [`profile`] | a slot of a local day | what is usual at the slot, from complete days before |
//! | [`spread`] | a slot of a local day | how far values usually lie from it |
//! | [`recent`] | a row of the panel | deviations from the profile, differences, rolling statistics |
//! | [`neighbours`] | a row of the panel | the deviations next door |
//! | [`covariates`] | a row of the panel | weather, air and other channels as known then |
//! | [`level`] | a local day | the series' own level |
//! | [`target`] | an origin and horizon | the local clock at the target, and what ties origin and target |
//!
//! The same code serves offline and online. It reads no row behind the origin, apart from channels that are known ahead; [`guard`]
//! proves it.

use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;
use arterial_datasets::time::{DAY, Duration};

pub mod covariates;
mod daily;
pub mod feature;
mod frame;
pub mod guard;
pub mod layout;
pub mod level;
mod matrix;
pub mod neighbours;
mod prepared;
pub mod profile;
pub mod recent;
mod section;
pub mod spread;
mod standard;
pub mod target;
mod without;

pub use standard::Standard;
pub use without::without;

/// Local days before the origin's own that features read: where rows begin earlier still, the bits are the same.
///
/// Profiles read 8 weeks; the usual deviation reads 16 days of profiles, and the longest lag reaches 35 steps back.
#[must_use]
pub fn history_days(step: Duration) -> usize {
    let lags = (recent::RECENT_STEPS as i64 * step.0 / DAY + 1) as usize;
    7 * profile::PROFILE_WEEKS + lags.max(spread::SPREAD_DAYS) + 1
}

/// The feature set that models use unless told otherwise.
#[must_use]
pub fn standard() -> Arc<dyn FeatureSet> {
    Arc::new(Standard::default())
}

/// Every feature set that exists.
#[must_use]
pub fn catalogue() -> Vec<Arc<dyn FeatureSet>> {
    vec![standard()]
}

/// The feature set with this hash, as an artefact names it.
#[must_use]
pub fn by_hash(hash: &str) -> Option<Arc<dyn FeatureSet>> {
    catalogue().into_iter().find(|set| set.id().hash == hash)
}

#[cfg(test)]
mod tests;

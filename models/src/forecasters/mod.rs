//! The kinds of model, as a plain list. A new kind is one file here, `mod` and its entry.

use std::sync::Arc;

use arterial_datasets::feature::FeatureSet;

use crate::neural::Device;
use crate::{Error, Forecaster, Result};

mod deviation;
mod ensemble;
mod ets;
mod forest;
mod gbdt;
mod linear;
mod neural;
mod persistence;
mod seasonal_naive;
mod weekly_profile;

pub use ensemble::Ensemble;
pub use ets::Ets;
pub use forest::Forest;
pub use gbdt::GradientBoosted;
pub use linear::Linear;
pub use neural::Neural;
pub use persistence::Persistence;
pub use seasonal_naive::SeasonalNaive;
pub use weekly_profile::WeeklyProfile;

/// Every kind; those that eat features eat the set `features`.
#[must_use]
pub fn list(features: Arc<dyn FeatureSet>) -> Vec<Box<dyn Forecaster>> {
    list_on(features, Device::Cpu)
}

/// The same, whose networks are trained on `device`.
#[must_use]
pub fn list_on(features: Arc<dyn FeatureSet>, device: Device) -> Vec<Box<dyn Forecaster>> {
    let linear = Linear::new(Arc::clone(&features));
    let forest = Forest::new(Arc::clone(&features));
    let gbdt = GradientBoosted::new(features);
    let stid = Neural::stid().on(device);
    vec![
        Box::new(Persistence),
        Box::new(SeasonalNaive),
        Box::new(WeeklyProfile),
        Box::new(Ets),
        Box::new(linear.clone()),
        Box::new(forest),
        Box::new(gbdt.clone()),
        Box::new(stid.clone()),
        Box::new(Neural::lstm().on(device)),
        Box::new(Neural::transformer().on(device)),
        Box::new(Ensemble::new(vec![Box::new(linear), Box::new(gbdt), Box::new(stid)])),
    ]
}

/// The kind named `name` of `list`.
///
/// # Errors
/// No such kind; the message names those that there are.
pub fn by_name<'a>(list: &'a [Box<dyn Forecaster>], name: &str) -> Result<&'a dyn Forecaster> {
    list.iter()
        .find(|kind| kind.name() == name)
        .map(AsRef::as_ref)
        .ok_or_else(|| Error::Unknown {
            what: "model",
            name: name.into(),
            known: list.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        })
}

//! A model's forecasts of rows that were held back from its fit, beside what happened: what intervals are calibrated by.

use arterial_datasets::panel::Panel;

use crate::support::{Read, Support};
use crate::{FittedForecaster, Outlook, Progress, Result};

/// The most errors that are gathered; with more, origins are thinned out evenly.
const MOST: usize = 1 << 22;

/// What a model says from origins whose targets it was not fitted on.
pub(crate) struct HeldOut<'a> {
    /// The data.
    pub panel: &'a Panel,
    /// The origins, thinned out where there are too many.
    pub origins: Vec<usize>,
    /// The forecasts from them.
    pub outlook: Outlook,
}

/// How many series of `panel` have a value.
pub(crate) fn observed(panel: &Panel) -> usize {
    let target = panel.target();
    let columns = target.columns().into_iter();
    columns
        .filter(|column| column.iter().any(|value| value.is_finite()))
        .count()
}

impl<'a> HeldOut<'a> {
    /// Lets `fitted` forecast from `origins` of `panel`; the medians are ones that the target can take.
    ///
    /// # Errors
    /// A panel that the model does not fit; [`Error::Cancelled`](crate::Error::Cancelled) where `progress` says so.
    pub(crate) fn of(
        fitted: &dyn FittedForecaster,
        support: &Support,
        panel: &'a Panel,
        origins: &[usize],
        progress: &dyn Progress,
    ) -> Result<Self> {
        let each = observed(panel) * fitted.horizon();
        let stride = (origins.len() * each).div_ceil(MOST).max(1);
        let origins: Vec<usize> = origins.iter().copied().step_by(stride).collect();
        let mut outlook = fitted.forecast_while(panel, &origins, progress)?;
        let read = Read {
            panel,
            origins: &origins,
            history: fitted.history(),
        };
        support.bring_into(&mut outlook, &read);
        Ok(Self {
            panel,
            origins,
            outlook,
        })
    }
}

//! What one model says of the windows that it reads.

use arterial_models::{Outlook, Progress, Quantile};
use ndarray::{Array3, Axis};

use super::compute::Read;
use crate::Result;
use crate::model::ServedModel;

/// What a model said.
pub struct Said {
    /// What it read.
    pub read: Read,
    /// Series x horizon x quantile; NaN where it refuses.
    pub values: Array3<f64>,
    /// The outlook around which the quantiles stand; none of a model that keeps it to itself.
    pub outlook: Option<Outlook>,
}

impl Said {
    /// What `model` says from the last window that was read.
    ///
    /// # Errors
    /// Windows of another scope, quantiles that do not increase, work that nobody waits for any more.
    pub fn by(model: &dyn ServedModel, read: Read, quantiles: &[Quantile], progress: &dyn Progress) -> Result<Self> {
        let panel = &read.panel;
        let Some(pipeline) = model.pipeline() else {
            let values = model.forecast_while(panel, quantiles, progress)?;
            return Ok(Self {
                read,
                values,
                outlook: None,
            });
        };
        let origins = [panel.steps().saturating_sub(1)];
        let outlook = pipeline.outlook_while(panel, &origins, progress)?;
        let forecasts = pipeline.around(panel, &origins, &outlook, quantiles)?;
        Ok(Self {
            read,
            values: forecasts.values.index_axis_move(Axis(0), 0),
            outlook: Some(outlook),
        })
    }
}

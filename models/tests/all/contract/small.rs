//! Every kind, fitted once on a small panel.

use std::sync::OnceLock;

use arterial_datasets::panel::Panel;
use arterial_models::pipeline::Pipeline;
use arterial_models::{Forecaster, Silent};
use ndarray::s;

use super::{kinds, task};
use crate::support::{panel, panel_of};

/// Rows that the kinds were fitted on; the panel goes on for a day behind them.
pub const FITTED: usize = 3 * 96;
/// Steps ahead.
pub const HORIZON: usize = 4;

/// A small panel, whose second series lacks five hours of training, and every kind fitted on it.
pub struct Small {
    pub panel: Panel,
    pub kinds: Vec<Box<dyn Forecaster>>,
    /// In the order of the kinds.
    pub pipelines: Vec<Pipeline>,
}

impl Small {
    /// The rows that the kinds were fitted on.
    pub fn training(&self) -> Panel {
        self.panel.rows(0..FITTED)
    }
}

/// Fits `kind` with its intervals.
pub fn fit(kind: &dyn Forecaster, training: &Panel) -> Pipeline {
    let fitted = Pipeline::fit(kind, training, 0, &task(HORIZON), &Silent);
    fitted.unwrap_or_else(|error| panic!("{}: {error}", kind.name()))
}

/// The small panel and its models, made by the first test that asks.
pub fn small() -> &'static Small {
    static SMALL: OnceLock<Small> = OnceLock::new();
    SMALL.get_or_init(|| {
        let mut values = panel(FITTED + 96, 2, 0.0).target().to_owned();
        values.slice_mut(s![130..150, 1]).fill(f64::NAN);
        let panel = panel_of(values, "15m");
        let training = panel.rows(0..FITTED);
        let kinds = kinds();
        let pipelines = kinds.iter().map(|kind| fit(kind.as_ref(), &training)).collect();
        Small {
            panel,
            kinds,
            pipelines,
        }
    })
}

//! Models that were fitted before, measured on data that may have their series in another order.

use arterial_datasets::panel::Panel;
use arterial_models::forecaster::{Outlook, Progress, Quantile, Silent};
use arterial_models::pipeline::Pipeline;
use ndarray::{Array, Array4, Axis, RemoveAxis};

use crate::areas::AreaScores;
use crate::evaluate::{Predict, Setting};
use crate::protocol::Protocol;
use crate::{Error, Result, areas};

/// A model that was fitted before, under the name of its version. It knows the series of the panel by their names.
pub struct Veteran<'a> {
    name: String,
    pipeline: &'a Pipeline,
    /// Where the panel has its series in another order than the model.
    arrangement: Option<Arrangement>,
}

/// The panel as the model knows it, and the ways there and back.
struct Arrangement {
    panel: Panel,
    /// Where each series of the model stands in the panel that is measured.
    measured: Vec<usize>,
    /// Where each series of the panel that is measured stands in the model.
    known: Vec<usize>,
}

impl<'a> Veteran<'a> {
    /// `pipeline`, ready to be measured on `panel` by `protocol`; later it is asked about that panel alone.
    ///
    /// # Errors
    /// A panel with other series, another step, zone or other covariates than the model was fitted on; a protocol that reaches further.
    pub fn new(name: impl Into<String>, pipeline: &'a Pipeline, panel: &Panel, protocol: &Protocol) -> Result<Self> {
        let name: String = name.into();
        let scope = pipeline.scope();
        let arrangement = Arrangement::of(panel, &scope.series);
        let arranged = arrangement.as_ref().map_or(panel, |arrangement| &arrangement.panel);
        scope.check(arranged, &[])?;
        if protocol.horizon > pipeline.horizon() {
            let accepted = format!("at most {}, as far as {name} was trained", pipeline.horizon());
            return Err(Error::invalid("horizon", protocol.horizon, accepted));
        }
        Ok(Self {
            name,
            pipeline,
            arrangement,
        })
    }
}

impl Arrangement {
    /// The way from `panel` to the series in the order of `names`; none where these are in that order, or are others.
    fn of(panel: &Panel, names: &[String]) -> Option<Self> {
        let measured = panel.order(names).filter(|order| !order.is_sorted())?;
        let arranged = panel.arranged(names)?;
        let known = arranged.order(panel.series())?;
        Some(Self {
            panel: arranged,
            measured,
            known,
        })
    }

    /// What is forecast of the panel that is measured, as the model would have it.
    fn to_model(&self, outlook: &Outlook) -> Outlook {
        reordered(outlook, &self.measured)
    }
}

impl Predict for Veteran<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn outlook(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.outlook_while(panel, origins, &Silent)
    }

    fn outlook_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        let Some(own) = &self.arrangement else {
            return Predict::outlook_while(self.pipeline, panel, origins, progress);
        };
        let outlook = Predict::outlook_while(self.pipeline, &own.panel, origins, progress)?;
        Ok(reordered(&outlook, &own.known))
    }

    fn around(&self, panel: &Panel, origins: &[usize], outlook: &Outlook, asked: &[Quantile]) -> Result<Array4<f64>> {
        let Some(own) = &self.arrangement else {
            return Predict::around(self.pipeline, panel, origins, outlook, asked);
        };
        let values = Predict::around(self.pipeline, &own.panel, origins, &own.to_model(outlook), asked)?;
        Ok(selected(&values, &own.known))
    }

    fn score_areas(&self, setting: &Setting<'_>, origins: &[usize], outlook: &Outlook) -> Result<AreaScores> {
        let Some(own) = &self.arrangement else {
            return Predict::score_areas(self.pipeline, setting, origins, outlook);
        };
        let outlook = own.to_model(outlook);
        areas::score(self.pipeline, &own.panel, setting.horizon, origins, &outlook)
    }
}

/// `outlook` with the series in another order: at place n the one that stood at `order[n]`.
fn reordered(outlook: &Outlook, order: &[usize]) -> Outlook {
    Outlook {
        points: selected(&outlook.points, order),
        spread: outlook.spread.as_ref().map(|spread| selected(spread, order)),
    }
}

/// The same of any values whose second axis is the series; laid out row by row, as quantiles are read in one piece.
fn selected<D: RemoveAxis>(values: &Array<f64, D>, order: &[usize]) -> Array<f64, D> {
    let selected = values.select(Axis(1), order);
    selected.as_standard_layout().into_owned()
}

//! What each group of inputs is worth: the same models on the same windows, without it.

use arterial_datasets::panel::Panel;
use arterial_models::Forecaster;
use arterial_models::forecaster::Progress;
use serde::Serialize;

use crate::Result;
use crate::backtest::{self, Backtest, Request, run};
use crate::document::{DataBlock, Score};
use crate::table::{Table, number};

/// The scores without a group of inputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    /// The group.
    pub without: String,
    /// A row a model and reported step, as in the scores of the backtest.
    pub scores: Vec<Score>,
}

/// A panel without a group of inputs, and the kinds that do without it.
pub struct Bereft {
    /// The group.
    pub group: String,
    /// The panel.
    pub panel: Panel,
    /// The kinds, as many and in the same order as those of the whole panel.
    pub kinds: Vec<Box<dyn Forecaster>>,
}

impl Bereft {
    /// Those of `kinds` that do without the group.
    fn counterparts(&self, kinds: &[&dyn Forecaster]) -> Vec<&dyn Forecaster> {
        let named = |kind: &&dyn Forecaster| self.kinds.iter().find(|other| other.name() == kind.name());
        kinds.iter().filter_map(named).map(AsRef::as_ref).collect()
    }

    /// What `request` asks, of `kinds` and of the panel without the group.
    fn request<'a>(&'a self, request: &Request<'a>, kinds: &'a [&'a dyn Forecaster]) -> Request<'a> {
        Request {
            panel: &self.panel,
            kinds,
            veterans: &[],
            for_report: false,
            ..*request
        }
    }
}

/// Checks, before anything is fitted, whether the kinds of `request` can be fitted without each group of inputs.
///
/// # Errors
/// As [`ablate`].
pub fn check(request: &Request<'_>, groups: &[Bereft]) -> Result<()> {
    for bereft in groups {
        let kinds = bereft.counterparts(request.kinds);
        backtest::check(&bereft.request(request, &kinds))?;
    }
    Ok(())
}

/// Measures the kinds of `request` again without each group of inputs.
///
/// # Errors
/// As [`run`].
pub fn ablate(
    request: &Request<'_>,
    data: &DataBlock,
    groups: &[Bereft],
    progress: &dyn Progress,
) -> Result<Vec<Ablation>> {
    let ablation = |bereft: &Bereft| {
        let kinds = bereft.counterparts(request.kinds);
        let request = bereft.request(request, &kinds);
        let Backtest { document, .. } = run(&request, data.clone(), progress)?;
        Ok(Ablation {
            without: bereft.group.clone(),
            scores: document.scores,
        })
    };
    groups.iter().map(ablation).collect()
}

/// The ablations for people: by how much the error grows without each group, in percent of the error with all.
pub fn table(whole: &[Score], ablations: &[Ablation]) -> String {
    let mut table = Table::new(["model", "without", "step", "MAE", "with all", "worth %"]);
    for ablation in ablations {
        for (score, with_all) in ablation.scores.iter().zip(whole) {
            let worth = match (score.metrics.mae, with_all.metrics.mae) {
                (Some(without), Some(with)) if with > 0.0 => Some(100.0 * (without / with - 1.0)),
                _ => None,
            };
            table.push([
                score.model.clone(),
                ablation.without.clone(),
                score.step.to_string(),
                number(score.metrics.mae, 3),
                number(with_all.metrics.mae, 3),
                number(worth, 2),
            ]);
        }
        table.gap();
    }
    table.render()
        + "worth: by how much the error grows without the group; a negative one is a group that does harm here.\n"
}

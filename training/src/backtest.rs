//! A rolling-origin backtest: fit on each fold's known rows, forecast from every test origin, score side by side.

use std::time::Instant;

use arterial_datasets::panel::Panel;
use arterial_models::forecaster::{FittedForecaster, Forecaster, Outlook, Progress, Quantile, Task};
use arterial_models::pipeline::Pipeline;
use ndarray::Array4;

use crate::Result;
use crate::areas::{self, AreaScores};
use crate::document::{DataBlock, Document, ProtocolBlock, Timing, area_rows, score_rows};
use crate::evaluate::{Contest, Predict, Scores, Setting, evaluate, local_hours};
use crate::folds::{Fold, folds};
use crate::kept::Kept;
use crate::protocol::Protocol;
use crate::samples::{self, Sample};
use crate::scale::{naive_scales, season_rows};
use crate::tally::Layout;
use crate::veteran::Veteran;

/// The model that skill is measured against.
pub const SEASONAL_NAIVE: &str = "seasonal-naive";
/// Quantiles of a reliability plot: every twentieth.
const RELIABILITY_STEPS: u32 = 20;

/// What to measure.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The data.
    pub panel: &'a Panel,
    /// The kinds to compare.
    pub kinds: &'a [&'a dyn Forecaster],
    /// Seasonal naive, which skill is measured against.
    pub naive: &'a dyn Forecaster,
    /// Models that were fitted before, measured beside the kinds.
    pub veterans: &'a [Veteran<'a>],
    /// How to measure.
    pub protocol: &'a Protocol,
    /// Whether to gather what only a report shows: many more quantiles, and stretches of forecasts.
    pub for_report: bool,
}

/// What was measured.
pub struct Backtest {
    /// The JSON document.
    pub document: Document,
    /// The scores behind it, by model in the order asked for.
    pub scores: Vec<(String, Scores)>,
    /// What the scores count.
    pub layout: Layout,
    /// Stretches of forecasts beside what happened; empty unless asked for.
    pub samples: Vec<Sample>,
    /// The models as they were fitted for the last fold, in the order of the kinds.
    pub pipelines: Vec<Pipeline>,
}

impl Predict for Pipeline {
    fn name(&self) -> &str {
        Pipeline::name(self)
    }

    fn outlook(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        Ok(Pipeline::outlook(self, panel, origins)?)
    }

    fn outlook_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        Ok(Pipeline::outlook_while(self, panel, origins, progress)?)
    }

    fn around(&self, panel: &Panel, origins: &[usize], outlook: &Outlook, asked: &[Quantile]) -> Result<Array4<f64>> {
        Ok(Pipeline::around(self, panel, origins, outlook, asked)?.values)
    }

    fn score_areas(&self, setting: &Setting<'_>, origins: &[usize], outlook: &Outlook) -> Result<AreaScores> {
        areas::score(self, setting.panel, setting.horizon, origins, outlook)
    }
}

/// A model without intervals: the reference that only its errors are wanted of.
struct Bare(Box<dyn FittedForecaster>);

impl Predict for Bare {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn outlook(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        Ok(self.0.forecast(panel, origins)?)
    }

    fn outlook_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        Ok(self.0.forecast_while(panel, origins, progress)?)
    }

    fn around(&self, _: &Panel, _: &[usize], outlook: &Outlook, _: &[Quantile]) -> Result<Array4<f64>> {
        let (windows, series, horizon) = outlook.points.dim();
        Ok(Array4::zeros((windows, series, horizon, 0)))
    }
}

/// Measures every kind of `request` on the same windows.
///
/// Models are fitted on the training and the validation part together, after their intervals were calibrated on the validation
/// part (or on the tail of the training part, where there is none); no row of the test part is read before its turn.
///
/// # Errors
/// A protocol that does not fit the panel, or a kind that cannot be fitted on it.
pub fn run(request: &Request<'_>, data: DataBlock, progress: &dyn Progress) -> Result<Backtest> {
    let protocol = request.protocol;
    check(request)?;
    let folds = folds(protocol, request.panel.steps())?;
    let (quantiles, layout) = layout(protocol, request.for_report)?;
    let hours = local_hours(request.panel)?;
    let season = season_rows(request.panel.step());
    let width = request.panel.series().len();
    let listed = request.kinds.len() + request.veterans.len();
    let mut totals = vec![Scores::new(&layout, protocol.horizon, width); listed];
    let mut fit_seconds = vec![0.0; listed];
    let mut samples = Vec::new();
    let mut pipelines = Vec::new();
    for (place, fold) in folds.iter().enumerate() {
        let fitted = fit(request, fold, &mut fit_seconds, progress)?;
        let scales = naive_scales(&request.panel.rows(fold.parts.training.clone()), season);
        let setting = Setting {
            panel: request.panel,
            origins: &fold.test_origins,
            horizon: protocol.horizon,
            quantiles: &quantiles,
            layout: &layout,
            scales: &scales,
            hours: &hours,
        };
        let models = fitted.models(request.veterans);
        let contest = Contest {
            models: &models,
            listed,
            naive: fitted.naive_place(request),
        };
        let scores = evaluate(&setting, &contest, progress)?;
        totals
            .iter_mut()
            .zip(scores)
            .for_each(|(total, part)| total.merge(part));
        if request.for_report && place + 1 == folds.len() {
            samples = samples::gather(&setting, &models[..listed], &totals, protocol)?;
        }
        pipelines = fitted.pipelines;
    }
    let kinds = request.kinds.iter().map(|kind| kind.name().to_owned());
    let names = kinds.chain(request.veterans.iter().map(|veteran| veteran.name().to_owned()));
    let scores: Vec<(String, Scores)> = names.zip(totals).collect();
    let document = document(request, data, &folds, &layout, &scores, &fit_seconds, &pipelines);
    Ok(Backtest {
        document,
        scores,
        layout,
        samples,
        pipelines,
    })
}

/// Checks, before anything is fitted, whether every kind of `request` can be fitted at all.
///
/// # Errors
/// As [`run`], which begins with this.
pub fn check(request: &Request<'_>) -> Result<()> {
    let folds = folds(request.protocol, request.panel.steps())?;
    // What suffices for the first one does for the later ones, which know more rows.
    let Some(fold) = folds.first() else {
        return Ok(());
    };
    let known = request.panel.rows(fold.known_rows());
    let task = task(request.protocol);
    for kind in request.kinds {
        Pipeline::check(*kind, &known, fold.parts.validation.len(), &task)?;
    }
    Ok(request.naive.check(&known, &task)?)
}

struct Fitted {
    pipelines: Vec<Pipeline>,
    reference: Option<Bare>,
}

impl Fitted {
    /// The kinds, the veterans, and last the reference where it is none of the kinds.
    fn models<'a>(&'a self, veterans: &'a [Veteran<'a>]) -> Vec<&'a dyn Predict> {
        let kinds = self.pipelines.iter().map(|model| model as &dyn Predict);
        let listed = kinds.chain(veterans.iter().map(|model| model as &dyn Predict));
        listed
            .chain(self.reference.iter().map(|model| model as &dyn Predict))
            .collect()
    }

    fn naive_place(&self, request: &Request<'_>) -> Option<usize> {
        match self.reference {
            Some(_) => Some(self.pipelines.len() + request.veterans.len()),
            None => request.kinds.iter().position(|kind| kind.name() == SEASONAL_NAIVE),
        }
    }
}

fn fit(request: &Request<'_>, fold: &Fold, seconds: &mut [f64], progress: &dyn Progress) -> Result<Fitted> {
    let known = request.panel.rows(fold.known_rows());
    let validation = fold.parts.validation.len();
    let task = task(request.protocol);
    let kept = progress
        .workplace()
        .map(|folder| Kept::new(folder, &known, validation, &task));
    let mut pipelines = Vec::with_capacity(request.kinds.len());
    for (place, kind) in request.kinds.iter().enumerate() {
        progress.report(place as u64, request.kinds.len() as u64, kind.name());
        let fit = || -> Result<(Pipeline, f64)> {
            let started = Instant::now();
            let pipeline = Pipeline::fit(*kind, &known, validation, &task, progress)?;
            Ok((pipeline, started.elapsed().as_secs_f64()))
        };
        let (pipeline, took) = match &kept {
            Some(kept) => fit_once(kept, *kind, fit)?,
            None => fit()?,
        };
        pipelines.push(pipeline);
        seconds[place] += took;
    }
    let listed = request.kinds.iter().any(|kind| kind.name() == SEASONAL_NAIVE);
    let reference = if listed {
        None
    } else {
        Some(Bare(request.naive.fit(&known, &task, progress)?))
    };
    Ok(Fitted { pipelines, reference })
}

/// The fitted kind that a training which was cut off has kept or, where there is none, the one that `fit` gives, which is kept.
fn fit_once(
    kept: &Kept<'_>,
    kind: &dyn Forecaster,
    fit: impl FnOnce() -> Result<(Pipeline, f64)>,
) -> Result<(Pipeline, f64)> {
    if let Some(fitted) = kept.load(kind)? {
        return Ok(fitted);
    }
    let (pipeline, seconds) = fit()?;
    kept.save(kind, &pipeline, seconds)?;
    Ok((pipeline, seconds))
}

/// What `protocol` asks of a forecaster.
pub fn task(protocol: &Protocol) -> Task {
    Task {
        context: protocol.context,
        horizon: protocol.horizon,
        seed: protocol.seed,
    }
}

/// The quantiles to ask for, and what is counted of them.
pub(crate) fn layout(protocol: &Protocol, for_report: bool) -> Result<(Vec<Quantile>, Layout)> {
    let weighted: Vec<f64> = protocol.quantiles()?.into_iter().map(f64::from).collect();
    let mut fractions = weighted.clone();
    if for_report {
        fractions.extend((1..RELIABILITY_STEPS).map(|place| f64::from(place) / f64::from(RELIABILITY_STEPS)));
    }
    fractions.sort_by(f64::total_cmp);
    fractions.dedup_by(|one, other| (*one - *other).abs() < 1e-9);
    let place = |fraction: f64| {
        fractions
            .iter()
            .position(|known| (known - fraction).abs() < 1e-9)
            .unwrap_or(0)
    };
    let layout = Layout {
        weighted: weighted.iter().map(|fraction| place(*fraction)).collect(),
        intervals: protocol.levels.iter().map(|level| level.bounds().map(place)).collect(),
        fractions: fractions.clone(),
    };
    let quantiles = fractions.into_iter().map(|fraction| Ok(Quantile::try_from(fraction)?));
    Ok((quantiles.collect::<Result<_>>()?, layout))
}

fn document(
    request: &Request<'_>,
    data: DataBlock,
    folds: &[Fold],
    layout: &Layout,
    scores: &[(String, Scores)],
    fit_seconds: &[f64],
    pipelines: &[Pipeline],
) -> Document {
    let season = season_rows(request.panel.step());
    let minutes = request.panel.step().seconds() / 60.0;
    let rows = |(model, scores): &(String, Scores)| score_rows(model, scores, request.protocol, layout, minutes);
    let areas = |(model, scores): &(String, Scores)| area_rows(model, scores, request.protocol, minutes);
    let timing = |((model, scores), fit_seconds): (&(String, Scores), &f64)| Timing {
        model: model.clone(),
        fit_seconds: *fit_seconds,
        predict_seconds: scores.predict_seconds,
        forecasts: made(request.panel, folds, request.protocol.horizon) - refused(scores),
    };
    Document {
        data,
        protocol: ProtocolBlock::new(request.protocol, folds, layout, season),
        scores: scores.iter().flat_map(rows).collect(),
        areas: scores.iter().flat_map(areas).collect(),
        notes: pipelines.iter().flat_map(notes).collect(),
        timing: scores.iter().zip(fit_seconds).map(timing).collect(),
    }
}

/// What has to be known of how a model was fitted, under its name.
fn notes(pipeline: &Pipeline) -> Vec<String> {
    let named = |note: String| format!("{}: {note}", pipeline.name());
    pipeline.notes().into_iter().map(named).collect()
}

/// Values asked for: windows x series x steps.
fn made(panel: &Panel, folds: &[Fold], horizon: usize) -> u64 {
    let windows: usize = folds.iter().map(|fold| fold.test_origins.len()).sum();
    (windows * panel.series().len() * horizon) as u64
}

fn refused(scores: &Scores) -> u64 {
    scores.steps.iter().map(|tally| tally.refused).sum()
}

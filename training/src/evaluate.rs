//! Forecasts from every origin, scored: in chunks, so that memory stays bounded, and summed in a fixed order, so that the result is
//! the same at any number of threads.

use std::time::Instant;

use arterial_datasets::panel::Panel;
use arterial_models::forecaster::{Outlook, Progress, Quantile};
use ndarray::{Array4, ArrayView2, s};
use rayon::prelude::*;

use crate::Result;
use crate::areas::AreaScores;
use crate::tally::{Layout, Mean, Observation, Tally};

/// Point forecasts that one model makes at once: models prepare a panel each time they are asked, so this is large (64 MiB).
const BLOCK_VALUES: usize = 1 << 23;
/// Quantile forecasts that are made and scored at once.
const CHUNK_VALUES: usize = 1 << 19;
/// Hours of a day.
const HOURS: usize = 24;

/// Something that forecasts: a fitted model with its intervals.
pub trait Predict: Send + Sync {
    /// The name in the score table.
    fn name(&self) -> &str;

    /// Forecasts from each of `origins`, before their quantiles.
    ///
    /// # Errors
    /// A panel that the model does not know, or an origin outside of it.
    fn outlook(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook>;

    /// The same, given up soon after `progress` says so where the model can.
    ///
    /// # Errors
    /// As [`Predict::outlook`]; work that is told to stop.
    fn outlook_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        let _ = progress;
        self.outlook(panel, origins)
    }

    /// Quantile forecasts around `outlook`, with the quantiles as a fourth axis; of length 0 where there are none.
    ///
    /// # Errors
    /// An outlook of another shape.
    fn around(
        &self,
        panel: &Panel,
        origins: &[usize],
        outlook: &Outlook,
        quantiles: &[Quantile],
    ) -> Result<Array4<f64>>;

    /// How far `outlook` is off for the areas that its series make; without a forecast where it has no intervals of its own.
    ///
    /// # Errors
    /// An outlook of another shape.
    fn score_areas(&self, setting: &Setting<'_>, origins: &[usize], outlook: &Outlook) -> Result<AreaScores> {
        let _ = (origins, outlook);
        Ok(AreaScores::new(setting.horizon))
    }
}

/// What is forecast, and how it is scored.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The whole panel; models read it up to each origin.
    pub panel: &'a Panel,
    /// The origins to forecast from, increasing.
    pub origins: &'a [usize],
    /// Steps ahead.
    pub horizon: usize,
    /// The quantiles asked for, increasing.
    pub quantiles: &'a [Quantile],
    /// What is counted of them.
    pub layout: &'a Layout,
    /// The scale of each series for the scaled error.
    pub scales: &'a [Option<f64>],
    /// The local hour of each row of the panel.
    pub hours: &'a [u8],
}

/// The models that are measured side by side.
#[derive(Clone, Copy)]
pub struct Contest<'a> {
    /// Every model; the first `listed` of them are compared, others only serve as reference.
    pub models: &'a [&'a dyn Predict],
    /// How many models are compared.
    pub listed: usize,
    /// The place of seasonal naive, where it could be fitted.
    pub naive: Option<usize>,
}

/// The absolute errors of one window, at the places that every listed model has a forecast for.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowLoss {
    /// The window's origin.
    pub origin: usize,
    /// By step.
    pub steps: Vec<Mean>,
}

/// What one model scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// By step, the first is one row ahead.
    pub steps: Vec<Tally>,
    /// Absolute errors by the local hour of the target.
    pub hours: Vec<Mean>,
    /// Absolute errors by series.
    pub series: Vec<Mean>,
    /// By window, in the order of the origins.
    pub windows: Vec<WindowLoss>,
    /// Of zones and of the city.
    pub areas: AreaScores,
    /// Seconds that forecasting took; quantiles are made side by side, their seconds are added up.
    pub predict_seconds: f64,
}

impl Scores {
    /// No scores yet.
    pub fn new(layout: &Layout, horizon: usize, series: usize) -> Self {
        Self {
            steps: vec![Tally::new(layout); horizon],
            hours: vec![Mean::default(); HOURS],
            series: vec![Mean::default(); series],
            windows: Vec::new(),
            areas: AreaScores::new(horizon),
            predict_seconds: 0.0,
        }
    }

    /// Adds the scores of later windows.
    pub fn merge(&mut self, later: Self) {
        self.steps
            .iter_mut()
            .zip(&later.steps)
            .for_each(|(sum, part)| sum.merge(part));
        self.hours
            .iter_mut()
            .zip(later.hours)
            .for_each(|(sum, part)| sum.merge(part));
        self.series
            .iter_mut()
            .zip(later.series)
            .for_each(|(sum, part)| sum.merge(part));
        self.windows.extend(later.windows);
        self.areas.merge(&later.areas);
        self.predict_seconds += later.predict_seconds;
    }

    /// The sums over steps 1 to `step`.
    pub fn through(&self, step: usize, layout: &Layout) -> Tally {
        let mut sum = Tally::new(layout);
        self.steps.iter().take(step).for_each(|tally| sum.merge(tally));
        sum
    }
}

/// Forecasts and scores every model of `contest` on the same windows and targets.
///
/// # Errors
/// What a model says of the panel; work that is told to stop.
pub fn evaluate(setting: &Setting<'_>, contest: &Contest<'_>, progress: &dyn Progress) -> Result<Vec<Scores>> {
    let width = setting.panel.series().len();
    let mut totals = vec![Scores::new(setting.layout, setting.horizon, width); contest.models.len()];
    let per_origin = (width * setting.horizon).max(1);
    let block_origins = (BLOCK_VALUES / per_origin).max(1);
    let chunk_origins = (CHUNK_VALUES / per_origin / (1 + setting.quantiles.len())).max(1);
    let mut done = 0;
    for block in setting.origins.chunks(block_origins) {
        let mut outlooks = Vec::with_capacity(contest.models.len());
        for (model, total) in contest.models.iter().zip(&mut totals) {
            go_on(progress)?;
            progress.report(done as u64, setting.origins.len() as u64, model.name());
            let started = Instant::now();
            outlooks.push(model.outlook_while(setting.panel, block, progress)?);
            total.predict_seconds += started.elapsed().as_secs_f64();
        }
        let chunks: Vec<(usize, &[usize])> = block
            .chunks(chunk_origins)
            .enumerate()
            .map(|(place, origins)| (place * chunk_origins, origins))
            .collect();
        let parts: Result<Vec<Vec<Scores>>> = chunks
            .par_iter()
            .map(|(from, origins)| {
                go_on(progress)?;
                let forecasts = around(setting, contest, origins, *from, &outlooks)?;
                Ok(score_chunk(setting, contest, origins, &forecasts))
            })
            .collect();
        for part in parts? {
            totals
                .iter_mut()
                .zip(part)
                .for_each(|(total, scores)| total.merge(scores));
        }
        done += block.len();
    }
    progress.report(done as u64, setting.origins.len() as u64, "scored");
    Ok(totals)
}

/// Ends work that is told to stop.
fn go_on(progress: &dyn Progress) -> Result<()> {
    if progress.is_cancelled() {
        return Err(arterial_models::Error::Cancelled.into());
    }
    Ok(())
}

/// One model's forecasts of a chunk.
struct Forecasts {
    outlook: Outlook,
    quantiles: Array4<f64>,
    areas: AreaScores,
    seconds: f64,
}

/// Each model's share of `outlooks` from the origin at `from` on, with its quantiles.
fn around(
    setting: &Setting<'_>,
    contest: &Contest<'_>,
    origins: &[usize],
    from: usize,
    outlooks: &[Outlook],
) -> Result<Vec<Forecasts>> {
    let mut forecasts = Vec::with_capacity(outlooks.len());
    for (model, outlook) in contest.models.iter().zip(outlooks) {
        let started = Instant::now();
        let outlook = outlook.of_origins(from..from + origins.len());
        let quantiles = model.around(setting.panel, origins, &outlook, setting.quantiles)?;
        let seconds = started.elapsed().as_secs_f64();
        let areas = model.score_areas(setting, origins, &outlook)?;
        forecasts.push(Forecasts {
            outlook,
            quantiles,
            areas,
            seconds,
        });
    }
    Ok(forecasts)
}

fn score_chunk(
    setting: &Setting<'_>,
    contest: &Contest<'_>,
    origins: &[usize],
    forecasts: &[Forecasts],
) -> Vec<Scores> {
    let target = setting.panel.target();
    let empty = Scores::new(setting.layout, setting.horizon, target.ncols());
    let mut scores: Vec<Scores> = forecasts
        .iter()
        .map(|model| Scores {
            areas: model.areas.clone(),
            predict_seconds: model.seconds,
            ..empty.clone()
        })
        .collect();
    for (place, &origin) in origins.iter().enumerate() {
        let window = Window {
            place,
            origin,
            target: &target,
        };
        for model in &mut scores {
            model.windows.push(WindowLoss {
                origin,
                steps: vec![Mean::default(); setting.horizon],
            });
        }
        for step in 0..setting.horizon {
            for series in 0..target.ncols() {
                score_place(setting, contest, &window, series, step, forecasts, &mut scores);
            }
        }
    }
    scores
}

struct Window<'a> {
    place: usize,
    origin: usize,
    target: &'a ArrayView2<'a, f64>,
}

fn score_place(
    setting: &Setting<'_>,
    contest: &Contest<'_>,
    window: &Window<'_>,
    series: usize,
    step: usize,
    forecasts: &[Forecasts],
    scores: &mut [Scores],
) {
    let row = window.origin + 1 + step;
    let target = window.target[[row, series]];
    let point = |model: usize| forecasts[model].outlook.points[[window.place, series, step]];
    let common = (0..contest.listed).all(|model| point(model).is_finite());
    let naive = contest.naive.map(point).filter(|value| value.is_finite());
    for (model, scores) in scores.iter_mut().enumerate() {
        let forecast = point(model);
        let tally = &mut scores.steps[step];
        tally.targets += u64::from(!target.is_nan());
        if !forecast.is_finite() {
            tally.refused += 1;
            continue;
        }
        if target.is_nan() {
            continue;
        }
        let quantiles = forecasts[model].quantiles.slice(s![window.place, series, step, ..]);
        let quantiles = quantiles.as_slice().unwrap_or_default();
        tally.push(
            setting.layout,
            &Observation {
                target,
                point: forecast,
                scale: setting.scales[series],
                quantiles,
            },
        );
        let error = (target - forecast).abs();
        if let Some(naive) = naive {
            tally.beside_naive.push(error);
            tally.naive.push((target - naive).abs());
        }
        scores.hours[usize::from(setting.hours[row]) % HOURS].push(error);
        scores.series[series].push(error);
        if common {
            tally.common.push(error);
            if let Some(loss) = scores.windows.last_mut() {
                loss.steps[step].push(error);
            }
        }
    }
}

/// The local hour, 0 to 23, of every row of `panel`.
///
/// # Errors
/// A zone that is not known, or an instant outside the calendar.
pub fn local_hours(panel: &Panel) -> Result<Vec<u8>> {
    let zone = jiff::tz::TimeZone::get(panel.timezone()).map_err(|_| {
        crate::Error::invalid(
            "--timezone",
            panel.timezone(),
            "an IANA zone, such as Europe/Copenhagen",
        )
    })?;
    (0..panel.steps())
        .map(|row| {
            let hour = zone.to_datetime(panel.time(row).to_jiff()?).hour();
            Ok(u8::try_from(hour).unwrap_or(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arterial_datasets::panel::{Channel, ChannelRole};
    use arterial_datasets::time::{MINUTE, Timestamp};
    use arterial_models::forecaster::Silent;
    use ndarray::Array3;

    struct Repeat {
        refuses: usize,
    }

    impl Predict for Repeat {
        fn name(&self) -> &'static str {
            "repeat"
        }

        fn outlook(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
            let shape = (origins.len(), panel.series().len(), 2);
            let points = Array3::from_shape_fn(shape, |(place, series, _)| {
                if series < self.refuses {
                    f64::NAN
                } else {
                    panel.target()[[origins[place], series]]
                }
            });
            Ok(points.into())
        }

        fn around(&self, _: &Panel, _: &[usize], outlook: &Outlook, quantiles: &[Quantile]) -> Result<Array4<f64>> {
            let (windows, series, horizon) = outlook.points.dim();
            Ok(Array4::from_shape_fn(
                (windows, series, horizon, quantiles.len()),
                |(place, series, step, quantile)| {
                    outlook.points[[place, series, step]] + f64::from(quantiles[quantile]) - 0.5
                },
            ))
        }
    }

    fn panel(rows: usize, series: usize) -> Panel {
        let values = Array3::from_shape_fn((rows, series, 1), |(row, column, _)| {
            if row == 7 {
                f64::NAN
            } else {
                (row * (column + 1)) as f64
            }
        });
        let channels = vec![Channel {
            name: "y".into(),
            role: ChannelRole::Target,
        }];
        let names = (0..series).map(|place| format!("s{place}")).collect();
        let step = arterial_datasets::time::Duration(5 * MINUTE);
        Panel::new(Timestamp(0), step, "Europe/Copenhagen", names, channels, values).unwrap()
    }

    fn run(
        panel: &Panel,
        origins: &[usize],
        models: &[&dyn Predict],
        listed: usize,
        naive: Option<usize>,
    ) -> Vec<Scores> {
        let quantiles: Vec<Quantile> = [0.1, 0.5, 0.9].map(|value| Quantile::try_from(value).unwrap()).to_vec();
        let layout = Layout {
            fractions: vec![0.1, 0.5, 0.9],
            weighted: vec![0, 1, 2],
            intervals: vec![[0, 2]],
        };
        let setting = Setting {
            panel,
            origins,
            horizon: 2,
            quantiles: &quantiles,
            layout: &layout,
            scales: &vec![Some(1.0); panel.series().len()],
            hours: &local_hours(panel).unwrap(),
        };
        evaluate(&setting, &Contest { models, listed, naive }, &Silent).unwrap()
    }

    #[test]
    fn missing_targets_are_skipped_and_refused_forecasts_are_counted() {
        let panel = panel(10, 2);
        // From origins 5 and 6 the row of NaN is hit at step 2 and at step 1; from origin 7 every forecast is NaN.
        let scores = run(&panel, &[5, 6, 7], &[&Repeat { refuses: 0 }], 1, None).remove(0);
        let first = &scores.steps[0];
        assert_eq!((first.targets, first.absolute.count, first.refused), (4, 2, 2));
        let grown = Mean {
            sum: 1.0 + 2.0,
            count: 2,
        };
        assert_eq!(
            first.absolute, grown,
            "one row ahead the series have grown by 1 and by 2"
        );
        assert_eq!(
            scores.steps[1].absolute,
            Mean {
                sum: 2.0 + 4.0,
                count: 2
            }
        );
    }

    #[test]
    fn models_are_compared_where_all_of_them_have_a_forecast() {
        let panel = panel(10, 3);
        let scores = run(
            &panel,
            &[1, 2],
            &[&Repeat { refuses: 0 }, &Repeat { refuses: 2 }],
            2,
            Some(1),
        );
        assert_eq!(scores[0].steps[0].absolute.count, 6);
        assert_eq!(
            scores[0].steps[0].common,
            Mean { sum: 6.0, count: 2 },
            "the third series alone, 3 a row"
        );
        assert_eq!(scores[0].steps[0].beside_naive, scores[0].steps[0].naive);
        assert_eq!(scores[1].windows[0].steps[1], Mean { sum: 6.0, count: 1 });
    }

    #[test]
    fn chunks_change_nothing_but_the_memory() {
        let panel = panel(3000, 120);
        let origins: Vec<usize> = (100..2900).collect();
        let whole = run(&panel, &origins, &[&Repeat { refuses: 1 }], 1, None).remove(0);
        let again = run(&panel, &origins, &[&Repeat { refuses: 1 }], 1, None).remove(0);
        assert_eq!(whole.steps, again.steps);
        assert_eq!(whole.windows.len(), 2800);
        assert_eq!(whole.steps[1].absolute.count, 2800 * 119);
    }

    #[test]
    fn hours_follow_the_local_clock_across_a_change() {
        // 2014-10-26T00:55Z is 02:55 summer time in Copenhagen, an hour later it is 02:55 again.
        let start: Timestamp = "2014-10-26T00:55:00Z".parse().unwrap();
        let panel = panel(20, 1);
        let moved = Panel::new(
            start,
            panel.step(),
            "Europe/Copenhagen",
            panel.series().to_vec(),
            panel.channels().to_vec(),
            panel.values().clone(),
        );
        let hours = local_hours(&moved.unwrap()).unwrap();
        assert_eq!((hours[0], hours[1], hours[12], hours[13]), (2, 2, 2, 3));
    }
}

//! The detectors at work on the windows of one stream.

use std::sync::Arc;

use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{DAY, HOUR, Timestamp};
use arterial_models::alerts::{Expected, Signal, Subject};
use arterial_models::detectors::residual::{Residual, Settings};
use arterial_models::detectors::rules::Rules;
use arterial_models::forecasters::{Ets, Persistence, SeasonalNaive, WeeklyProfile};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Forecaster, Quantile, Silent, Task};
use ndarray::{Array3, s};

use super::options::Options;
use super::windows::Windows;
use super::{AnyError, TRAIN_DAYS};

const LEVELS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
/// So many windows are forecast at once.
const BATCH: usize = 288;

/// Looks at one stream.
pub struct Judge<'a> {
    stream: &'a StreamDefinition,
    windows: &'a Windows,
    keys: Vec<Arc<str>>,
    options: &'a Options,
    timezone: &'a str,
    topic: Arc<str>,
}

impl<'a> Judge<'a> {
    pub fn new(stream: &'a StreamDefinition, windows: &'a Windows, options: &'a Options, timezone: &'a str) -> Self {
        Self {
            stream,
            windows,
            keys: windows.keys().map(|key| key.as_str().into()).collect(),
            options,
            timezone,
            topic: stream.name.as_str().into(),
        }
    }

    /// Everything that is said after the training.
    pub fn signals(&self, targets: &[&str]) -> Result<Vec<Signal>, AnyError> {
        let mut signals = self.by_rules()?;
        for target in targets {
            signals.extend(self.by_residual(target)?);
        }
        Ok(signals)
    }

    fn first(&self) -> usize {
        (TRAIN_DAYS * DAY / self.windows.step().0) as usize
    }

    fn subject(&self, window: usize, key: usize) -> Subject {
        let step = self.windows.step();
        let place = self.windows.places().get(&*self.keys[key]);
        Subject {
            topic: Arc::clone(&self.topic),
            key: Arc::clone(&self.keys[key]),
            zone: place.and_then(|place| place.zone_id.as_deref()).map(Arc::from),
            window: Timestamp(self.windows.start().0 + window as i64 * step.0),
            step,
        }
    }

    fn by_rules(&self) -> Result<Vec<Signal>, AnyError> {
        let mut rules = Rules::new(self.stream)?;
        let (columns, asked) = (rules.columns().to_vec(), rules.asked().to_vec());
        let mut signals = Vec::new();
        for window in self.first()..self.windows.len() {
            for (number, key) in self.keys.iter().enumerate() {
                if let Some(row) = self.windows.row(key, window, &columns) {
                    let usual: Vec<Option<Expected>> = asked.iter().map(|one| self.usual(key, window, one)).collect();
                    signals.extend(rules.observe(&self.subject(window, number), &row, &usual)?);
                }
            }
            let step = self.windows.step().0;
            signals.extend(rules.silent(Timestamp(self.windows.start().0 + (window as i64 + 1) * step)));
        }
        Ok(signals)
    }

    /// What a column has within half an hour of this time of the week in the weeks before, as the service's usual week has it.
    fn usual(&self, key: &str, window: usize, column: &String) -> Option<Expected> {
        let week = (7 * DAY / self.windows.step().0) as usize;
        let near = (HOUR / 2 / self.windows.step().0) as usize;
        let mut found = Vec::new();
        for weeks in 1..=window / week {
            let middle = window - weeks * week;
            for one in middle.saturating_sub(near)..=middle + near {
                let row = self.windows.row(key, one, std::slice::from_ref(column));
                found.extend(row.map(|row| row[0]).filter(|value| value.is_finite()));
            }
        }
        if found.len() < 4 {
            return None;
        }
        found.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| found[(share * (found.len() - 1) as f64).round() as usize];
        Some(Expected {
            low: at(0.1),
            middle: at(0.5),
            high: at(0.9),
        })
    }

    fn by_residual(&self, target: &str) -> Result<Vec<Signal>, AnyError> {
        let panel = self.panel(target)?;
        let task = Task {
            context: 12,
            horizon: 12,
            seed: 1,
        };
        let kind = kind(&self.options.model)?;
        let pipeline = Pipeline::fit(kind.as_ref(), &panel.rows(0..self.first()), 0, &task, &Silent)?;
        let quantiles = LEVELS
            .into_iter()
            .map(Quantile::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let mut residual = Residual::new(target, Settings::default())?;
        let ahead = self.options.ahead;
        let mut signals = Vec::new();
        let mut first = self.first();
        while first < panel.steps() {
            let end = panel.steps().min(first + BATCH);
            let origins: Vec<usize> = (first..end).map(|window| window - ahead).collect();
            let forecasts = pipeline.forecast(&panel, &origins, &quantiles)?;
            for window in first..end {
                for key in 0..self.keys.len() {
                    let forecast = forecasts.values.slice(s![window - first, key, ahead - 1, ..]).to_vec();
                    let value = panel.target()[[window, key]];
                    signals.extend(residual.observe(&self.subject(window, key), value, &LEVELS, &forecast));
                }
            }
            first = end;
        }
        Ok(signals)
    }

    /// The means of a number, key by key.
    fn panel(&self, target: &str) -> Result<Panel, AnyError> {
        let column = [format!("{target}_mean")];
        let value = |window: usize, key: usize| {
            let row = self.windows.row(&self.keys[key], window, &column);
            row.map_or(f64::NAN, |row| row[0])
        };
        let shape = (self.windows.len(), self.keys.len(), 1);
        let values = Array3::from_shape_fn(shape, |(window, key, _)| value(window, key));
        let channels = vec![Channel {
            name: target.into(),
            role: ChannelRole::Target,
        }];
        let series = self.keys.iter().map(|key| String::from(&**key)).collect();
        let (start, step) = (self.windows.start(), self.windows.step());
        Ok(Panel::new(start, step, self.timezone, series, channels, values)?)
    }
}

/// The kinds that eat no features.
fn kind(name: &str) -> Result<Box<dyn Forecaster>, AnyError> {
    let known: Vec<Box<dyn Forecaster>> = vec![
        Box::new(Persistence),
        Box::new(SeasonalNaive),
        Box::new(WeeklyProfile),
        Box::new(Ets),
    ];
    let names: Vec<&str> = known.iter().map(|kind| kind.name()).collect();
    let unknown = format!("no model {name}, known: {}", names.join(", "));
    let found = known.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| unknown.into())
}

//! Fitting: the usual week, how fast deviations decay, and then the network.

use arterial_datasets::panel::Panel;
use ndarray::{Array1, ArrayView1, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::view::{CovariateScale, Neighbours, View, Widths, embedded_slots};
use super::{FittedNeural, LEVELS, Neural, Settings};
use crate::forecasters::deviation::{Anchor, decays, spread, training_origins};
use crate::neural::training::{Checkpoint, CheckpointFile, Observer, Progress as Epoch, TrainingSettings, train};
use crate::neural::{Batch, Batches, Device, Network, Shape};
use crate::profile::{self, WithoutOwnDay};
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Progress, Result, Task};

/// Windows times series of a mini-batch, about.
const TOKENS: usize = 6144;
/// The most series of a mini-batch.
const MOST_SERIES: usize = 512;
/// Windows times series that epochs are judged by, at most.
const JUDGE_TOKENS: usize = 80_000;
/// Deviations below are rounding: a series that has no others does not vary.
const ROUNDING: f64 = 1e-9;

/// How long to train.
pub(super) enum Stop {
    /// Until the error on the last rows of the panel, which are not fitted on, no longer falls; so many there are.
    Validation(usize),
    /// So many epochs.
    At(u64),
}

/// Mini-batches drawn at random from the windows of a panel, or all windows in turn.
struct Windows<'a> {
    view: View<'a>,
    origins: Vec<usize>,
    per_batch: usize,
    batches: usize,
    /// Where drawing starts; in turn without one.
    seed: Option<u64>,
}

impl<'a> Windows<'a> {
    fn drawn(view: View<'a>, origins: Vec<usize>, seed: u64, epoch_tokens: usize) -> Self {
        let (windows, series) = (origins.len(), view.panel.series().len());
        let per_batch = per_batch(series).min(windows);
        let all = (windows * series).min(epoch_tokens);
        Self {
            view,
            per_batch,
            batches: all.div_ceil(per_batch * series.min(MOST_SERIES)).max(1),
            origins,
            seed: Some(seed),
        }
    }

    fn in_turn(view: View<'a>, origins: Vec<usize>) -> Self {
        let series = view.panel.series().len();
        let per_batch = per_batch(series).min(origins.len().max(1));
        let chunks = series.div_ceil(MOST_SERIES);
        Self {
            view,
            per_batch,
            batches: origins.len().div_ceil(per_batch) * chunks,
            origins,
            seed: None,
        }
    }

    /// The windows and the series of a mini-batch.
    fn choose(&self, epoch: u64, index: usize) -> (Vec<usize>, Vec<usize>) {
        let series = self.view.panel.series().len();
        let chunks = series.div_ceil(MOST_SERIES);
        if let Some(seed) = self.seed {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream((epoch << 32) + index as u64);
            let mut origins: Vec<usize> = (0..self.per_batch)
                .map(|_| self.origins[random.random_range(0..self.origins.len())])
                .collect();
            origins.sort_unstable();
            let mut chosen = rand::seq::index::sample(&mut random, series, series.min(MOST_SERIES)).into_vec();
            chosen.sort_unstable();
            return (origins, chosen);
        }
        let from = index / chunks * self.per_batch;
        let until = (from + self.per_batch).min(self.origins.len());
        let first = index % chunks * MOST_SERIES;
        let chosen = (first..(first + MOST_SERIES).min(series)).collect();
        (self.origins[from..until].to_vec(), chosen)
    }
}

fn per_batch(series: usize) -> usize {
    (TOKENS / series.clamp(1, MOST_SERIES)).clamp(1, 256)
}

impl Batches for Windows<'_> {
    fn len(&self) -> usize {
        self.batches
    }

    fn digest(&self) -> String {
        let panel = self.view.panel.digest();
        match self.seed {
            Some(seed) => format!("{panel} drawn by seed {seed}"),
            None => panel,
        }
    }

    fn batch(&self, epoch: u64, index: usize) -> Result<Batch> {
        let (origins, series) = self.choose(epoch, index);
        Ok(self.view.batch(&origins, &series, true))
    }
}

/// Tells the front end of each epoch.
struct Watch<'a>(&'a dyn Progress);

impl Observer for Watch<'_> {
    fn report(&self, at: &Epoch) {
        let done = (at.epoch - 1) * at.batches as u64 + at.batch as u64;
        let best = at
            .best
            .map(|best| format!(", best on validation {best:.4}"))
            .unwrap_or_default();
        let message = format!(
            "epoch {}: loss {:.4}{best}, {} s left",
            at.epoch,
            at.loss,
            at.left.as_secs()
        );
        self.0.report(done, at.epochs * at.batches as u64, &message);
    }

    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Fits on `panel` up to where `stop` says.
pub(super) fn fit(
    kind: &Neural,
    panel: &Panel,
    stop: &Stop,
    task: &Task,
    progress: &dyn Progress,
) -> Result<FittedNeural> {
    let judged = match stop {
        Stop::Validation(rows) => *rows,
        Stop::At(_) => 0,
    };
    let training = panel.rows(0..panel.steps() - judged);
    let (profile, own_day) = profile::learn(&training, progress)?;
    let series = training.series().len();
    let origins = training_origins(&training, task.horizon, usize::MAX)?;
    let anchor = Anchor::new(&profile, Some(&own_day), &training, &origins, task.horizon)?;
    let decay = decays(&anchor, &profile, &training, &origins, task.horizon);
    let varies = varies(&training, &own_day);
    let covariates = CovariateScale::of(&training);
    let neighbours = Neighbours::of(panel);
    let view = View {
        profile: &profile,
        anchor: &anchor,
        panel: &training,
        covariates: &covariates,
        neighbours: &neighbours,
        decay: &decay,
        context: task.context,
        varies: &varies,
    };
    let clock = LocalClock::of(panel)?;
    let wanted = (JUDGE_TOKENS / series.max(1)).max(64);
    let judged_on = spread(training.steps() - 1..panel.steps() - 1, wanted, clock.slots_per_day());
    let later_anchor = Anchor::new(&profile, None, panel, &judged_on, task.horizon)?;
    let judge = View {
        anchor: &later_anchor,
        panel,
        ..view
    };
    let scope = Scope::of(&training);
    let shape = shape(&scope, task, clock.slots_per_day(), !neighbours.is_empty());
    let whole: Vec<usize> = origins
        .iter()
        .copied()
        .filter(|origin| origin + task.horizon < training.steps())
        .collect();
    let known = if whole.is_empty() { origins.clone() } else { whole };
    let drawn = Windows::drawn(view, known, task.seed, kind.epoch_tokens);
    let in_turn = Windows::in_turn(judge, judged_on);
    let (epochs, validation): (u64, Option<&dyn Batches>) = match stop {
        Stop::At(epochs) => (*epochs, None),
        Stop::Validation(_) => (kind.training.epochs, Some(&in_turn)),
    };
    let settings = TrainingSettings {
        epochs,
        ..kind.training
    };
    let network = Network::new(kind.kind, shape, task.seed)?;
    let checkpoint = progress
        .workplace()
        .map(|folder| CheckpointFile::new(folder.join(checkpoint_name(kind, &training, stop))));
    let checkpoint = checkpoint.as_ref().map(|file| file as &dyn Checkpoint);
    let trained = train(&network, &drawn, validation, &settings, &Watch(progress), checkpoint)?;
    Ok(FittedNeural {
        name: kind.name,
        settings: Settings {
            scope,
            task: *task,
            epochs: trained.best_epoch,
            kind: kind.kind,
            has_neighbours: !neighbours.is_empty(),
            diverged: trained.diverged,
            device: elsewhere(kind).map(|device| device.to_string()),
        },
        network: trained.network,
        profile,
        decay,
        covariates,
        neighbours,
        varies,
    })
}

/// The device that `kind` is trained on where that is not the CPU.
fn elsewhere(kind: &Neural) -> Option<Device> {
    Some(kind.training.device).filter(|device| *device != Device::Cpu)
}

/// The file of a training's state: one for each kind, device, part of the data and way to stop.
fn checkpoint_name(kind: &Neural, training: &Panel, stop: &Stop) -> String {
    let stage = match stop {
        Stop::Validation(rows) => format!("judged-by-{rows}"),
        Stop::At(epochs) => format!("for-{epochs}-epochs"),
    };
    let place = elsewhere(kind).map_or_else(String::new, |device| format!("-on-{device}"));
    format!(
        "{}{place}-{}-rows-from-{}-{stage}.{}",
        kind.name,
        training.steps(),
        training.start().0,
        CheckpointFile::EXTENSION
    )
}

/// 1 for each series that deviates from its usual week at all.
fn varies(training: &Panel, own_day: &WithoutOwnDay) -> Array1<f64> {
    let target = training.target();
    let columns = target.axis_iter(Axis(1)).zip(own_day.level.axis_iter(Axis(1)));
    let varies = |(values, levels): (ArrayView1<'_, f64>, ArrayView1<'_, f64>)| {
        let deviates = |(value, level): (&f64, &f64)| (value - level).abs() > ROUNDING * level.abs().max(1.0);
        f64::from(u8::from(values.iter().zip(levels).any(deviates)))
    };
    columns.map(varies).collect()
}

/// The shape of a network for `scope`.
pub(super) fn shape(scope: &Scope, task: &Task, slots_per_day: usize, has_neighbours: bool) -> Shape {
    let roles: Vec<_> = scope.covariates.iter().map(|channel| channel.role).collect();
    let widths = Widths::new(task.context, &roles, has_neighbours);
    Shape {
        series: scope.series.len(),
        context: widths.context,
        channels: widths.channels,
        known: widths.known,
        horizon: task.horizon,
        slots_per_day: embedded_slots(slots_per_day),
        quantiles: LEVELS.to_vec(),
    }
}

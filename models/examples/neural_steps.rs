//! Times training steps and forecasts of the networks for `benches/neural/compare.py`.
//!
//! Reads lines `NAME WORK COUNT` from the standard input and answers each with the milliseconds of every piece of work, so that
//! the script can take turns with another library. `WORK` is `train` (a whole step of the training loop: checks, forward,
//! loss, backward, clipping, AdamW) or `window` (the forecast for one window).

use std::io::{BufRead, Write};
use std::sync::Mutex;
use std::time::Instant;

use arterial_models::neural::training::{Observer, Progress, TrainingSettings, train};
use arterial_models::neural::{Batch, Batches, Kind, Lstm, Network, Shape, Stid, Transformer};
use arterial_models::{Error, Result};
use ndarray::{Array1, Array3, Array4};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> Result<()> {
    let cases = [lstm()?, transformer()?, stid()?];
    let mut output = std::io::stdout();
    for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, work, count] = words[..] else { break };
        let Some(case) = cases.iter().find(|case| case.name == name) else {
            return Err(Error::invalid("network", name, "lstm, transformer, stid"));
        };
        let count = count.parse().unwrap_or(1);
        let times = match work {
            "train" => case.train(count)?,
            _ => case.predict(count)?,
        };
        let times: Vec<String> = times.iter().map(|time| format!("{:.5}", time * 1e3)).collect();
        if writeln!(output, "{}", times.join(" "))
            .and_then(|()| output.flush())
            .is_err()
        {
            break;
        }
    }
    Ok(())
}

/// 64 windows of 12 steps of 8 channels, 64 hidden units.
fn lstm() -> Result<Case> {
    Case::new("lstm", Kind::Lstm(Lstm::default()), 64, shape(1, 8, 0))
}

/// 64 windows of 12 steps, 64 wide, two layers with four heads.
fn transformer() -> Result<Case> {
    let settings = Transformer {
        spatial_layers: 0,
        ..Transformer::default()
    };
    Case::new("transformer", Kind::Transformer(settings), 64, shape(1, 2, 0))
}

/// 32 windows of 207 series, 128 wide, three residual layers.
fn stid() -> Result<Case> {
    Case::new("stid", Kind::Stid(Stid::default()), 32, shape(207, 2, 1))
}

fn shape(series: usize, channels: usize, known: usize) -> Shape {
    Shape {
        series,
        context: 12,
        channels,
        known,
        horizon: 12,
        slots_per_day: 288,
        quantiles: vec![0.1, 0.5, 0.9],
    }
}

/// A network with a batch for it.
struct Case {
    name: &'static str,
    network: Network,
    batch: Batch,
    window: Batch,
}

impl Case {
    fn new(name: &'static str, kind: Kind, windows: usize, shape: Shape) -> Result<Self> {
        Ok(Self {
            name,
            batch: batch(&shape, windows),
            window: batch(&shape, 1),
            network: Network::new(kind, shape, 1)?,
        })
    }

    /// Seconds of each of so many steps of a training.
    fn train(&self, count: usize) -> Result<Vec<f64>> {
        let settings = TrainingSettings {
            epochs: 1,
            ..TrainingSettings::default()
        };
        let watch = Watch::default();
        let training = Same(&self.batch, count, Some(&watch));
        train(&self.network, &training, None, &settings, &watch, None)?;
        Ok(watch.times.into_inner().unwrap_or_default())
    }

    /// Seconds of each of so many forecasts.
    fn predict(&self, count: usize) -> Result<Vec<f64>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            self.network.predict(&self.window)?;
            times.push(start.elapsed().as_secs_f64());
        }
        Ok(times)
    }
}

/// The same batch again and again.
struct Same<'a>(&'a Batch, usize, Option<&'a Watch>);

impl Batches for Same<'_> {
    fn len(&self) -> usize {
        self.1
    }

    fn batch(&self, _epoch: u64, _index: usize) -> Result<Batch> {
        let batch = self.0.clone();
        if let Some(watch) = self.2 {
            watch.start();
        }
        Ok(batch)
    }
}

/// Takes the time from a batch to the report on it.
#[derive(Default)]
struct Watch {
    started: Mutex<Option<Instant>>,
    times: Mutex<Vec<f64>>,
}

impl Watch {
    fn start(&self) {
        if let Ok(mut started) = self.started.lock() {
            *started = Some(Instant::now());
        }
    }
}

impl Observer for Watch {
    fn report(&self, _progress: &Progress) {
        if let (Ok(started), Ok(mut times)) = (self.started.lock(), self.times.lock()) {
            times.extend(started.map(|started| started.elapsed().as_secs_f64()));
        }
    }
}

fn batch(shape: &Shape, windows: usize) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut number = || random.random_range(-1.0..1.0_f32);
    let Shape { series, horizon, .. } = *shape;
    Batch {
        context: Array4::from_shape_simple_fn((windows, series, shape.context, shape.channels), &mut number),
        known: Array4::from_shape_simple_fn((windows, series, horizon, shape.known), &mut number),
        base: Array3::from_shape_simple_fn((windows, series, horizon), &mut number),
        target: Array3::from_shape_simple_fn((windows, series, horizon), &mut number),
        weight: Array1::ones(series),
        slot_of_day: Array1::from_shape_fn(windows, |window| (window * 7 % 288) as u32),
        weekday: Array1::from_shape_fn(windows, |window| (window % 7) as u32),
        series: Array1::from_shape_fn(series, |one| one as u32),
    }
}

//! Live state as a panel: the same type that models are trained on.

use std::collections::BTreeMap;

use arterial_datasets::panel::{Channel, ChannelRole, CityMeans, Covariate, Holidays, Panel, city_mean};
use arterial_datasets::time::{Duration, Timestamp};
use ndarray::Array3;
use sha2::{Digest, Sha256};

use super::state::State;
use crate::Result;

/// What a panel is to look like.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// The name of its one channel.
    pub channel: &'a str,
    /// The most rows.
    pub rows: usize,
    /// The length of a window.
    pub step: Duration,
    /// The zone whose clock seasonality follows.
    pub timezone: &'a str,
    /// Days that count as Sundays.
    pub holidays: &'a Holidays,
}

/// The most recent windows of `field` up to and including the one that starts at `origin`, for `series` in that order;
/// series that never reported are missing throughout. None where nothing is held up to `origin`.
///
/// # Errors
/// An unknown zone.
pub fn panel(
    state: &State,
    field: &str,
    series: &[String],
    origin: Timestamp,
    shape: &Shape<'_>,
) -> Result<Option<Panel>> {
    let step = shape.step;
    let Some((ring, oldest)) = state.ring(field).and_then(|ring| Some((ring, ring.oldest()?))) else {
        return Ok(None);
    };
    let Ok(last) = usize::try_from((origin.0 - oldest.0).div_euclid(step.0)) else {
        return Ok(None);
    };
    if last >= ring.len() {
        return Ok(None);
    }
    let first = (last + 1).saturating_sub(shape.rows.max(1));
    let positions: Vec<Option<usize>> = series.iter().map(|key| state.position(key)).collect();
    let values = Array3::from_shape_fn((last + 1 - first, series.len(), 1), |(row, series, _)| {
        positions[series].map_or(f64::NAN, |key| ring.value(first + row, key))
    });
    let start = Timestamp(oldest.0 + first as i64 * step.0);
    let channels = vec![Channel {
        name: shape.channel.into(),
        role: ChannelRole::Target,
    }];
    let panel = Panel::new(start, step, shape.timezone, series.to_vec(), channels, values)?;
    Ok(Some(panel.with_holidays(shape.holidays.clone())))
}

/// The means over all keys of `covariate`, as far as they are held; none where it is not.
pub fn city_means(state: &State, covariate: &Covariate) -> Option<CityMeans> {
    let ring = state.ring(&covariate.field)?;
    let Some(oldest) = ring.oldest() else {
        return Some(CityMeans {
            covariate: covariate.clone(),
            window: ring.step(),
            means: BTreeMap::new(),
        });
    };
    let window = ring.step();
    let mean = |row: usize| {
        let start = Timestamp(oldest.0 + row as i64 * window.0);
        let values = (0..state.keys().len()).map(|key| ring.value(row, key));
        (start, city_mean(values))
    };
    Some(CityMeans {
        covariate: covariate.clone(),
        window,
        means: (0..ring.len()).map(mean).filter(|(_, mean)| !mean.is_nan()).collect(),
    })
}

/// SHA-256 over what a forecast reads: start, step, the names of the series, the holidays and every value's bits,
/// little-endian; every missing value counts as the same.
pub fn digest(panel: &Panel) -> String {
    let mut sha = Sha256::new();
    sha.update(panel.start().0.to_le_bytes());
    sha.update(panel.step().0.to_le_bytes());
    for name in panel.series() {
        sha.update((name.len() as u64).to_le_bytes());
        sha.update(name.as_bytes());
    }
    for day in panel.holidays().days() {
        sha.update(day.to_le_bytes());
    }
    let mut buffer = Buffer {
        sha,
        bytes: Vec::with_capacity(1 << 16),
    };
    for value in panel.values() {
        let value = if value.is_nan() { f64::NAN } else { *value };
        buffer.write(&value.to_le_bytes());
    }
    buffer.finish_hexadecimal()
}

/// Feeds a digest in large pieces.
struct Buffer {
    sha: Sha256,
    bytes: Vec<u8>,
}

impl Buffer {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= 1 << 16 {
            self.sha.update(&self.bytes);
            self.bytes.clear();
        }
    }

    fn finish_hexadecimal(mut self) -> String {
        self.sha.update(&self.bytes);
        let mut text = String::with_capacity(64);
        for byte in self.sha.finalize() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        text
    }
}

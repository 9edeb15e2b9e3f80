//! The leak guard: what was not yet there at the origin must not change a bit.

use arterial_datasets::Result;
use arterial_datasets::feature::{FeatureMatrix, FeatureSet, FeatureState};
use arterial_datasets::panel::{ChannelRole, Panel};
use ndarray::{Axis, s};

/// What is done to the rows behind an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tampering {
    /// They are removed.
    Removed,
    /// They stand in reverse order.
    Reversed,
    /// They hold values that never were.
    Garbage,
    /// They are missing.
    Missing,
}

/// Every kind of tampering.
pub const TAMPERINGS: [Tampering; 4] = [
    Tampering::Removed,
    Tampering::Reversed,
    Tampering::Garbage,
    Tampering::Missing,
];

/// A feature that changed although only rows behind the origin did.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// The column's name.
    pub column: String,
    /// The origin.
    pub origin: usize,
    /// The horizon.
    pub horizon: usize,
    /// The series, by its position.
    pub series: u32,
    /// What was done to the later rows.
    pub tampering: Tampering,
}

/// Computes the features at `origin` on the whole panel and on tampered ones and returns every column that differs in
/// any bit; empty where nothing leaks. Channels known ahead are left alone, as they may be read.
///
/// # Errors
/// A panel that the features cannot be made of.
pub fn leaks(
    set: &dyn FeatureSet,
    state: &FeatureState,
    panel: &Panel,
    origin: usize,
    horizon: usize,
) -> Result<Vec<Leak>> {
    let whole = set.prepare(panel, state)?.matrix(&[origin], horizon)?;
    let mut leaks = Vec::new();
    for tampering in TAMPERINGS {
        let tampered = tamper(panel, origin, tampering)?;
        let other = set.prepare(&tampered, state)?.matrix(&[origin], horizon)?;
        for (column, series) in differences(&whole, &other) {
            leaks.push(Leak {
                column,
                origin,
                horizon,
                series,
                tampering,
            });
        }
    }
    Ok(leaks)
}

/// The columns and series whose bits differ.
#[must_use]
pub fn differences(left: &FeatureMatrix, right: &FeatureMatrix) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for (place, name) in left.columns.iter().enumerate() {
        let pairs = left.values.column(place).into_iter().zip(right.values.column(place));
        let different = pairs.zip(&left.series).find(|((a, b), _)| a.to_bits() != b.to_bits());
        if let Some((_, &series)) = different {
            found.push((name.clone(), series));
        }
    }
    found
}

/// The panel with the rows behind `origin` tampered with.
fn tamper(panel: &Panel, origin: usize, tampering: Tampering) -> Result<Panel> {
    let first = origin + 1;
    if tampering == Tampering::Removed {
        return Ok(panel.rows(0..first));
    }
    let mut values = panel.values().clone();
    for (place, channel) in panel.channels().iter().enumerate() {
        if channel.role == ChannelRole::KnownAhead {
            continue;
        }
        let mut later = values.slice_mut(s![first.., .., place]);
        match tampering {
            Tampering::Reversed => {
                let reversed = later.slice(s![..;-1, ..]).to_owned();
                later.assign(&reversed);
            }
            Tampering::Garbage => {
                for (row, mut values) in later.axis_iter_mut(Axis(0)).enumerate() {
                    values.fill(-1e6 - row as f64);
                }
            }
            Tampering::Missing | Tampering::Removed => later.fill(f64::NAN),
        }
    }
    panel.clone().with_values(values)
}

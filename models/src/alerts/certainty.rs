//! How sure we are of an alert.
//!
//! Each piece of support is taken as independent and leaves a part of the doubt:
//! ```text
//! doubt = 0.5^min(score, 4) * 0.8^(keys - 1) * 0.85^(windows - 1) * 0.3 [a rule says so] * 0.6 [its cause is known]
//! certainty = clamp(1 - doubt * 2 [its neighbours are normal], 0.05, 0.99)
//! ```
//! with at most 10 keys and 6 windows counted. For a sensor that is suspected because its neighbours are normal, each of those leaves 0.8 of the
//! doubt instead. The factors are our choice, so the number ranks alerts; it is no frequency.

use super::alert::Alert;
use super::symptom::Nature;

/// What is known beside the alert itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Support {
    /// The number of strange windows.
    pub(super) windows: i64,
    /// Whether something known explains it.
    pub(super) is_explained: bool,
    /// The number of neighbours where all of them are normal.
    pub(super) normal_neighbours: Option<usize>,
}

pub(super) fn certainty(alert: &Alert, is_fault: bool, support: Support) -> f64 {
    let keys = alert.keys.len().clamp(1, 10) as i32;
    let windows = support.windows.clamp(1, 6) as i32;
    let mut doubt = 0.5_f64.powf(alert.score.clamp(0.0, 4.0)) * 0.8_f64.powi(keys - 1) * 0.85_f64.powi(windows - 1);
    if alert.symptom.is_said_by_rules() {
        doubt *= 0.3;
    }
    if support.is_explained {
        doubt *= 0.6;
    }
    match support.normal_neighbours {
        Some(count) if is_fault => doubt *= 0.8_f64.powi(count as i32),
        Some(_) if keys == 1 && alert.symptom.nature() == Nature::Event => doubt *= 2.0,
        _ => {}
    }
    (1.0 - doubt).clamp(0.05, 0.99)
}

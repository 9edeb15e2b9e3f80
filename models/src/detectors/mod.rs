//! The kinds of detectors, as plain lists: a new kind is a module and a line.

mod auto;
mod autoencoder;
mod isolation_forest;
mod knn;
mod neighbours;
pub mod online;
mod refitted;
pub mod residual;
pub mod rules;
mod scale;
mod tail;
mod training;

pub use auto::Auto;
pub use autoencoder::Autoencoder;
pub use isolation_forest::IsolationForest;
pub use knn::Knn;
pub use refitted::{SeriesAutoencoder, SeriesIsolationForest};
pub use training::LEAST_ROWS;

use crate::detector::{SeriesDetector, TableDetector};
use crate::{Error, Result};

/// Every kind of detector for tables, the recommended one last.
#[must_use]
pub fn for_tables() -> Vec<Box<dyn TableDetector>> {
    vec![
        Box::new(IsolationForest::default()),
        Box::new(Knn),
        Box::new(Autoencoder),
        Box::new(Auto),
    ]
}

/// Every kind of detector for series, the recommended one last.
#[must_use]
pub fn for_series() -> Vec<Box<dyn SeriesDetector>> {
    vec![
        Box::new(rules::RulesSeries),
        Box::new(residual::ResidualSeries::default()),
        Box::new(SeriesIsolationForest),
        Box::new(SeriesAutoencoder),
        Box::new(online::Knn),
        Box::new(online::Auto),
    ]
}

/// The detector for tables of that name.
///
/// # Errors
/// A name that is not in the list.
pub fn table_detector(name: &str) -> Result<Box<dyn TableDetector>> {
    let known = names(for_tables().iter().map(|kind| kind.name()));
    let found = for_tables().into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| unknown("detector for tables", name, known))
}

/// The detector for series of that name.
///
/// # Errors
/// A name that is not in the list.
pub fn series_detector(name: &str) -> Result<Box<dyn SeriesDetector>> {
    let known = names(for_series().iter().map(|kind| kind.name()));
    let found = for_series().into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| unknown("detector for series", name, known))
}

/// A number for people: four significant digits, no zeros behind them.
fn brief(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if !(-6..=9).contains(&digits) {
        return format!("{value:.3e}");
    }
    let scale = 10f64.powi(digits);
    // Adding 0 makes -0 a 0.
    ((value * scale).round() / scale + 0.0).to_string()
}

fn names<'a>(kinds: impl Iterator<Item = &'a str>) -> String {
    kinds.collect::<Vec<_>>().join(", ")
}

fn unknown(what: &'static str, name: &str, known: String) -> Error {
    Error::Unknown {
        what,
        name: name.into(),
        known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people_have_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (2.345_67, "2.346"),
            (-12_345.6, "-12350"),
            (0.000_123_456, "0.0001235"),
            (25.0, "25"),
            (1.5e12, "1.500e12"),
        ] {
            assert_eq!(brief(value), text);
        }
    }
}

//! The kinds of detectors, as plain lists: a new kind is a module and a line.

mod auto;
mod autoencoder;
mod isolation_forest;
mod knn;
mod neighbours;
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
    vec![Box::new(SeriesIsolationForest), Box::new(SeriesAutoencoder)]
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

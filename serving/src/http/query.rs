//! Values of query parameters.

use std::str::FromStr;

use crate::{Error, Result};

/// The words between commas.
pub fn words(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

/// The values between commas.
///
/// # Errors
/// The first that cannot be read.
pub fn many<T: FromStr>(field: &str, text: &str, accepted: &str) -> Result<Vec<T>> {
    words(text).iter().map(|word| one(field, word, accepted)).collect()
}

/// One value.
///
/// # Errors
/// A text that cannot be read.
pub fn one<T: FromStr>(field: &str, text: &str, accepted: &str) -> Result<T> {
    text.parse().map_err(|_| Error::invalid(field, text, accepted))
}

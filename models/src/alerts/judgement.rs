//! What people say of alerts.

use std::fmt;
use std::str::FromStr;

use arterial_datasets::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::named;
use crate::{Error, Result};

named! {
    /// What somebody says of an alert.
    Verdict, "verdict", {
        /// Good to know.
        Useful = "useful",
        /// Nothing was the matter.
        False = "false",
        /// Another alert said the same.
        Duplicate = "duplicate",
        /// Takes back what was said before.
        Withdrawn = "withdrawn",
    }
}

/// A verdict, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What was said.
    pub verdict: Verdict,
    /// Who said it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

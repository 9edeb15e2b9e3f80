//! Values of other channels than the target.

use arterial_datasets::panel::ChannelRole;
use serde::{Deserialize, Serialize};

use super::feature::{Feature, MOST_LAG, field};
use crate::scope::Scope;
use crate::{Error, Result};

/// A value of a covariate: `{"covariate": NAME}` and one of `"lag": 3`, `"ahead": 1` and `"at": "target"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct CovariateValue {
    /// The name of its channel.
    pub name: String,
    /// The row that it is of.
    pub row: CovariateRow,
}

/// The row that a covariate's value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CovariateRow {
    /// So many rows before the origin, 0 to 10,000; 0 is the origin.
    Lag(usize),
    /// So many rows behind the origin, 1 to 10,000; only of covariates that are known ahead.
    Ahead(usize),
    /// The row that is forecast; only of covariates that are known ahead.
    Target,
}

/// As it stands in the description.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    covariate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lag: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ahead: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<At>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    Target,
}

impl TryFrom<Written> for CovariateValue {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let name = written.covariate;
        let row = match (written.lag, written.ahead, written.at) {
            (Some(lag), None, None) => CovariateRow::Lag(lag),
            (None, Some(ahead), None) => CovariateRow::Ahead(ahead),
            (None, None, Some(At::Target)) => CovariateRow::Target,
            _ => {
                let accepted = r#"one of `"lag": 0`, `"ahead": 1` and `"at": "target"`"#;
                return Err(format!("the covariate `{name}` needs {accepted}"));
            }
        };
        Ok(Self { name, row })
    }
}

impl From<CovariateValue> for Written {
    fn from(value: CovariateValue) -> Self {
        let mut written = Self {
            covariate: value.name,
            lag: None,
            ahead: None,
            at: None,
        };
        match value.row {
            CovariateRow::Lag(lag) => written.lag = Some(lag),
            CovariateRow::Ahead(ahead) => written.ahead = Some(ahead),
            CovariateRow::Target => written.at = Some(At::Target),
        }
        written
    }
}

impl CovariateValue {
    /// Checks the range of the row; the feature stands in column `column`.
    pub(super) fn check(&self, column: usize) -> Result<()> {
        let (key, rows, least) = match self.row {
            CovariateRow::Lag(lag) => ("lag", lag, 0),
            CovariateRow::Ahead(ahead) => ("ahead", ahead, 1),
            CovariateRow::Target => return Ok(()),
        };
        if (least..=MOST_LAG).contains(&rows) {
            return Ok(());
        }
        let accepted = format!("a whole number from {least} to {MOST_LAG}");
        Err(Error::invalid(field(column, key), rows, accepted))
    }

    /// How many rows before the origin are read.
    pub(super) fn lag(&self) -> usize {
        match self.row {
            CovariateRow::Lag(lag) => lag,
            CovariateRow::Ahead(_) | CovariateRow::Target => 0,
        }
    }

    fn source(&self, column: usize, scope: &Scope) -> Result<Source> {
        let channel = scope.covariate(field(column, "covariate"), &self.name)?;
        let is_known_ahead = scope.covariates[channel - 1].role == ChannelRole::KnownAhead;
        let (key, found) = match self.row {
            CovariateRow::Ahead(ahead) if !is_known_ahead => ("ahead", ahead.to_string()),
            CovariateRow::Target if !is_known_ahead => ("at", "target".to_owned()),
            _ => {
                return Ok(Source {
                    channel,
                    is_known_ahead,
                });
            }
        };
        let accepted = format!("`lag`, as `{}` is not known ahead", self.name);
        Err(Error::invalid(field(column, key), found, accepted))
    }
}

/// Where the panels of a scope have a covariate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// The position among the channels.
    pub(super) channel: usize,
    pub(super) is_known_ahead: bool,
}

/// Where the panels of `scope` have the covariates that `features` read, by column.
///
/// # Errors
/// A covariate that they do not have, or that is not known as far ahead as it is read.
pub(super) fn sources(features: &[Feature], scope: &Scope) -> Result<Vec<Option<Source>>> {
    let source = |(column, feature): (usize, &Feature)| match feature {
        Feature::Covariate(value) => value.source(column, scope).map(Some),
        _ => Ok(None),
    };
    features.iter().enumerate().map(source).collect()
}

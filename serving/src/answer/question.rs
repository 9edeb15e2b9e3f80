//! A forecast request, checked: what is wrong with it is said with field, value and what is accepted.

use std::collections::BTreeSet;

use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::Quantile;
use arterial_models::registry::{CHAMPION, Reference, Target};

use crate::live::LiveStream;
use crate::state::AppState;
use crate::{Error, Result};

/// The stream of a question that names none, on the command line and over HTTP.
pub const DEFAULT_TOPIC: &str = "traffic-sensors";
/// The field of a question that names none, on the command line and over HTTP.
pub const DEFAULT_TARGET: &str = "speed_kmh";
/// The most keys in a request.
pub const MOST_KEYS: usize = 10_000;
/// The most zones in a request.
pub const MOST_ZONES: usize = 1_000;
/// The most quantiles in a request.
pub const MOST_QUANTILES: usize = 99;
/// The furthest horizon, in windows.
pub const FURTHEST: usize = 1_440;
/// The most forecasts that are explained at a time.
pub const MOST_EXPLAINED: usize = 100;
/// The most features that an explanation names.
pub const MOST_FEATURES: usize = 50;
/// The features that an explanation names where nobody says how many.
pub const DEFAULT_FEATURES: usize = 5;
/// The most forecasts in an answer: keys times horizons.
pub const MOST_FORECASTS: usize = 500_000;
/// The most numbers in an answer: keys times horizons times quantiles. On the wire each takes 20 bytes.
pub const MOST_NUMBERS: usize = 2_000_000;
/// The way to an answer that is too large at once.
const SMALLER: &str = "ask page by page (`page_size`, over HTTP `limit`), or for less";
/// The horizons of a request that names none, in windows.
pub const DEFAULT_STEPS: [usize; 3] = [3, 6, 12];
/// The quantiles of a request that names none.
pub const DEFAULT_QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// The stream.
    pub topic: String,
    /// The field.
    pub target: String,
    /// The keys; with neither keys nor zones, all of them.
    pub keys: Vec<String>,
    /// Zones whose keys are meant.
    pub zones: Vec<String>,
    /// How far ahead, in minutes.
    pub horizons_minutes: Vec<i32>,
    /// Which quantiles.
    pub quantiles: Vec<f64>,
    /// The forecast as it was served at that instant.
    pub as_of: Option<Timestamp>,
    /// The forecast that was served from that origin, the start of the last window used.
    pub origin: Option<Timestamp>,
    /// Which model.
    pub model: String,
    /// How many features are named that moved each forecast; none where nobody asks what did.
    pub explain: Option<usize>,
}

/// A request that can be answered.
pub struct Checked<'a> {
    /// The stream.
    pub stream: &'a LiveStream,
    /// What is forecast.
    pub target: Target,
    /// Steps ahead, ascending; none for the default ones.
    pub steps: Option<Vec<usize>>,
    /// The quantiles, ascending.
    pub quantiles: Vec<Quantile>,
    /// The same as numbers.
    pub levels: Vec<f64>,
    /// The model that was asked for; none for the one in charge.
    pub model: Option<Reference>,
}

impl Question {
    /// Checks the request against what the service knows. Whether the target exists is not checked: an unknown one is
    /// refused with a code.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check<'a>(&self, state: &'a AppState) -> Result<Checked<'a>> {
        let stream = state.live.stream(&self.topic)?;
        if self.target.is_empty() {
            let known = crate::live::target_fields(stream.definition()).join(", ");
            return Err(Error::missing("target", known));
        }
        limit("keys", self.keys.len(), MOST_KEYS)?;
        limit("zones", self.zones.len(), MOST_ZONES)?;
        limit("quantiles", self.quantiles.len(), MOST_QUANTILES)?;
        limit("horizons_minutes", self.horizons_minutes.len(), FURTHEST)?;
        let steps = steps(&self.horizons_minutes, stream.definition().window)?;
        let horizons = steps.as_ref().map_or(DEFAULT_STEPS.len(), Vec::len);
        let quantiles = quantiles(&self.quantiles)?;
        if let Some(features) = self.explain {
            self.check_explanation(features, horizons)?;
        }
        if let Some(as_of) = self.as_of {
            as_of.to_jiff().map_err(|error| error.about("as_of"))?;
        }
        if let Some(origin) = self.origin {
            origin.to_jiff().map_err(|error| error.about("origin"))?;
        }
        Ok(Checked {
            stream,
            target: Target {
                topic: self.topic.clone(),
                field: self.target.clone(),
            },
            steps,
            levels: quantiles.iter().map(|one| f64::from(*one)).collect(),
            quantiles,
            model: model(&self.model)?,
        })
    }
}

impl Checked<'_> {
    /// Checks that an answer about so many keys, which are those of a page, fits into memory.
    ///
    /// # Errors
    /// More forecasts, or more numbers, than an answer may have.
    pub fn check_size(&self, keys: usize) -> Result<()> {
        self.check_size_of("keys", keys, SMALLER)
    }

    /// Checks that an answer about so many zones fits into memory.
    ///
    /// # Errors
    /// As [`Checked::check_size`].
    pub fn check_size_of_zones(&self, zones: usize) -> Result<()> {
        self.check_size_of("zones", zones, "ask for less")
    }

    fn check_size_of(&self, what: &str, count: usize, smaller: &str) -> Result<()> {
        let horizons = self.steps.as_ref().map_or(DEFAULT_STEPS.len(), Vec::len);
        let forecasts = count.saturating_mul(horizons);
        if forecasts > MOST_FORECASTS {
            let accepted = format!("at most {MOST_FORECASTS} forecasts at a time: {smaller}");
            return Err(Error::invalid(
                format!("{what} x horizons_minutes"),
                format!("{count} x {horizons}"),
                accepted,
            ));
        }
        let quantiles = self.levels.len();
        if forecasts.saturating_mul(quantiles) > MOST_NUMBERS {
            let accepted = format!("at most {MOST_NUMBERS} numbers at a time: {smaller}");
            return Err(Error::invalid(
                format!("{what} x horizons_minutes x quantiles"),
                format!("{count} x {horizons} x {quantiles}"),
                accepted,
            ));
        }
        Ok(())
    }
}

impl Question {
    fn check_explanation(&self, features: usize, horizons: usize) -> Result<()> {
        if !(1..=MOST_FEATURES).contains(&features) {
            let accepted = format!("1 to {MOST_FEATURES}");
            return Err(Error::invalid("explain_features", features, accepted));
        }
        if self.as_of.is_some() || self.origin.is_some() {
            let accepted = "false together with `as_of`: what moved a past forecast is not kept";
            return Err(Error::invalid("explain", true, accepted));
        }
        let forecasts = self.keys.len() * horizons;
        if forecasts > MOST_EXPLAINED {
            let accepted = format!("at most {MOST_EXPLAINED} forecasts together with `explain`");
            return Err(Error::invalid("keys x horizons_minutes", forecasts, accepted));
        }
        Ok(())
    }
}

fn limit(field: &str, count: usize, most: usize) -> Result<()> {
    if count > most {
        return Err(Error::invalid(
            field,
            format!("{count} of them"),
            format!("at most {most}"),
        ));
    }
    Ok(())
}

fn steps(minutes: &[i32], window: Duration) -> Result<Option<Vec<usize>>> {
    if minutes.is_empty() {
        return Ok(None);
    }
    let mut steps = BTreeSet::new();
    for &one in minutes {
        let length = i64::from(one) * MINUTE;
        let ahead = length / window.0;
        if length % window.0 != 0 || !(1..=FURTHEST as i64).contains(&ahead) {
            let accepted = format!(
                "multiples of {window}, at most {}",
                Duration(window.0 * FURTHEST as i64)
            );
            return Err(Error::invalid("horizons_minutes", one, accepted));
        }
        steps.insert(ahead as usize);
    }
    Ok(Some(steps.into_iter().collect()))
}

fn quantiles(asked: &[f64]) -> Result<Vec<Quantile>> {
    let asked = if asked.is_empty() {
        &DEFAULT_QUANTILES[..]
    } else {
        asked
    };
    let mut quantiles = Vec::with_capacity(asked.len());
    for &one in asked {
        let refuse = |_| Error::invalid("quantiles", one, "fractions strictly between 0 and 1, such as 0.1");
        quantiles.push(Quantile::try_from(one).map_err(refuse)?);
    }
    quantiles.sort_by(|a, b| f64::from(*a).total_cmp(&f64::from(*b)));
    quantiles.dedup();
    Ok(quantiles)
}

fn model(text: &str) -> Result<Option<Reference>> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse()? {
        Reference::Alias(alias) if alias == CHAMPION => Ok(None),
        reference => Ok(Some(reference)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_MINUTES: Duration = Duration(5 * MINUTE);

    #[test]
    fn a_horizon_between_two_windows_is_refused_with_what_is_accepted() {
        let error = steps(&[5, 7], FIVE_MINUTES).unwrap_err().to_string();
        assert_eq!(
            error,
            "`horizons_minutes` is `7`, accepted: multiples of 5m, at most 5d"
        );
        assert!(steps(&[0], FIVE_MINUTES).is_err() && steps(&[-5], FIVE_MINUTES).is_err());
    }

    #[test]
    fn horizons_and_quantiles_are_sorted_and_named_once() {
        assert_eq!(steps(&[60, 5, 60], FIVE_MINUTES).unwrap(), Some(vec![1, 12]));
        let levels: Vec<f64> = quantiles(&[0.9, 0.5, 0.9])
            .unwrap()
            .into_iter()
            .map(f64::from)
            .collect();
        assert_eq!(levels, [0.5, 0.9]);
    }

    #[test]
    fn a_quantile_that_is_no_fraction_is_refused() {
        for bad in [0.0, 1.0, -0.1, 90.0, f64::NAN] {
            assert!(quantiles(&[bad]).unwrap_err().to_string().contains("`quantiles`"));
        }
    }

    #[test]
    fn the_champion_is_the_one_in_charge() {
        assert_eq!(model("@champion").unwrap(), None);
        assert!(matches!(model("linear@2").unwrap(), Some(Reference::Version(_))));
        assert!(model("../linear").is_err());
    }
}

//! The feature set `standard`, version 1.

use std::collections::BTreeMap;

use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, Waits, Wanted};
use arterial_datasets::panel::Panel;
use arterial_datasets::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::covariates::OBSERVED;
use super::feature::Stages;
use super::level::LEVEL;
use super::neighbours::{NEIGHBOURS, Neighbours, learn};
use super::prepared::{Deviations, Prepared};
use super::profile::PROFILE;
use super::recent::RECENT;
use super::spread::SPREAD;
use super::target::TARGET;

const NAME: &str = "standard";
const VERSION: u32 = 1;

/// Every list of the set, in the order in which columns are made.
pub(super) const LISTS: [&Stages; 7] = [&RECENT, &LEVEL, &NEIGHBOURS, &OBSERVED, &PROFILE, &SPREAD, &TARGET];

/// Lags, differences, rolling statistics, profiles, calendar, level, neighbours, covariates and static attributes.
///
/// # History
/// Features read complete local days before the origin's and that day up to the origin. Whoever computes them on the
/// newest rows alone gets the same bits if these begin more than [`history_days`](super::history_days) local days
/// before the origin's.
#[derive(Debug, Clone)]
pub struct Standard {
    id: FeatureSetId,
}

/// What the set learns from the training part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The hash of the set that learned it.
    pub feature_set: String,
    /// The series, in the order of the places in the lists of neighbours.
    pub series: Vec<String>,
    /// The graph's neighbours, where a graph was given.
    pub graph: Option<Neighbours>,
    /// The learned neighbours.
    pub learned: Neighbours,
    /// The series' static attributes, by name.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<Option<f32>>>,
}

impl Default for Standard {
    fn default() -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{NAME}@{VERSION}\n"));
        for list in LISTS {
            list.feed(&mut hash);
        }
        let hash = hexadecimal(&hash.finalize());
        Self {
            id: FeatureSetId {
                name: NAME.into(),
                version: VERSION,
                hash,
            },
        }
    }
}

/// Bytes as two digits each.
fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

impl Standard {
    /// Reads a state, refusing one of another feature set or of other series.
    fn state(&self, panel: &Panel, state: &FeatureState) -> Result<State> {
        if state.0.is_null() {
            return Ok(self.empty(panel));
        }
        let state: State = serde_json::from_value(state.0.clone())
            .map_err(|error| Error::invalid("feature state", error, format!("what {} learned", self.id)))?;
        if state.feature_set != self.id.hash {
            return Err(Error::invalid(
                "feature set of the state",
                state.feature_set,
                &self.id.hash,
            ));
        }
        if state.series != panel.series() {
            let found = panel
                .series()
                .iter()
                .zip(&state.series)
                .position(|(here, there)| here != there);
            let place = found.unwrap_or(panel.series().len().min(state.series.len()));
            let name = |series: &[String]| series.get(place).cloned().unwrap_or_else(|| "nothing".into());
            return Err(Error::invalid(
                format!("series {}", place + 1),
                name(panel.series()),
                format!("`{}`, as in training", name(&state.series)),
            ));
        }
        if let Some((name, values)) = state
            .attributes
            .iter()
            .find(|(_, values)| values.len() != state.series.len())
        {
            return Err(Error::invalid(
                format!("attribute `{name}` of the state"),
                format!("{} values", values.len()),
                format!("one for each of {} series", state.series.len()),
            ));
        }
        Ok(state)
    }

    fn empty(&self, panel: &Panel) -> State {
        let series = panel.series().len();
        State {
            feature_set: self.id.hash.clone(),
            series: panel.series().to_vec(),
            graph: panel.graph().map(|graph| Neighbours::of_graph(graph, series)),
            learned: Neighbours(vec![Vec::new(); series]),
            attributes: attributes(panel),
        }
    }
}

/// The attributes of a panel's series, by name. They are learned: a panel of the same series need not bring them again.
fn attributes(panel: &Panel) -> BTreeMap<String, Vec<Option<f32>>> {
    let attributes = panel.attributes();
    let columns = attributes.names.iter().zip(attributes.values.columns());
    let present = |value: &f64| (!value.is_nan()).then_some(*value as f32);
    columns
        .map(|(name, column)| (name.clone(), column.iter().map(present).collect()))
        .collect()
}

impl FeatureSet for Standard {
    fn id(&self) -> FeatureSetId {
        self.id.clone()
    }

    fn learn_while(&self, training: &Panel, waits: Waits<'_>) -> Result<FeatureState> {
        let deviations = Deviations::compute(training, None, waits)?;
        let state = State {
            learned: learn(&deviations.values(), waits)?,
            ..self.empty(training)
        };
        serde_json::to_value(state)
            .map(FeatureState)
            .map_err(|error| Error::invalid("feature state", error, "finite weights"))
    }

    fn prepare_while(
        &self,
        panel: &Panel,
        state: &FeatureState,
        wanted: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> Result<Box<dyn PreparedFeatures>> {
        let state = self.state(panel, state)?;
        Ok(Box::new(Prepared::new(panel, &state, wanted, waits)?))
    }
}

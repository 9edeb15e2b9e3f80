//! What a feature set makes and a model eats: features and models meet here and nowhere else.

use std::fmt;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::panel::Panel;
use crate::{Error, Result};

/// Which feature set: its name, its version and the hash of its expressions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeatureSetId {
    /// The name, such as `standard`.
    pub name: String,
    /// The version, 1 first.
    pub version: u32,
    /// SHA-256 over every column's name and expression, hexadecimal.
    pub hash: String,
}

impl fmt::Display for FeatureSetId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

/// A matrix with named columns, and which series and origin each row belongs to.
///
/// # Shapes
/// `values` is rows x columns; NaN is missing. Rows are ordered by origin, then series.
#[derive(Debug, Clone)]
pub struct FeatureMatrix {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The series of each row, by its position in the panel.
    pub series: Vec<u32>,
    /// The origin of each row: the position of the last panel row that the features may read.
    pub origins: Vec<u32>,
    /// The features.
    pub values: Array2<f32>,
}

/// What a feature set learns from the training part alone, kept in the artefact (neighbours, free-flow levels).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureState(pub serde_json::Value);

/// Which features of a panel are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The origins, in any order.
    pub origins: &'a [usize],
    /// The furthest target, in steps.
    pub horizon: usize,
}

/// Whether somebody still waits for what is made.
#[derive(Clone, Copy)]
pub struct Waits<'a>(&'a dyn Fn() -> bool);

impl Waits<'static> {
    /// Somebody does, however long it takes.
    pub const FOR_EVER: Self = Self(&|| true);
}

impl<'a> Waits<'a> {
    /// As long as `waits` says so. It is asked often.
    pub fn new(waits: &'a dyn Fn() -> bool) -> Self {
        Self(waits)
    }

    /// Ends work that nobody waits for any more.
    ///
    /// # Errors
    /// [`Error::Cancelled`] where nobody does.
    pub fn go_on(self) -> Result<()> {
        if (self.0)() { Ok(()) } else { Err(Error::Cancelled) }
    }
}

/// The columns that an outage leaves without a value, by their positions. The first one of a list is missing as soon as
/// the newest row is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentColumns {
    /// Made of the newest rows of the series itself.
    pub own: Vec<usize>,
    /// Made of the newest rows of other series.
    pub others: Vec<usize>,
}

/// A named, versioned, hashed list of features.
pub trait FeatureSet: Send + Sync {
    /// Which feature set this is.
    fn id(&self) -> FeatureSetId;

    /// Learns from `training` what the features need, and nothing else does, as long as somebody waits for it. A set that takes long asks
    /// on its way, so that it ends within a second.
    ///
    /// # Errors
    /// A panel that the features cannot be made of; [`Error::Cancelled`].
    fn learn_while(&self, training: &Panel, waits: Waits<'_>) -> Result<FeatureState>;

    /// Computes what does not depend on the horizon, once, as long as somebody waits for it: for the whole panel, or at least as much as
    /// `wanted` asks for, since a forecast from one origin need not cost as much as training. Matrices have the same bits either way; origins
    /// and horizons that were not asked for may be refused. A set that takes long asks on its way, so that it ends within a second.
    ///
    /// # Errors
    /// A state of another feature set, or a panel that the features cannot be made of; [`Error::Cancelled`].
    fn prepare_while(
        &self,
        panel: &Panel,
        state: &FeatureState,
        wanted: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> Result<Box<dyn PreparedFeatures>>;

    /// Learns, however long it takes.
    ///
    /// # Errors
    /// As [`FeatureSet::learn_while`].
    fn learn(&self, training: &Panel) -> Result<FeatureState> {
        self.learn_while(training, Waits::FOR_EVER)
    }

    /// Computes everything for the whole panel, however long it takes.
    ///
    /// # Errors
    /// As [`FeatureSet::prepare_while`].
    fn prepare(&self, panel: &Panel, state: &FeatureState) -> Result<Box<dyn PreparedFeatures>> {
        self.prepare_while(panel, state, None, Waits::FOR_EVER)
    }

    /// Computes as much as `wanted` asks for, however long it takes.
    ///
    /// # Errors
    /// As [`FeatureSet::prepare_while`].
    fn prepare_for(
        &self,
        panel: &Panel,
        state: &FeatureState,
        wanted: Wanted<'_>,
    ) -> Result<Box<dyn PreparedFeatures>> {
        self.prepare_while(panel, state, Some(wanted), Waits::FOR_EVER)
    }
}

/// The features of one panel.
pub trait PreparedFeatures: Send + Sync {
    /// The columns' names.
    fn columns(&self) -> &[String];

    /// The columns that an outage leaves without a value; none where the set does not tell.
    fn recent(&self) -> RecentColumns {
        RecentColumns::default()
    }

    /// The features at each of `origins` for the target `horizon` steps later (1 is the next row), for every series.
    /// They read no row behind the origin, apart from channels that are known ahead.
    ///
    /// # Errors
    /// An origin outside the panel, a horizon of zero, or what was not prepared.
    fn matrix(&self, origins: &[usize], horizon: usize) -> Result<FeatureMatrix>;
}

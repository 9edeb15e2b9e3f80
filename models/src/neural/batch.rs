//! What a network reads: a few windows at a time.

use ndarray::{Array1, Array3, Array4};

use super::Shape;
use crate::{Error, Result};

/// Some windows of the same series, scaled.
///
/// # Shapes
/// `B` windows, `S` series (all or some of [`Shape::series`]), and `T`, `C`, `H`, `K` the shape's context, channels, horizon and
/// known covariates.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `B x S x T x C`: what was seen up to the origin. Missing inputs are 0, and channel 1 says so (1 = seen).
    pub context: Array4<f32>,
    /// `B x S x H x K`: what is known ahead, such as the usual level at the target's slot.
    pub known: Array4<f32>,
    /// `B`: the slot of the day at the origin, below [`Shape::slots_per_day`].
    pub slot_of_day: Array1<u32>,
    /// `B`: the day of the week at the origin, 0 to 6.
    pub weekday: Array1<u32>,
    /// `S`: which series, each at most once.
    pub series: Array1<u32>,
    /// `B x S x H`: the anchor that the forecast starts from; the network gives what is to be added.
    pub base: Array3<f32>,
    /// `B x S x H`: what came. NaN does not count in the loss. `B x S x 0` when predicting.
    pub target: Array3<f32>,
    /// `S`: the weight of a series' errors in the loss; 0 and more.
    pub weight: Array1<f32>,
}

/// A source of batches that does not hold them all at once.
pub trait Batches: Sync {
    /// How many batches an epoch has.
    fn len(&self) -> usize;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What tells these batches from those of other data: a training that was begun on others does not go on with these.
    /// Empty where nobody would mix them up.
    fn digest(&self) -> String {
        String::new()
    }

    /// One batch; always the same for the same epoch and index.
    ///
    /// # Errors
    /// Data that cannot be read.
    fn batch(&self, epoch: u64, index: usize) -> Result<Batch>;
}

impl Batch {
    /// How many windows and how many series there are.
    pub fn extents(&self) -> (usize, usize) {
        (self.context.dim().0, self.context.dim().1)
    }

    /// Checks what a network of this shape reads; `with_target`, also what a loss needs.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the array and the extent or number that does not fit.
    pub fn check(&self, shape: &Shape, with_target: bool) -> Result<()> {
        let (windows, series) = self.extents();
        let horizon = shape.horizon;
        let target = if with_target { horizon } else { self.target.dim().2 };
        extents(
            "context",
            self.context.shape(),
            &[windows, series, shape.context, shape.channels],
        )?;
        extents("known", self.known.shape(), &[windows, series, horizon, shape.known])?;
        extents("slot_of_day", self.slot_of_day.shape(), &[windows])?;
        extents("weekday", self.weekday.shape(), &[windows])?;
        extents("series", self.series.shape(), &[series])?;
        extents("base", self.base.shape(), &[windows, series, horizon])?;
        extents("target", self.target.shape(), &[windows, series, target])?;
        extents("weight", self.weight.shape(), &[series])?;
        below("slot_of_day", &self.slot_of_day, shape.slots_per_day)?;
        below("weekday", &self.weekday, 7)?;
        below("series", &self.series, shape.series)?;
        self.check_series()?;
        self.check_weights()
    }

    fn check_series(&self) -> Result<()> {
        let mut sorted = self.series.to_vec();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::invalid("series", pair[0], "each series at most once")),
            None => Ok(()),
        }
    }

    fn check_weights(&self) -> Result<()> {
        let accepted = |weight: &&f32| !(weight.is_finite() && **weight >= 0.0);
        match self.weight.iter().find(accepted) {
            Some(weight) => Err(Error::invalid("weight", weight, "0 and more")),
            None => Ok(()),
        }
    }
}

fn extents(field: &str, found: &[usize], accepted: &[usize]) -> Result<()> {
    if found == accepted {
        return Ok(());
    }
    let text = |extents: &[usize]| {
        let words: Vec<String> = extents.iter().map(usize::to_string).collect();
        words.join(" x ")
    };
    Err(Error::invalid(format!("shape of {field}"), text(found), text(accepted)))
}

fn below(field: &str, found: &Array1<u32>, limit: usize) -> Result<()> {
    match found.iter().find(|&&index| index as usize >= limit) {
        Some(index) => Err(Error::invalid(field, index, format!("0 to {}", limit - 1))),
        None => Ok(()),
    }
}

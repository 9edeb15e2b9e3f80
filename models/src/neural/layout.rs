//! The parameters of a network: one row of numbers, and which of them are what.
//!
//! Names and shapes are what is stored, so that weights can be read by any backend and any library.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::ArrayD;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Result};

/// How parameters start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Start {
    /// Evenly spread over ± this bound.
    Uniform(f32),
    /// All the same.
    Constant(f32),
}

impl Start {
    /// For a map of `inputs` numbers: ±1/√inputs (LeCun et al., "Efficient BackProp", 1998, up to a factor).
    pub(super) fn of_map(inputs: usize) -> Self {
        Self::Uniform(1.0 / (inputs as f32).sqrt())
    }
}

/// One array of parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) start: Start,
}

/// The weights and behind them the bias of a map.
pub(super) fn map(name: &str, inputs: usize, outputs: usize) -> [Part; 2] {
    [
        part(&format!("{name}.weight"), &[inputs, outputs], Start::of_map(inputs)),
        part(&format!("{name}.bias"), &[outputs], Start::of_map(inputs)),
    ]
}

/// One array.
pub(super) fn part(name: &str, shape: &[usize], start: Start) -> Part {
    Part {
        name: name.into(),
        shape: shape.into(),
        start,
    }
}

/// All arrays of a network in their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout(Vec<Part>);

impl Layout {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Part::len).sum()
    }

    /// Each array with its place among all numbers.
    pub(super) fn places(&self) -> impl Iterator<Item = (&Part, Range<usize>)> {
        self.0.iter().scan(0, |place, part| {
            let begin = *place;
            *place += part.len();
            Some((part, begin..*place))
        })
    }

    /// Parameters to start from.
    pub(super) fn start(&self, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = Vec::with_capacity(self.len());
        for part in &self.0 {
            numbers.extend((0..part.len()).map(|_| match part.start {
                Start::Uniform(bound) => random.random_range(-bound..=bound),
                Start::Constant(value) => value,
            }));
        }
        numbers
    }

    /// The arrays by name.
    pub(super) fn arrays(&self, numbers: &[f32]) -> BTreeMap<String, ArrayD<f32>> {
        let array = |part: &Part, place: Range<usize>| {
            let mut numbers = numbers[place].iter().copied();
            ArrayD::from_shape_simple_fn(&*part.shape, || numbers.next().unwrap_or_default())
        };
        self.places()
            .map(|(part, place)| (part.name.clone(), array(part, place)))
            .collect()
    }

    /// The row of numbers that [`Layout::arrays`] was made from.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an array that is missing, unknown, or of another shape.
    pub(super) fn numbers(&self, arrays: &BTreeMap<String, ArrayD<f32>>) -> Result<Vec<f32>> {
        if let Some(name) = arrays.keys().find(|name| self.0.iter().all(|part| part.name != **name)) {
            let known: Vec<&str> = self.0.iter().map(|part| &*part.name).collect();
            return Err(Error::invalid("weights", name, known.join(", ")));
        }
        let mut numbers = Vec::with_capacity(self.len());
        for part in &self.0 {
            let array = arrays
                .get(&part.name)
                .ok_or_else(|| Error::invalid("weights", format!("without {}", part.name), &*part.name))?;
            if array.shape() != part.shape {
                let found = format!("{:?}", array.shape());
                return Err(Error::invalid(
                    format!("shape of {}", part.name),
                    found,
                    format!("{:?}", part.shape),
                ));
            }
            numbers.extend(array.iter());
        }
        Ok(numbers)
    }
}

impl Part {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

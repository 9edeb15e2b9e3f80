//! The order of a tensor's axes: inside it is always the same, outside it is the network's.

use ndarray::{ArrayD, Axis as Place, Ix4};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What an axis of an input or output runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Windows: one for each origin and series or, where series have an axis of their own, one for each origin.
    Batch,
    /// Rows of the context, the oldest first; of an output, steps ahead.
    Time,
    /// The series of the panel, in their order.
    Series,
    /// Channels of an input; of an output, an axis of length 1.
    Channel,
    /// Quantiles of an output, in increasing order.
    Quantile,
}

impl Axis {
    /// Its place in batch x time x series x depth; channels and quantiles are the depth.
    fn inner_place(self) -> usize {
        match self {
            Self::Batch => 0,
            Self::Time => 1,
            Self::Series => 2,
            Self::Channel | Self::Quantile => 3,
        }
    }
}

/// Checks that `axes` hold batch and time, nothing twice, and nothing outside of `accepted`.
pub(super) fn check(field: &str, axes: &[Axis], accepted: &[Axis]) -> Result<()> {
    let twice = |axis: &Axis| {
        axes.iter()
            .filter(|other| other.inner_place() == axis.inner_place())
            .count()
            > 1
    };
    let foreign = |axis: &Axis| !accepted.contains(axis);
    let whole = axes.contains(&Axis::Batch) && axes.contains(&Axis::Time);
    if whole && !axes.iter().any(|axis| twice(axis) || foreign(axis)) {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        written(axes),
        format!("batch and time, and at most once each of {}", written(accepted)),
    ))
}

/// `axes` as a description has them.
pub(super) fn written(axes: &[Axis]) -> String {
    format!("{axes:?}").to_lowercase()
}

/// Brings batch x time x series x depth into the order `axes`. Axes that are not among them have length 1.
pub(super) fn arrange(inner: ndarray::Array4<f32>, axes: &[Axis]) -> ArrayD<f32> {
    let mut places: Vec<usize> = axes.iter().map(|axis| axis.inner_place()).collect();
    let missing = (0..4).filter(|place| !axes.iter().any(|axis| axis.inner_place() == *place));
    places.extend(missing);
    let array = inner.into_dyn().permuted_axes(places);
    (axes.len()..4).fold(array, |array, _| array.index_axis_move(Place(axes.len()), 0))
}

/// Brings an array whose axes are in the order `axes` into batch x time x series x depth; nothing where it has another
/// number of axes.
pub(super) fn restore(mut array: ArrayD<f32>, axes: &[Axis]) -> Option<ndarray::Array4<f32>> {
    if array.ndim() != axes.len() {
        return None;
    }
    let mut places: Vec<usize> = axes.iter().map(|axis| axis.inner_place()).collect();
    for place in 0..4 {
        if !places.contains(&place) {
            array = array.insert_axis(Place(places.len()));
            places.push(place);
        }
    }
    let order: Option<Vec<usize>> = (0..4)
        .map(|place| places.iter().position(|other| *other == place))
        .collect();
    array.permuted_axes(order?).into_dimensionality::<Ix4>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_arranged_is_restored() {
        let inner =
            ndarray::Array4::from_shape_fn((5, 3, 4, 2), |(a, b, c, d)| (a * 1000 + b * 100 + c * 10 + d) as f32);
        let axes = [Axis::Series, Axis::Channel, Axis::Batch, Axis::Time];
        let outer = arrange(inner.clone(), &axes);
        assert_eq!(outer.shape(), [4, 2, 5, 3]);
        assert_eq!(outer[[1, 0, 4, 2]].to_bits(), inner[(4, 2, 1, 0)].to_bits());
        assert_eq!(restore(outer, &axes).unwrap(), inner);
    }

    #[test]
    fn axes_of_length_one_may_be_left_out() {
        let inner = ndarray::Array4::from_shape_fn((5, 3, 1, 1), |(a, b, _, _)| (a * 10 + b) as f32);
        let axes = [Axis::Time, Axis::Batch];
        let outer = arrange(inner.clone(), &axes);
        assert_eq!(outer.shape(), [3, 5]);
        assert_eq!(restore(outer, &axes).unwrap(), inner);
    }

    #[test]
    fn an_axis_that_stands_twice_is_refused() {
        let axes = [Axis::Batch, Axis::Time, Axis::Time];
        let error = check("input.axes", &axes, &[Axis::Batch, Axis::Time]).unwrap_err();
        assert!(
            error.to_string().contains("`input.axes` is `[batch, time, time]`"),
            "{error}"
        );
    }
}

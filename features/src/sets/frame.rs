//! Runs staged expressions over blocks of series.

use arterial_datasets::feature::Waits;
use arterial_datasets::{Error, Result};
use ndarray::{Array2, ArrayView2, s};
use polars::prelude::{Column, DataFrame, DataType, Expr, IntoLazy, NULL, PolarsResult, col, lit, when};

use super::feature::Stages;
use super::layout::Layout;

/// Rows of a block, about: small enough for the caches, large enough that planning costs nothing.
const BLOCK_ROWS: usize = 1 << 18;

/// An input column: its name and its values, rows x series, NaN where missing.
pub type Input<'a> = (&'a str, ArrayView2<'a, f64>);

/// Computes the kept columns of `stages` over all series.
///
/// # Shapes
/// Every input and every result is rows x series, NaN where missing; one result a kept column, in their order.
///
/// # Errors
/// Expressions that Polars refuses; [`Error::Cancelled`].
pub fn compute(stages: &Stages, layout: Layout, inputs: &[Input], waits: Waits<'_>) -> Result<Vec<Array2<f32>>> {
    let Some(shape) = inputs.first().map(|(_, values)| values.dim()) else {
        return Ok(Vec::new());
    };
    let mut results = vec![Array2::from_elem(shape, f32::NAN); stages.kept.len()];
    let (rows, series) = shape;
    if rows == 0 || series == 0 {
        return Ok(results);
    }
    let width = (BLOCK_ROWS / rows).clamp(1, series);
    for first in (0..series).step_by(width) {
        waits.go_on()?;
        let end = (first + width).min(series);
        let columns = inputs.iter().map(|(name, values)| {
            let block: Vec<f64> = values.slice(s![.., first..end]).iter().copied().collect();
            Column::new((*name).into(), block)
        });
        let layout = Layout {
            series: (end - first) as i64,
            ..layout
        };
        let frame = DataFrame::new(rows * (end - first), columns.collect())
            .and_then(|frame| run(frame, stages, layout))
            .map_err(|error| fail(stages.frame, error))?;
        for (name, result) in stages.kept.iter().zip(&mut results) {
            let values = numbers(&frame, name).map_err(|error| fail(stages.frame, error))?;
            let block = ArrayView2::from_shape((rows, end - first), &values).map_err(|error| Error::Features {
                set: stages.frame.into(),
                source: error.into(),
            })?;
            result.slice_mut(s![.., first..end]).assign(&block);
        }
    }
    Ok(results)
}

fn fail(frame: &str, error: polars::prelude::PolarsError) -> Error {
    Error::Features {
        set: frame.into(),
        source: error.into(),
    }
}

/// Runs the stages over one frame and keeps what is kept.
pub fn run(frame: DataFrame, stages: &Stages, layout: Layout) -> PolarsResult<DataFrame> {
    let inputs: Vec<Expr> = frame
        .get_column_names()
        .into_iter()
        .map(|name| missing(name.as_str()))
        .collect();
    let mut frame = frame.lazy().with_columns(inputs).collect()?;
    for expressions in stages.expressions(layout) {
        frame = frame.lazy().with_columns(expressions).collect()?;
    }
    let kept: Vec<Expr> = stages
        .kept
        .iter()
        .map(|name| col(*name).cast(DataType::Float32))
        .collect();
    frame.lazy().select(kept).collect()
}

/// NaN as missing.
fn missing(name: &str) -> Expr {
    when(col(name).is_nan())
        .then(lit(NULL))
        .otherwise(col(name))
        .alias(name)
}

/// A column's numbers, NaN where missing.
pub fn numbers(frame: &DataFrame, name: &str) -> PolarsResult<Vec<f32>> {
    let column = frame.column(name)?.f32()?;
    let mut numbers = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        numbers.extend(chunk.iter().map(|value| value.copied().unwrap_or(f32::NAN)));
    }
    Ok(numbers)
}

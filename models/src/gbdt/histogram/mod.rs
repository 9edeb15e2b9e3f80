//! Sums of derivatives by column and bin.

mod builder;
mod cell;
mod rows;

pub(crate) use builder::{Builder, Histogram};
pub(crate) use cell::{Cell, CountCell, CurvedCell, Derived, Sums};

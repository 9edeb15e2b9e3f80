//! The crate from outside: one binary, so that it is linked once.

mod backtest;
mod common;
mod registry;
mod resume;

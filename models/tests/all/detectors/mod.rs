//! What every kind of detector promises, over both lists.

mod series;
mod tables;

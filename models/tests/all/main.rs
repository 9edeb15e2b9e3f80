//! The tests of models from outside: what every kind promises, what the registry promises, and real data.

mod areas;
mod contract;
mod detectors;
mod gbdt;
mod losloop;
mod online;
mod onnx;
mod registry;
mod spatial;
mod support;
mod trees;

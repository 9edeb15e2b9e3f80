//! The tests of models from outside: what every kind promises, what the registry promises, and real data.

mod ahead;
mod areas;
mod contract;
mod detectors;
mod devices;
mod gbdt;
mod losloop;
mod online;
mod onnx;
mod outage;
mod registry;
mod resuming;
mod spatial;
mod support;
mod trees;

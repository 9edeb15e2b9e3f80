//! Solving symmetric positive definite systems.

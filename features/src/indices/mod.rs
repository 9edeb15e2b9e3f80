//! Congestion and mobility per zone, as versioned formulas.

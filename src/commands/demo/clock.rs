//! The city's own clock: it stands until the city moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use arterial_datasets::time::{Clock, Timestamp};

/// Simulated time.
pub struct CityClock(AtomicI64);

impl CityClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves on.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Release);
    }
}

impl Clock for CityClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Acquire))
    }
}

//! How many may watch at the same time: whoever watches holds a place until he goes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::{Metric, Metrics};
use crate::state::AppState;
use crate::{Error, Result};

/// The places of those who watch.
#[derive(Debug, Clone)]
pub struct Watchers {
    places: Arc<Semaphore>,
    most: usize,
}

/// A place, free again when it is dropped.
pub struct Place {
    state: Arc<AppState>,
    watchers: Watchers,
    permit: Option<OwnedSemaphorePermit>,
}

impl Watchers {
    /// Places for `most`.
    pub fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// All of them are taken.
    pub fn enter(&self, state: &Arc<AppState>) -> Result<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| Error::TooMany {
            what: "watchers",
            most: self.most,
        })?;
        self.report(&state.metrics);
        Ok(Place {
            state: Arc::clone(state),
            watchers: self.clone(),
            permit: Some(permit),
        })
    }

    fn report(&self, metrics: &Metrics) {
        let taken = self.most - self.places.available_permits();
        metrics.set(Metric::ServerWatchers, taken as f64);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        self.watchers.report(&self.state.metrics);
    }
}

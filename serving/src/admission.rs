//! How many may do the same at a time: heavy work is done a few at a time, and whoever waits for it, or takes long over an answer, holds
//! one of the places of everybody's calls.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Result};

/// Those who do something at the same time: a few, as the others do better to ask again later or elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    what: &'static str,
    most: usize,
    places: Arc<Semaphore>,
}

impl Crowd {
    /// At most so many; `what` they are, in words.
    pub fn new(what: &'static str, most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self {
            what,
            most,
            places: Arc::new(Semaphore::new(most)),
        }
    }

    /// A place among them, until it is dropped.
    ///
    /// # Errors
    /// [`Error::TooMany`] where there is none.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit> {
        let full = |_| Error::TooMany {
            what: self.what,
            most: self.most,
        };
        Arc::clone(&self.places).try_acquire_owned().map_err(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_place_is_told_to_come_again() {
        let crowd = Crowd::new("queries that wait", 20);
        let places: Vec<_> = (0..20).map(|_| crowd.enter().unwrap()).collect();
        let error = crowd.enter().unwrap_err();
        assert_eq!(error.code(), tonic::Code::ResourceExhausted);
        assert!(
            error.to_string().starts_with("there are 20 queries that wait already"),
            "{error}"
        );
        drop(places);
        assert!(crowd.enter().is_ok());
    }
}

//! Turns: one issue is computed at a time, as the models use every core themselves.
//!
//! Whoever waits for a turn stands in the queue of his kind, and of each queue only the first one waits further: what the service computes
//! by itself waits for one request at the most, however many there are, and a request for one of those who watch.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Result};

/// Who computes, and the queues before it.
#[derive(Debug)]
pub(crate) struct Turns {
    computing: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    watchers: Arc<Semaphore>,
}

/// A turn to compute, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    // Given back first: what the service waits for by itself comes before the next request.
    _computing: OwnedSemaphorePermit,
    _request: Option<OwnedSemaphorePermit>,
}

impl Default for Turns {
    fn default() -> Self {
        let one_at_a_time = || Arc::new(Semaphore::new(1));
        Self {
            computing: one_at_a_time(),
            requests: one_at_a_time(),
            watchers: one_at_a_time(),
        }
    }
}

impl Turns {
    /// Waits until nothing else is computed, for what the service computes by itself.
    ///
    /// # Errors
    /// None in practice: nobody closes the queues.
    pub async fn own(&self) -> Result<Turn> {
        Ok(Turn {
            _computing: next(&self.computing).await?,
            _request: None,
        })
    }

    /// The same for somebody who asked, behind all who did before.
    ///
    /// # Errors
    /// As [`Turns::own`].
    pub async fn request(&self) -> Result<Turn> {
        let request = next(&self.requests).await?;
        Ok(Turn {
            _computing: next(&self.computing).await?,
            _request: Some(request),
        })
    }

    /// Waits until nobody else who watches is on his way to a turn. Whoever holds this asks for one like everybody.
    ///
    /// # Errors
    /// As [`Turns::own`].
    pub async fn watcher(&self) -> Result<OwnedSemaphorePermit> {
        next(&self.watchers).await
    }
}

/// Waits in a queue until nobody is before.
async fn next(queue: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let place = Arc::clone(queue).acquire_owned().await;
    place.map_err(|error| Error::Background(error.to_string()))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_the_service_computes_by_itself_waits_for_one_request_however_many_there_are() {
        let turns = Turns::default();
        let running = turns.request().await.unwrap();
        let mut requests: Vec<_> = (0..8).map(|_| Box::pin(turns.request())).collect();
        for request in &mut requests {
            assert!(request.now_or_never().is_none(), "it waits in its queue");
        }
        let mut own = Box::pin(turns.own());
        assert!((&mut own).now_or_never().is_none());
        drop(running);
        let own = own.now_or_never().expect("it is next").unwrap();
        for request in &mut requests {
            assert!(request.now_or_never().is_none(), "the requests wait for it");
        }
        drop(own);
        for request in requests {
            request.await.unwrap();
        }
    }

    #[tokio::test]
    async fn of_those_who_watch_one_is_on_his_way_to_a_turn() {
        let turns = Turns::default();
        let first = turns.watcher().await.unwrap();
        assert!(turns.watcher().now_or_never().is_none());
        assert!(turns.request().now_or_never().is_some(), "others do not feel it");
        drop(first);
        assert!(turns.watcher().now_or_never().is_some());
    }
}

//! Who reads datasets: a few at a time, and whoever finds no place waits for one, as long as a call may last.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admission::Crowd;
use crate::{Error, Result};

/// Datasets that are read at the same time.
const AT_ONCE: usize = 16;
/// Readers who wait for a place, each with one of the places of everybody's calls; the next one is refused.
const WAITING: usize = 64;

/// The places of readers, and who waits for one.
pub(super) struct Readers {
    places: Arc<Semaphore>,
    waiting: Crowd,
}

impl Default for Readers {
    fn default() -> Self {
        Self::new(AT_ONCE, WAITING)
    }
}

impl Readers {
    fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(at_once)),
            waiting: Crowd::new("readers that wait", waiting),
        }
    }

    /// A place among them once it is one's turn, until it is dropped. How long that may take is for the caller's deadline to say.
    ///
    /// # Errors
    /// [`Error::TooMany`] where too many wait already.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit> {
        let _turn = self.waiting.enter()?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.map_err(|error| Error::Background(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What a look at a future finds, which nobody wakes.
    fn look<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn whoever_finds_no_place_waits_for_one_and_is_refused_where_too_many_do() {
        let readers = Readers::new(1, 1);
        let Poll::Ready(Ok(place)) = look(pin!(readers.enter())) else {
            panic!("the first one waits");
        };
        let mut second = pin!(readers.enter());
        assert!(look(second.as_mut()).is_pending());
        let Poll::Ready(Err(refused)) = look(pin!(readers.enter())) else {
            panic!("the third one is not refused");
        };
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        assert!(
            refused.to_string().starts_with("there are 1 readers that wait already"),
            "{refused}"
        );
        drop(place);
        assert!(matches!(look(second.as_mut()), Poll::Ready(Ok(_))));
    }
}

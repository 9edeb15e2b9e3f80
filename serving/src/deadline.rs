//! Deadlines: a call's own (`grpc-timeout`) or the longest that the service allows, answered as `DEADLINE_EXCEEDED`.
//!
//! The answer comes a twentieth before the deadline, so that it still reaches the caller. Only the time until an answer
//! begins counts: a stream that has begun lasts as long as its client wants. What counts is all of that time, also while a call waits
//! for one of the places of those that are answered at the same time. Its place is free again once its answer begins; what waits of a long
//! one then is bounded by `backpressure.rs`.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower::Service;

use crate::Error;
use crate::around::Surround;
use crate::calls::is_upkeep;

/// Around a service, it has calls wait for their turn and end at their deadline. Those by which the server itself is looked after wait for
/// nobody.
#[derive(Debug, Clone)]
pub(crate) struct Deadlines {
    longest: Duration,
    places: Arc<Semaphore>,
}

impl Deadlines {
    /// Calls of `longest` at the most, of which `at_once` are answered at the same time.
    pub fn new(longest: Duration, at_once: usize) -> Self {
        Self {
            longest,
            places: Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS))),
        }
    }
}

impl<S, B, R> Surround<S, Request<B>> for Deadlines
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn surround(&self, inner: &mut S, request: Request<B>) -> Self::Future {
        let deadline = timeout(request.headers()).map_or(self.longest, |own| own.min(self.longest));
        let places = (!is_upkeep(request.uri().path())).then(|| Arc::clone(&self.places));
        // Nothing of the call is done before it is awaited.
        let answer = inner.call(request);
        let call = async move {
            // Nobody closes the semaphore.
            let _place = match places {
                Some(places) => places.acquire_owned().await.ok(),
                None => None,
            };
            answer.await
        };
        async move {
            match tokio::time::timeout(deadline.mul_f64(0.95), call).await {
                Ok(answer) => answer,
                Err(_) => Ok(Status::from(Error::Deadline(deadline)).into_http()),
            }
        }
        .boxed()
    }
}

/// The caller's own deadline: at most eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Option<Duration> {
        timeout(&HeaderMap::from_iter([(
            "grpc-timeout".parse().unwrap(),
            text.parse().unwrap(),
        )]))
    }

    #[test]
    fn the_units_of_the_protocol_are_read() {
        assert_eq!(read("50m"), Some(Duration::from_millis(50)));
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("1H"), Some(Duration::from_hours(1)));
    }

    #[test]
    fn what_is_no_timeout_is_no_deadline() {
        for bad in ["", "5", "S", "123456789m", "-5S", "5x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

//! `FlightService` with a body of its own for rows: a call is answered like any other, and where its answer has rows with it, they become
//! the body.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use arrow_flight::FlightData;
use arrow_flight::flight_service_server::FlightServiceServer;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::codegen::http;
use tonic::server::NamedService;
use tonic::{Response, Status};
use tower::Service;

use super::Rows;
use crate::Result;
use crate::flight::service::FlightApi;
use crate::state::AppState;
use crate::sync::lock;

/// The service.
#[derive(Clone)]
pub struct QuickFlight(FlightServiceServer<FlightApi>);

impl QuickFlight {
    /// Flight over `state`, with messages of at most `most` bytes. Requests may come compressed; answers are not, as the clients of Flight
    /// accept gzip unasked and would wait for it.
    ///
    /// # Errors
    /// Threads that the system refuses, a folder for spilling that cannot be used.
    pub fn new(state: Arc<AppState>, most: usize) -> Result<Self> {
        let server = FlightServiceServer::new(FlightApi::new(state, most)?)
            .max_decoding_message_size(most)
            .max_encoding_message_size(most)
            .accept_compressed(CompressionEncoding::Zstd)
            .accept_compressed(CompressionEncoding::Gzip);
        Ok(Self(server))
    }
}

impl NamedService for QuickFlight {
    const NAME: &'static str = <FlightServiceServer<FlightApi> as NamedService>::NAME;
}

impl Service<http::Request<Body>> for QuickFlight {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        async move {
            let mut answer = answer.await?;
            let waiting = answer.extensions_mut().remove::<Waiting>();
            if let Some(rows) = waiting.and_then(|waiting| lock(&waiting.0).take()) {
                *answer.body_mut() = Body::new(rows);
            }
            Ok(answer)
        }
        .boxed()
    }
}

/// Rows on their way from the method to the body of its answer. What goes along with an answer has to be cloned, which rows cannot be.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Option<Rows>>>);

/// The answer with these rows, which has no messages beside them.
pub(in crate::flight) fn answer(rows: Rows) -> Response<BoxStream<'static, Result<FlightData, Status>>> {
    let messages = stream::once(async { Err(Status::internal("the rows of this answer are no messages")) });
    let mut answer = Response::new(messages.boxed());
    let waiting = Waiting(Arc::new(Mutex::new(Some(rows))));
    answer.extensions_mut().insert(waiting);
    answer
}

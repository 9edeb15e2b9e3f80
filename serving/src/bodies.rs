//! Answers over gRPC with a body of their own, where the way of tonic costs more than need be: rows that it would copy
//! (`flight/wire`), and messages to those who watch, whose memory it would keep ([`Messages`]).
//!
//! A method gives its body along with an answer of no messages; [`put_in`] puts it into its place.

mod messages;

use std::sync::{Arc, Mutex};

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use http_body::Frame;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::codegen::Bytes;
use tonic::codegen::http;
use tonic::{Response, Status};

use crate::sync::lock;

pub(crate) use messages::Messages;

/// Where the answer says how its messages are compressed.
const ENCODING: &str = "grpc-encoding";

/// How the messages of an answer are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// What its client and this service agreed on.
    pub compression: Option<CompressionEncoding>,
    /// The most bytes of a message.
    pub most: usize,
}

type Make = Box<dyn FnOnce(Terms) -> Body + Send>;

/// A body on its way from a method to its answer. What goes along with an answer has to be cloned, which bodies cannot be.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Option<Make>>>);

/// An answer with the body that `make` gives.
pub(crate) fn answer<T: Send + 'static>(
    make: impl FnOnce(Terms) -> Body + Send + 'static,
) -> Response<BoxStream<'static, Result<T, Status>>> {
    let none = async { Err(Status::internal("the body of this answer stands beside it")) };
    let mut answer = Response::new(stream::once(none.boxed()).boxed());
    let waiting = Waiting(Arc::new(Mutex::new(Some(Box::new(make)))));
    answer.extensions_mut().insert(waiting);
    answer
}

/// The answer with the body that goes along with it, if one does; its messages have at most `most` bytes.
pub(crate) fn put_in(mut answer: http::Response<Body>, most: usize) -> http::Response<Body> {
    let waiting = answer.extensions_mut().remove::<Waiting>();
    if let Some(make) = waiting.and_then(|waiting| lock(&waiting.0).take()) {
        let compression = match answer.headers().get(ENCODING).map(http::HeaderValue::as_bytes) {
            Some(b"gzip") => Some(CompressionEncoding::Gzip),
            Some(b"zstd") => Some(CompressionEncoding::Zstd),
            _ => None,
        };
        *answer.body_mut() = make(Terms { compression, most });
    }
    answer
}

/// How an answer ended, as its last frame.
///
/// # Errors
/// A status that no header can hold.
pub(crate) fn end(status: &Status) -> Result<Frame<Bytes>, Status> {
    let mut trailers = http::HeaderMap::new();
    status.add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}

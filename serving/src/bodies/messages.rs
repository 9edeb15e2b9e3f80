//! Messages one after the other, each written into memory of its own.
//!
//! tonic writes all messages of an answer into one buffer, which stays as long as the longest of them for as long as the answer goes on:
//! for those who watch and are told nothing, that is for ever.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready as await_ready};

use arterial_proto::Message;
use futures::StreamExt;
use futures::stream::{self, BoxStream, Once};
use http_body::{Body, Frame};
use tonic::codec::{BufferSettings, EncodeBody, SingleMessageCompressionOverride};
use tonic::codegen::Bytes;
use tonic::{Code, Status};
use tonic_prost::ProstEncoder;

use super::{Terms, end};
use crate::grpc::is_small;

/// One message on its way, and what tonic says behind it.
type One<M> = EncodeBody<ProstEncoder<M>, Once<Ready<Result<M, Status>>>>;

/// The body of a stream of messages; small ones are not compressed.
pub(crate) struct Messages<M> {
    source: BoxStream<'static, Result<M, Status>>,
    terms: Terms,
    current: Option<Pin<Box<One<M>>>>,
    ended: bool,
}

impl<M: Message + 'static> Messages<M> {
    /// The messages of `source`, and the status that it ends with.
    pub fn new(source: BoxStream<'static, Result<M, Status>>, terms: Terms) -> Self {
        Self {
            source,
            terms,
            current: None,
            ended: false,
        }
    }

    fn encoded(&self, message: M) -> One<M> {
        let compression = if is_small(message.encoded_len()) {
            None
        } else {
            self.terms.compression
        };
        EncodeBody::new_server(
            ProstEncoder::new(BufferSettings::default()),
            stream::once(ready(Ok(message))),
            compression,
            SingleMessageCompressionOverride::default(),
            Some(self.terms.most),
        )
    }

    fn end(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.ended = true;
        end(status)
    }
}

impl<M: Message + 'static> Body for Messages<M> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let messages = self.get_mut();
        while !messages.ended {
            if let Some(one) = &mut messages.current {
                let Some(frame) = await_ready!(one.as_mut().poll_frame(context)) else {
                    messages.current = None;
                    continue;
                };
                match frame?.into_trailers() {
                    Err(data) => return Poll::Ready(Some(Ok(data))),
                    // Behind each message tonic says that all is well, or why the message cannot be sent.
                    Ok(trailers) => {
                        messages.current = None;
                        let status = Status::from_header_map(&trailers);
                        if let Some(status) = status.filter(|status| status.code() != Code::Ok) {
                            return Poll::Ready(Some(messages.end(&status)));
                        }
                    }
                }
                continue;
            }
            match await_ready!(messages.source.poll_next_unpin(context)) {
                Some(Ok(message)) => messages.current = Some(Box::pin(messages.encoded(message))),
                Some(Err(status)) => return Poll::Ready(Some(messages.end(&status))),
                None => return Poll::Ready(Some(messages.end(&Status::ok("")))),
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use arterial_proto::v1::ForecastResponse;
    use futures::FutureExt;
    use tonic::codec::CompressionEncoding;

    use super::*;

    const MOST: usize = 1 << 20;

    fn terms(compression: Option<CompressionEncoding>) -> Terms {
        Terms {
            compression,
            most: MOST,
        }
    }

    fn message(bytes: usize) -> ForecastResponse {
        ForecastResponse {
            next_page_token: "x".repeat(bytes),
            ..ForecastResponse::default()
        }
    }

    /// The data of a body in one, and the status behind them.
    async fn read(mut body: impl Body<Data = Bytes, Error = Status> + Unpin) -> (Vec<u8>, Status) {
        let mut data = Vec::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            match frame.unwrap().into_trailers() {
                Ok(trailers) => return (data, Status::from_header_map(&trailers).unwrap()),
                Err(frame) => data.extend_from_slice(&frame.into_data().unwrap()),
            }
        }
        panic!("no status");
    }

    #[tokio::test]
    async fn the_bytes_are_those_that_tonic_writes_and_small_messages_are_not_compressed() {
        let all = || [10, 100_000, 20_000].map(message);
        let by_tonic = |compression| {
            let answers = stream::iter(all().map(Ok));
            let encoder = ProstEncoder::new(BufferSettings::default());
            let how = SingleMessageCompressionOverride::default();
            Box::pin(EncodeBody::new_server(encoder, answers, compression, how, Some(MOST)))
        };
        let ours = |compression| Messages::new(stream::iter(all().map(Ok)).boxed(), terms(compression));
        let (plain, status) = read(ours(None)).await;
        assert_eq!((&plain, status.code()), (&read(by_tonic(None)).await.0, Code::Ok));

        let (compressed, _) = read(ours(Some(CompressionEncoding::Gzip))).await;
        assert!(compressed.len() < 2_000, "{}", compressed.len());
        assert_eq!(compressed[0], 0, "the first one is small");
        let behind_first = &read(by_tonic(Some(CompressionEncoding::Gzip))).await.0;
        let first = read(Messages::new(stream::iter([Ok(message(10))]).boxed(), terms(None)))
            .await
            .0;
        assert!(behind_first.ends_with(&compressed[first.len()..]));
    }

    #[tokio::test]
    async fn who_is_told_nothing_holds_nothing_of_what_he_was_told() {
        let answers = stream::iter([Ok(message(100_000))]).chain(stream::pending());
        let mut body = Messages::new(answers.boxed(), terms(None));
        let mut next = async || poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert!(next().await.unwrap().unwrap().is_data());
        assert!(next().now_or_never().is_none());
        assert!(body.current.is_none());
    }

    #[tokio::test]
    async fn the_end_is_the_sources_or_that_of_a_message_which_is_too_long() {
        let refused = Status::resource_exhausted("enough");
        let answers = stream::iter([Ok(message(10)), Err(refused), Ok(message(10))]);
        let (data, status) = read(Messages::new(answers.boxed(), terms(None))).await;
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "enough"));
        assert!(data.len() < 30, "nothing comes behind an error");

        let answers = stream::iter([Ok(message(MOST + 1)), Ok(message(10))]);
        let (data, status) = read(Messages::new(answers.boxed(), terms(None))).await;
        assert_eq!((data.len(), status.code()), (0, Code::OutOfRange));
    }
}

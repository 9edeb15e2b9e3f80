//! `ForecastService` with a way of its own for its busiest method: `Forecast` answers in bytes that are made without messages.

use std::sync::Arc;
use std::task::{Context, Poll};

use arterial_proto::v1::forecast_service_server::ForecastServiceServer;
use arterial_proto::{Message, v1};
use futures::FutureExt;
use futures::future::BoxFuture;
use prost::bytes::{Buf, BufMut};
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings, EncodeBuf, Encoder};
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tower::Service;

use super::forecast::{Answered, ForecastApi, of_window};
use super::sized::is_small;

const METHOD: &str = "/arterial.v1.ForecastService/Forecast";

/// The service.
#[derive(Clone)]
pub struct QuickForecasts {
    api: Arc<ForecastApi>,
    /// The other methods.
    others: ForecastServiceServer<ForecastApi>,
    compression: EnabledCompressionEncodings,
    most: usize,
}

impl QuickForecasts {
    /// `api` with messages of at most `most` bytes, compressed as the other services'.
    pub fn new(api: ForecastApi, most: usize) -> Self {
        let api = Arc::new(api);
        let mut compression = EnabledCompressionEncodings::default();
        let mut others = ForecastServiceServer::from_arc(Arc::clone(&api))
            .max_decoding_message_size(most)
            .max_encoding_message_size(most);
        for encoding in [CompressionEncoding::Zstd, CompressionEncoding::Gzip] {
            compression.enable(encoding);
            others = others.accept_compressed(encoding).send_compressed(encoding);
        }
        Self {
            api,
            others,
            compression,
            most,
        }
    }
}

impl NamedService for QuickForecasts {
    const NAME: &'static str = <ForecastServiceServer<ForecastApi> as NamedService>::NAME;
}

impl Service<http::Request<Body>> for QuickForecasts {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != METHOD {
            return self.others.call(request);
        }
        let once = Once(Arc::clone(&self.api));
        let mut grpc = Grpc::new(ForecastCodec)
            .apply_compression_config(self.compression, self.compression)
            .apply_max_message_size_config(Some(self.most), Some(self.most));
        async move { Ok(grpc.unary(once, request).await) }.boxed()
    }
}

struct Once(Arc<ForecastApi>);

impl UnaryService<v1::ForecastRequest> for Once {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: Request<v1::ForecastRequest>) -> Self::Future {
        let api = Arc::clone(&self.0);
        async move {
            let answered = Answered::to(&api.state, request.into_inner()).await?;
            let trace = answered.trace();
            let bytes = answered.into_bytes();
            let is_small = is_small(bytes.len());
            let mut response = of_window(&trace, Response::new(bytes));
            if is_small {
                response.disable_compression();
            }
            Ok(response)
        }
        .boxed()
    }
}

/// Requests as messages, answers as the bytes of one.
#[derive(Clone, Copy)]
struct ForecastCodec;

impl Codec for ForecastCodec {
    type Encode = Vec<u8>;
    type Decode = v1::ForecastRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for ForecastCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.len());
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for ForecastCodec {
    type Item = v1::ForecastRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<v1::ForecastRequest>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let request = v1::ForecastRequest::decode(bytes).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Some(request))
    }
}

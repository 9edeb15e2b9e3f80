//! A bare tonic server, which answers every forecast with the same bytes and looks at no question: what gRPC costs by itself.
//!
//! ```text
//! cargo run --release -p arterial-serving --example bare -- ANSWER READY
//! ```
//!
//! `ANSWER` is a file with the bytes of an answer, as the example `load` keeps one; `READY` is written with the address once it listens.

mod raw;

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Ready, ready};
use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::Service;

use raw::Raw;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The server: an answer that is ready.
#[derive(Clone)]
struct Bare(Bytes);

impl NamedService for Bare {
    const NAME: &'static str = "arterial.v1.ForecastService";
}

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.clone();
        async move { Ok(Grpc::new(Raw).unary(answer, request).await) }.boxed()
    }
}

impl UnaryService<Bytes> for Bare {
    type Response = Bytes;
    type Future = Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, _: tonic::Request<Bytes>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.0.clone())))
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let (Some(answer), Some(told)) = (words.next(), words.next()) else {
        return Err("two files are wanted: the answer, and where to say that it listens".into());
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    std::fs::write(told, serde_json::json!({ "grpc": address.to_string() }).to_string())?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let answer = Bare(std::fs::read(answer)?.into());
    Server::builder()
        .add_service(answer)
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

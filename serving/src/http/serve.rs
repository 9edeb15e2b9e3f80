//! Connections: how they are taken, and how long a client may take over a request and over each piece of an answer.
//!
//! A client that stops reading would keep its answer in memory, and its place among those who follow the events, as long as its
//! connection lives: a write that nothing is taken of for long ends the connection, and with it whatever the answer holds.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use crate::Result;

/// A connection that says nothing for so long is asked whether it lives, by the machine, not the program.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long until it is asked again where nobody answers.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// After so many questions without an answer it is closed.
const QUESTIONS: u32 = 3;
/// Where the machine has no connection to give, as when all file handles are taken, it is asked again after so long.
const BREATH: Duration = Duration::from_millis(500);

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Until the head of a request is there, counted from the end of the answer before.
    head: Duration,
    /// Until the next piece of what is written is taken.
    write: Duration,
}

const PATIENCE: Patience = Patience {
    head: Duration::from_secs(30),
    write: Duration::from_secs(30),
};

/// Answers until `stop`, then finishes what is in flight; whoever drops it cuts that off.
///
/// # Errors
/// None in practice: a connection that breaks ends alone.
pub async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) -> Result<()> {
    serve_with(listener, routes, stop, PATIENCE).await;
    Ok(())
}

async fn serve_with(listener: TcpListener, routes: Router, stop: CancellationToken, patience: Patience) {
    let mut incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(KEEP_ALIVE))
        .with_keepalive_interval(Some(ASK_AGAIN))
        .with_keepalive_retries(Some(QUESTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            Some(accepted) = incoming.next() => match accepted {
                Ok(stream) => {
                    connections.spawn(answer(stream, routes.clone(), stop.clone(), patience));
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "no connection can be taken");
                    sleep(BREATH).await;
                }
            },
        }
    }
    drop(incoming);
    while connections.join_next().await.is_some() {}
}

/// Whether a client went away before its connection was taken.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection, after `stop` the one that has begun.
async fn answer(stream: TcpStream, routes: Router, stop: CancellationToken, patience: Patience) {
    // HTTP/1 alone: whoever has not even said which version it speaks would be waited for without end.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head);
    let io = TokioIo::new(Impatient::new(stream, patience.write));
    let mut connection = pin!(builder.serve_connection(io, TowerToHyperService::new(routes)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// A connection that breaks where nothing of what is written is taken for so long.
struct Impatient<T> {
    io: T,
    patience: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<T> Impatient<T> {
    fn new(io: T, patience: Duration) -> Self {
        Self {
            io,
            patience,
            waiting: None,
        }
    }

    /// What a write gave, or that it has waited for too long.
    fn in_time<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        match waiting.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Impatient<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Impatient<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.in_time(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, parts);
        this.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.in_time(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        this.in_time(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    const MOMENT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// A server of these routes, which ends with `stop`.
    async fn served(routes: Router, patience: Patience) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve_with(listener, routes, stop.clone(), patience));
        (address, stop, serving)
    }

    #[tokio::test]
    async fn whoever_does_not_finish_a_request_is_let_go() {
        let patience = Patience {
            head: MOMENT,
            write: LONG,
        };
        let (address, ..) = served(Router::new(), patience).await;
        for begun in ["", "GET / HTTP/1.1\r\nHost:"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let ended = timeout(LONG, stream.read_to_end(&mut answer)).await;
            assert!(ended.is_ok(), "`{begun}` is waited for");
        }
    }

    #[tokio::test]
    async fn whoever_does_not_read_an_answer_is_let_go_and_the_answer_with_it() {
        let patience = Patience {
            head: LONG,
            write: MOMENT,
        };
        let dropped = CancellationToken::new();
        let body = dropped.clone();
        let endless = get(move || async move {
            let pieces = futures::stream::unfold(body.drop_guard(), |held| async move {
                Some((Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 4096])), held))
            });
            Body::from_stream(pieces)
        });
        let (address, ..) = served(Router::new().route("/", endless), patience).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        let ended = timeout(LONG, dropped.cancelled()).await;
        assert!(ended.is_ok(), "the body is kept for a client that does not read");
        drop(stream);
    }

    #[tokio::test]
    async fn an_answer_that_has_begun_is_finished_and_an_idle_connection_is_not_waited_for() {
        let (begun, go_on) = (CancellationToken::new(), CancellationToken::new());
        let tokens = (begun.clone(), go_on.clone());
        let slow = get(move || async move {
            tokens.0.cancel();
            tokens.1.cancelled().await;
            "done"
        });
        let (address, stop, serving) = served(Router::new().route("/", slow), PATIENCE).await;
        let idle = TcpStream::connect(address).await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        begun.cancelled().await;
        stop.cancel();
        go_on.cancel();
        let mut answer = String::new();
        timeout(LONG, stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
            "{answer}"
        );
        timeout(LONG, serving).await.unwrap().unwrap();
        drop(idle);
        assert!(TcpStream::connect(address).await.is_err(), "nobody new is taken");
    }
}

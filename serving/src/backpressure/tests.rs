//! Bodies that are asked for their frames as HTTP/2 does, and clients that do not read.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::Pin;

use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use arterial_proto::v1::forecast_service_server::{ForecastService, ForecastServiceServer};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http_body::Body as HttpBody;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codegen::Bytes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use super::paced::{PIECE, SHORT};
use super::*;
use crate::around::Around;

const MOMENT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);
const LATE: Duration = Duration::from_mins(10);
const BYTES: u32 = 1 << 20;

/// Bounds of one long frame.
fn bounds(patience: Duration) -> Bounds {
    Bounds::new(BYTES, patience)
}

/// A frame that takes the whole budget.
fn long() -> Bytes {
    Bytes::from(vec![7; BYTES as usize])
}

/// An answer that goes on for as long as somebody may give it frames.
fn answer(bounds: &Bounds) -> (UnboundedSender<Bytes>, Paced) {
    let (frames, given) = unbounded_channel();
    let given = UnboundedReceiverStream::new(given).map(Ok::<Bytes, Infallible>);
    let body = Body::new(axum::body::Body::from_stream(given));
    (frames, Paced::new(body, bounds.clone()))
}

/// The same with one long frame.
fn long_answer(bounds: &Bounds) -> (UnboundedSender<Bytes>, Paced) {
    let (frames, paced) = answer(bounds);
    frames.send(long()).unwrap();
    (frames, paced)
}

/// The bytes of the next frame, or the status at the end.
async fn next(paced: &mut Paced) -> Option<Result<Bytes, Code>> {
    let frame = poll_fn(|context| Pin::new(&mut *paced).poll_frame(context)).await?;
    let ended = |frame: http_body::Frame<Bytes>| {
        let trailers = frame.into_trailers().unwrap();
        Code::from_bytes(trailers["grpc-status"].as_bytes())
    };
    Some(frame.unwrap().into_data().map_err(ended))
}

/// The frames that can be had at once.
fn now(paced: &mut Paced) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some(Some(frame)) = next(paced).now_or_never() {
        frames.push(frame.unwrap());
    }
    frames
}

/// Their bytes.
fn all(paced: &mut Paced) -> Vec<u8> {
    now(paced).concat()
}

/// Waits until `condition` holds.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let held = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, held).await.expect(what);
}

#[tokio::test]
async fn a_long_frame_comes_in_pieces_and_a_short_one_as_it_is() {
    let bounds = bounds(LATE);
    let (frames, mut paced) = answer(&bounds);
    let short = Bytes::from(vec![1; SHORT]);
    let place = short.as_ptr();
    frames.send(short).unwrap();
    let found = next(&mut paced).await.unwrap().unwrap();
    assert!(found.as_ptr() == place && paced.watchdog.is_none());
    let numbers: Vec<u8> = (0..=SHORT).map(|number| (number % 251) as u8).collect();
    frames.send(numbers.clone().into()).unwrap();
    let pieces = now(&mut paced);
    assert_eq!(pieces.len(), 5);
    assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
    let joined: Vec<u8> = pieces.concat();
    assert_eq!(joined, numbers);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_nothing_is_kept_for_it() {
    let bounds = bounds(MOMENT);
    let (frames, mut paced) = long_answer(&bounds);
    assert!(next(&mut paced).await.is_some_and(|piece| piece.is_ok()));
    timeout(LONG, frames.closed()).await.expect("the answer is let go");
    assert_eq!(bounds.room.available_permits(), BYTES as usize);
    assert!(!paced.is_end_stream());
    assert_eq!(next(&mut paced).await, Some(Err(Code::DeadlineExceeded)));
    assert_eq!(next(&mut paced).await, None);
    assert!(paced.is_end_stream());
}

#[tokio::test]
async fn nobody_is_given_up_who_took_all_that_there_was() {
    let bounds = bounds(MOMENT);
    let (frames, mut paced) = long_answer(&bounds);
    assert!(all(&mut paced) == long());
    assert!(paced.watchdog.is_none() && !frames.is_closed());
    assert_eq!(bounds.room.available_permits(), BYTES as usize);
}

#[tokio::test]
async fn a_long_answer_for_which_there_is_no_room_is_refused_and_a_short_one_is_not() {
    let bounds = bounds(LATE);
    let (_frames, mut first) = long_answer(&bounds);
    assert!(next(&mut first).await.is_some_and(|piece| piece.is_ok()));
    let (_frames, mut second) = long_answer(&bounds);
    assert_eq!(next(&mut second).await, Some(Err(Code::ResourceExhausted)));
    assert_eq!(next(&mut second).await, None);
    let (frames, mut short) = answer(&bounds);
    frames.send(Bytes::from_static(b"short")).unwrap();
    assert_eq!(now(&mut short), [Bytes::from_static(b"short")]);
    drop(first);
    let (_frames, mut third) = long_answer(&bounds);
    assert!(all(&mut third) == long());
}

#[tokio::test]
async fn what_goes_on_is_not_refused_but_waits_for_room() {
    let bounds = bounds(LATE);
    let (frames, mut paced) = long_answer(&bounds);
    assert!(all(&mut paced) == long());
    let (_frames, mut other) = long_answer(&bounds);
    assert!(next(&mut other).await.is_some_and(|piece| piece.is_ok()));
    frames.send(long()).unwrap();
    assert!(next(&mut paced).now_or_never().is_none());
    drop(other);
    assert!(all(&mut paced) == long());
}

#[tokio::test]
async fn an_answer_longer_than_the_budget_takes_all_of_it() {
    let bounds = bounds(LATE);
    let (frames, mut paced) = answer(&bounds);
    let twice: Vec<u8> = [long(), long()].concat();
    frames.send(twice.clone().into()).unwrap();
    assert!(next(&mut paced).await.is_some_and(|piece| piece.is_ok()));
    assert_eq!(bounds.room.available_permits(), 0);
    assert!(all(&mut paced) == twice[PIECE..]);
}

/// Answers as long as their `page_size` says. Whoever watches gets one, and nothing more until he is gone.
#[derive(Default)]
struct Answers {
    gone: CancellationToken,
}

fn asked(length: usize) -> v1::ForecastRequest {
    v1::ForecastRequest {
        page_size: length as i32,
        ..v1::ForecastRequest::default()
    }
}

fn answered(request: &v1::ForecastRequest) -> v1::ForecastResponse {
    v1::ForecastResponse {
        next_page_token: "x".repeat(request.page_size as usize),
        ..v1::ForecastResponse::default()
    }
}

#[tonic::async_trait]
impl ForecastService for Answers {
    async fn forecast(&self, request: Request<v1::ForecastRequest>) -> Result<Response<v1::ForecastResponse>, Status> {
        Ok(Response::new(answered(request.get_ref())))
    }

    type WatchForecastsStream = BoxStream<'static, Result<v1::ForecastResponse, Status>>;

    async fn watch_forecasts(
        &self,
        request: Request<v1::ForecastRequest>,
    ) -> Result<Response<Self::WatchForecastsStream>, Status> {
        let held = self.gone.clone().drop_guard();
        let nothing_more = stream::once(async move {
            let _held = held;
            pending::<Result<v1::ForecastResponse, Status>>().await
        });
        let first = stream::iter([Ok::<_, Status>(answered(request.get_ref()))]);
        Ok(Response::new(first.chain(nothing_more).boxed()))
    }

    async fn forecast_areas(
        &self,
        _: Request<v1::ForecastAreasRequest>,
    ) -> Result<Response<v1::ForecastAreasResponse>, Status> {
        Err(Status::unimplemented("areas"))
    }
}

/// Where these answers are served within `bounds`.
async fn served(bounds: Bounds, answers: Answers) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder()
        .layer(Around(bounds))
        .add_service(ForecastServiceServer::new(answers));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    Endpoint::from_shared(address).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_do_not_read_cost_no_more_than_the_budget_and_keep_nobody_waiting() {
    let (budget, long) = (8 * BYTES, 1_000_000);
    let bounds = Bounds::new(budget, LATE);
    let room = Arc::clone(&bounds.room);
    let endpoint = served(bounds, Answers::default()).await;
    let silent = endpoint.clone().initial_stream_window_size(0_u32);
    let silent = ForecastServiceClient::new(silent.connect().await.unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let mut client = silent.clone();
        calls.spawn(async move { client.forecast(asked(long)).await.map(drop) });
    }
    eventually("all of them wait", || room.available_permits() < long).await;
    let mut client = ForecastServiceClient::new(endpoint.connect().await.unwrap());
    let short = client.forecast(asked(1_000)).await.unwrap().into_inner();
    assert_eq!(short.next_page_token.len(), 1_000);
    let refused = client.forecast(asked(long)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().starts_with("there are 8388608 bytes of"), "{refused}");
    assert!(refused.get_details_retry_info().is_some(), "{refused}");
    assert!(calls.try_join_next().is_none(), "they still wait");
    drop(calls);
    eventually("there is room again", || room.available_permits() == budget as usize).await;
    let answer = client.forecast(asked(long)).await.unwrap().into_inner();
    assert_eq!(answer.next_page_token.len(), long);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_takes_nothing_loses_its_place_and_is_told_when_it_reads() {
    let answers = Answers::default();
    let gone = answers.gone.clone();
    let endpoint = served(Bounds::new(BYTES, MOMENT), answers).await;
    let narrow = endpoint.initial_stream_window_size(4_000_u32).connect().await.unwrap();
    let mut client = ForecastServiceClient::new(narrow);
    let mut answers = client.watch_forecasts(asked(1_000_000)).await.unwrap().into_inner();
    timeout(LONG, gone.cancelled()).await.expect("the place is free");
    let status = answers.message().await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::DeadlineExceeded, "the client took nothing for 50ms")
    );
}

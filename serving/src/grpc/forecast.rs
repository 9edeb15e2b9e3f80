//! `ForecastService`.

use std::pin::Pin;
use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use arterial_proto::v1::forecast_service_server::ForecastService;
use futures::Stream;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::response;
use crate::Error;
use crate::answer::{Question, answer};
use crate::score::Issue;
use crate::state::AppState;

/// Forecasts, once and again.
pub struct ForecastApi(pub Arc<AppState>);

type Watching = Pin<Box<dyn Stream<Item = Result<v1::ForecastResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ForecastService for ForecastApi {
    async fn forecast(&self, request: Request<v1::ForecastRequest>) -> Result<Response<v1::ForecastResponse>, Status> {
        let question = Question::from(request.into_inner());
        let answered = answer(&self.0, &question).await?;
        Ok(Response::new(response(&question, answered)))
    }

    type WatchForecastsStream = Watching;

    async fn watch_forecasts(&self, request: Request<v1::ForecastRequest>) -> Result<Response<Watching>, Status> {
        let question = Question::from(request.into_inner());
        if let Some(as_of) = question.as_of {
            let accepted = "nothing: whoever watches wants the newest";
            return Err(Error::invalid("as_of", Timestamp(as_of.0), accepted).into());
        }
        let target = question.check(&self.0)?.target;
        let first = answer(&self.0, &question).await?;
        let issues = self.0.scores.get(&target).map(|scores| scores.subscribe());
        let (sender, receiver) = mpsc::channel(1);
        let first = response(&question, first);
        tokio::spawn(follow(Arc::clone(&self.0), question, issues, first, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// Sends the first answer, then one for each issue, until the client goes or the service stops. While the client does
/// not read, issues pass by; the newest one is answered next.
async fn follow(
    state: Arc<AppState>,
    question: Question,
    issues: Option<watch::Receiver<Option<Arc<Issue>>>>,
    first: v1::ForecastResponse,
    sender: mpsc::Sender<Result<v1::ForecastResponse, Status>>,
) {
    let mut next = Ok(first);
    let mut issues = issues;
    loop {
        let failed = next.is_err();
        if sender.send(next).await.is_err() || failed {
            return;
        }
        let Some(issues) = &mut issues else { return };
        let alive = tokio::select! {
            () = state.stop.cancelled() => false,
            () = sender.closed() => return,
            changed = issues.changed() => changed.is_ok(),
        };
        next = if alive {
            answer(&state, &question)
                .await
                .map(|answered| response(&question, answered))
                .map_err(Status::from)
        } else {
            Err(Error::NotReady("the service is shutting down".into()).into())
        };
    }
}

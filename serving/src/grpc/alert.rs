//! `AlertService`.

use std::pin::Pin;
use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Language, Verdict};
use arterial_proto::v1;
use arterial_proto::v1::alert_service_server::AlertService;
use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert_alert::{alert, dead_letter, judged, watched};
use crate::alerts::{AlertFilter, Changes, Deed, Follower};
use crate::state::AppState;
use crate::{Error, Result};

/// Alerts a page, where the request does not say.
const PAGE: i32 = 100;
/// The most alerts a page.
const LARGEST_PAGE: i32 = 1_000;

/// Alerts: what there is, what changes, and what people do about it.
pub struct AlertApi(pub Arc<AppState>);

type Watching = Pin<Box<dyn Stream<Item = Result<v1::WatchAlertsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl AlertService for AlertApi {
    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        Ok(Response::new(list(&self.0, request.into_inner())?))
    }

    type WatchAlertsStream = Watching;

    async fn watch_alerts(&self, request: Request<v1::WatchAlertsRequest>) -> Result<Response<Watching>, Status> {
        let request = request.into_inner();
        let language = language(&request.language)?;
        self.0.alerts.ready(&self.0)?;
        let mut follower = Follower::new(filter(request.filter)?, request.resume_after);
        let first = follower.next(&self.0.alerts.store)?;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(follow(Arc::clone(&self.0), follower, first, language, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn acknowledge_alert(
        &self,
        request: Request<v1::AcknowledgeAlertRequest>,
    ) -> Result<Response<v1::AcknowledgeAlertResponse>, Status> {
        let v1::AcknowledgeAlertRequest {
            alert_id,
            by,
            language: named,
        } = request.into_inner();
        let language = language(&named)?;
        self.0.alerts.ready(&self.0)?;
        let made = self.0.alerts.act(&alert_id, Deed::Acknowledge, &by).await?;
        let alert = Some(alert(&self.0, &made, language));
        Ok(Response::new(v1::AcknowledgeAlertResponse { alert }))
    }

    async fn judge_alert(
        &self,
        request: Request<v1::JudgeAlertRequest>,
    ) -> Result<Response<v1::JudgeAlertResponse>, Status> {
        let request = request.into_inner();
        let (language, verdict) = (language(&request.language)?, verdict(&request.judgement)?);
        self.0.alerts.ready(&self.0)?;
        let effect = self.0.alerts.preview(&self.0, &request.alert_id, verdict).await?;
        let made = self
            .0
            .alerts
            .act(&request.alert_id, Deed::Judge(verdict), &request.by)
            .await?;
        Ok(Response::new(v1::JudgeAlertResponse {
            alert: Some(alert(&self.0, &made, language)),
            effect: Some(judged(&self.0, &effect, language)),
        }))
    }

    async fn preview_judgement(
        &self,
        request: Request<v1::JudgeAlertRequest>,
    ) -> Result<Response<v1::PreviewJudgementResponse>, Status> {
        let request = request.into_inner();
        let (language, verdict) = (language(&request.language)?, verdict(&request.judgement)?);
        self.0.alerts.ready(&self.0)?;
        let effect = self.0.alerts.preview(&self.0, &request.alert_id, verdict).await?;
        let effect = Some(judged(&self.0, &effect, language));
        Ok(Response::new(v1::PreviewJudgementResponse { effect }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let letters = self.0.alerts.letters(&self.0).await?;
        let letters = letters.list(&request.into_inner().sinks);
        Ok(Response::new(v1::ListDeadLettersResponse {
            letters: letters.into_iter().map(dead_letter).collect(),
        }))
    }

    async fn retry_dead_letters(
        &self,
        request: Request<v1::RetryDeadLettersRequest>,
    ) -> Result<Response<v1::RetryDeadLettersResponse>, Status> {
        let sinks = request.into_inner().sinks;
        let retried = self.0.alerts.retry_letters(&self.0, &sinks).await?;
        Ok(Response::new(v1::RetryDeadLettersResponse {
            sent: retried.sent,
            left: retried.left.into_iter().map(dead_letter).collect(),
        }))
    }
}

fn list(state: &AppState, request: v1::ListAlertsRequest) -> Result<v1::ListAlertsResponse> {
    let language = language(&request.language)?;
    let size = match request.page_size {
        0 => PAGE,
        1..=LARGEST_PAGE => request.page_size,
        other => return Err(Error::invalid("page_size", other, format!("1 to {LARGEST_PAGE}"))),
    };
    let before = match request.page_token.as_str() {
        "" => u64::MAX,
        token => token
            .parse()
            .map_err(|_| Error::invalid("page_token", token, "the `next_page_token` of the page before"))?,
    };
    let filter = filter(request.filter)?;
    state.alerts.ready(state)?;
    let (found, more, last) = state.alerts.store.page(&filter, before, size as usize);
    let next = found.last().filter(|_| more).map(|last| last.sequence.to_string());
    Ok(v1::ListAlertsResponse {
        alerts: found.iter().map(|one| alert(state, one, language)).collect(),
        next_page_token: next.unwrap_or_default(),
        resume_after: last,
        watched: state.alerts.watched().into_iter().map(watched).collect(),
    })
}

fn filter(request: Option<v1::AlertFilter>) -> Result<AlertFilter> {
    let request = request.unwrap_or_default();
    let times = (request.since.map(Timestamp), request.until.map(Timestamp));
    AlertFilter::new(
        &request.kinds,
        &request.states,
        &request.zones,
        &request.severities,
        times,
    )
}

/// The language of that name, English where none is named.
fn language(name: &str) -> Result<Language> {
    crate::alerts::language("language", name)
}

fn verdict(name: &str) -> Result<Verdict> {
    let known = || Verdict::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    match name {
        "" => Err(Error::missing("judgement", known())),
        name => name.parse().map_err(|_| Error::invalid("judgement", name, known())),
    }
}

/// Sends the first changes, then those that come, until the client goes or the service stops. While the client does not read, nothing
/// is kept for it but the place where it stands.
async fn follow(
    state: Arc<AppState>,
    mut follower: Follower,
    first: Changes,
    language: Language,
    sender: mpsc::Sender<Result<v1::WatchAlertsResponse, Status>>,
) {
    let mut news = state.alerts.store.subscribe();
    let answer = |changes: &Changes| v1::WatchAlertsResponse {
        alerts: changes.alerts.iter().map(|one| alert(&state, one, language)).collect(),
        resume_after: changes.through,
    };
    if sender.send(Ok(answer(&first))).await.is_err() {
        return;
    }
    let mut through = first.through;
    loop {
        let waited = tokio::select! {
            () = state.stop.cancelled() => Err(Error::NotReady("the service is shutting down".into())),
            () = sender.closed() => return,
            changed = news.wait_for(|newest| *newest > through) => changed.map(drop).map_err(|error| Error::Background(error.to_string())),
        };
        // Room first, so that a slow reader is answered with what is newest when it reads.
        let Ok(room) = sender.reserve().await else { return };
        match waited.and_then(|()| follower.next(&state.alerts.store)) {
            Ok(changes) => {
                through = changes.through;
                if !changes.alerts.is_empty() {
                    room.send(Ok(answer(&changes)));
                }
            }
            Err(error) => return room.send(Err(error.into())),
        }
    }
}

//! `AlertService`.

use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Language, Verdict};
use arterial_proto::v1;
use arterial_proto::v1::alert_service_server::AlertService;
use futures::stream::BoxStream;
use tonic::body::Body;
use tonic::{Request, Response, Status};

use super::convert_alert::{alert, dead_letter, former, judged, watched};
use super::list::ListPage;
use super::mask::Mask;
use super::sized::sized;
use super::watch_alerts::{AlertWatch, stream};
use crate::alerts::{AlertFilter, Deed, Follower, PagePlace};
use crate::bodies::{self, Messages};
use crate::error::chain;
use crate::state::AppState;
use crate::watchers::Watchers;
use crate::{Error, Result};

/// Alerts a page, where the request does not say.
const PAGE: i32 = 100;
/// The most alerts a page.
const LARGEST_PAGE: i32 = 1_000;
/// Dead letters a page, where the request does not say.
const LETTERS: usize = 1_000;
/// The most dead letters a page.
const MOST_LETTERS: usize = 10_000;

/// Alerts: what there is, what changes, and what people do about it.
pub struct AlertApi {
    /// What is answered from.
    pub state: Arc<AppState>,
    /// The places of those who watch.
    pub watchers: Watchers,
}

#[tonic::async_trait]
impl AlertService for AlertApi {
    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        Ok(sized(list(&self.state, request.into_inner())?))
    }

    async fn get_alert(&self, request: Request<v1::GetAlertRequest>) -> Result<Response<v1::GetAlertResponse>, Status> {
        let request = request.into_inner();
        let language = language(&request.language)?;
        let mask = Mask::of::<v1::Alert>(request.read_mask)?;
        self.state.alerts.ready(&self.state)?;
        let found = self.state.alerts.store.find(&request.alert_id)?;
        let alert = Some(mask.apply(alert(&self.state, &found, language)));
        Ok(sized(v1::GetAlertResponse { alert }))
    }

    type WatchAlertsStream = BoxStream<'static, Result<v1::WatchAlertsResponse, Status>>;

    async fn watch_alerts(
        &self,
        request: Request<v1::WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        let request = request.into_inner();
        let language = language(&request.language)?;
        let mask = Mask::of::<v1::Alert>(request.read_mask)?;
        self.state.alerts.ready(&self.state)?;
        let follower = Follower::new(filter(request.filter)?, request.resume_after);
        let place = self.watchers.enter(&self.state)?;
        let after = request.resume_after.unwrap_or_default();
        self.state.alerts.reach(&self.state, after).await?;
        let (watch, first) = AlertWatch::begin(&self.state, follower, language, mask, place)?;
        let answers = stream(watch, first);
        Ok(bodies::answer(move |terms| Body::new(Messages::new(answers, terms))))
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
        self.state.alerts.ready(&self.state)?;
        let before = self.state.alerts.store.get(&alert_id).ok();
        let made = self.state.alerts.act(&alert_id, Deed::Acknowledge, &by).await?;
        Ok(Response::new(v1::AcknowledgeAlertResponse {
            alert: Some(alert(&self.state, &made, language)),
            before: before.and_then(|before| former(&before, &made)),
        }))
    }

    async fn judge_alert(
        &self,
        request: Request<v1::JudgeAlertRequest>,
    ) -> Result<Response<v1::JudgeAlertResponse>, Status> {
        let request = request.into_inner();
        let (language, verdict) = (language(&request.language)?, verdict(&request.judgement)?);
        self.state.alerts.ready(&self.state)?;
        let alerts = &self.state.alerts;
        // Beforehand, as what changes is told against the judgement that stands; without it the judgement counts all the same.
        let effect = alerts.preview(&self.state, &request.alert_id, verdict).await;
        let made = alerts.act(&request.alert_id, Deed::Judge(verdict), &request.by).await?;
        if let Err(error) = &effect {
            let (alert_id, error) = (&request.alert_id, chain(error));
            tracing::warn!(
                alert_id,
                error,
                "a judgement was recorded, and what it changes cannot be seen"
            );
        }
        Ok(Response::new(v1::JudgeAlertResponse {
            alert: Some(alert(&self.state, &made, language)),
            effect: effect.ok().map(|effect| judged(&self.state, &effect, language)),
        }))
    }

    async fn preview_judgement(
        &self,
        request: Request<v1::JudgeAlertRequest>,
    ) -> Result<Response<v1::PreviewJudgementResponse>, Status> {
        let request = request.into_inner();
        let (language, verdict) = (language(&request.language)?, verdict(&request.judgement)?);
        self.state.alerts.ready(&self.state)?;
        let effect = self
            .state
            .alerts
            .preview(&self.state, &request.alert_id, verdict)
            .await?;
        let effect = Some(judged(&self.state, &effect, language));
        Ok(Response::new(v1::PreviewJudgementResponse { effect }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let request = request.into_inner();
        let page = ListPage::read(request.page_size, &request.page_token, LETTERS, MOST_LETTERS)?;
        let letters = self.state.alerts.letters(&self.state).await?;
        let letters = letters.list(&request.sinks);
        let (letters, next_page_token) = page.of(letters, |one| format!("{}:{}", one.sequence, one.sink))?;
        Ok(sized(v1::ListDeadLettersResponse {
            letters: letters.into_iter().map(dead_letter).collect(),
            next_page_token,
        }))
    }

    async fn retry_dead_letters(
        &self,
        request: Request<v1::RetryDeadLettersRequest>,
    ) -> Result<Response<v1::RetryDeadLettersResponse>, Status> {
        let sinks = request.into_inner().sinks;
        let retried = self.state.alerts.retry_letters(&self.state, &sinks).await?;
        Ok(sized(v1::RetryDeadLettersResponse {
            sent: retried.sent,
            left_count: retried.left.len() as u64,
            left: retried.left.into_iter().take(LETTERS).map(dead_letter).collect(),
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
    let from = read_token(&request.page_token)?;
    let filter = filter(request.filter)?;
    let mask = Mask::of::<v1::Alert>(request.read_mask)?;
    state.alerts.ready(state)?;
    let (found, next, last) = state.alerts.store.page(&filter, from, size as usize);
    Ok(v1::ListAlertsResponse {
        alerts: found
            .iter()
            .map(|one| mask.apply(alert(state, one, language)))
            .collect(),
        next_page_token: next.map(token).unwrap_or_default(),
        resume_after: last,
        watched: state.alerts.watched().into_iter().map(watched).collect(),
        now: Some(state.clock.now().0),
    })
}

/// The token of the page that begins there.
fn token(place: PagePlace) -> String {
    format!("{}.{}", place.before, place.since)
}

fn read_token(text: &str) -> Result<Option<PagePlace>> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (before, since) = text.split_once('.')?;
        Some(PagePlace {
            before: before.parse().ok()?,
            since: since.parse().ok()?,
        })
    };
    let accepted = "the `next_page_token` of the page before";
    read()
        .map(Some)
        .ok_or_else(|| Error::invalid("page_token", text, accepted))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_where_it_came_from_and_another_is_refused() {
        let place = PagePlace { before: 7, since: 40 };
        assert_eq!(read_token(&token(place)).unwrap(), Some(place));
        assert_eq!(read_token("").unwrap(), None);
        for bad in ["7", "7.", ".7", "-1.7", "a.b", "7.40.1"] {
            let error = read_token(bad).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`page_token` is `{bad}`")), "{error}");
        }
    }
}

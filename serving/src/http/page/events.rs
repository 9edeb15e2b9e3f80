//! `GET /v1/events`: what the page shows as server-sent events, everything at first, then what changes.
//!
//! | event | data |
//! |---|---|
//! | `now` | speed and congestion of every key, as measured and at each horizon |
//! | `alerts` | alerts that changed; with `begins` all that go on, in place of what was told before, and those that were `resolved` lately |
//! | `models` | which model is in charge of each target |
//! | `status` | the service's clock, how fresh each stream is, what keeps it from being ready |
//!
//! Nothing is queued for whoever reads slowly: an event is made when there is room for it, from what is newest then. An id is the place
//! after its event; who comes back with it as `Last-Event-ID` is told what changed since.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Language;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::cursor::Cursor;
use super::{Page, frame, models, resolved, status, target};
use crate::alerts::{AlertFilter, AlertRevision, Follower, language, told};
use crate::error::chain;
use crate::http::Problem;
use crate::score::Issue;
use crate::state::AppState;
use crate::{Error, Result};

/// How often ages are told anew, and a connection shows that it lives.
const TICK: Duration = Duration::from_secs(5);
/// After so many of them without a word of the service's state it is told though it is the same: browsers do not tell scripts of
/// anything less, so only so do they know that the line still stands.
const SILENCE: u32 = 3;
/// Changes that come together are told together, at most so often.
const TOGETHER: Duration = Duration::from_millis(500);
const PARAMETERS: &str = "language, last_event_id";
/// What lets nginx and its like hand events on at once, instead of gathering them.
const UNBUFFERED: &str = "x-accel-buffering";

/// Speeds, congestion, alerts, models and freshness as server-sent events: everything at first, then what changes.
///
/// Events are `now`, `alerts`, `models` and `status`; an id is a place to go on from. The stream ends when the service drains.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "city",
    params(
        ("language" = Option<String>, Query, description = "Of the texts of alerts: en (default), ru or fr"),
        ("last_event_id" = Option<String>, Query, description = "Where to go on from, for those who cannot send `Last-Event-ID`"),
    ),
    responses(
        (status = 200, description = "Events, as long as the client reads", body = String, content_type = "text/event-stream"),
        (status = 400, description = "What is wrong (RFC 9457)", body = Object, content_type = "application/problem+json"),
        (status = 503, description = "As many follow as may (RFC 9457)", body = Object, content_type = "application/problem+json"),
    )
)]
pub async fn follow(
    State(page): State<Arc<Page>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (language, cursor) = read(&headers, &query.unwrap_or_default())?;
    let full = |_| Error::NotReady("as many follow the events as may (`[server] max_followers`)".into());
    let place = Arc::clone(&page.places).try_acquire_owned().map_err(full)?;
    let watcher = Watcher::new(page, language, cursor, place);
    let pieces = futures::stream::unfold(watcher, |mut watcher| async move {
        let piece = watcher.next().await?;
        Some((Ok::<Bytes, Infallible>(piece), watcher))
    });
    let head = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static(UNBUFFERED), "no"),
    ];
    Ok((head, Body::from_stream(pieces)).into_response())
}

fn read(headers: &HeaderMap, query: &str) -> Result<(Language, Cursor)> {
    let (mut named, mut last) = (String::new(), String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "language" => named = value.into_owned(),
            "last_event_id" => last = value.into_owned(),
            other => return Err(Error::invalid("query", other, PARAMETERS)),
        }
    }
    if let Some(id) = headers.get("last-event-id").and_then(|id| id.to_str().ok()) {
        id.clone_into(&mut last);
    }
    Ok((language("language", &named)?, last.parse().unwrap_or_default()))
}

/// Somebody who follows: a place in what can be told, never a queue of it.
struct Watcher {
    page: Arc<Page>,
    language: Language,
    cursor: Cursor,
    alerts: Option<Follower>,
    /// The pieces of the events that are being sent: at most one event of each kind.
    sending: VecDeque<Bytes>,
    begins: bool,
    /// Turns since the service's state was told.
    silent: u32,
    news: News,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    fn new(page: Arc<Page>, language: Language, cursor: Cursor, place: OwnedSemaphorePermit) -> Self {
        Self {
            news: News::of(&page.app),
            page,
            language,
            cursor,
            alerts: None,
            sending: VecDeque::from([frame::RETRY]),
            begins: true,
            silent: 0,
            _place: place,
        }
    }

    /// The next piece to send; none once the service drains.
    async fn next(&mut self) -> Option<Bytes> {
        let state = Arc::clone(&self.page.app);
        loop {
            if let Some(piece) = self.sending.pop_front() {
                return Some(piece);
            }
            if !std::mem::take(&mut self.begins) {
                tokio::select! {
                    () = state.stop.cancelled() => return None,
                    () = self.news.wait() => {}
                }
            }
            if state.stop.is_cancelled() {
                return None;
            }
            if let Err(error) = self.gather().await {
                tracing::warn!(error = chain(&error), "the page's events cannot go on");
                return None;
            }
            if self.sending.is_empty() {
                self.sending.push_back(frame::KEEP_ALIVE);
            }
        }
    }

    /// Makes the events of what has changed.
    async fn gather(&mut self) -> Result<()> {
        let state = Arc::clone(&self.page.app);
        self.tell_status(&status::data(&state));
        self.tell("models", &models::data(&state));
        let now = self.page.now.data(&state).await?;
        self.tell("now", &now);
        if state.alerts.ready(&state).is_ok() {
            self.tell_alerts(&state)?;
        }
        Ok(())
    }

    fn tell_status(&mut self, data: &frame::Data) {
        self.silent += 1;
        if self.silent > SILENCE {
            self.cursor.forget("status");
        }
        if !self.cursor.knows("status", &data.digest) {
            self.silent = 0;
        }
        self.tell("status", data);
    }

    fn tell(&mut self, kind: &str, data: &frame::Data) {
        if !self.cursor.knows(kind, &data.digest) {
            self.cursor.note(kind, &data.digest);
            self.sending.extend(data.event(kind, &self.cursor.to_string()));
        }
    }

    /// Tells what changed behind the cursor, or everything where that is not at hand any more.
    fn tell_alerts(&mut self, state: &AppState) -> Result<()> {
        let follower = |after| Follower::new(AlertFilter::default(), after);
        let after = self.cursor.alerts;
        let mut begins = self.alerts.is_none() && after.is_none();
        let mut following = self.alerts.take().unwrap_or_else(|| follower(after));
        let mut next = following.next(&state.alerts.store);
        if next.is_err() {
            begins = true;
            following = follower(None);
            next = following.next(&state.alerts.store);
        }
        let changes = next?;
        self.alerts = Some(following);
        self.cursor.alerts = Some(changes.through);
        if begins || !changes.alerts.is_empty() {
            let rows = |revisions: &[Arc<AlertRevision>]| -> Vec<Value> {
                let revisions = revisions.iter();
                revisions.map(|one| alert(state, one, self.language)).collect()
            };
            let mut body = json!({"begins": begins, "alerts": rows(&changes.alerts)});
            // Whoever was told before has heard of their end.
            if begins {
                body["resolved"] = rows(&resolved::lately(state)).into();
            }
            let data = frame::Data::new(&body.to_string());
            self.sending.extend(data.event("alerts", &self.cursor.to_string()));
        }
        Ok(())
    }
}

/// The alert with its columns, its text in `language`, the unit of its numbers and what its cause is called.
pub fn alert(state: &AppState, revision: &AlertRevision, language: Language) -> Value {
    let said = told(state, &revision.alert, language);
    let mut row = revision.to_json();
    row.insert("text".into(), said.text.into());
    row.insert("unit".into(), said.unit.into());
    row.insert("reference".into(), said.reference.into());
    row.insert("live".into(), revision.alert.is_live().into());
    Value::Object(row)
}

/// Everything that says that something may have changed.
struct News {
    windows: Option<watch::Receiver<Option<Timestamp>>>,
    forecasts: Option<watch::Receiver<Option<Arc<Issue>>>>,
    alerts: watch::Receiver<u64>,
    models: watch::Receiver<u64>,
    readiness: watch::Receiver<std::collections::BTreeMap<crate::readiness::Reason, String>>,
    ticks: Interval,
}

impl News {
    fn of(state: &AppState) -> Self {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        Self {
            windows: state
                .live
                .stream(&target().topic)
                .ok()
                .map(crate::live::LiveStream::subscribe),
            forecasts: state.scores.get(&target()).map(|scores| scores.subscribe()),
            alerts: state.alerts.store.subscribe(),
            models: state.champions.subscribe(),
            readiness: state.readiness.subscribe(),
            ticks,
        }
    }

    /// Returns after a change, together with what changes right behind it, or when ages are to be told anew.
    async fn wait(&mut self) {
        tokio::select! {
            () = changed(self.windows.as_mut()) => {}
            () = changed(self.forecasts.as_mut()) => {}
            () = changed(Some(&mut self.alerts)) => {}
            () = changed(Some(&mut self.models)) => {}
            () = changed(Some(&mut self.readiness)) => {}
            _ = self.ticks.tick() => return,
        }
        sleep(TOGETHER).await;
    }
}

/// Returns when there is news; never where there will be none.
async fn changed<T>(news: Option<&mut watch::Receiver<T>>) {
    if let Some(news) = news
        && news.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_to_go_on_from_comes_with_the_header_or_the_query() {
        let mut headers = HeaderMap::new();
        let (said, cursor) = read(&headers, "language=ru&last_event_id=7.now-0a").unwrap();
        assert_eq!((said, cursor.alerts), (Language::Russian, Some(7)));
        headers.insert("last-event-id", "9".parse().unwrap());
        assert_eq!(read(&headers, "last_event_id=7").unwrap().1.alerts, Some(9));
        headers.insert("last-event-id", "nonsense".parse().unwrap());
        assert_eq!(
            read(&headers, "").unwrap().1,
            Cursor::default(),
            "everything is told anew"
        );
        assert!(
            read(&headers, "language=de")
                .unwrap_err()
                .to_string()
                .contains("en, ru, fr")
        );
    }
}

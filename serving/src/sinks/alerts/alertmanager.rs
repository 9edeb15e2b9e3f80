//! Alerts to Prometheus' Alertmanager, by its API v2
//! (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arterial_datasets::time::{Clock, Duration, Timestamp};
use arterial_models::alerts::Alert;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Url};
use serde_json::{Map, Value, json};

use super::choice::Choice;
use super::post::send;
use super::receiver::Receiver;
use super::secret::Secret;
use crate::alerts::{AlertRevision, Undelivered};
use crate::sync::lock;

/// An open alert is told again so often within the time that it lives, so that one reminder may fail.
const REMINDERS: u32 = 4;

/// Posts alerts to `POST /api/v2/alerts`.
///
/// Alertmanager keeps alerts in memory, and forgets each one at its `endsAt`: what is open has to be told again before then, which
/// also brings it back after Alertmanager was restarted. An alert that is over is told with the time of its end.
pub struct Alertmanager {
    /// Where it is, without `/api/v2/alerts`.
    pub url: Url,
    /// A bearer token, where it asks for one.
    pub token: Option<Secret>,
    /// The label `site`.
    pub site: String,
    /// An open alert of which nothing more is heard ends so long after it was told.
    pub holds: Duration,
    /// What sends it.
    pub client: Client,
    /// The time of sending, by the clock of the world, as `endsAt` is compared with Alertmanager's.
    pub clock: Arc<dyn Clock>,
    /// What Alertmanager knows as open: by id, the alert as it was posted.
    pub(super) open: Mutex<BTreeMap<String, Value>>,
}

impl Alertmanager {
    async fn post(&self, alerts: &[Value]) -> Result<(), Undelivered> {
        let address = format!("{}/api/v2/alerts", self.url.as_str().trim_end_matches('/'));
        let mut request = self.client.post(address).json(alerts);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        let mut hidden = Secret::of_address(&self.url);
        hidden.extend(self.token.clone());
        send(request, &hidden).await
    }

    /// Remembers what Alertmanager knows as open.
    fn note(&self, alert: &Alert, posted: Value) {
        let mut open = lock(&self.open);
        if alert.is_live() {
            open.insert(alert.alert_id.clone(), posted);
        } else {
            open.remove(&alert.alert_id);
        }
    }

    fn end_of_open(&self) -> Timestamp {
        Timestamp(self.clock.now().0.saturating_add(self.holds.0))
    }

    /// The alert as Alertmanager takes it, its end included.
    fn posted(&self, choice: &Choice, revision: &AlertRevision) -> Value {
        let alert = &revision.alert;
        // Alertmanager refuses what ends before it starts.
        let now = self.clock.now();
        let starts = alert.opened_at.min(now);
        let ends = match alert.closed_at {
            _ if alert.is_live() => self.end_of_open(),
            Some(closed) => closed.clamp(starts, now),
            None => now,
        };
        let posted = json!({
            "labels": self.labels(alert),
            "annotations": annotations(choice, revision),
            "startsAt": starts.to_string(),
        });
        with_end(posted, ends)
    }

    /// What tells the alert from others, and what routes and silences go by. Alertmanager takes an alert with other labels for
    /// another alert.
    fn labels(&self, alert: &Alert) -> Map<String, Value> {
        labels_of([
            ("alertname", alert.kind.name()),
            ("alert_id", &alert.alert_id),
            ("severity", alert.severity.name()),
            ("site", &self.site),
            ("topic", &alert.topic),
            ("target", &alert.target),
            ("zone_id", alert.zone_id.as_deref().unwrap_or_default()),
        ])
    }
}

fn annotations(choice: &Choice, revision: &AlertRevision) -> Map<String, Value> {
    let alert = &revision.alert;
    let acknowledged = alert.acknowledged_by.as_deref().unwrap_or_default();
    labels_of([
        ("summary", choice.text(revision).as_str()),
        ("cause", alert.cause.name()),
        ("state", alert.state.name()),
        ("keys", alert.keys.join(", ").as_str()),
        ("road", alert.place.road_name.as_deref().unwrap_or_default()),
        ("acknowledged_by", acknowledged),
        ("revision", alert.revision.to_string().as_str()),
    ])
}

/// Those that have a value: Alertmanager refuses empty names, and drops empty values.
fn labels_of<const N: usize>(pairs: [(&str, &str); N]) -> Map<String, Value> {
    let filled = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn with_end(mut posted: Value, ends: Timestamp) -> Value {
    posted["endsAt"] = ends.to_string().into();
    posted
}

impl Receiver for Alertmanager {
    fn send<'a>(&'a self, choice: &'a Choice, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let alert = &revision.alert;
            let posted = self.posted(choice, revision);
            let mut batch = vec![posted.clone()];
            // A severity or a zone that changed makes other labels: what they were before is over.
            let before = lock(&self.open).get(&alert.alert_id).cloned();
            if let Some(before) = before.filter(|before| before["labels"] != posted["labels"]) {
                batch.push(with_end(before, self.clock.now()));
            }
            self.post(&batch).await?;
            self.note(alert, posted);
            Ok(())
        }
        .boxed()
    }

    fn keeps_history(&self) -> bool {
        false
    }

    fn resume(&self, choice: &Choice, told: &[Arc<AlertRevision>]) {
        lock(&self.open).clear();
        for revision in told {
            self.note(&revision.alert, self.posted(choice, revision));
        }
    }

    fn remind_every(&self) -> Option<std::time::Duration> {
        Some(self.holds.to_std() / REMINDERS)
    }

    fn remind(&self) -> BoxFuture<'_, Result<(), Undelivered>> {
        async move {
            let ends = self.end_of_open();
            let open: Vec<Value> = lock(&self.open)
                .values()
                .map(|known| with_end(known.clone(), ends))
                .collect();
            if open.is_empty() {
                Ok(())
            } else {
                self.post(&open).await
            }
        }
        .boxed()
    }
}

//! Alerts as webhooks, signed after the Standard Webhooks specification.

use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::time::{Clock, SECOND};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde_json::json;

use super::choice::Choice;
use super::post::send;
use super::signature::SigningKeys;
use crate::Result;
use crate::alerts::{AlertRevision, AlertSink, Undelivered};

/// Posts each revision to one address: `{"type": "alert.open", "timestamp": ..., "data": {the alert}}`.
///
/// `webhook-id` is made of alert and revision: the same revision that comes twice has the same one.
pub struct Webhook {
    /// What is sent.
    pub choice: Choice,
    /// Where to.
    pub url: Url,
    /// What it is signed with.
    pub keys: SigningKeys,
    /// What sends it.
    pub client: Client,
    /// The time of sending, by the clock of the world: receivers refuse signatures that are minutes old.
    pub clock: Arc<dyn Clock>,
}

/// The same for the same revision, whoever sends it and however often. There is no full stop in it, as the specification asks.
pub fn message_id(revision: &AlertRevision) -> String {
    format!("{}-{}", revision.alert.alert_id, revision.alert.revision).replace('.', "_")
}

impl Webhook {
    fn body(&self, revision: &AlertRevision) -> Result<Vec<u8>> {
        let message = json!({
            "type": format!("alert.{}", revision.alert.state),
            "timestamp": revision.alert.updated_at.to_string(),
            "data": self.choice.document(revision),
        });
        Ok(serde_json::to_vec(&message)?)
    }
}

impl AlertSink for Webhook {
    fn name(&self) -> &str {
        &self.choice.name
    }

    fn wants(&self, revision: &AlertRevision) -> bool {
        self.choice.takes(revision)
    }

    fn deliver<'a>(&'a self, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let body = self.body(revision).map_err(Undelivered::never)?;
            let id = message_id(revision);
            let timestamp = self.clock.now().0.div_euclid(SECOND);
            let request = self
                .client
                .post(self.url.clone())
                .header(CONTENT_TYPE, "application/json")
                .header("webhook-id", &id)
                .header("webhook-timestamp", timestamp)
                .header("webhook-signature", self.keys.sign(&id, timestamp, &body))
                .body(body);
            send(request, None).await?;
            self.choice.told(revision);
            Ok(())
        }
        .boxed()
    }
    fn patience(&self) -> Duration {
        self.choice.patience
    }

    fn resume(&self, told: &[Arc<AlertRevision>]) {
        self.choice.resume(told);
    }
}

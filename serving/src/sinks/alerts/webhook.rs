//! Alerts as webhooks, signed after the Standard Webhooks specification.

use std::sync::Arc;

use arterial_datasets::time::{Clock, SECOND};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde_json::json;

use super::choice::Choice;
use super::post::send;
use super::receiver::Receiver;
use super::secret::Secret;
use super::signature::SigningKeys;
use crate::Result;
use crate::alerts::{AlertRevision, Undelivered};

/// Posts each revision to one address: `{"type": "alert.open", "timestamp": ..., "data": {the alert}}`.
///
/// `webhook-id` is made of alert and revision: the same revision that comes twice has the same one.
pub struct Webhook {
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

fn body(choice: &Choice, revision: &AlertRevision) -> Result<Vec<u8>> {
    let message = json!({
        "type": format!("alert.{}", revision.alert.state),
        "timestamp": revision.alert.updated_at.to_string(),
        "data": choice.document(revision),
    });
    Ok(serde_json::to_vec(&message)?)
}

impl Receiver for Webhook {
    fn send<'a>(&'a self, choice: &'a Choice, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let body = body(choice, revision).map_err(Undelivered::never)?;
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
            send(request, &Secret::of_address(&self.url)).await
        }
        .boxed()
    }
}

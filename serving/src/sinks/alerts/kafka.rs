//! Alerts to a Kafka topic.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::choice::Choice;
use super::receiver::Receiver;
use crate::alerts::{AlertRevision, Undelivered};
use crate::error::chain;
use crate::sinks::kafka::{KafkaWriter, Outgoing};

/// The topic, where no other is configured; the prefix of results is put before it.
pub const TOPIC: &str = "alerts";

/// Sends each revision as one JSON object with the columns of the table `alerts`. The key is the alert's id, so that all revisions
/// of an alert stand in one partition, in order.
pub struct KafkaAlerts {
    /// Where to.
    pub topic: String,
    /// What sends it.
    pub writer: KafkaWriter,
}

impl Receiver for KafkaAlerts {
    fn send<'a>(&'a self, choice: &'a Choice, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let payload = serde_json::to_vec(&choice.document(revision)).map_err(Undelivered::never)?;
            let record = Outgoing {
                topic: self.topic.clone(),
                key: Some(revision.alert.alert_id.clone()),
                partition: None,
                payload,
                trace: None,
            };
            let sent = self.writer.send_all([record]).await;
            sent.map(drop).map_err(|error| Undelivered::later(chain(&error)))
        }
        .boxed()
    }
}

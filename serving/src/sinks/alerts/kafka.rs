//! Alerts to a Kafka topic.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::choice::Choice;
use crate::alerts::{AlertRevision, AlertSink, Undelivered};
use crate::error::chain;
use crate::sinks::kafka::{KafkaWriter, Outgoing};

/// The topic, where no other is configured; the prefix of results is put before it.
pub const TOPIC: &str = "alerts";

/// Sends each revision as one JSON object with the columns of the table `alerts`. The key is the alert's id, so that all revisions
/// of an alert stand in one partition, in order.
pub struct KafkaAlerts {
    /// What is sent.
    pub choice: Choice,
    /// Where to.
    pub topic: String,
    /// What sends it.
    pub writer: KafkaWriter,
}

impl AlertSink for KafkaAlerts {
    fn name(&self) -> &str {
        &self.choice.name
    }

    fn wants(&self, revision: &AlertRevision) -> bool {
        self.choice.takes(revision)
    }

    fn deliver<'a>(&'a self, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let payload = serde_json::to_vec(&self.choice.document(revision)).map_err(Undelivered::never)?;
            let record = Outgoing {
                topic: self.topic.clone(),
                key: Some(revision.alert.alert_id.clone()),
                partition: None,
                payload,
                trace: None,
            };
            let sent = self.writer.send_all([record]).await;
            sent.map_err(|error| Undelivered::later(chain(&error)))?;
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

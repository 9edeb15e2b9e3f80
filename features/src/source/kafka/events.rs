//! What librdkafka calls back: its errors, and the rebalances of a group.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use crate::source::{Change, TopicPartition};

/// What librdkafka calls back, for the next poll to read.
#[derive(Default)]
pub(super) struct Events {
    changes: Mutex<VecDeque<Change>>,
    /// The last thing that went wrong between client and broker, in the client's words.
    complaint: Mutex<Option<String>>,
}

impl Events {
    /// The changes since they were last taken.
    pub(super) fn take_changes(&self) -> Vec<Change> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.drain(..).collect()
    }

    /// The last thing that went wrong.
    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Events {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "kafka client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
        // That all brokers are down follows from what was said of each.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
            *complaint = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Events {
    /// Notes the change. What is assigned is taken up by the next poll, so that the caller can first say where from.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let names = partitions
            .elements()
            .iter()
            .map(|one| TopicPartition::new(one.topic(), one.partition()))
            .collect();
        let change = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Change::Assigned(names)
        } else {
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "partitions could not be handed back");
            }
            Change::Revoked(names)
        };
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push_back(change);
    }
}

//! Which errors of the client are ours to tell, and how.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::events::Events;
use crate::{Error, Result};

/// Errors that end by themselves are none; the watcher tells of brokers and topics that are away.
pub(super) fn harmless(error: KafkaError, events: &Events) -> Result<()> {
    let Some(action) = refused(&error) else {
        tracing::debug!(%error, "kafka client");
        return Ok(());
    };
    Err(Error::Broker {
        action: action.into(),
        source: events.complaint().map_or_else(|| error.into(), Into::into),
    })
}

/// What a broker will not do however often it is asked.
fn refused(error: &KafkaError) -> Option<&'static str> {
    match error {
        KafkaError::MessageConsumptionFatal(_) => Some("give records"),
        KafkaError::MessageConsumption(code) => match code {
            RDKafkaErrorCode::SaslAuthenticationFailed | RDKafkaErrorCode::Authentication => {
                Some("log in the user of `kafka.properties`")
            }
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed => Some("give records"),
            _ => None,
        },
        _ => None,
    }
}

/// What the client library refused to do, as an error of ours.
pub(super) fn broker(action: &str, source: KafkaError) -> Error {
    Error::Broker {
        action: action.into(),
        source: Box::new(source),
    }
}

//! How a client of librdkafka is set up.

use std::time::Duration;

use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::errors::broker;
use super::events::Events;
use crate::source::KafkaSettings;
use crate::source::bridge::Handle;
use crate::{Error, Result};

/// The longest wait for one answer of a broker.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// The settings as librdkafka takes them.
pub(super) fn config(settings: &KafkaSettings) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Error);
    for (name, value) in settings.client_properties()? {
        config.set(name, value);
    }
    match config.create_native_config() {
        Ok(_) => Ok(config),
        Err(KafkaError::ClientConfig(_, reason, name, value)) => {
            let accepted = format!("what librdkafka takes ({reason})");
            Err(Error::invalid(format!("kafka.properties.{name}"), value, accepted))
        }
        Err(source) => Err(broker("read the settings", source)),
    }
}

/// A client that begins to connect.
pub(super) fn connect(config: &ClientConfig) -> Result<BaseConsumer<Events>> {
    BaseConsumer::from_config_and_context(config, Events::default()).map_err(|source| broker("connect", source))
}

/// The client of `consumer`, for what the safe binding does not give.
pub(super) fn handle(consumer: &BaseConsumer<Events>) -> Handle<'_> {
    // SAFETY: the client belongs to the consumer, which is borrowed for as long as the handle.
    unsafe { Handle::new(consumer.client().native_ptr(), consumer) }
}

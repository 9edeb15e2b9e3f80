//! What the Kafka source connects to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Error, Result};

/// Who reads which partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assignment {
    /// This process reads every partition of the topics.
    #[default]
    All,
    /// The members of the consumer group share them.
    Group,
}

/// What a [`KafkaSource`] connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// The brokers to start from, `host:port` joined by commas.
    pub brokers: String,
    /// The topics to read.
    pub topics: Vec<String>,
    /// The consumer group: the members that share the partitions, and the name under which lag monitors see us.
    pub group: String,
    /// Who reads which partitions.
    pub assignment: Assignment,
    /// How often the brokers are asked what there is; 2 s by default.
    pub watch_interval: Duration,
    /// Whether records tell in which trace they were sent; off by default, as reading headers takes time.
    pub traces: bool,
    /// Further properties of librdkafka: SASL, TLS, buffers. They override ours, except those that would break a promise.
    pub properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    /// Settings for reading every partition of `topics`.
    pub fn new(brokers: impl Into<String>, topics: impl IntoIterator<Item = String>) -> Self {
        Self {
            brokers: brokers.into(),
            topics: topics.into_iter().collect(),
            group: "arterial".into(),
            assignment: Assignment::All,
            watch_interval: Duration::from_secs(2),
            traces: false,
            properties: BTreeMap::new(),
        }
    }

    /// Properties that keep our promises, and must not be set from outside.
    const OURS: [(&'static str, &'static str); 6] = [
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "earliest"),
        ("allow.auto.create.topics", "false"),
        ("enable.partition.eof", "true"),
        ("partition.assignment.strategy", "range,roundrobin"),
    ];

    /// Every property for the client library, in the order in which they are set.
    ///
    /// # Errors
    /// No brokers, no topics, or a property that would break a promise.
    pub(super) fn client_properties(&self) -> Result<Vec<(&str, &str)>> {
        if self.brokers.trim().is_empty() {
            return Err(Error::invalid(
                "kafka.brokers",
                &self.brokers,
                "host:port, joined by commas",
            ));
        }
        if self.topics.is_empty() {
            return Err(Error::invalid("topics", "", "at least one topic"));
        }
        // A broker that comes back is found within two seconds, a topic that is made later within five.
        let mut all = vec![
            ("reconnect.backoff.max.ms", "2000"),
            ("topic.metadata.refresh.interval.ms", "5000"),
            ("log.connection.close", "false"),
        ];
        for (name, value) in &self.properties {
            let ours = Self::OURS.iter().any(|(known, _)| known == name);
            if ours || name == "bootstrap.servers" || name == "group.id" {
                let accepted = "any property of librdkafka but those that arterial sets itself";
                return Err(Error::invalid(format!("kafka.properties.{name}"), value, accepted));
            }
            all.push((name, value));
        }
        all.extend([
            ("bootstrap.servers", self.brokers.as_str()),
            ("group.id", self.group.as_str()),
        ]);
        all.extend(Self::OURS);
        Ok(all)
    }
}

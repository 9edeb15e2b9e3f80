//! Kafka as a source: the one file that knows the client library.
//!
//! Two clients: one fetches records for the thread that polls; the other lives on a thread of its own, asks the brokers
//! every few seconds what there is, and thereby notices a broker that went or came back, a new partition, and a topic
//! that was deleted and made again. Neither ever commits by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::bridge::Handle;
use super::settings::{Assignment, KafkaSettings};
use super::{Change, Polled, Source, SourceIdentity, TopicPartition};
use crate::record::RecordRef;
use crate::{Error, Result};

/// The longest wait for one answer of a broker.
const ANSWER: Duration = Duration::from_secs(5);

/// Records from Kafka.
pub struct KafkaSource {
    consumer: BaseConsumer<Events>,
    settings: KafkaSettings,
    assigned: Vec<Place>,
    /// The place of the last record: the next one is mostly of the same partition.
    last: usize,
    /// The assignment, or where to read it from, changed since the client was told.
    stale: bool,
    watcher: Watcher,
    /// Whether a broker answered when last asked; none before the first look.
    reachable: Option<bool>,
    ids: SourceIdentity,
    unknown: BTreeSet<String>,
}

/// How far one partition has been read.
#[derive(Debug, Clone)]
struct Place {
    name: TopicPartition,
    /// The next offset; none while it stands at the first, whichever that is.
    next: Option<i64>,
    /// The end that was reached although higher offsets exist: those are marks of transactions, not records.
    end: Option<i64>,
    /// The client told of an end, which is that of this partition or of one with its number in another topic.
    maybe_ended: bool,
    caught_up: bool,
    /// Gives nothing until the caller says where to go on.
    halted: bool,
}

/// What librdkafka calls back, for the next poll to read.
#[derive(Default)]
struct Events {
    changes: Mutex<VecDeque<Change>>,
    /// The last thing that went wrong between client and broker, in the client's words.
    complaint: Mutex<Option<String>>,
}

impl Events {
    fn complaint(&self) -> Option<String> {
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

/// The settings as librdkafka takes them.
fn client(settings: &KafkaSettings) -> Result<ClientConfig> {
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

impl KafkaSource {
    /// Checks properties of librdkafka as a source would set them. Nothing is connected.
    ///
    /// # Errors
    /// A property that librdkafka does not know or does not take, or that would break a promise of ours.
    pub fn check(properties: &BTreeMap<String, String>) -> Result<()> {
        client(&KafkaSettings {
            properties: properties.clone(),
            ..KafkaSettings::new("127.0.0.1:9092", ["any".to_owned()])
        })
        .map(|_| ())
    }

    /// Connects; a broker that is away is no error, it is waited for.
    ///
    /// # Errors
    /// Settings that are wrong, or that librdkafka refuses.
    pub fn new(settings: KafkaSettings) -> Result<Self> {
        let config = client(&settings)?;
        let refuse = |source| broker("connect", source);
        let consumer = BaseConsumer::from_config_and_context(&config, Events::default()).map_err(refuse)?;
        if settings.assignment == Assignment::Group {
            let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
            consumer
                .subscribe(&topics)
                .map_err(|source| broker("subscribe", source))?;
        }
        let watcher = Watcher::new(&config, &settings)?;
        Ok(Self {
            consumer,
            settings,
            assigned: Vec::new(),
            last: 0,
            stale: false,
            watcher,
            reachable: None,
            ids: SourceIdentity::default(),
            unknown: BTreeSet::new(),
        })
    }

    fn handle(&self) -> Handle<'_> {
        // SAFETY: the client belongs to the consumer, which is borrowed for as long as the handle.
        unsafe { Handle::new(self.consumer.client().native_ptr(), &self.consumer) }
    }

    /// Tells the client what is assigned and where to read on.
    fn assign(&mut self) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for Place { name, next, .. } in &self.assigned {
            let offset = next.map_or(Offset::Beginning, Offset::Offset);
            list.add_partition_offset(&name.topic, name.partition, offset)
                .map_err(|source| broker("assign", source))?;
        }
        self.consumer.assign(&list).map_err(|source| broker("assign", source))?;
        self.stale = false;
        Ok(())
    }

    /// What the callbacks and the watcher saw since the last poll.
    fn changes(&mut self) -> Vec<Change> {
        let mut changes: Vec<Change> = {
            let events = &self.consumer.context().changes;
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            events.drain(..).collect()
        };
        while let Ok(look) = self.watcher.looks.try_recv() {
            self.compare(look, &mut changes);
        }
        for change in &changes {
            self.apply(change);
        }
        changes
    }

    fn compare(&mut self, look: Look, changes: &mut Vec<Change>) {
        let answered = matches!(look, Look::Seen(_));
        let before = self.reachable.replace(answered);
        if before.is_none() && answered {
            tracing::info!("a broker answers");
        }
        if answered != before.unwrap_or(true) {
            if let Look::Away(Some(why)) = &look {
                tracing::warn!(why, "the Kafka client says");
            }
            changes.push(if answered {
                Change::Reachable
            } else {
                Change::Unreachable
            });
        }
        let Look::Seen(seen) = look else { return };
        self.ids.cluster_id = seen.cluster_id.or(self.ids.cluster_id.take());
        for (topic, now) in seen.topic_ids {
            if let Some(before) = self.ids.topic_ids.insert(topic.clone(), now.clone())
                && before != now
            {
                changes.push(Change::Recreated { topic, before, now });
            }
        }
        for topic in &self.settings.topics {
            if seen.partitions.contains_key(topic) {
                self.unknown.remove(topic);
            } else if self.unknown.insert(topic.clone()) {
                changes.push(Change::UnknownTopic(topic.clone()));
            }
        }
        if self.settings.assignment == Assignment::All {
            let all = seen
                .partitions
                .iter()
                .flat_map(|(topic, list)| list.iter().map(move |&number| (topic, number)));
            let new = all.map(|(topic, number)| TopicPartition::new(topic, number));
            let new: Vec<_> = new.filter(|name| self.place(name).is_none()).collect();
            if !new.is_empty() {
                changes.push(Change::Assigned(new));
            }
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Assigned(names) => {
                self.assigned.retain(|place| !names.contains(&place.name));
                self.assigned.extend(names.iter().cloned().map(Place::new));
                self.stale = true;
            }
            Change::Revoked(names) => self.assigned.retain(|place| !names.contains(&place.name)),
            Change::Recreated { topic, .. } => {
                let places = self.assigned.iter_mut().filter(|place| place.name.topic == *topic);
                places.for_each(|place| place.halted = true);
            }
            _ => {}
        }
    }

    fn place(&self, name: &TopicPartition) -> Option<&Place> {
        self.assigned.iter().find(|place| place.name == *name)
    }

    /// Gives one record to `each`, unless its partition is halted; tells whether it did.
    fn give(
        assigned: &mut [Place],
        last: &mut usize,
        (message, traces): (&impl Message, bool),
        changes: &mut Vec<Change>,
        each: &mut dyn FnMut(&str, RecordRef<'_>),
    ) -> bool {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let same = |place: &Place| place.name.partition == partition && place.name.topic == topic;
        if !assigned.get(*last).is_some_and(same) {
            let Some(found) = assigned.iter().position(same) else {
                return false;
            };
            *last = found;
        }
        let place = &mut assigned[*last];
        changes.extend(place.step(offset));
        if !place.halted {
            each(
                topic,
                RecordRef {
                    partition,
                    offset,
                    payload: message.payload(),
                    trace: traces.then(|| traceparent(message)).flatten(),
                },
            );
        }
        !place.halted
    }

    /// Notes which partitions are read to their end; `drained` says that nothing more waits in memory.
    fn note_ends(&mut self, drained: bool, changes: &mut Vec<Change>) {
        for at in 0..self.assigned.len() {
            let name = &self.assigned[at].name;
            let Some((low, high)) = self.handle().watermarks(&name.topic, name.partition) else {
                continue;
            };
            let number = name.partition;
            let claims = self
                .assigned
                .iter()
                .filter(|place| place.name.partition == number && place.maybe_ended)
                .count();
            let place = &mut self.assigned[at];
            if place.halted {
                continue;
            }
            if drained && place.maybe_ended && claims == 1 {
                place.end = Some(high);
            }
            let read = place.next.unwrap_or(low) >= high || place.end == Some(high);
            place.maybe_ended &= !read;
            if read && !place.caught_up {
                changes.push(Change::CaughtUp(place.name.clone()));
            }
            place.caught_up = read;
        }
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, timeout: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled> {
        let mut polled = Polled {
            records: 0,
            changes: self.changes(),
        };
        if !polled.changes.is_empty() {
            return Ok(polled);
        }
        if self.stale {
            self.assign()?;
        }
        let mut wait = timeout;
        let mut drained = false;
        while polled.records < limit && !drained {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let message = (&message, self.settings.traces);
                    let given = Self::give(&mut self.assigned, &mut self.last, message, &mut polled.changes, each);
                    polled.records += usize::from(given);
                }
                // The mark of an end does not say of which topic.
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    let places = self
                        .assigned
                        .iter_mut()
                        .filter(|place| place.name.partition == number && !place.caught_up);
                    places.for_each(|place| place.maybe_ended = true);
                }
                Some(Err(error)) => harmless(error, self.consumer.context())?,
                None => drained = true,
            }
            wait = Duration::ZERO;
        }
        self.note_ends(drained, &mut polled.changes);
        polled.changes.extend(self.changes());
        Ok(polled)
    }

    fn seek(&mut self, offsets: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        for (name, &offset) in offsets {
            if offset < 0 {
                return Err(Error::invalid(format!("offset of {name}"), offset, "0 or more"));
            }
            if let Some(place) = self.assigned.iter_mut().find(|place| place.name == *name) {
                *place = Place {
                    next: Some(offset),
                    ..Place::new(name.clone())
                };
                self.stale = true;
            }
        }
        Ok(())
    }

    fn high_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        let place = self.place(partition)?;
        let (low, high) = self.handle().watermarks(&partition.topic, partition.partition)?;
        Some(if place.end == Some(high) {
            place.next.unwrap_or(low)
        } else {
            high
        })
    }

    fn low_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        self.handle()
            .watermarks(&partition.topic, partition.partition)
            .map(|(low, _)| low)
    }

    fn identity(&mut self) -> Result<SourceIdentity> {
        let cluster_id = self
            .consumer
            .client()
            .fetch_cluster_id(ANSWER)
            .filter(|id| !id.is_empty());
        if cluster_id.is_none() {
            let source = KafkaError::MetadataFetch(RDKafkaErrorCode::BrokerTransportFailure);
            return Err(broker("tell its cluster id", source));
        }
        let topic_ids = self.handle().topic_ids(&self.settings.topics, ANSWER);
        Ok(SourceIdentity { cluster_id, topic_ids })
    }

    fn courtesy_commit(&mut self, offsets: &BTreeMap<TopicPartition, i64>) {
        let mut list = TopicPartitionList::new();
        for (name, &offset) in offsets {
            let added = list.add_partition_offset(&name.topic, name.partition, Offset::Offset(offset));
            if let Err(error) = added {
                tracing::debug!(%error, "offset not told to lag monitors");
            }
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(%error, "offsets not told to lag monitors");
        }
    }
}

impl Place {
    fn new(name: TopicPartition) -> Self {
        Self {
            name,
            next: None,
            end: None,
            maybe_ended: false,
            caught_up: false,
            halted: false,
        }
    }

    /// Goes on behind `offset`; the gap before it, where there is one. An offset from before says that the log is not
    /// the one that was read: nothing more is given.
    fn step(&mut self, offset: i64) -> Option<Change> {
        if self.halted {
            return None;
        }
        let expected = self.next.unwrap_or(offset);
        self.halted = offset < expected;
        self.next = Some(offset + 1);
        self.maybe_ended = false;
        self.caught_up = false;
        (offset != expected).then(|| Change::Gap {
            partition: self.name.clone(),
            expected,
            got: offset,
        })
    }
}

/// The header that says where in a trace a record was sent, where its trace is kept: `00-<trace>-<span>-<flags>` with the flag set.
fn traceparent(message: &impl Message) -> Option<&str> {
    let header = message.headers()?.iter().find(|header| header.key == "traceparent")?;
    let text = std::str::from_utf8(header.value?).ok()?;
    let flags = text.get(53..).filter(|_| text.len() == 55)?;
    let is_kept = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    is_kept.then_some(text)
}

/// Asks the brokers again and again what there is.
struct Watcher {
    looks: Receiver<Look>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What one look at the brokers gave.
enum Look {
    /// No broker answered; why, as far as the client said.
    Away(Option<String>),
    Seen(Seen),
}

/// What the brokers said.
struct Seen {
    cluster_id: Option<String>,
    topic_ids: BTreeMap<String, String>,
    partitions: BTreeMap<String, Vec<i32>>,
}

impl Watcher {
    fn new(config: &ClientConfig, settings: &KafkaSettings) -> Result<Self> {
        let client = BaseConsumer::from_config_and_context(config, Events::default())
            .map_err(|source| broker("connect", source))?;
        let (topics, interval) = (settings.topics.clone(), settings.watch_interval);
        let (tell, looks) = channel();
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("kafka-watch".into())
            .spawn(move || {
                loop {
                    let look = match look(&client, &topics) {
                        Some(seen) => Look::Seen(seen),
                        None => Look::Away(client.context().complaint()),
                    };
                    let known = tell.send(look).is_ok();
                    if !known || stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            })
            .map_err(|source| Error::Broker {
                action: "be watched".into(),
                source: source.into(),
            })?;
        Ok(Self {
            looks,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that watches Kafka ended badly");
        }
    }
}

fn look(client: &BaseConsumer<Events>, topics: &[String]) -> Option<Seen> {
    // Serves the client's log and errors, which would pile up otherwise.
    drop(client.poll(Duration::ZERO));
    let mut partitions = BTreeMap::new();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(topic), ANSWER).ok()?;
        let found = metadata
            .topics()
            .iter()
            .find(|found| found.name() == topic && found.error().is_none());
        if let Some(found) = found.filter(|found| !found.partitions().is_empty()) {
            partitions.insert(
                topic.clone(),
                found
                    .partitions()
                    .iter()
                    .map(rdkafka::metadata::MetadataPartition::id)
                    .collect(),
            );
        }
    }
    // SAFETY: the client belongs to the consumer, which is borrowed for as long as the handle.
    let handle = unsafe { Handle::new(client.client().native_ptr(), client) };
    let cluster_id = client.client().fetch_cluster_id(ANSWER).filter(|id| !id.is_empty());
    Some(Seen {
        cluster_id,
        topic_ids: handle.topic_ids(topics, ANSWER),
        partitions,
    })
}

/// Errors that end by themselves are none; the watcher tells of brokers and topics that are away.
fn harmless(error: KafkaError, events: &Events) -> Result<()> {
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

fn broker(action: &str, source: KafkaError) -> Error {
    Error::Broker {
        action: action.into(),
        source: Box::new(source),
    }
}

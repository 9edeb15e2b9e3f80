//! A real Apache Kafka on free loopback ports, in a temporary folder, stopped when it is dropped.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::missing::missing;
use crate::secure::SecureListener;

const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to a broker that takes records.
pub struct Appender(BaseProducer);

impl Appender {
    /// Appends records to a partition and waits until the broker has them.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn append(&self, topic: &str, partition: i32, payloads: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        for payload in payloads {
            send(&self.0, topic, partition, payload.as_ref());
        }
        self.0.flush(PATIENCE).expect("the broker takes every record");
    }
}

/// One broker that is its own controller.
pub struct KafkaBroker {
    process: Option<Child>,
    folder: tempfile::TempDir,
    class_path: String,
    port: u16,
    secure: Option<SecureListener>,
}

impl KafkaBroker {
    /// Starts a broker and waits until it answers; none, with a plain line, where it cannot be had and need not be.
    ///
    /// # Panics
    /// Where it cannot be had and has to be, as [`missing`] says or because `ARTERIAL_REQUIRE_KAFKA` is set, or does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(false)
    }

    /// The same with a second listener, which wants TLS and a password.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    #[must_use]
    pub fn start_secure() -> Option<Self> {
        Self::start_with(true)
    }

    fn start_with(secure: bool) -> Option<Self> {
        match super::jars::class_path() {
            Ok(class_path) => {
                Some(Self::with_class_path(class_path, secure).unwrap_or_else(|error| panic!("no broker: {error}")))
            }
            Err(why) => {
                let required = std::env::var_os("ARTERIAL_REQUIRE_KAFKA").is_some();
                assert!(!required, "no broker: {why}");
                missing("kafka", &format!("no broker: {why}"));
                None
            }
        }
    }

    fn with_class_path(class_path: String, secure: bool) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (port, controller) = (free_port()?, free_port()?);
        let secure = secure
            .then(|| SecureListener::make(folder.path(), free_port()?))
            .transpose()?;
        let (guarded, more) = secure.as_ref().map_or_else(Default::default, |secure| {
            (format!(",SASL_SSL://{}", secure.address()), secure.properties())
        });
        let listeners = format!("PLAINTEXT://127.0.0.1:{port}{guarded}");
        let data = folder.path().join("data");
        let properties = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners={listeners},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={listeners}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL\n\
             log.dirs={}\nauto.create.topics.enable=false\noffsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\ntransaction.state.log.num.partitions=1\n\
             group.initial.rebalance.delay.ms=0\nlog.retention.check.interval.ms=500\n\
             file.delete.delay.ms=100\nlog.segment.delete.delay.ms=100\n{more}",
            data.display()
        );
        std::fs::write(folder.path().join("server.properties"), properties)?;
        let mut broker = Self {
            process: None,
            folder,
            class_path,
            port,
            secure,
        };
        // Sixteen bytes in URL-safe base64, a different one for every broker.
        let cluster = format!("Arterial{port:05}{:08}A", std::process::id());
        let mut format = broker.java("kafka.tools.StorageTool")?;
        let status = format
            .args(["format", "-t", &cluster, "-c"])
            .arg(broker.properties())
            .status()?;
        if !status.success() {
            return Err(io::Error::other(broker.log()));
        }
        broker.launch()?;
        Ok(broker)
    }

    /// Where it answers: `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The listener that wants TLS and a password.
    ///
    /// # Panics
    /// Where the broker was started without.
    #[must_use]
    pub fn secure(&self) -> &SecureListener {
        self.secure.as_ref().expect("a broker with a secure listener")
    }

    /// Kills the broker, as a power cut would.
    ///
    /// # Panics
    /// Where the process cannot be ended.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process
                .kill()
                .and_then(|()| process.wait())
                .expect("the broker can be ended");
        }
    }

    /// Starts a killed broker again: same data, same port.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.launch().expect("the broker starts again");
    }

    /// Stops the broker's clock: it keeps its connections and answers nobody.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen broker go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Makes a topic.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Makes a topic with these settings, such as `retention.bytes`.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (setting, value) in settings {
            topic = topic.set(setting, value);
        }
        // A topic of that name that was just deleted may still be going.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let made = self.administrate(async |client| client.create_topics([&topic], &AdminOptions::new()).await);
            match made.expect("the broker answers").remove(0) {
                Ok(_) => break,
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) if Instant::now() < deadline => {}
                Err((name, code)) => panic!("topic `{name}` cannot be made: {code}"),
            }
        }
        self.wait_for_leaders(name, partitions);
    }

    /// Deletes a topic.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn delete_topic(&self, name: &str) {
        let gone = self.administrate(async |client| client.delete_topics(&[name], &AdminOptions::new()).await);
        gone.expect("the broker answers")
            .remove(0)
            .expect("the topic can be deleted");
    }

    /// Appends records to a partition and waits until the broker has them.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn produce(&self, topic: &str, partition: i32, payloads: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        self.appender().append(topic, partition, payloads);
    }

    /// A connection over which records are appended again and again.
    #[must_use]
    pub fn appender(&self) -> Appender {
        Appender(self.client(&[("linger.ms", "5")]))
    }

    /// Appends records in one transaction, whose end leaves a mark in the partition.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn produce_in_transaction(&self, topic: &str, partition: i32, payloads: &[&[u8]]) {
        let producer: BaseProducer = self.client(&[("transactional.id", "test")]);
        producer.init_transactions(PATIENCE).expect("transactions are allowed");
        producer.begin_transaction().expect("a transaction begins");
        for payload in payloads {
            send(&producer, topic, partition, payload);
        }
        producer.commit_transaction(PATIENCE).expect("a transaction ends");
    }

    /// Drops the records of a partition before `offset`, as retention does.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset))
            .expect("an offset");
        let gone = self.administrate(async |client| client.delete_records(&list, &AdminOptions::new()).await);
        gone.expect("the broker drops records");
    }

    /// The records of a topic so far: key and payload, partition by partition, in order.
    ///
    /// # Panics
    /// Where the broker does not answer.
    #[must_use]
    pub fn records(&self, topic: &str, partitions: i32) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for partition in 0..partitions {
            let consumer: BaseConsumer = self.client(&[("group.id", "reader"), ("enable.auto.commit", "false")]);
            let (low, high) = consumer
                .fetch_watermarks(topic, partition, PATIENCE)
                .expect("the broker answers");
            let mut list = rdkafka::TopicPartitionList::new();
            list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(low))
                .expect("an offset");
            consumer.assign(&list).expect("a partition");
            let mut next = low;
            while next < high {
                let record = consumer.poll(PATIENCE).expect("a record").expect("the broker answers");
                let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
                found.push((text(record.key()), text(record.payload())));
                next = record.offset() + 1;
            }
        }
        found
    }

    /// The offset that lag monitors see for a group.
    ///
    /// # Panics
    /// Where the broker does not answer.
    #[must_use]
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = self.client(&[("group.id", group)]);
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition(topic, partition);
        let known = consumer.committed_offsets(list, PATIENCE).expect("the broker answers");
        known
            .find_partition(topic, partition)?
            .offset()
            .to_raw()
            .filter(|&offset| offset >= 0)
    }

    fn client<T: rdkafka::config::FromClientConfig>(&self, settings: &[(&str, &str)]) -> T {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config.create().expect("a client")
    }

    /// Runs `work` on a thread of its own, so that it may be called from inside of a runtime, too.
    fn administrate<T: Send>(
        &self,
        work: impl AsyncFn(&AdminClient<DefaultClientContext>) -> Result<T, KafkaError> + Sync,
    ) -> Result<T, KafkaError> {
        let client: AdminClient<DefaultClientContext> = self.client(&[]);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .expect("a runtime");
                runtime.block_on(work(&client))
            });
            thread.join().expect("the request ends")
        })
    }

    fn java(&self, class: &str) -> io::Result<Command> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))?;
        let mut command = Command::new("java");
        command.args(["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.args([
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            &self.class_path,
            class,
        ]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    fn properties(&self) -> std::path::PathBuf {
        self.folder.path().join("server.properties")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn launch(&mut self) -> io::Result<()> {
        let mut command = self.java("kafka.Kafka")?;
        self.process = Some(command.arg(self.properties()).spawn()?);
        let deadline = Instant::now() + PATIENCE;
        let client: BaseConsumer = self.client(&[("reconnect.backoff.max.ms", "100")]);
        while client.fetch_metadata(None, Duration::from_millis(500)).is_err() {
            let ended = self
                .process
                .as_mut()
                .and_then(|process| process.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > deadline {
                return Err(io::Error::other(self.log()));
            }
        }
        Ok(())
    }

    fn wait_for_leaders(&self, topic: &str, partitions: i32) {
        let client: BaseConsumer = self.client(&[]);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metadata = client.fetch_metadata(Some(topic), Duration::from_secs(5));
            let led = metadata.is_ok_and(|metadata| {
                let mut all = metadata
                    .topics()
                    .iter()
                    .flat_map(rdkafka::metadata::MetadataTopic::partitions);
                metadata
                    .topics()
                    .iter()
                    .all(|topic| topic.partitions().len() == partitions as usize)
                    && all.all(|partition| partition.leader() >= 0 && partition.error().is_none())
            });
            if led {
                return;
            }
            assert!(Instant::now() < deadline, "topic `{topic}` gets no leader");
        }
    }

    fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            crate::signal(process, signal);
        }
    }
}

impl Drop for KafkaBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn send(producer: &BaseProducer, topic: &str, partition: i32, payload: &[u8]) {
    let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(payload);
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
        producer.poll(Duration::from_millis(50));
        record = back;
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

//! Whatever fails and whenever it ends: the tables equal a batch recomputation, and every record is counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use arterial_datasets::lake::{Fault, Lake, LakeOptions, Point, Scan};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{DAY, MINUTE, SECOND, Timestamp};
use arterial_datasets::topic::TopicPartition;
use arterial_features::decode::IdentityKey;
use arterial_features::pipeline::{
    CommitObserver, EventCommit, LakeAddress, OnRecreatedTopic, Pipeline, PipelineOptions, StreamState, WindowCommit,
    quarantine,
};
use arterial_features::source::{Change, MemorySource, SourceIdentity};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

use crate::support::{TestClock, latest, noise, noise_without_descriptions, total};

pub const PARTITIONS: i32 = 3;
/// 2026-01-01T00:00:00Z.
pub const BEGIN: i64 = 1_767_225_600 * SECOND;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A log of records that outlives the pipelines that read it.
#[derive(Debug, Clone, Default)]
pub struct Log(pub Vec<(i32, String)>);

impl Log {
    pub fn source(&self) -> MemorySource {
        let mut source = MemorySource::new((0..PARTITIONS).map(partition));
        source.identify(identity("first"));
        for (number, text) in &self.0 {
            source.append(&partition(*number), Some(text.clone().into_bytes()));
        }
        source
    }
}

fn identity(topic_id: &str) -> SourceIdentity {
    SourceIdentity {
        cluster_id: Some("test".into()),
        topic_ids: [("noise".into(), topic_id.into())].into(),
    }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("noise", number)
}

/// A reading of `corner` at `time`; equal corners and times give equal contents.
pub fn reading(corner: u32, time: i64) -> String {
    let salt = (time / SECOND) % 97 + i64::from(corner);
    let zone = if salt % 3 == 0 {
        "null".to_owned()
    } else {
        format!("\"zone-{}\"", salt % 5)
    };
    let decibel = if salt % 7 == 0 {
        "null".to_owned()
    } else {
        format!("{}.{:03}", salt, (salt * 37) % 1000)
    };
    let street = if salt % 4 == 0 {
        "null".to_owned()
    } else {
        format!("\"street-{}\"", salt % 6)
    };
    let state = if salt % 11 == 0 { "degraded" } else { "good" };
    format!(
        r#"{{"corner":"corner-{corner}","timestamp":"{}","zone":{zone},"street":{street},"lat":{}.5,"decibel":{decibel},"cars":{},"state":"{state}"}}"#,
        Timestamp(time),
        salt % 90,
        salt % 13
    )
}

/// A lake in a folder, and a pipeline's view of it.
pub struct World {
    pub runtime: Runtime,
    folder: PathBuf,
    pub clock: Arc<TestClock>,
    faults: Arc<Faults>,
    options: LakeOptions,
    /// Deletes the folder in the end, where it is ours.
    _ours: Option<TempDir>,
}

/// Fails the step at which the countdown reaches zero, once; below zero nothing fails.
#[derive(Default)]
struct Faults(AtomicI64);

impl Fault for Faults {
    fn at(&self, _: Point<'_>) -> io::Result<()> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            1 => Err(io::Error::other("the test's disk failed")),
            _ => Ok(()),
        }
    }
}

impl World {
    pub fn new() -> Self {
        let ours = TempDir::new().unwrap();
        let faults: Arc<Faults> = Arc::default();
        let fault: Arc<dyn Fault> = faults.clone();
        let options = LakeOptions {
            fsync: false,
            fault: Some(fault),
            ..LakeOptions::default()
        };
        let world = Self::over(ours.path(), runtime(), options);
        Self {
            faults,
            _ours: Some(ours),
            ..world
        }
    }

    /// Over a lake that somebody else deletes.
    pub fn over(folder: &Path, runtime: Runtime, options: LakeOptions) -> Self {
        let clock = TestClock::at(BEGIN + DAY);
        let options = LakeOptions {
            clock: clock.clone(),
            ..options
        };
        Self {
            runtime,
            folder: folder.to_owned(),
            clock,
            faults: Arc::default(),
            options,
            _ours: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    pub fn address(&self) -> LakeAddress {
        LakeAddress {
            url: self.folder.to_str().unwrap().into(),
            options: self.options.clone(),
        }
    }

    pub fn pipeline(&self, source: MemorySource, closed_bytes: usize) -> Pipeline<MemorySource> {
        self.pipeline_of(noise(), source, closed_bytes)
    }

    /// A pipeline of that stream.
    fn pipeline_of(
        &self,
        stream: Arc<StreamDefinition>,
        source: MemorySource,
        closed_bytes: usize,
    ) -> Pipeline<MemorySource> {
        let mut options = PipelineOptions::new(IdentityKey::from_secret("test"));
        options.poll_records = 16;
        options.archive_rows = 40;
        options.closed_bytes = closed_bytes;
        let handle: Handle = self.runtime.handle().clone();
        Pipeline::new(source, [stream], self.address(), self.clock.clone(), handle, options).unwrap()
    }

    /// Turns until the log is read and nothing is suspended.
    pub fn drain(&self, pipeline: &mut Pipeline<MemorySource>) {
        let mut quiet = 0;
        for _ in 0..1000 {
            let turn = pipeline.turn().unwrap();
            let status = pipeline.status();
            let running = status.streams["noise"].state == StreamState::Running;
            let read = running && status.suspended.is_none() && pipeline.source_mut().is_exhausted();
            quiet = if turn.records == 0 && read { quiet + 1 } else { 0 };
            // What a turn has heard of is done by the next.
            if quiet == 2 {
                return;
            }
            if status.suspended.is_some() {
                self.clock.advance(60 * SECOND);
            }
        }
        panic!("the log is never read to its end: {:?}", pipeline.status());
    }

    pub fn rows(&self, table: &str) -> Vec<RecordBatch> {
        self.runtime.block_on(async {
            let options = LakeOptions {
                fsync: false,
                ..LakeOptions::default()
            };
            let lake = Lake::open(self.folder.to_str().unwrap(), options).await.unwrap();
            match lake.existing(table).await.unwrap() {
                Some(table) => table.scan(&Scan::default()).await.unwrap(),
                None => Vec::new(),
            }
        })
    }

    pub fn places(&self, table: &str) -> Vec<(i32, i64)> {
        let place = |batch: &RecordBatch| {
            let partitions = batch["partition"].as_primitive::<Int32Type>().values().to_vec();
            partitions
                .into_iter()
                .zip(batch["offset"].as_primitive::<Int64Type>().values().to_vec())
                .collect::<Vec<_>>()
        };
        self.rows(table).iter().flat_map(place).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// So many more records appear, with event times around this minute.
    Append {
        count: usize,
        minute: i64,
        seed: u64,
    },
    Turn,
    Wait,
    /// The process ends without a word.
    Crash,
    /// The lake fails at the n-th step from now.
    Fault {
        after: i64,
    },
    Shutdown,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1..60usize, 0..60i64, any::<u64>()).prop_map(|(count, minute, seed)| Step::Append { count, minute, seed }),
        8 => Just(Step::Turn),
        2 => Just(Step::Wait),
        2 => Just(Step::Crash),
        2 => (1..40i64).prop_map(|after| Step::Fault { after }),
        1 => Just(Step::Shutdown),
    ];
    proptest::collection::vec(step, 1..50)
}

/// Records of a minute: readings with repeats, and now and then one that cannot be taken.
fn records(count: usize, minute: i64, seed: u64) -> Vec<(i32, String)> {
    let mut state = seed | 1;
    let mut random = move |below: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as i64) % below
    };
    (0..count)
        .map(|_| {
            let number = random(i64::from(PARTITIONS)) as i32;
            let time = BEGIN + minute * MINUTE + random(8) * 20 * SECOND;
            let text = match random(20) {
                0 => "no JSON".to_owned(),
                1 => format!(r#"{{"timestamp":"{}"}}"#, Timestamp(time)),
                _ => reading(random(4) as u32, time),
            };
            (number, text)
        })
        .collect()
}

/// Runs the steps over one lake; returns the whole log.
fn play(world: &World, steps: &[Step], closed_bytes: usize) -> Log {
    let mut log = Log::default();
    let mut pipeline = world.pipeline(log.source(), closed_bytes);
    for step in steps {
        match step {
            Step::Append { count, minute, seed } => {
                for (number, text) in records(*count, *minute, *seed) {
                    pipeline
                        .source_mut()
                        .append(&partition(number), Some(text.clone().into_bytes()));
                    log.0.push((number, text));
                }
            }
            Step::Turn => {
                pipeline.turn().unwrap();
            }
            Step::Wait => world.clock.advance(7 * SECOND),
            Step::Crash => pipeline = world.pipeline(log.source(), closed_bytes),
            Step::Fault { after } => world.faults.0.store(*after, Ordering::SeqCst),
            Step::Shutdown => {
                let _ = pipeline.shutdown();
                pipeline = world.pipeline(log.source(), closed_bytes);
            }
        }
    }
    world.faults.0.store(0, Ordering::SeqCst);
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    log
}

pub fn assert_counted_once(world: &World, log: &Log) {
    let rows = world.rows("noise_windows");
    let refused = world.places("quarantine");
    let distinct: BTreeSet<_> = refused.iter().collect();
    assert_eq!(distinct.len(), refused.len(), "no record is refused twice");
    let counted = total(&rows, "events") + total(&rows, "duplicates") + refused.len() as i64;
    assert_eq!(counted, log.0.len() as i64, "every record is counted once");
    let archived = world.places("noise_events");
    let distinct: BTreeSet<_> = archived.iter().collect();
    assert_eq!(
        (distinct.len(), archived.len()),
        (
            archived.len(),
            log.0.iter().filter(|(_, text)| text.contains("corner")).count()
        )
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn crashes_and_failing_disks_leave_no_trace(steps in steps(), forget in any::<bool>()) {
        let world = World::new();
        let log = play(&world, &steps, if forget { 0 } else { 1 << 20 });
        let reference = World::new();
        let mut pipeline = reference.pipeline(log.source(), 1 << 20);
        reference.drain(&mut pipeline);
        pipeline.finish().unwrap();
        prop_assert_eq!(latest(&reference.rows("noise_windows")), latest(&world.rows("noise_windows")));
        assert_counted_once(&world, &log);
    }
}

/// Five minutes of readings from four corners, and one that closes their window.
pub fn one_window() -> Log {
    let mut log = Log::default();
    for second in (0..300).step_by(20) {
        for corner in 0..4 {
            log.0
                .push((corner % PARTITIONS, reading(corner as u32, BEGIN + second * SECOND)));
        }
    }
    for number in 0..PARTITIONS {
        log.0.push((number, reading(9, BEGIN + 6 * MINUTE)));
    }
    log
}

pub fn append(pipeline: &mut Pipeline<MemorySource>, log: &mut Log, number: i32, text: String) {
    pipeline
        .source_mut()
        .append(&partition(number), Some(text.clone().into_bytes()));
    log.0.push((number, text));
}

#[test]
fn a_failure_at_any_step_of_any_commit_loses_nothing() {
    let log = one_window();
    let expected = {
        let world = World::new();
        let mut pipeline = world.pipeline(log.source(), 0);
        world.drain(&mut pipeline);
        pipeline.finish().unwrap();
        latest(&world.rows("noise_windows"))
    };
    let mut step = 1;
    loop {
        let world = World::new();
        world.faults.0.store(step, Ordering::SeqCst);
        let mut pipeline = world.pipeline(log.source(), 0);
        world.drain(&mut pipeline);
        if pipeline.finish().is_err() {
            // As after a shutdown in the middle of a failure: the next start goes on.
            drop(pipeline);
            pipeline = world.pipeline(log.source(), 0);
            world.drain(&mut pipeline);
            pipeline.finish().unwrap();
        }
        assert_eq!(latest(&world.rows("noise_windows")), expected, "failed at step {step}");
        assert_counted_once(&world, &log);
        if world.faults.0.load(Ordering::SeqCst) > 0 {
            break;
        }
        step += 1;
    }
    assert!(step > 30, "{step} steps are many fewer than a commit has");
}

#[test]
fn a_late_event_becomes_a_revision_and_a_late_repeat_is_recognised() {
    let (world, mut log) = (World::new(), one_window());
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    assert_eq!(pipeline.status().streams["noise"].windows, 4);
    append(&mut pipeline, &mut log, 0, reading(1, BEGIN + 7 * SECOND));
    append(&mut pipeline, &mut log, 2, reading(1, BEGIN + 20 * SECOND));
    world.drain(&mut pipeline);
    assert_eq!(
        pipeline.status().streams["noise"].revisions,
        0,
        "late events wait for each other"
    );
    world.clock.advance(6 * SECOND);
    world.drain(&mut pipeline);
    let status = pipeline.status().streams["noise"].clone();
    // Two repeats are in the log already: the event that closes the window comes from each partition.
    assert_eq!((status.revisions, status.late, status.duplicates), (1, 1, 3));
    pipeline.finish().unwrap();
    assert_counted_once(&world, &log);
}

#[test]
fn a_table_of_before_gets_the_columns_of_descriptions_and_its_windows_take_revisions() {
    let (world, mut log) = (World::new(), one_window());
    let mut pipeline = world.pipeline_of(noise_without_descriptions(), log.source(), 0);
    world.drain(&mut pipeline);
    drop(pipeline);
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    append(&mut pipeline, &mut log, 0, reading(1, BEGIN + 7 * SECOND));
    append(&mut pipeline, &mut log, 0, reading(2, BEGIN + 299 * SECOND));
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    assert_counted_once(&world, &log);
    let streets: BTreeMap<(String, i32), Option<String>> =
        world.rows("noise_windows").iter().flat_map(streets).collect();
    let street = |corner: &str, revision| streets[&(corner.to_owned(), revision)].clone();
    assert_eq!(
        street("corner-1", 0),
        None,
        "nothing was kept of the window when it closed"
    );
    assert_eq!(street("corner-1", 1), None, "the latest event is one of before");
    assert_eq!(
        street("corner-2", 1).as_deref(),
        Some("street-4"),
        "the latest event came now"
    );
    assert_eq!(
        street("corner-9", 0).as_deref(),
        Some("street-5"),
        "a window that closed now"
    );
}

/// The street of each key and revision.
fn streets(batch: &RecordBatch) -> Vec<((String, i32), Option<String>)> {
    let keys = batch["key"].as_string::<i32>();
    let revisions = batch["revision"].as_primitive::<Int32Type>();
    let streets = batch["street_last"].as_string::<i32>().iter();
    let row = |(row, street): (usize, Option<&str>)| {
        let place = (keys.value(row).to_owned(), revisions.value(row));
        (place, street.map(str::to_owned))
    };
    streets.enumerate().map(row).collect()
}

#[derive(Default)]
struct Heard(Mutex<Vec<(i32, i64)>>);

impl CommitObserver for Heard {
    fn committed(&self, _: &WindowCommit) {}

    fn archived(&self, commit: &EventCommit) {
        let places = commit.batches.iter().flat_map(|batch| {
            let partitions = batch["partition"].as_primitive::<Int32Type>().values().to_vec();
            partitions
                .into_iter()
                .zip(batch["offset"].as_primitive::<Int64Type>().values().to_vec())
        });
        self.0.lock().unwrap().extend(places);
    }
}

#[test]
fn observers_are_told_of_every_archived_event_once_it_is_durable() {
    let (world, log) = (World::new(), one_window());
    let heard = Arc::new(Heard::default());
    let mut pipeline = world.pipeline(log.source(), 0).with_observer(heard.clone());
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    let (mut heard, mut kept) = (heard.0.lock().unwrap().clone(), world.places("noise_events"));
    heard.sort_unstable();
    kept.sort_unstable();
    assert_eq!((heard.len(), heard), (log.0.len(), kept));
}

#[test]
fn a_stream_says_how_long_its_archived_events_wait() {
    let mut stream = noise().as_ref().clone();
    stream.archive_every = Some(arterial_datasets::time::Duration(5 * SECOND));
    let (world, log) = (World::new(), Log(vec![(0, reading(1, BEGIN))]));
    let mut pipeline = world.pipeline_of(Arc::new(stream), log.source(), 0);
    world.drain(&mut pipeline);
    world.clock.advance(4 * SECOND);
    world.drain(&mut pipeline);
    assert_eq!(world.places("noise_events"), []);
    world.clock.advance(SECOND);
    world.drain(&mut pipeline);
    assert_eq!(world.places("noise_events"), [(0, 0)]);
}

#[test]
fn what_comes_after_the_horizon_is_quarantined_with_its_payload() {
    let (world, mut log) = (World::new(), one_window());
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    world.clock.advance(2 * DAY);
    for number in 0..PARTITIONS {
        append(&mut pipeline, &mut log, number, reading(2, BEGIN + 2 * DAY));
    }
    world.drain(&mut pipeline);
    let late = reading(1, BEGIN + 41 * SECOND);
    append(&mut pipeline, &mut log, 1, late.clone());
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    let rows = world.rows("quarantine");
    assert_eq!(rows[0]["reason"].as_string::<i32>().value(0), "TOO_LATE");
    assert_eq!(rows[0]["payload"].as_binary::<i32>().value(0), late.as_bytes());
    assert_counted_once(&world, &log);
}

#[test]
fn a_record_from_the_future_is_refused_and_moves_no_watermark() {
    let (world, mut log) = (World::new(), one_window());
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    let before = pipeline.status().streams["noise"].watermark;
    append(&mut pipeline, &mut log, 0, reading(1, BEGIN + 2 * DAY));
    world.drain(&mut pipeline);
    let status = pipeline.status().streams["noise"].clone();
    assert_eq!((status.watermark, status.quarantined), (before, 1));
    pipeline.shutdown().unwrap();
    assert_eq!(
        world.rows("quarantine")[0]["reason"].as_string::<i32>().value(0),
        "FROM_THE_FUTURE"
    );
}

#[test]
fn an_idle_partition_does_not_hold_its_windows_open() {
    let world = World::new();
    let mut log = one_window();
    log.0.retain(|(number, _)| *number == 0);
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    assert_eq!(
        pipeline.status().streams["noise"].windows,
        0,
        "two partitions have shown nothing yet"
    );
    world.clock.advance(61 * SECOND);
    append(&mut pipeline, &mut log, 0, reading(9, BEGIN + 6 * MINUTE + SECOND));
    world.drain(&mut pipeline);
    assert_eq!(pipeline.status().streams["noise"].windows, 2);
    // And a stream that falls silent altogether gets its last window.
    world.clock.advance(10 * MINUTE);
    world.drain(&mut pipeline);
    assert_eq!(pipeline.status().streams["noise"].windows, 3);
}

#[test]
fn whoever_was_overtaken_is_refused() {
    let (world, mut log) = (World::new(), one_window());
    let first_half = Log(log.0[..30].to_vec());
    let mut zombie = world.pipeline(first_half.source(), 0);
    world.drain(&mut zombie);
    let mut owner = world.pipeline(log.source(), 0);
    world.drain(&mut owner);
    for (number, text) in &log.0[30..] {
        zombie
            .source_mut()
            .append(&partition(*number), Some(text.clone().into_bytes()));
    }
    for _ in 0..20 {
        zombie.turn().unwrap();
    }
    let status = zombie.status();
    assert!(
        matches!(&status.streams["noise"].state, StreamState::Fenced(why) if why.contains("epoch")),
        "{status:?}"
    );
    assert!(!status.is_ready());
    let error = zombie.run(&false.into()).unwrap_err().to_string();
    assert!(error.contains("noise") && error.contains("epoch"), "{error}");
    append(&mut owner, &mut log, 0, reading(1, BEGIN + 7 * MINUTE));
    world.drain(&mut owner);
    owner.finish().unwrap();
    assert_counted_once(&world, &log);
}

#[test]
fn a_full_disk_stops_consuming_and_nothing_else() {
    /// Fails every step while it is set.
    struct Full(std::sync::atomic::AtomicBool);
    impl Fault for Full {
        fn at(&self, point: Point<'_>) -> io::Result<()> {
            let full = self.0.load(Ordering::SeqCst) && point.step == arterial_datasets::lake::Step::WriteFile;
            if full {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        }
    }
    let (world, log) = (World::new(), one_window());
    let full = Arc::new(Full(false.into()));
    let mut address = world.address();
    address.options.fault = Some(full.clone());
    let settings = PipelineOptions::new(IdentityKey::from_secret("test"));
    let handle = world.runtime.handle().clone();
    let mut pipeline = Pipeline::new(
        Log::default().source(),
        [noise()],
        address,
        world.clock.clone(),
        handle,
        settings,
    )
    .unwrap();
    world.drain(&mut pipeline);
    full.0.store(true, Ordering::SeqCst);
    for (number, text) in &log.0 {
        pipeline
            .source_mut()
            .append(&partition(*number), Some(text.clone().into_bytes()));
    }
    for _ in 0..5 {
        pipeline.turn().unwrap();
        world.clock.advance(SECOND);
    }
    let status = pipeline.status();
    assert!(
        status.suspended.as_ref().is_some_and(|why| why.contains("full")),
        "{status:?}"
    );
    assert!(!status.is_ready() && status.reasons()[0].contains("lake"));
    assert!(world.rows("noise_windows").iter().all(|rows| rows.num_rows() == 0));
    full.0.store(false, Ordering::SeqCst);
    world.clock.advance(60 * SECOND);
    world.drain(&mut pipeline);
    assert!(pipeline.status().is_ready());
    pipeline.finish().unwrap();
    assert_counted_once(&world, &log);
}

fn pipeline_with(world: &World, source: MemorySource, policy: OnRecreatedTopic) -> Pipeline<MemorySource> {
    let mut options = PipelineOptions::new(IdentityKey::from_secret("test"));
    options.on_recreated_topic = policy;
    Pipeline::new(
        source,
        [noise()],
        world.address(),
        world.clock.clone(),
        world.runtime.handle().clone(),
        options,
    )
    .unwrap()
}

#[test]
fn a_topic_that_was_made_anew_stops_its_stream_or_is_read_from_its_beginning() {
    let (world, mut log) = (World::new(), one_window());
    log.0.insert(0, (0, "no JSON".into()));
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();

    let mut again = Log(vec![(0, reading(1, BEGIN + 8 * MINUTE)), (1, "no JSON either".into())]);
    again.0.extend(log.0.iter().filter(|(number, _)| *number == 2).cloned());
    let source = || {
        let mut source = again.source();
        source.identify(identity("second"));
        source
    };
    let mut stopped = pipeline_with(&world, source(), OnRecreatedTopic::Stop);
    for _ in 0..3 {
        stopped.turn().unwrap();
    }
    let status = stopped.status();
    assert!(
        matches!(&status.streams["noise"].state, StreamState::Stopped(why) if why.contains("`second`")),
        "{status:?}"
    );
    assert_eq!(status.streams["noise"].events, 0);

    world.clock.advance(SECOND);
    let repeats = again.0.len() - 2;
    let mut restarted = pipeline_with(&world, source(), OnRecreatedTopic::Restart);
    world.drain(&mut restarted);
    restarted.finish().unwrap();
    // A restart in the middle does not begin anew once more.
    let mut restarted = pipeline_with(&world, source(), OnRecreatedTopic::Stop);
    world.drain(&mut restarted);
    restarted.finish().unwrap();
    let rows = world.rows("noise_windows");
    // One record of the first log is refused and two are repeats; the second log adds one event.
    assert_eq!(total(&rows, "events"), (log.0.len() - 1 - 2 + 1) as i64);
    assert_eq!(total(&rows, "duplicates"), (2 + repeats) as i64);
    assert_eq!(world.places("quarantine").len(), 2);
}

#[test]
fn a_log_that_ends_below_what_was_read_stops_its_stream() {
    let (world, log) = (World::new(), one_window());
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    let mut pipeline = pipeline_with(&world, Log(log.0[..5].to_vec()).source(), OnRecreatedTopic::Restart);
    for _ in 0..3 {
        pipeline.turn().unwrap();
    }
    let status = pipeline.status();
    assert!(
        matches!(&status.streams["noise"].state, StreamState::Stopped(why) if why.contains("ends at offset")),
        "{status:?}"
    );
}

#[test]
fn partitions_come_and_go_without_loss() {
    let (world, mut log) = (World::new(), one_window());
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    pipeline.source_mut().report(Change::Revoked(vec![partition(1)]));
    world.drain(&mut pipeline);
    assert_eq!(pipeline.status().streams["noise"].partitions, 2);
    append(&mut pipeline, &mut log, 1, reading(1, BEGIN + 6 * MINUTE + 20 * SECOND));
    append(&mut pipeline, &mut log, 0, reading(2, BEGIN + 6 * MINUTE + 20 * SECOND));
    world.drain(&mut pipeline);
    pipeline.source_mut().report(Change::Assigned(vec![partition(1)]));
    world.drain(&mut pipeline);
    pipeline.turn().unwrap();
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    assert_counted_once(&world, &log);
}

#[test]
fn refused_records_are_listed_and_sent_to_their_partitions_again() {
    struct Kept(Vec<(TopicPartition, Vec<u8>)>);
    impl quarantine::Sink for Kept {
        fn send(&mut self, partition: &TopicPartition, payload: &[u8]) -> arterial_features::Result<()> {
            self.0.push((partition.clone(), payload.to_vec()));
            Ok(())
        }
        fn flush(&mut self) -> arterial_features::Result<()> {
            Ok(())
        }
    }
    let (world, mut log) = (World::new(), one_window());
    log.0.push((0, "no JSON".into()));
    log.0.push((1, r#"{"corner":"corner-1"}"#.into()));
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    pipeline.shutdown().unwrap();
    world.runtime.block_on(async {
        let options = LakeOptions {
            fsync: false,
            ..LakeOptions::default()
        };
        let lake = Lake::open(world.folder.to_str().unwrap(), options).await.unwrap();
        let all = quarantine::list(&lake, &quarantine::Filter::default()).await.unwrap();
        assert_eq!(all.len(), 2);
        let reason = Some(quarantine::reason("NOT_JSON").unwrap());
        let filter = quarantine::Filter {
            topic: Some("noise".into()),
            reason,
            limit: Some(5),
            since: Some(Timestamp(BEGIN)),
        };
        let mut sink = Kept(Vec::new());
        let replayed = quarantine::replay(&lake, &filter, &mut sink).await.unwrap();
        assert_eq!((replayed.sent, replayed.not_whole), (1, 0));
        assert_eq!(sink.0, [(partition(0), b"no JSON".to_vec())]);

        let newest = quarantine::Filter {
            limit: Some(1),
            ..quarantine::Filter::default()
        };
        let mut sink = Kept(Vec::new());
        let replayed = quarantine::replay(&lake, &newest, &mut sink).await.unwrap();
        assert_eq!((replayed.sent, replayed.left), (1, 1), "what is left is told");
    });
    let error = quarantine::reason("NOT_A_CODE").unwrap_err().to_string();
    assert!(error.contains("NOT_A_CODE") && error.contains("TOO_LATE"), "{error}");
}

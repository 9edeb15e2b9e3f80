//! History beside a live stream: whatever order they come in, the tables equal a batch recomputation of both.

use std::collections::BTreeMap;

use arterial_datasets::lake::{Lake, LakeOptions, MaintainPlan, TopicPartition, WindowRule, maintain};
use arterial_datasets::time::{DAY, Duration, MINUTE, SECOND};
use arterial_features::decode::IdentityKey;
use arterial_features::pipeline::{Pipeline, PipelineOptions, StreamState, StreamStatus};
use arterial_features::source::ReplaySource;

use crate::exactly_once::{BEGIN, Log, PARTITIONS, World, append, one_window, reading};
use crate::support::{Bits, Place, latest, noise, total};

/// The newest revision of each window, repeats apart.
type Table = BTreeMap<Place, Bits>;
type Records = std::vec::IntoIter<(String, Vec<u8>)>;

/// Readings of four corners, one a minute, of the `minutes` from [`BEGIN`] on.
fn readings(minutes: std::ops::Range<i64>) -> Vec<String> {
    let corners = |minute| (0..4).map(move |corner| reading(corner, BEGIN + minute * MINUTE));
    minutes.flat_map(corners).collect()
}

/// The same as a log of partitions.
fn live(minutes: std::ops::Range<i64>) -> Log {
    let numbers = (0..PARTITIONS).cycle();
    Log(numbers.zip(readings(minutes)).collect())
}

/// A replay of a file called `name`.
fn history(world: &World, name: &str, records: &[String]) -> Pipeline<ReplaySource<Records>> {
    let records: Vec<_> = records
        .iter()
        .map(|text| ("noise".to_owned(), text.clone().into_bytes()))
        .collect();
    let source = ReplaySource::new(name, ["noise".to_owned()], records.into_iter()).of_files();
    let options = PipelineOptions {
        poll_records: 16,
        commit_rows: 8,
        ..PipelineOptions::new(IdentityKey::from_secret("test"))
    };
    let (address, clock) = (world.address(), world.clock.clone());
    Pipeline::new(
        source,
        [noise()],
        address,
        clock,
        world.runtime.handle().clone(),
        options,
    )
    .unwrap()
}

fn replay(world: &World, name: &str, records: &[String]) -> StreamStatus {
    let mut pipeline = history(world, name, records);
    while !pipeline.source_mut().is_exhausted() {
        pipeline.turn().unwrap();
        assert_eq!(pipeline.suspended(), None);
    }
    pipeline.finish().unwrap();
    let status = pipeline.status().streams["noise"].clone();
    assert_eq!(status.state, StreamState::Running);
    status
}

/// Runs the service over `log` and drains it, as SIGTERM does: open windows stay open.
fn run(world: &World, log: &Log) -> StreamStatus {
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    pipeline.shutdown().unwrap();
    pipeline.status().streams["noise"].clone()
}

/// The windows that the events of `records` make, whoever brings them.
fn expected(records: &[String]) -> Table {
    let world = World::new();
    replay(&world, "all of them", records);
    windows(&world)
}

fn windows(world: &World) -> Table {
    let mut table = latest(&world.rows("noise_windows"));
    for bits in table.values_mut() {
        bits.retain(|(name, _)| name != "duplicates");
    }
    table
}

#[test]
fn a_service_goes_on_over_what_was_replayed() {
    let world = World::new();
    replay(&world, "file", &readings(0..30));
    // The topic still holds half of what the file tells, and goes on.
    let log = live(15..60);
    let status = run(&world, &log);
    assert_eq!(status.state, StreamState::Running);
    assert_eq!((status.quarantined, status.late), (0, 0), "{status:?}");
    assert_eq!(status.duplicates, 4 * 15, "each identity counts once");
    let mut pipeline = world.pipeline(log.source(), 0);
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    assert_eq!(windows(&world), expected(&readings(0..60)));
}

#[test]
fn a_replay_between_two_runs_of_a_service_disturbs_neither() {
    let world = World::new();
    let first = live(0..42);
    let before = run(&world, &first);
    // Older than the live watermark by days, in windows that live has open, and beyond.
    let mut file: Vec<String> = (0..20)
        .map(|minute| reading(7, BEGIN - 3 * DAY + minute * MINUTE))
        .collect();
    file.extend((30..70).map(|minute| reading(8, BEGIN + minute * MINUTE)));
    let status = replay(&world, "file", &file);
    assert_eq!(
        (status.events, status.quarantined, status.left_out),
        (60, 0, 0),
        "{status:?}"
    );
    assert_eq!(status.windows, 4 + 8);

    let progress = || {
        let table = world.open("noise_windows");
        table.progress().clone()
    };
    assert_eq!(progress().watermark(), before.watermark, "history moves no watermark");
    assert_eq!(progress().topic_ids["noise"], "first");
    assert_eq!(progress().cluster_id.as_deref(), Some("test"));

    let second = live(0..60);
    let status = run(&world, &second);
    assert_eq!((status.state, status.quarantined), (StreamState::Running, 0));
    let mut pipeline = world.pipeline(second.source(), 0);
    world.drain(&mut pipeline);
    pipeline.finish().unwrap();
    file.extend(readings(0..60));
    assert_eq!(windows(&world), expected(&file));
    let rows = world.rows("noise_windows");
    assert_eq!(total(&rows, "events") + total(&rows, "duplicates"), file.len() as i64);
}

#[test]
fn the_same_file_again_adds_nothing_and_a_copy_only_repeats() {
    let world = World::new();
    let file = readings(0..30);
    replay(&world, "file", &file);
    let before = world.open("noise_windows").version();
    let status = replay(&world, "file", &file);
    assert_eq!((status.events, status.duplicates, status.windows), (0, 0, 0));
    assert_eq!(
        world
            .rows("noise_windows")
            .iter()
            .map(arrow::array::RecordBatch::num_rows)
            .sum::<usize>(),
        4 * 6
    );
    // Taking the partition over is a commit of its own, nothing else is.
    assert_eq!(world.open("noise_windows").version(), before + 1);

    let status = replay(&world, "other", &file);
    assert_eq!((status.events, status.duplicates), (0, 120));
    assert_eq!(windows(&world), expected(&file));
}

#[test]
fn a_replay_that_was_cut_off_goes_on_where_it_was() {
    let world = World::new();
    let file = readings(0..60);
    let mut cut_off = history(&world, "file", &file);
    for _ in 0..8 {
        cut_off.turn().unwrap();
    }
    drop(cut_off);
    let some = world.rows("noise_windows").len();
    assert!(some > 0, "it had committed something");
    replay(&world, "file", &file);
    assert_eq!(windows(&world), expected(&file));
    assert_eq!(total(&world.rows("noise_windows"), "duplicates"), 0);
}

#[test]
fn history_of_final_windows_makes_new_ones_and_is_never_too_late() {
    let world = World::new();
    let mut log = one_window();
    for number in 0..PARTITIONS {
        log.0.push((number, reading(9, BEGIN + 20 * 60 * MINUTE)));
    }
    run(&world, &log);
    let stream = noise();
    let mut plan = MaintainPlan::default();
    let rule = plan.tables.entry("noise_windows".into()).or_default();
    rule.windows = Some(WindowRule {
        window: stream.window,
        horizon: Duration(10 * MINUTE),
    });
    let report = world.maintain(&plan);
    assert!(report["noise_windows"].finalised_windows >= 4);

    // One of a corner that has a final row there, one of a corner that has none.
    let file = [reading(1, BEGIN + 41 * SECOND), reading(5, BEGIN + 41 * SECOND)];
    let status = replay(&world, "file", &file);
    assert_eq!(
        (status.events, status.left_out, status.quarantined),
        (1, 1, 0),
        "{status:?}"
    );
    assert!(latest(&world.rows("noise_windows")).contains_key(&("corner-5".to_owned(), BEGIN)));
}

#[test]
fn a_replay_beside_a_running_service_ends_and_the_service_begins_again() {
    let (world, mut log) = (World::new(), live(0..12));
    let mut service = world.pipeline(log.source(), 0);
    world.drain(&mut service);

    let file: Vec<String> = (0..20).map(|minute| reading(7, BEGIN + minute * MINUTE)).collect();
    let mut replay = history(&world, "file", &file);
    for _ in 0..2 {
        replay.turn().unwrap();
    }
    for (number, text) in live(12..24).0 {
        append(&mut service, &mut log, number, text);
    }
    world.drain(&mut service);
    while !replay.source_mut().is_exhausted() && replay.suspended().is_none() {
        replay.turn().unwrap();
    }
    let refused = match replay.suspended() {
        Some(why) => why.to_owned(),
        None => replay.finish().unwrap_err().to_string(),
    };
    assert!(refused.contains("while nothing else writes"), "{refused}");

    // A replay that gets through between two commits of the service makes it look at the tables again.
    self::replay(&world, "file", &file);
    for (number, text) in live(24..36).0 {
        append(&mut service, &mut log, number, text);
    }
    world.drain(&mut service);
    service.finish().unwrap();
    let mut all = file;
    all.extend(readings(0..36));
    assert_eq!(windows(&world), expected(&all));
}

#[test]
fn refused_records_of_a_file_are_listed_beside_those_of_the_topic() {
    let (world, mut log) = (World::new(), one_window());
    log.0.push((0, "no JSON".into()));
    run(&world, &log);
    let mut file = readings(0..6);
    file.push("no JSON either".into());
    assert_eq!(replay(&world, "file", &file).quarantined, 1);
    assert_eq!(replay(&world, "file", &file).quarantined, 0);
    let places = world.places("quarantine");
    let of_file = TopicPartition::history("noise", "file").partition;
    assert_eq!(places.len(), 2);
    assert!(places.contains(&(of_file, 24)) && places.iter().any(|(partition, _)| *partition == 0));
    run(&world, &log);
    assert_eq!(world.places("quarantine").len(), 2);
}

#[test]
fn many_windows_of_history_make_one_commit() {
    let world = World::new();
    let file: Vec<String> = (0..600)
        .map(|minute| reading(1, BEGIN - DAY + minute * MINUTE))
        .collect();
    let records: Vec<_> = file
        .iter()
        .map(|text| ("noise".to_owned(), text.clone().into_bytes()))
        .collect();
    let source = ReplaySource::new("file", ["noise".to_owned()], records.into_iter()).of_files();
    let options = PipelineOptions {
        poll_records: 16,
        commit_rows: 1000,
        ..PipelineOptions::new(IdentityKey::from_secret("test"))
    };
    let handle = world.runtime.handle().clone();
    let mut pipeline = Pipeline::new(source, [noise()], world.address(), world.clock.clone(), handle, options).unwrap();
    while !pipeline.source_mut().is_exhausted() {
        assert_eq!(pipeline.turn().unwrap().commits, 0);
    }
    pipeline.finish().unwrap();
    assert_eq!(world.open("noise_windows").files().0, 1, "one file a day");
    assert_eq!(world.places("noise_events").len(), 600);
}

#[test]
fn events_older_than_the_archive_keeps_them_are_not_archived() {
    let world = World::new();
    let file = [reading(1, BEGIN - 30 * DAY), reading(1, BEGIN)];
    let status = replay(&world, "file", &file);
    assert_eq!(status.events, 2);
    assert_eq!(world.places("noise_events").len(), 1);
}

impl World {
    fn open(&self, table: &str) -> arterial_datasets::lake::Table {
        self.with_lake(async |lake| lake.existing(table).await.unwrap().unwrap())
    }

    fn maintain(&self, plan: &MaintainPlan) -> BTreeMap<String, arterial_datasets::lake::TableReport> {
        self.with_lake(async |lake| maintain(&lake, plan).await.unwrap())
    }

    fn with_lake<T>(&self, work: impl AsyncFnOnce(Lake) -> T) -> T {
        self.runtime.block_on(async {
            let options = LakeOptions {
                fsync: false,
                ..LakeOptions::default()
            };
            work(Lake::open(self.path().to_str().unwrap(), options).await.unwrap()).await
        })
    }
}

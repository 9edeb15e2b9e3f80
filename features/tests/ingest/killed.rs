//! Processes that are ended in the middle of things.
//!
//! The test binary starts itself again with [`child_process`] as its only test, and kills that process.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arterial_datasets::lake::{Fault, LakeOptions, Point};
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::SystemClock;
use arterial_features::decode::IdentityKey;
use arterial_features::pipeline::{LakeAddress, Pipeline, PipelineOptions, StreamState};
use arterial_features::source::{KafkaSettings, KafkaSource};

use crate::exactly_once::{World, assert_counted_once, one_window};
use crate::support::latest;

const ROLE: &str = "ARTERIAL_TEST_ROLE";
const LAKE: &str = "ARTERIAL_TEST_LAKE";
const BROKERS: &str = "ARTERIAL_TEST_BROKERS";
const KILL_AT: &str = "ARTERIAL_TEST_KILL_AT";
const STOP_FILE: &str = "stop";
/// What a child ends with that was refused as a zombie.
pub const REFUSED: i32 = 7;

/// Ends the process at the n-th step of the lake, as a power cut would.
struct PowerCut(AtomicI64);

impl Fault for PowerCut {
    fn at(&self, _: Point<'_>) -> io::Result<()> {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
        Ok(())
    }
}

/// Not a test: what a child process does.
#[test]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let lake = std::env::var(LAKE).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    match role.as_str() {
        "memory" => {
            let steps = std::env::var(KILL_AT).unwrap().parse().unwrap();
            let options = LakeOptions {
                fault: Some(Arc::new(PowerCut(AtomicI64::new(steps)))),
                ..LakeOptions::default()
            };
            let world = World::over(Path::new(&lake), runtime, options);
            let mut pipeline = world.pipeline(one_window().source(), 0);
            world.drain(&mut pipeline);
            pipeline.finish().unwrap();
        }
        _ => read_kafka(&lake, &runtime),
    }
}

/// Reads all topics until the stop file is there and nothing is unread for a second, then closes every window.
fn read_kafka(lake: &str, runtime: &tokio::runtime::Runtime) {
    let mut pipeline = kafka_pipeline(&std::env::var(BROKERS).unwrap(), lake, runtime);
    let mut quiet = 0;
    while quiet < 20 {
        let turn = pipeline.turn().unwrap();
        let status = pipeline.status();
        if let Some(why) = status.streams.values().find_map(|stream| match &stream.state {
            StreamState::Fenced(why) => Some(why),
            _ => None,
        }) {
            eprintln!("refused: {why}");
            std::process::exit(REFUSED);
        }
        let read = status
            .streams
            .values()
            .all(|stream| stream.state == StreamState::Running && stream.lag == 0);
        let stopping = Path::new(lake).join(STOP_FILE).exists();
        quiet = if turn.records == 0 && read && stopping {
            quiet + 1
        } else {
            0
        };
    }
    pipeline.finish().unwrap();
}

/// A pipeline of the eight topics that commits often.
pub fn kafka_pipeline(brokers: &str, lake: &str, runtime: &tokio::runtime::Runtime) -> Pipeline<KafkaSource> {
    let catalog = StreamCatalog::built_in().unwrap();
    let mut settings = KafkaSettings::new(brokers, catalog.names().map(str::to_owned));
    settings.watch_interval = Duration::from_millis(200);
    let mut options = PipelineOptions::new(IdentityKey::from_secret("test"));
    options.poll_records = 200;
    options.commit_interval = Duration::from_millis(100);
    options.progress_interval = Duration::from_millis(300);
    options.archive_interval = Duration::from_millis(200);
    options.retry_most = Duration::from_millis(500);
    let address = LakeAddress {
        url: lake.to_owned(),
        options: LakeOptions::default(),
    };
    let streams: Vec<_> = catalog.iter().cloned().collect();
    let source = KafkaSource::new(settings).unwrap();
    Pipeline::new(
        source,
        streams,
        address,
        Arc::new(SystemClock),
        runtime.handle().clone(),
        options,
    )
    .unwrap()
}

fn child(role: &str, lake: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "killed::child_process", "--nocapture"])
        .env(ROLE, role)
        .env(LAKE, lake);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A process that reads all topics of a broker into a lake.
pub fn reader(brokers: &str, lake: &Path) -> Child {
    child("kafka", lake).env(BROKERS, brokers).spawn().unwrap()
}

/// Tells readers to end once everything is read.
pub fn tell_to_stop(lake: &Path) {
    std::fs::write(lake.join(STOP_FILE), "").unwrap();
}

#[test]
fn a_process_that_ends_at_any_step_of_any_commit_loses_nothing() {
    let reference = World::new();
    let mut pipeline = reference.pipeline(one_window().source(), 0);
    reference.drain(&mut pipeline);
    pipeline.finish().unwrap();
    let expected = latest(&reference.rows("noise_windows"));
    let mut step = 1;
    loop {
        let world = World::new();
        let run = |step: i64| {
            child("memory", world.path())
                .env(KILL_AT, step.to_string())
                .status()
                .unwrap()
        };
        let died = !run(step).success();
        // The second life is cut short at another step, the third one ends well.
        let _ = run(step / 2 + 7);
        assert!(run(0).success());
        assert_eq!(latest(&world.rows("noise_windows")), expected, "ended at step {step}");
        assert_counted_once(&world, &one_window());
        if !died {
            break;
        }
        step += 1;
    }
    assert!(step > 40, "{step} steps are many fewer than a commit has");
}

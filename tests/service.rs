//! `arterial run` against a real Apache Kafka: a ninth stream, defined in one file, from topic to table and over Flight.

#[path = "service/alerts.rs"]
mod alerts;
#[path = "service/group.rs"]
mod group;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightClient, FlightDescriptor};
use arterial_datasets::time::{Clock, DAY, MINUTE, SECOND, SystemClock, Timestamp};
use arterial_testing::KafkaBroker;
use futures::TryStreamExt;

const NOISE: &str = r#"
name = "noise"
description = "Sound level meters"
key = { path = "meter_id" }
identity = ["meter_id", "timestamp"]
interval = "5s"

[[fields]]
path = "meter_id"
type = "text"
role = "place"
required = true

[[fields]]
path = "level_db"
type = "float"
role = "value"
unit = "dB"
range = [0, 200]
"#;

/// A running service; killed where a test fails.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Service {
    fn start(folder: &Path, brokers: &str) -> (Self, serde_json::Value) {
        std::fs::create_dir_all(folder.join("streams")).unwrap();
        std::fs::write(folder.join("streams/noise.toml"), NOISE).unwrap();
        let config = format!(
            "[kafka]\nbrokers = \"{brokers}\"\nassignment = \"manual\"\npublish_results = false\n\
             [streams]\nfolder = \"{0}/streams\"\nenabled = [\"noise\"]\n[lake]\nurl = \"{0}/lake\"\n\
             [server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n[serving]\ntargets = [\"noise.level_db\"]\n",
            folder.display()
        );
        Self::launch(folder, &config, Stdio::inherit())
    }

    /// Starts with this configuration, and waits until it is ready.
    fn launch(folder: &Path, config: &str, log: Stdio) -> (Self, serde_json::Value) {
        std::fs::write(folder.join("arterial.toml"), config).unwrap();
        let ready = folder.join("ready.json");
        let _ = std::fs::remove_file(&ready);
        let child = Command::new(env!("CARGO_BIN_EXE_arterial"))
            .args(["run", "--config"])
            .arg(folder.join("arterial.toml"))
            .arg("--ready-file")
            .arg(&ready)
            .stderr(log)
            .spawn()
            .unwrap();
        let service = Self(child);
        let text = wait_for("the service to be ready", || std::fs::read_to_string(&ready).ok());
        (service, serde_json::from_str(&text).unwrap())
    }

    /// Sends SIGTERM and waits for the end.
    fn terminate(mut self) -> Option<i32> {
        arterial_testing::signal(&self.0, "TERM");
        self.0.wait().unwrap().code()
    }
}

/// Asks again and again until there is an answer, at most a minute.
#[expect(clippy::disallowed_methods, reason = "the limit is on a condition, not on luck")]
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The rows of a dataset over Flight; none where it does not exist yet.
fn rows(runtime: &tokio::runtime::Runtime, address: &str, path: &str) -> Option<Vec<arrow::array::RecordBatch>> {
    runtime.block_on(async {
        let channel = tonic::transport::Endpoint::new(format!("http://{address}"))
            .ok()?
            .connect()
            .await
            .ok()?;
        let mut client = FlightClient::new_from_inner(FlightServiceClient::new(channel));
        let info = client
            .get_flight_info(FlightDescriptor::new_path(vec![path.into()]))
            .await
            .ok()?;
        let ticket = info.endpoint.first()?.ticket.clone()?;
        client.do_get(ticket).await.ok()?.try_collect().await.ok()
    })
}

/// One event every 5 s of each of two meters, for ten minutes that ended a while ago, and one that moves the watermark on.
fn events(begin: Timestamp) -> Vec<String> {
    let event = |meter: &str, time: Timestamp, level: f64| {
        format!(r#"{{"meter_id":"{meter}","timestamp":"{time}","level_db":{level}}}"#)
    };
    let mut events = Vec::new();
    for step in 0..120 {
        let time = Timestamp(begin.0 + step * 5 * SECOND);
        events.push(event("M1", time, 50.0));
        events.push(event("M2", time, 60.0 + (step % 2) as f64));
    }
    events.push(event("M1", Timestamp(begin.0 + 11 * MINUTE), 50.0));
    events.push("no json".into());
    events
}

/// Replays a file of ten minutes that lie two days back into the lake of the service.
fn replay_older(folder: &Path, begin: Timestamp) {
    let older = Timestamp(begin.0 - 2 * DAY);
    let history: Vec<String> = events(older).into_iter().filter(|event| event.contains("M1")).collect();
    let path = folder.join("history.jsonl");
    std::fs::write(&path, history[..120].join("\n")).unwrap();
    let replay = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["replay", "--stream", "noise", "--data"])
        .arg(&path)
        .arg("--lake")
        .arg(folder.join("lake"))
        .env("ARTERIAL_STREAMS__FOLDER", folder.join("streams"))
        .status();
    assert!(replay.unwrap().success());
}

#[test]
fn a_ninth_stream_goes_from_kafka_to_a_table_and_over_flight() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic("noise", 1);
    let window = arterial_datasets::time::Duration(5 * MINUTE);
    let begin = Timestamp(SystemClock.now().window_start(window).0 - 20 * MINUTE);
    broker.produce("noise", 0, events(begin));

    let folder = tempfile::tempdir().unwrap();
    let (service, ready) = Service::start(folder.path(), &broker.address());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let grpc = ready["grpc"].as_str().unwrap();
    let count =
        |batches: &[arrow::array::RecordBatch]| batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>();

    let windows = wait_for("four windows", || {
        rows(&runtime, grpc, "noise_latest").filter(|batches| count(batches) == 4)
    });
    let batch = arrow::compute::concat_batches(&windows[0].schema(), &windows).unwrap();
    let events = arrow::array::cast::as_primitive_array::<arrow::datatypes::Int64Type>(&batch["events"]);
    assert_eq!(events.values().iter().sum::<i64>(), 240, "each event counts once");
    assert!(batch.schema().field_with_name("level_db_mean").is_ok());
    assert!(
        batch
            .schema()
            .fields()
            .iter()
            .all(|field| !field.name().starts_with('_'))
    );
    let refused = wait_for("the quarantine", || {
        rows(&runtime, grpc, "quarantine").filter(|all| count(all) == 1)
    });
    assert_eq!(refused[0]["reason"].len(), 1);
    assert_eq!(service.terminate(), Some(0), "SIGTERM drains and ends well");

    replay_older(folder.path(), begin);
    let (again, ready) = Service::start(folder.path(), &broker.address());
    let kept = rows(&runtime, ready["grpc"].as_str().unwrap(), "noise_latest").unwrap();
    assert_eq!(count(&kept), 4 + 2, "neither a restart nor a replay loses or doubles");
    let refused = rows(&runtime, ready["grpc"].as_str().unwrap(), "quarantine").unwrap();
    assert_eq!(count(&refused), 1, "history is not too late");
    assert_eq!(again.terminate(), Some(0));
}

/// A service whose brokers are away, and whose log is filtered by `filter`.
fn alone(folder: &Path, filter: &str) -> String {
    format!(
        "[kafka]\nbrokers = \"127.0.0.1:1\"\n[lake]\nurl = \"{}/lake\"\n[telemetry]\nlog = \"{filter}\"\n\
         [server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n",
        folder.display()
    )
}

#[test]
fn sighup_reads_the_filter_of_the_log_again_and_keeps_it_where_the_new_one_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let (service, _) = Service::launch(folder.path(), &alone(folder.path(), "error"), log.into());
    let said = |text: &str| std::fs::read_to_string(&path).unwrap().contains(text).then_some(());
    assert_eq!(said("ready"), None);
    for (filter, words) in [
        ("info", "log filter and suppressions read again"),
        ("bogus", "`telemetry.log` is `bogus`"),
    ] {
        std::fs::write(folder.path().join("arterial.toml"), alone(folder.path(), filter)).unwrap();
        arterial_testing::signal(&service.0, "HUP");
        wait_for(words, || said(words));
    }
    assert_eq!(service.terminate(), Some(0));
    assert_eq!(said("draining"), Some(()), "the filter `info` is still in force");
}

#[test]
fn a_second_ctrl_c_ends_at_once_what_the_first_would_have_drained() {
    let folder = tempfile::tempdir().unwrap();
    let config = alone(folder.path(), "info").replace("drain_delay = \"0s\"", "drain_delay = \"1h\"");
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let (mut service, ready) = Service::launch(folder.path(), &config, log.into());
    let said = |text: &str| std::fs::read_to_string(&path).unwrap().contains(text).then_some(());
    arterial_testing::signal(&service.0, "INT");
    wait_for("the service to drain", || said("draining"));
    let http = ready["http"].as_str().unwrap();
    wait_for("callers to be sent elsewhere", || {
        let told = alerts::get(http, "/readyz").unwrap();
        (told["reasons"][0]["code"] == "draining").then_some(())
    });
    let answered = alerts::get(http, "/v1/traffic").unwrap();
    assert!(
        answered["windows"].is_array(),
        "whoever has not heard of it is answered: {answered}"
    );
    let ended = wait_for("the end", || {
        arterial_testing::signal(&service.0, "INT");
        service.0.try_wait().unwrap()
    });
    assert_eq!((ended.code(), said("interrupted again")), (Some(130), Some(())));
}

#[test]
fn for_machines_every_line_of_the_log_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let config = alone(folder.path(), "info").replace("[telemetry]", "[telemetry]\nformat = \"json\"");
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let (service, _) = Service::launch(folder.path(), &config, log.into());
    let said = || std::fs::read_to_string(&path).unwrap();
    wait_for("brokers to be missed", || {
        said().contains("no broker answers").then_some(())
    });
    assert_eq!(service.terminate(), Some(0));
    let lines: Vec<serde_json::Value> = said().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "{field} of {line}");
        }
    }
    let draining = lines
        .iter()
        .any(|line| line["message"] == "draining" && line["level"] == "INFO");
    assert!(draining, "{lines:?}");
}

#[test]
fn the_log_says_when_calls_are_answered_and_once_that_a_broker_is_reached() {
    let Some(broker) = KafkaBroker::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = alone(folder.path(), "info").replace("127.0.0.1:1\"", &format!("{}\"", broker.address()));
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let (service, _) = Service::launch(folder.path(), &config, log.into());
    let said = || std::fs::read_to_string(&path).unwrap();
    assert!(said().contains("ready to answer calls"), "{}", said());
    wait_for("the broker to be reached", || {
        said().contains("a broker answers").then_some(())
    });
    assert_eq!(service.terminate(), Some(0));
    let said = said();
    assert_eq!(said.matches("a broker answers").count(), 1, "{said}");
}

#[test]
fn brokers_that_are_away_are_said_once_and_the_rest_of_the_log_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let config = alone(folder.path(), "info");
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let (service, ready) = Service::launch(folder.path(), &config, log.into());
    let said = || std::fs::read_to_string(&path).unwrap();
    wait_for("the log to say it", || {
        said().contains("no broker answers").then_some(())
    });
    let endpoint = format!("http://{}", ready["grpc"].as_str().unwrap());
    wait_for("health to say it", || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
        let output = command.args(["health", "--endpoint", &endpoint]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "forecasts are answered all the same");
        let text = String::from_utf8(output.stdout).unwrap();
        text.contains("degraded: broker_unreachable").then_some(())
    });
    let told = alerts::get(ready["http"].as_str().unwrap(), "/readyz").unwrap();
    assert_eq!(
        (&told["ready"], &told["degraded"][0]["code"]),
        (&true.into(), &"broker_unreachable".into()),
        "{told}"
    );
    assert_eq!(service.terminate(), Some(0));
    let said = said();
    assert!(
        said.contains("ready to answer calls") && !said.contains("a broker answers"),
        "{said}"
    );
    // Beside it the client may say why, once.
    let loud: Vec<&str> = said.lines().filter(|line| !line.contains(" INFO ")).collect();
    let (once, others): (Vec<&str>, Vec<&str>) = loud.into_iter().partition(|line| line.contains("no broker answers"));
    assert_eq!(once.len(), 1, "{said}");
    assert!(
        matches!(others.as_slice(), [] | [_]) && others.iter().all(|line| line.contains("the Kafka client says")),
        "{said}"
    );
}

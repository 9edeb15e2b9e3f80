//! Two services of one consumer group on one lake: they share the partitions, and one goes on where the other was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use serde_json::Value;

use super::alerts::{get, readings};
use super::*;

/// Each has a partition of its own.
const METERS: [&str; 4] = ["M1", "M2", "M3", "M4"];
/// Events of a meter in a window.
const EVENTS: i64 = 30;
const WINDOW: i64 = 5 * MINUTE;

/// What the members of the group share.
struct Group {
    broker: KafkaBroker,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    begin: Timestamp,
}

impl Group {
    /// None where there is no broker.
    fn new() -> Option<Self> {
        let broker = KafkaBroker::start()?;
        broker.create_topic("noise", METERS.len() as i32);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("streams")).unwrap();
        let rule = "\n[[rules]]\nkind = \"impossible\"\nfields = [\"level_db\"]\nrange = [0, 120]\n";
        std::fs::write(folder.path().join("streams/noise.toml"), format!("{NOISE}{rule}")).unwrap();
        let window = arterial_datasets::time::Duration(WINDOW);
        Some(Self {
            broker,
            folder,
            runtime: tokio::runtime::Runtime::new().unwrap(),
            begin: Timestamp(SystemClock.now().window_start(window).0 - 180 * MINUTE),
        })
    }

    /// Puts history of every meter into the lake, enough for a profile: a reading in each window of eight days that ended a day before.
    fn replay_history(&self) {
        let first = self.begin.0 - 9 * DAY;
        let times = (0..8 * DAY / WINDOW).map(|window| Timestamp(first + window * WINDOW));
        let reading =
            |time: Timestamp, meter: &str| format!(r#"{{"meter_id":"{meter}","timestamp":"{time}","level_db":50.0}}"#);
        let lines: Vec<String> = times
            .flat_map(|time| METERS.map(|meter| reading(time, meter)))
            .collect();
        let path = self.folder.path().join("history.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        let replay = Command::new(env!("CARGO_BIN_EXE_arterial"))
            .args(["replay", "--stream", "noise", "--data"])
            .arg(&path)
            .arg("--lake")
            .arg(self.folder.path().join("lake"))
            .env("ARTERIAL_STREAMS__FOLDER", self.folder.path().join("streams"))
            .status();
        assert!(replay.unwrap().success());
    }

    /// Starts a member. The group notices within seconds where it is gone.
    fn join(&self, name: &str) -> (Service, Value) {
        let place = self.folder.path().display();
        let config = format!(
            "[kafka]\nbrokers = \"{}\"\nassignment = \"group\"\npublish_results = false\n\
             [kafka.properties]\n\"session.timeout.ms\" = \"6000\"\n\"heartbeat.interval.ms\" = \"500\"\n\
             [streams]\nfolder = \"{place}/streams\"\nenabled = [\"noise\"]\n[lake]\nurl = \"{place}/lake\"\n\
             [server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n[serving]\ntargets = [\"noise.level_db\"]\n\
             stale_after = \"1d\"\n[alerts]\nwatch = [\"noise.level_db\"]\n",
            self.broker.address(),
        );
        let own = self.folder.path().join(name);
        std::fs::create_dir_all(&own).unwrap();
        Service::launch(&own, &config, Stdio::inherit())
    }

    /// Sends the readings of these windows: `level` is that of the first meter, the others are as always.
    fn send(&self, windows: Range<i64>, level: f64) {
        for (partition, meter) in (0..).zip(METERS) {
            let level = if partition == 0 { level } else { 50.0 };
            let readings = readings(meter, self.begin, windows.clone(), level);
            self.broker.produce("noise", partition, readings);
        }
    }

    /// Waits until the lake has the first `windows` windows of every meter, each once and with every event.
    fn until_closed(&self, ready: &Value, windows: i64) {
        let grpc = ready["grpc"].as_str().unwrap();
        wait_for("every window of every meter", || {
            let found = counted(&rows(&self.runtime, grpc, "noise_latest")?);
            let is_whole = |meter: &str, window: i64| {
                let place = (meter.to_owned(), self.begin.0 + window * WINDOW);
                found.get(&place) == Some(&EVENTS)
            };
            let are_whole = |meter: &&str| (0..windows).all(|window| is_whole(meter, window));
            METERS.iter().all(are_whole).then_some(())
        });
    }

    /// Whether a member forecasts every meter, from the last of the first `windows` windows.
    fn is_up_to_date(&self, ready: &Value, windows: i64) -> bool {
        let path = "/v1/forecasts?topic=noise&target=level_db&horizons_minutes=5";
        let Some(page) = get(ready["http"].as_str().unwrap(), path) else {
            return false;
        };
        let ended = self.begin.0 + windows * WINDOW;
        let since = (SystemClock.now().0 - ended) as f64 / SECOND as f64;
        let is_from_the_last = |forecast: &Value| forecast["data_age_seconds"].as_f64().is_some_and(|age| age <= since);
        let is_told = |meter: &&str| {
            let forecasts = page["forecasts"].as_array();
            let mut of_meter = forecasts.into_iter().flatten().filter(|one| one["key"] == **meter);
            of_meter.any(is_from_the_last)
        };
        METERS.iter().all(is_told)
    }

    /// Waits until a member forecasts every meter from the last of the first `windows` windows.
    fn until_up_to_date(&self, name: &str, ready: &Value, windows: i64) {
        wait_for(&format!("the {name} to forecast every meter"), || {
            self.is_up_to_date(ready, windows).then_some(())
        });
    }

    /// Who stored forecasts of each meter from the last of the first `windows` windows; none before there are some of all meters.
    fn stored_by(&self, ready: &Value, windows: i64) -> Option<BTreeMap<String, BTreeSet<i64>>> {
        let origin = self.begin.0 + (windows - 1) * WINDOW;
        let mut stored: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for batch in rows(&self.runtime, ready["grpc"].as_str()?, "forecasts")? {
            let keys = batch["key"].as_string::<i32>();
            let [origins, instances] =
                ["origin", "instance_since"].map(|name| batch[name].as_primitive::<TimestampMicrosecondType>());
            for row in (0..batch.num_rows()).filter(|&row| origins.value(row) == origin) {
                let by = stored.entry(keys.value(row).to_owned()).or_default();
                by.insert(instances.value(row));
            }
        }
        (stored.len() == METERS.len()).then_some(stored)
    }
}

/// Id and sequence of every revision in the table of alerts.
pub(super) fn revisions(runtime: &tokio::runtime::Runtime, ready: &Value) -> Vec<(String, i64)> {
    let batches = rows(runtime, ready["grpc"].as_str().unwrap(), "alerts").unwrap();
    let mut revisions = Vec::new();
    for batch in &batches {
        let ids = batch["alert_id"].as_string::<i32>();
        let sequences = batch["sequence"].as_primitive::<Int64Type>();
        let of_row = |row: usize| (ids.value(row).to_owned(), sequences.value(row));
        revisions.extend((0..batch.num_rows()).map(of_row));
    }
    revisions.sort_by_key(|(_, sequence)| *sequence);
    revisions
}

/// The events of each window, by key and start; no window is there twice.
fn counted(batches: &[RecordBatch]) -> BTreeMap<(String, i64), i64> {
    let mut found = BTreeMap::new();
    for batch in batches {
        let keys = batch["key"].as_string::<i32>();
        let starts = batch["window_start"].as_primitive::<TimestampMicrosecondType>();
        let events = batch["events"].as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let place = (keys.value(row).to_owned(), starts.value(row));
            let before = found.insert(place.clone(), events.value(row));
            assert_eq!(before, None, "{place:?} is there twice");
        }
    }
    found
}

/// The alerts that a service shows; none while it does not answer.
fn shown(ready: &Value) -> Option<Vec<Value>> {
    let page = get(ready["http"].as_str()?, "/v1/alerts")?;
    page["alerts"].as_array().cloned()
}

#[test]
fn when_one_of_two_services_is_killed_the_other_makes_its_windows_once_and_goes_on_with_its_alert() {
    let Some(group) = Group::new() else { return };
    let (first, of_first) = group.join("first");
    // The one that starts last makes the alerts.
    let (second, of_second) = group.join("second");
    group.send(0..2, 50.0);
    group.until_closed(&of_second, 2);
    wait_for("the first windows to be looked at", || {
        let page = get(of_second["http"].as_str()?, "/v1/alerts")?;
        page["watched"][0]["next_window"].as_str().map(drop)
    });
    group.send(2..4, 150.0);
    group.until_closed(&of_first, 4);
    for (name, ready) in [("first", &of_first), ("second", &of_second)] {
        wait_for(&format!("the {name} to show one alert"), || {
            (shown(ready)?.len() == 1).then_some(())
        });
    }

    // SIGKILL.
    drop(second);
    for end in [6, 8, 10, 12, 14] {
        group.send(end - 2..end, if end == 6 { 150.0 } else { 50.0 });
        group.until_closed(&of_first, end);
    }
    let alerts = wait_for("the end of the alert", || {
        shown(&of_first).filter(|alerts| alerts.iter().all(|alert| alert["state"] == "resolved"))
    });
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["keys"], serde_json::json!(["M1"]));

    let revisions = revisions(&group.runtime, &of_first);
    let sequences: Vec<i64> = revisions.iter().map(|(_, sequence)| *sequence).collect();
    let numbers: Vec<i64> = (1..=revisions.len() as i64).collect();
    assert_eq!(sequences, numbers, "no revision is missing or there twice");
    assert!(revisions.iter().all(|(id, _)| alerts[0]["alert_id"] == id.as_str()));
    assert_eq!(first.terminate(), Some(0));
}

#[test]
fn each_of_two_services_forecasts_every_meter_and_stores_its_own_and_the_one_that_is_left_goes_on_with_all() {
    let Some(group) = Group::new() else { return };
    group.replay_history();
    let (first, of_first) = group.join("first");
    let (second, of_second) = group.join("second");
    let mut end = 0;
    let mut close_two_more = || {
        group.send(end..end + 2, 50.0);
        end += 2;
        group.until_closed(&of_first, end);
        group.until_up_to_date("first", &of_first, end);
        end
    };
    // It takes a while until both have partitions, and each knows what the other makes.
    let are_shared = (0..10).any(|_| {
        let end = close_two_more();
        group.until_up_to_date("second", &of_second, end);
        let stored = wait_for("the forecasts to be stored", || group.stored_by(&of_first, end));
        let members: BTreeSet<i64> = stored.values().flatten().copied().collect();
        members.len() == 2 && stored.values().all(|by| by.len() == 1)
    });
    assert!(are_shared, "each of two stores the forecasts of its own meters");

    // SIGKILL.
    drop(second);
    close_two_more();
    close_two_more();
    assert_eq!(first.terminate(), Some(0));
}

//! Alerts of a running service on their way to a real Kafka, to a chat and to a webhook, and what its log says meanwhile.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::group::revisions;
use super::*;

/// The bot's token: the part that nobody may see is behind the colon.
const TOKEN: &str = "123456:hush-hush-hush";
/// What webhooks are signed with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A stand-in of the Bot API. It repeats the address, which has the token in it, in its first answer, a failure; then it takes everything.
struct Chat {
    url: String,
    paths: Arc<Mutex<Vec<String>>>,
    texts: Arc<Mutex<Vec<String>>>,
}

impl Chat {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let chat = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            paths: Arc::default(),
            texts: Arc::default(),
        };
        let (paths, texts) = (Arc::clone(&chat.paths), Arc::clone(&chat.texts));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(&stream, &paths, &texts);
            }
        });
        chat
    }

    fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }
}

fn answer(stream: &TcpStream, paths: &Mutex<Vec<String>>, texts: &Mutex<Vec<String>>) {
    let Some((head, message)) = request(stream) else { return };
    let path = head[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let is_first = paths.lock().unwrap().is_empty();
    paths.lock().unwrap().push(path.clone());
    let (status, body) = if is_first {
        ("500 Internal Server Error", format!("no route to {path}"))
    } else {
        texts.lock().unwrap().push(message["text"].as_str().unwrap().into());
        ("200 OK", "{\"ok\":true}".into())
    };
    reply(stream, status, &body);
}

/// The lines of a request's head, and the JSON behind them; none where the sender has gone.
fn request(stream: &TcpStream) -> Option<(Vec<String>, serde_json::Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let mut body = vec![0; header(&head, "content-length").parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((head, serde_json::from_slice(&body).unwrap()))
}

/// The value of a header; empty where there is none of that name.
fn header<'a>(head: &'a [String], name: &str) -> &'a str {
    let mut headers = head.iter().filter_map(|line| line.split_once(':'));
    let named = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map_or("", |(_, value)| value.trim())
}

fn reply(mut stream: &TcpStream, status: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // Whoever asked may have gone.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// A stand-in of a receiver of webhooks. At first it leaves its senders without an answer; then it takes everything.
struct Hook {
    url: String,
    answers: Arc<AtomicBool>,
    /// The `webhook-id` of each message, and what it should be.
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Hook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            answers: Arc::default(),
            got: Arc::default(),
        };
        let (answers, got) = (Arc::clone(&hook.answers), Arc::clone(&hook.got));
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let Some((head, message)) = request(&stream) else {
                    continue;
                };
                let (id, alert) = (header(&head, "webhook-id").to_owned(), &message["data"]);
                let made_of = format!("{}-{}", alert["alert_id"].as_str().unwrap(), alert["revision"]);
                let is_answered = answers.load(Ordering::SeqCst);
                got.lock().unwrap().push((id, made_of));
                if is_answered {
                    reply(&stream, "200 OK", "");
                } else {
                    unanswered.push(stream);
                }
            }
        });
        hook
    }

    fn got(&self) -> Vec<(String, String)> {
        self.got.lock().unwrap().clone()
    }
}

/// A GET of the service's HTTP port.
pub(super) fn get(address: &str, path: &str) -> Option<serde_json::Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
}

/// Readings of a meter every 10 s for `windows` windows of five minutes, and one behind them that closes the last.
pub(super) fn readings(meter: &str, begin: Timestamp, windows: std::ops::Range<i64>, level: f64) -> Vec<String> {
    let event =
        |time: Timestamp, level: f64| format!(r#"{{"meter_id":"{meter}","timestamp":"{time}","level_db":{level}}}"#);
    let at = |step: i64| Timestamp(begin.0 + step * 10 * SECOND);
    let mut events: Vec<String> = (30 * windows.start..30 * windows.end)
        .map(|step| event(at(step), level + (step % 3) as f64))
        .collect();
    events.push(event(Timestamp(at(30 * windows.end).0 + MINUTE), 50.0));
    events
}

/// The same of several meters, in the order of their times: on one partition a meter that came behind another would be late.
fn side_by_side(meters: [(&str, f64); 3], begin: Timestamp, windows: std::ops::Range<i64>) -> Vec<String> {
    let of_each = meters
        .into_iter()
        .flat_map(|(meter, level)| readings(meter, begin, windows.clone(), level));
    let mut events: Vec<String> = of_each.collect();
    events.sort_by_cached_key(|event| event.split_once("timestamp").map(|(_, rest)| rest.to_owned()));
    events
}

/// Adds a suppression of this meter to the configuration, and has the running service read it.
fn suppress(service: &Service, folder: &Path, config: &str, meter: &str, begin: Timestamp) {
    let until = Timestamp(begin.0 + DAY);
    let suppression = format!(
        "[[alerts.suppressions]]\nname = \"works\"\nfrom = \"{begin}\"\nuntil = \"{until}\"\nkeys = [\"{meter}\"]\n"
    );
    std::fs::write(folder.join("arterial.toml"), format!("{config}{suppression}")).unwrap();
    arterial_testing::signal(&service.0, "HUP");
    wait_for("the suppression to be read", || {
        let log = std::fs::read(folder.join("log")).unwrap();
        let said = String::from_utf8_lossy(&log).contains("log filter and suppressions read again");
        said.then_some(())
    });
}

#[test]
fn alerts_reach_kafka_and_a_chat_but_not_those_suppressed_since_sighup_and_no_line_of_a_talkative_log_has_the_token() {
    let Some(broker) = KafkaBroker::start() else { return };
    for topic in ["noise", "forecasts", "quarantine"] {
        broker.create_topic(topic, 1);
    }
    broker.create_topic("city-alerts", 2);
    let chat = Chat::start();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    std::fs::create_dir_all(folder.path().join("streams")).unwrap();
    let rule = "\n[[rules]]\nkind = \"impossible\"\nfields = [\"level_db\"]\nrange = [0, 120]\n";
    std::fs::write(folder.path().join("streams/noise.toml"), format!("{NOISE}{rule}")).unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    let config = format!(
        "[kafka]\nbrokers = \"{}\"\nassignment = \"manual\"\n\
         [streams]\nfolder = \"{place}/streams\"\nenabled = [\"noise\"]\n[lake]\nurl = \"{place}/lake\"\n\
         [server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n[serving]\ntargets = [\"noise.level_db\"]\n\
         [telemetry]\nlog = \"trace\"\n[alerts]\nwatch = [\"noise.level_db\"]\n\
         [alerts.sinks.archive]\nkind = \"kafka\"\ntopic = \"city-alerts\"\n\
         [alerts.sinks.chat]\nkind = \"telegram\"\nurl = \"{}\"\nchat = \"-100\"\ntoken_file = \"{place}/token\"\n",
        broker.address(),
        chat.url,
    );
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let (service, ready) = Service::launch(folder.path(), &config, log.into());
    let http = ready["http"].as_str().unwrap();

    let window = arterial_datasets::time::Duration(5 * MINUTE);
    let begin = Timestamp(SystemClock.now().window_start(window).0 - 180 * MINUTE);
    broker.produce("noise", 0, readings("M1", begin, 0..2, 50.0));
    wait_for("the first windows to be looked at", || {
        let alerts = get(http, "/v1/alerts")?;
        alerts["watched"][0]["next_window"].as_str().map(drop)
    });
    broker.produce("noise", 0, readings("M1", begin, 2..5, 150.0));
    wait_for("a message", || (!chat.texts().is_empty()).then_some(()));
    broker.produce("noise", 0, readings("M1", begin, 5..24, 50.0));
    wait_for("the end of the alert", || {
        let text = chat.texts().last().cloned()?;
        text.starts_with('✅').then_some(())
    });
    let alerts = get(http, "/v1/alerts").unwrap();
    let alert = &alerts["alerts"][0];
    assert_eq!(
        (&alert["kind"], &alert["state"]),
        (&"sensor_fault".into(), &"resolved".into()),
        "{alerts}"
    );

    // Each revision is a record with the alert's id as its key, in order.
    let revision = alert["revision"].as_u64().unwrap();
    let records = wait_for("the records", || {
        let records = broker.records("city-alerts", 2);
        (records.len() as u64 == revision + 1).then_some(records)
    });
    for (number, (key, payload)) in records.iter().enumerate() {
        let record: serde_json::Value = serde_json::from_str(payload).unwrap();
        assert_eq!(&alert["alert_id"], key.as_str());
        assert_eq!(record["revision"], number);
        assert_eq!(record["kind"], "sensor_fault");
    }

    // Two more meters break at the same time, and of one of them it is known why.
    suppress(&service, folder.path(), &config, "M2", begin);
    for (windows, level) in [(24..26, 50.0), (26..29, 150.0), (29..35, 50.0)] {
        let meters = [("M1", 50.0), ("M2", level), ("M3", level)];
        broker.produce("noise", 0, side_by_side(meters, begin, windows));
    }
    let of_meter = |record: &serde_json::Value, meter: &str| record["keys"] == serde_json::json!([meter]);
    let told = wait_for("the end of the other alert to be told", || {
        let records = broker.records("city-alerts", 2);
        let told: Vec<serde_json::Value> = records
            .iter()
            .map(|(_, payload)| serde_json::from_str(payload).unwrap())
            .collect();
        let is_over = |record: &serde_json::Value| of_meter(record, "M3") && record["state"] == "resolved";
        told.iter().any(is_over).then_some(told)
    });
    assert!(!told.iter().any(|record| of_meter(record, "M2")), "{told:?}");
    let alerts = get(http, "/v1/alerts").unwrap();
    let mut recorded = alerts["alerts"].as_array().unwrap().iter();
    let suppressed = recorded.find(|alert| of_meter(alert, "M2")).expect("it is recorded");
    assert_eq!(suppressed["held_back_by"], "works", "{alerts}");
    let id = suppressed["alert_id"].as_str().unwrap();
    assert!(!chat.texts().iter().any(|text| text.contains(id)), "{id}");
    assert_eq!(service.terminate(), Some(0));

    let log = std::fs::read_to_string(&path).unwrap();
    assert!(chat.paths.lock().unwrap().iter().all(|path| path.contains(TOKEN)));
    assert!(log.contains("TRACE"), "the log is talkative");
    assert!(log.contains("500 Internal Server Error"), "the failure was told");
    let told = log.lines().find(|line| line.contains("hush"));
    assert_eq!(told, None, "the token is in the log");
}

#[test]
fn a_service_that_is_killed_while_an_alert_goes_on_raises_no_other_and_tells_of_every_revision() {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.create_topic("noise", 1);
    let hook = Hook::start();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    std::fs::create_dir_all(folder.path().join("streams")).unwrap();
    let rule = "\n[[rules]]\nkind = \"impossible\"\nfields = [\"level_db\"]\nrange = [0, 120]\n";
    std::fs::write(folder.path().join("streams/noise.toml"), format!("{NOISE}{rule}")).unwrap();
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let config = format!(
        "[kafka]\nbrokers = \"{}\"\nassignment = \"manual\"\npublish_results = false\n\
         [streams]\nfolder = \"{place}/streams\"\nenabled = [\"noise\"]\n[lake]\nurl = \"{place}/lake\"\n\
         [server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ndrain_delay = \"0s\"\n[serving]\ntargets = [\"noise.level_db\"]\n\
         [alerts]\nwatch = [\"noise.level_db\"]\n\
         [alerts.sinks.hook]\nkind = \"webhook\"\nurl = \"{}\"\nsecret_file = \"{place}/secret\"\n",
        broker.address(),
        hook.url,
    );
    let window = arterial_datasets::time::Duration(5 * MINUTE);
    let begin = Timestamp(SystemClock.now().window_start(window).0 - 180 * MINUTE);

    let (service, ready) = Service::launch(folder.path(), &config, Stdio::inherit());
    broker.produce("noise", 0, readings("M1", begin, 0..2, 50.0));
    wait_for("the first windows to be looked at", || {
        let alerts = get(ready["http"].as_str()?, "/v1/alerts")?;
        alerts["watched"][0]["next_window"].as_str().map(drop)
    });
    broker.produce("noise", 0, readings("M1", begin, 2..4, 150.0));
    wait_for("the alert to be told", || (!hook.got().is_empty()).then_some(()));
    // SIGKILL, before it knows that the message has arrived.
    drop(service);
    hook.answers.store(true, Ordering::SeqCst);

    let (again, ready) = Service::launch(folder.path(), &config, Stdio::inherit());
    broker.produce("noise", 0, readings("M1", begin, 4..6, 150.0));
    broker.produce("noise", 0, readings("M1", begin, 6..24, 50.0));
    let alerts = wait_for("the end of the alert", || {
        let page = get(ready["http"].as_str()?, "/v1/alerts")?;
        let alerts = page["alerts"].as_array()?.clone();
        let is_over = !alerts.is_empty() && alerts.iter().all(|alert| alert["state"] == "resolved");
        is_over.then_some(alerts)
    });
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let alert_id = alerts[0]["alert_id"].as_str().unwrap();
    let revisions = revisions(&tokio::runtime::Runtime::new().unwrap(), &ready);
    let numbers: Vec<i64> = (1..=revisions.len() as i64).collect();
    let sequences: Vec<i64> = revisions.iter().map(|(_, sequence)| *sequence).collect();
    assert_eq!(sequences, numbers, "no revision is missing or there twice");
    assert!(revisions.iter().all(|(id, _)| id == alert_id), "{revisions:?}");

    let of_revision = |number: usize| format!("{alert_id}-{number}");
    let all: BTreeSet<String> = (0..revisions.len()).map(of_revision).collect();
    let got = wait_for("every revision to be told", || {
        let got = hook.got();
        let told: BTreeSet<String> = got.iter().map(|(id, _)| id.clone()).collect();
        (told == all).then_some(got)
    });
    assert!(got.iter().all(|(id, made_of)| id == made_of), "{got:?}");
    // What was not known to have arrived came again, under the same id.
    let first = got.iter().filter(|(id, _)| *id == of_revision(0)).count();
    assert!(first > 1, "{got:?}");
    assert_eq!(again.terminate(), Some(0));
}

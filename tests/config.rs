//! Wrong configurations: each gets an error that names key, value and place, exit code 2, and nothing is made.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

/// What is wrong, by section, and the key and value that the error names.
const BAD: [(&str, &str, &str, &str); 44] = [
    ("site", "timezone = \"Mars/Base\"", "site.timezone", "Mars/Base"),
    (
        "site",
        "holidays = \"/nowhere/days.csv\"",
        "site.holidays",
        "/nowhere/days.csv",
    ),
    ("kafka", "brokers = \"foo bar\"", "kafka.brokers", "foo bar"),
    ("kafka", "brokers = \"\"", "kafka.brokers", ""),
    ("kafka", "assignment = \"some\"", "kafka.assignment", "some"),
    ("kafka", "group = \"\"", "kafka.group", ""),
    ("kafka", "result_prefix = \"a b\"", "kafka.result_prefix", "a b"),
    ("kafka", "max_record_bytes = 0", "kafka.max_record_bytes", "0"),
    (
        "kafka.properties",
        "\"nonsense.key\" = \"1\"",
        "kafka.properties.nonsense.key",
        "1",
    ),
    (
        "kafka.properties",
        "\"security.protocol\" = \"none\"",
        "kafka.properties.security.protocol",
        "none",
    ),
    (
        "kafka.properties",
        "\"enable.auto.commit\" = \"true\"",
        "kafka.properties.enable.auto.commit",
        "true",
    ),
    ("kafka.properties", "foo = 5", "kafka.properties.foo", "5"),
    ("streams", "folder = \"/nowhere\"", "streams.folder", "/nowhere"),
    ("streams", "enabled = [\"trafic\"]", "streams.enabled", "trafic"),
    ("lake", "url = \"ftp://x\"", "lake.url", "ftp://x"),
    ("lake", "url = \"s3://\"", "lake.url", "s3://"),
    ("lake", "url = \"s3://bucket/lake\"", "privacy.identity_key", ""),
    ("lake", "maintain_every = \"soon\"", "lake.maintain_every", "soon"),
    ("lake", "vacuum_after = \"99999999d\"", "lake.vacuum_after", "99999999d"),
    ("lake.options", "bogus = \"1\"", "lake.options", "bogus"),
    ("registry", "url = \"http://host\"", "registry.url", "http://host"),
    ("registry", "poll_every = \"0s\"", "registry.poll_every", "0s"),
    ("ingest", "flush_records = 0", "ingest.flush_records", "0"),
    ("ingest", "late_cache_bytes = -1", "ingest.late_cache_bytes", "-1"),
    ("server", "max_message_bytes = 0", "server.max_message_bytes", "0"),
    ("server", "max_concurrent_calls = 0", "server.max_concurrent_calls", "0"),
    ("server", "max_followers = 0", "server.max_followers", "0"),
    ("server", "longest_call = \"0s\"", "server.longest_call", "0s"),
    ("server", "grpc = \"foo\"", "server.grpc", "foo"),
    ("server", "http = \"foo:bar\"", "server.http", "foo:bar"),
    ("serving", "horizons_minutes = [0]", "serving.horizons_minutes", "0"),
    ("serving", "horizons_minutes = [5, 7]", "serving.horizons_minutes", "7"),
    ("serving", "targets = [\"foo.bar\"]", "serving.targets", "foo.bar"),
    (
        "serving",
        "targets = [\"traffic-sensors.road_id\"]",
        "serving.targets",
        "traffic-sensors.road_id",
    ),
    ("serving", "targets = [\"speed\"]", "serving.targets", "speed"),
    ("serving", "history = \"0s\"", "serving.history", "0s"),
    (
        "alerts",
        "graph = \"/nowhere/flows.csv\"",
        "alerts.graph",
        "/nowhere/flows.csv",
    ),
    ("redis", "url = \"localhost\"", "redis.url", "localhost"),
    ("redis", "prefix = \"a b\"", "redis.prefix", "a b"),
    ("redis", "ttl = \"10ms\"", "redis.ttl", "10ms"),
    (
        "telemetry",
        "otlp_endpoint = \"host\"",
        "telemetry.otlp_endpoint",
        "host",
    ),
    ("telemetry", "trace_ratio = 1.5", "telemetry.trace_ratio", "1.5"),
    ("telemetry", "service_name = \"\"", "telemetry.service_name", ""),
    ("telemetry", "log = \"bogus\"", "telemetry.log", "bogus"),
];

/// Wrong in every section, by what is seen as the file is read and by what is seen as its values are checked.
const MANY: &str = r#"[site]
timezone = "Mars/Base"
[kafka]
brokers = "foo bar"
groups = "a"
[kafka.properties]
odd = "1"
[streams]
folder = "/nowhere"
enabled = ["noise"]
[server]
grpc = "foo"
http = 5
drain = "soon"
max_watchers = 0
[alerts.sinks.chat]
kind = "webhook"
timeout = "1ms"
"#;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ARTERIAL_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder);
    command
}

fn arterial(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Runs a command that must end with 2 and leave nothing, and gives what it said.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let before = files(folder);
    let said = arterial_testing::refused(&mut command(folder, arguments), 2);
    assert_eq!(files(folder), before, "{arguments:?} left something: {said}");
    said
}

fn files(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// A good configuration, in which one section begins with `line`.
fn configuration(section: &str, line: &str) -> String {
    let key = line.split(" = ").next().unwrap_or_default();
    let mut text = String::new();
    for (name, lines) in [
        ("kafka", vec!["brokers = \"127.0.0.1:1\""]),
        ("kafka.properties", vec![]),
        ("lake", vec!["url = \"lake\""]),
        ("lake.options", vec![]),
        ("server", vec!["grpc = \"127.0.0.1:0\"", "http = \"127.0.0.1:0\""]),
    ] {
        let own = lines
            .into_iter()
            .filter(|one| !(name == section && one.starts_with(&format!("{key} "))));
        let added = (name == section).then_some(line);
        let lines: Vec<&str> = added.into_iter().chain(own).collect();
        writeln!(text, "[{name}]\n{}", lines.join("\n")).unwrap();
    }
    if !text.contains(line) {
        writeln!(text, "[{section}]\n{line}").unwrap();
    }
    text
}

#[test]
fn every_wrong_value_is_refused_with_key_value_and_line_before_anything_is_made() {
    for (section, line, key, value) in BAD {
        let folder = tempfile::tempdir().unwrap();
        let text = configuration(section, line);
        std::fs::write(folder.path().join("arterial.toml"), &text).unwrap();
        for arguments in [
            ["config", "check", "--config", "arterial.toml"].as_slice(),
            &["run", "--config", "arterial.toml"],
        ] {
            let said = refused(folder.path(), arguments);
            assert!(said.contains(&format!("`{key}")), "{line}: {said}");
            assert!(said.contains(value), "{line}: {said}");
            let number = text.lines().position(|one| one == line).unwrap() + 1;
            let place = if line.contains("s3://bucket") {
                "arterial.toml: ".into()
            } else {
                format!("arterial.toml:{number}: ")
            };
            assert!(said.contains(&place), "{line}: {said}");
        }
    }
}

#[test]
fn a_good_configuration_is_said_to_be_fine_and_an_empty_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("good.toml"),
        configuration("site", "timezone = \"Europe/Paris\""),
    )
    .unwrap();
    let output = arterial(folder.path(), &["config", "check", "--config", "good.toml"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(files(folder.path()), ["good.toml"]);
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    let said = refused(folder.path(), &["config", "check", "--config", "empty.toml"]);
    assert!(said.contains("empty.toml: `kafka.brokers`"), "{said}");
}

/// A good configuration with `more`, and what its check says: the exit code, and standard error.
fn checked(more: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[kafka]\nbrokers = \"127.0.0.1:1\"\n[lake]\nurl = \"lake\"\n{more}\n");
    std::fs::write(folder.path().join("arterial.toml"), text).unwrap();
    let output = arterial(folder.path(), &["config", "check", "--config", "arterial.toml"]);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_wrong_in_a_list_of_sections_is_told_with_its_line() {
    let (code, said) = checked("[[alerts.routes]]\nsinks = [\"x\"]\n[[alerts.routes]]\nto = [\"y\"]");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("arterial.toml:8: `alerts.routes.to`"), "{said}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("odd.toml"), MANY).unwrap();
    let said = refused(folder.path(), &["config", "check", "--config", "odd.toml"]);
    assert!(said.starts_with("error: 11 things are wrong:\n"), "{said}");
    for part in [
        "odd.toml:2: `site.timezone` is `Mars/Base`",
        "odd.toml:4: `kafka.brokers` is `foo bar`",
        "odd.toml:5: `kafka.groups`: accepted keys of `kafka`",
        "odd.toml:7: `kafka.properties.odd` is `1`",
        "odd.toml:9: `streams.folder` is `/nowhere`",
        "odd.toml:12: `server.grpc` is `foo`",
        "odd.toml:13: `server.http`: is `5`",
        "odd.toml:14: `server.drain`",
        "odd.toml:15: `server.max_watchers` is `0`",
        "odd.toml:18: `alerts.sinks.chat.timeout` is `1ms`",
        "odd.toml: `lake.url` is missing",
    ] {
        assert_eq!(said.matches(part).count(), 1, "{part}: {said}");
    }
}

#[test]
fn a_section_that_is_written_as_a_key_is_said_to_be_a_section() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("odd.toml"), "site = 3\n").unwrap();
    let said = refused(folder.path(), &["config", "check", "--config", "odd.toml"]);
    assert!(said.contains("odd.toml:1: `site` is a section: `[site]`"), "{said}");
}

#[test]
fn two_servers_on_one_address_are_refused_unless_each_takes_a_free_port() {
    let (code, said) = checked("[server]\ngrpc = \"127.0.0.1:50051\"\nhttp = \"127.0.0.1:50051\"");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("arterial.toml:7: `server.http` is `127.0.0.1:50051`"),
        "{said}"
    );
    let (code, said) = checked("[server]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"");
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn an_address_that_strangers_reach_is_fine_with_a_warning() {
    let (code, said) = checked("[server]\nhttp = \"0.0.0.0:8080\"");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("warning: arterial.toml:6: `server.http` is `0.0.0.0:8080`"),
        "{said}"
    );
}

#[test]
fn wrong_options_leave_nothing_behind_either() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.toml"), configuration("site", "name = \"x\"")).unwrap();
    for arguments in [
        ["run", "--config", "good.toml", "--grpc", "foo"].as_slice(),
        &["demo", "--once", "--dir", "demo", "--grpc", "foo"],
    ] {
        let said = refused(folder.path(), arguments);
        assert!(
            said.contains("--grpc") && said.contains("`server.grpc` is `foo`"),
            "{said}"
        );
    }
    let said = refused(
        folder.path(),
        &["quarantine", "list", "--lake", "lake", "--reason", "FOO"],
    );
    assert!(said.contains("`FOO`") && said.contains("NOT_JSON"), "{said}");
}

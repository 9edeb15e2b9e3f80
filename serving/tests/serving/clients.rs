//! Clients that others wrote, against the running service. Where Python or Java is missing a test is skipped and says so.

use std::process::{Command, Output};

use arterial_testing::run_beside;

use crate::server::{TOKEN, guarded};
use crate::support::{Service, batch, eventually, ready, write};

/// What the client over ADBC prints of the history that services here are ready with.
const OVER_ADBC: &str = "\
48 string timestamp[us, tz=UTC] 50.0
(24,)
(0,)
2 2026-01-05T01:05:00+00:00
11 2026-01-05T01:05:00+00:00
True
True
True
arterial public [('traffic_sensors_latest', 'VIEW', True), ('traffic_sensors_windows', 'TABLE', True)]
VARCHAR DOUBLE
Arterial ['TABLE', 'VIEW']
['topic', 'key', 'target'] From the origin to the target time; min
ProgrammingError True False
ProgrammingError False True
";
/// The same of the client over JDBC.
const OVER_JDBC: &str = "\
Arterial readOnly=true
[traffic_sensors_latest:VIEW, traffic_sensors_windows:TABLE]
[speed_kmh_mean:DOUBLE:Mean of `speed_kmh` in the window; km/h, speed_kmh_min:DOUBLE:Lowest of `speed_kmh` in the window; km/h, speed_kmh_max:DOUBLE:Highest of `speed_kmh` in the window; km/h]
[key, window_start, revision]
arterial
[]
true true true true true true false 50
4 speed_kmh_mean DOUBLE
a 2026-01-05T00:00:00Z 50.0 1
b 2026-01-05T00:00:00Z 80.0 1
a 24 50.0
b 24 80.0
nobody 0 0.0
[2026-01-05T01:05:00Z, 2026-01-05T01:10:00Z]
11
true
true
true
";
/// Almost the token.
const WRONG: &str = "0123456789-abcdeX";

/// Runs a client that the service does not let in.
async fn refused(mut command: Command) {
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    let Output { status, stderr, .. } = ended.unwrap().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(
        !status.success() && said.contains("the token of this service is missing or another one"),
        "{said}"
    );
}

/// A client's script, told where the service and its lake are; none where there is no Python with its libraries.
fn python(service: &Service, script: &str, libraries: &str) -> Option<Command> {
    let mut command = Command::new(arterial_testing::python(libraries)?);
    command
        .arg(format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR")))
        .arg(format!("grpc://{}", service.running.grpc_addr))
        .arg(service.folder.path());
    Some(command)
}

/// The client over ADBC, with a name and a password where it logs in.
fn adbc(service: &Service, login: &[&str]) -> Option<Command> {
    let mut command = python(service, "adbc.py", "adbc_driver_flightsql.dbapi")?;
    command.args(login);
    Some(command)
}

/// The driver for JDBC.
fn driver() -> Option<String> {
    let jars = arterial_testing::jars::jdbc_class_path();
    jars.inspect_err(|lack| arterial_testing::missing("jdbc", lack)).ok()
}

/// The client over JDBC; `login` is the end of its address.
fn jdbc(service: &Service, driver: &str, login: &str) -> Command {
    let address = service.running.grpc_addr;
    let mut command = Command::new("java");
    command
        .args([
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            driver,
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/Jdbc.java"))
        .arg(format!("jdbc:arrow-flight-sql://{address}/?useEncryption=false{login}"));
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyarrow_lists_reads_and_has_windows_forecast() {
    let service = ready(24).await;
    let Some(command) = python(&service, "flight.py", "pyarrow.flight") else {
        return;
    };
    assert_eq!(
        run_beside(command).await,
        "['traffic_sensors_latest', 'traffic_sensors_windows']\n\
         double km/h Mean of `speed_kmh` in the window\n\
         48\n\
         dictionary<values=string, indices=int32, ordered=0> [80.0, 80.0]\n\
         2026-02-02 08:00:00+00:00 5 42.0 {'a': 'OK', 'nobody': 'OUT_OF_DOMAIN'}\n\
         2026-02-02 08:05:00+00:00 5 47.0 {'a': 'OK', 'nobody': 'OUT_OF_DOMAIN'}\n\
         ArrowKeyError True False\n\
         ArrowInvalid False True\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adbc_fetches_binds_and_lists() {
    let service = ready(24).await;
    for login in [&["anybody", "anything"][..], &[]] {
        let Some(command) = adbc(&service, login) else {
            return;
        };
        assert_eq!(run_beside(command).await, OVER_ADBC);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adbc_logs_in_with_the_token_as_its_password() {
    let (service, _file) = guarded().await;
    let Some(command) = adbc(&service, &["anybody", TOKEN]) else {
        return;
    };
    assert_eq!(run_beside(command).await, OVER_ADBC);
    for login in [&["anybody", WRONG][..], &[]] {
        let Some(command) = adbc(&service, login) else {
            return;
        };
        refused(command).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duckdb_and_polars_read_the_tables_of_a_running_service_as_sql_does() {
    let service = ready(24).await;
    service.close_window(24, [40.0, 70.0]).await;
    write(&service.lake, batch(&[("a", "north", 23, 1, Some(90.0))])).await;
    eventually("forecasts are in the lake", async || {
        let text = service.state.metrics_text();
        text.contains("arterial_sink_rows_total{sink=\"lake\"}")
    })
    .await;
    let libraries = "deltalake, duckdb, polars, adbc_driver_flightsql.dbapi";
    let Some(command) = python(&service, "delta.py", libraries) else {
        return;
    };
    assert_eq!(
        run_beside(command).await,
        "traffic_sensors_windows ['a', 'b'] True True True\n\
         forecasts ['a', 'b'] True True True\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_queries_prepares_and_lists() {
    let Some(driver) = driver() else { return };
    let service = ready(24).await;
    for login in ["", "&user=anybody&password=anything"] {
        assert_eq!(run_beside(jdbc(&service, &driver, login)).await, OVER_JDBC);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_logs_in_with_the_token_as_its_password() {
    let Some(driver) = driver() else { return };
    let (service, _file) = guarded().await;
    let login = |password: &str| jdbc(&service, &driver, &format!("&user=anybody&password={password}"));
    assert_eq!(run_beside(login(TOKEN)).await, OVER_JDBC);
    refused(login(WRONG)).await;
}

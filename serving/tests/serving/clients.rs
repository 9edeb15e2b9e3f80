//! Clients that others wrote, against the running service. Where Python or Java is missing a test says so and passes.

use std::process::{Command, Output};

use crate::support::{Service, batch, eventually, ready, write};

/// Runs a program that a client's user could have written.
async fn run(mut command: Command) -> String {
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

async fn python(service: &Service, script: &str, library: &str) -> Option<String> {
    let python = std::env::var("ARTERIAL_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python)
        .args(["-c", &format!("import {library}")])
        .output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `{python}` has no {library}; scripts/clients makes an environment that has");
        return None;
    }
    let mut command = Command::new(python);
    command
        .arg(format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR")))
        .arg(format!("grpc://{}", service.running.grpc_addr))
        .arg(service.folder.path());
    Some(run(command).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyarrow_lists_reads_and_has_windows_forecast() {
    let service = ready(24).await;
    let Some(said) = python(&service, "flight.py", "pyarrow.flight").await else {
        return;
    };
    assert_eq!(
        said,
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
    let Some(said) = python(&service, "adbc.py", "adbc_driver_flightsql.dbapi").await else {
        return;
    };
    assert_eq!(
        said,
        "48 string timestamp[us, tz=UTC] 50.0\n\
         (24,)\n\
         (0,)\n\
         arterial public [('traffic_sensors_latest', 'VIEW', True), ('traffic_sensors_windows', 'TABLE', True)]\n\
         Arterial ['TABLE', 'VIEW']\n\
         ['topic', 'key', 'target']\n\
         ProgrammingError True False\n\
         ProgrammingError False True\n"
    );
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
    let Some(said) = python(&service, "delta.py", libraries).await else {
        return;
    };
    assert_eq!(
        said,
        "traffic_sensors_windows ['a', 'b'] True True True\n\
         forecasts ['a', 'b'] True True True\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_queries_prepares_and_lists() {
    let jars = match arterial_testing::jars::jdbc_class_path() {
        Ok(jars) => jars,
        Err(missing) => return eprintln!("skipped: {missing}"),
    };
    let service = ready(24).await;
    for login in ["", "&user=anybody&password=anything"] {
        let mut command = Command::new("java");
        command
            .args([
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                &jars,
            ])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/Jdbc.java"))
            .arg(format!(
                "jdbc:arrow-flight-sql://{}/?useEncryption=false{login}",
                service.running.grpc_addr
            ));
        assert_eq!(
            run(command).await,
            "Arterial readOnly=true\n\
             [traffic_sensors_latest:VIEW, traffic_sensors_windows:TABLE]\n\
             [speed_kmh_mean:DOUBLE, speed_kmh_min:DOUBLE, speed_kmh_max:DOUBLE]\n\
             [key, window_start, revision]\n\
             arterial\n\
             4 speed_kmh_mean DOUBLE\n\
             a 2026-01-05T00:00:00Z 50.0 1\n\
             b 2026-01-05T00:00:00Z 80.0 1\n\
             a 24 50.0\n\
             b 24 80.0\n\
             nobody 0 0.0\n\
             true\n"
        );
    }
}

//! Clients that are generated from the `.proto` files, against the running service: Python by grpcio-tools, JavaScript by grpc-js and,
//! over gRPC-Web, by Connect. Where Python or Node.js has not what it takes, a test is skipped and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use arterial_testing::run_beside;

use crate::support::ready;

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");

pub fn client(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_stubs_forecast_watch_explain_and_read_errors() {
    let Some(python) = arterial_testing::python("grpc_tools") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let mut generate = Command::new(&python);
    generate
        .args(["-m", "grpc_tools.protoc", "-I", PROTO])
        .arg(format!("--python_out={out}"))
        .arg(format!("--grpc_python_out={out}"))
        .args(["alert", "analytics", "catalog", "forecast", "model"].map(|file| format!("arterial/v1/{file}.proto")));
    run_beside(generate).await;
    let service = ready(24).await;
    let mut command = Command::new(&python);
    command
        .arg(client("stubs.py"))
        .arg(service.running.grpc_addr.to_string())
        .arg(out);
    assert_eq!(
        run_beside(command).await,
        "a 15 [(0.1, 50.0), (0.5, 54.0), (0.9, 58.0)] 1\n\
         x UNKNOWN_KEY\n\
         key: \"a\"\n behind+a\n\
         80.0 [('step', 3.0), ('constant', 1.0)]\n\
         3 True\n\
         INVALID_ARGUMENT `quantiles` is `1.5`, accepted: fractions strictly between 0 and 1, such as 0.1\n\
         True True\n\
         ['air-quality', 'bike-share']\n\
         0\n"
    );
}

/// A folder in `ARTERIAL_NODE_CLIENTS`, beside `node_modules`, and where the programs of those are; none where `module` is not among them.
pub fn node_folder(module: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let home = std::env::var("ARTERIAL_NODE_CLIENTS").unwrap_or_default();
    let modules = Path::new(&home).join("node_modules");
    if !modules.join(module).is_dir() {
        let what =
            format!("no JavaScript clients with {module} here; set ARTERIAL_NODE_CLIENTS=$(scripts/node-clients)");
        arterial_testing::missing("node", &what);
        return None;
    }
    Some((tempfile::tempdir_in(&home).unwrap(), modules.join(".bin")))
}

/// Such a folder with JavaScript generated from the `.proto` files in `gen`; none where there are no JavaScript clients.
pub async fn generated_javascript() -> Option<tempfile::TempDir> {
    let (folder, tools) = node_folder("@bufbuild/buf")?;
    let mut generate = Command::new(tools.join("buf"));
    let search = std::env::var("PATH").unwrap_or_default();
    generate
        .args(["generate", "--output", folder.path().to_str().unwrap()])
        .current_dir(PROTO)
        .env("PATH", format!("{}:{search}", tools.display()));
    run_beside(generate).await;
    Some(folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_clients_forecast_watch_and_read_errors_over_grpc_and_grpc_web() {
    let Some(folder) = generated_javascript().await else {
        return;
    };
    let service = ready(24).await;
    let script = folder.path().join("stubs.mjs");
    std::fs::copy(client("stubs.mjs"), &script).unwrap();
    let mut command = Command::new("node");
    command
        .arg(script)
        .arg(service.running.grpc_addr.to_string())
        .arg(PROTO);
    assert_eq!(
        run_beside(command).await,
        "a 15 50 54 58 1\n\
         INVALID_ARGUMENT `quantiles` is `1.5`, accepted: fractions strictly between 0 and 1, such as 0.1 1\n\
         3\n\
         50 54 58 64\n\
         3 true\n\
         InvalidArgument `horizons_minutes` is `7`, accepted: multiples of 5m, at most 5d google.rpc.ErrorInfo google.rpc.BadRequest\n"
    );
}

//! Schemathesis asks what the OpenAPI document allows, and what it does not, and holds every answer to it. Where it is not installed the
//! test is skipped and says so.

use std::path::Path;
use std::process::Command;

use arterial_testing::{missing, run_beside};

use crate::http::city;

/// Everything that can be held against an answer, but that every request that a schema allows is taken: which streams, keys and
/// horizons there are no schema can say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_interface_is_described() {
    let python = std::env::var("ARTERIAL_PYTHON").unwrap_or_else(|_| "python3".into());
    let program = Path::new(&python).with_file_name("schemathesis");
    if !Command::new(&program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let program = program.display();
        let what = format!("`{program}` is not there; what ARTERIAL_PYTHON=$(scripts/clients) makes has it");
        return missing("python", &what);
    }
    let service = city().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(folder.path())
        .args(["run", "--checks", CHECKS])
        // It never ends; tests of its own hold it.
        .args(["--exclude-path", "/v1/events"])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "12",
            "--generation-deterministic",
        ])
        .args(["--warnings", "off", "--request-timeout", "10", "--no-color"])
        .arg(format!("http://{}/openapi.json", service.running.http_addr));
    run_beside(command).await;
}

//! Calls over gRPC under the names that gRPC's own middlewares use, so that ready-made dashboards and alerts work.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tonic::Code;

use super::family::{Family, Kind};
use super::histogram::Histogram;

const STARTED: Family = Family {
    name: "grpc_server_started_total",
    kind: Kind::Counter,
    help: "Calls that began, by type, service and method.",
};
const HANDLED: Family = Family {
    name: "grpc_server_handled_total",
    kind: Kind::Counter,
    help: "Calls that ended, by type, service, method and code.",
};
const HANDLING: Family = Family {
    name: "grpc_server_handling_seconds",
    kind: Kind::Histogram,
    help: "Time from a call's begin to the end of its answer, by type, service and method.",
};

pub(super) const FAMILIES: [Family; 3] = [STARTED, HANDLED, HANDLING];

/// The codes by number, as gRPC's middlewares spell them.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// The methods of services that are not described in our own files: service, method, and whether client and server stream.
const FOREIGN: [(&str, &str, bool, bool); 14] = [
    ("arrow.flight.protocol.FlightService", "Handshake", true, true),
    ("arrow.flight.protocol.FlightService", "ListFlights", false, true),
    ("arrow.flight.protocol.FlightService", "GetFlightInfo", false, false),
    ("arrow.flight.protocol.FlightService", "PollFlightInfo", false, false),
    ("arrow.flight.protocol.FlightService", "GetSchema", false, false),
    ("arrow.flight.protocol.FlightService", "DoGet", false, true),
    ("arrow.flight.protocol.FlightService", "DoPut", true, true),
    ("arrow.flight.protocol.FlightService", "DoExchange", true, true),
    ("arrow.flight.protocol.FlightService", "DoAction", false, true),
    ("arrow.flight.protocol.FlightService", "ListActions", false, true),
    ("grpc.health.v1.Health", "Check", false, false),
    ("grpc.health.v1.Health", "Watch", false, true),
    (
        "grpc.reflection.v1.ServerReflection",
        "ServerReflectionInfo",
        true,
        true,
    ),
    (
        "grpc.reflection.v1alpha.ServerReflection",
        "ServerReflectionInfo",
        true,
        true,
    ),
];

/// What is counted of one method.
#[derive(Debug)]
struct Method {
    labels: String,
    started: AtomicU64,
    handled: [AtomicU64; CODES.len()],
    handling: Histogram,
}

impl Method {
    fn new(service: &str, name: &str, kind: &str) -> Self {
        Self {
            labels: format!("grpc_type=\"{kind}\",grpc_service=\"{service}\",grpc_method=\"{name}\""),
            started: AtomicU64::default(),
            handled: std::array::from_fn(|_| AtomicU64::default()),
            handling: Histogram::default(),
        }
    }
}

/// The calls of every method. Counting takes no lock, and a path that nobody serves counts under `unknown`: what callers
/// make up adds no series.
#[derive(Debug)]
pub struct GrpcCalls {
    methods: Vec<Method>,
    paths: HashMap<String, usize>,
}

impl Default for GrpcCalls {
    fn default() -> Self {
        let mut methods = vec![Method::new("unknown", "unknown", "unknown")];
        let mut paths = HashMap::new();
        for &(service, name, client, server) in arterial_proto::METHODS.iter().chain(&FOREIGN) {
            let kind = match (client, server) {
                (false, false) => "unary",
                (true, false) => "client_stream",
                (false, true) => "server_stream",
                (true, true) => "bidi_stream",
            };
            paths.insert(format!("/{service}/{name}"), methods.len());
            methods.push(Method::new(service, name, kind));
        }
        Self { methods, paths }
    }
}

/// A call that has begun; say how it [`ended`](GrpcCalls::ended).
#[derive(Debug, Clone, Copy)]
pub struct GrpcCall {
    method: usize,
    started: Instant,
}

impl GrpcCall {
    /// The time since it began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl GrpcCalls {
    /// A call of `path` (`/package.Service/Method`) begins.
    pub fn started(&self, path: &str) -> GrpcCall {
        let method = self.paths.get(path).copied().unwrap_or_default();
        self.methods[method].started.fetch_add(1, Ordering::Relaxed);
        GrpcCall {
            method,
            started: Instant::now(),
        }
    }

    /// It has ended with `code`.
    pub fn ended(&self, call: GrpcCall, code: Code) {
        let method = &self.methods[call.method];
        method.handled[code as usize].fetch_add(1, Ordering::Relaxed);
        method.handling.observe(call.elapsed());
    }

    /// Writes all samples. Methods that nobody has called yet only say so in `grpc_server_started_total`.
    pub(super) fn render(&self, text: &mut String) {
        STARTED.head(text);
        for method in &self.methods {
            let started = method.started.load(Ordering::Relaxed);
            let _ = writeln!(text, "{}{{{}}} {started}", STARTED.name, method.labels);
        }
        let called = || {
            self.methods
                .iter()
                .filter(|one| one.started.load(Ordering::Relaxed) > 0)
        };
        HANDLED.head(text);
        for method in called() {
            for (code, handled) in CODES.iter().zip(&method.handled) {
                let handled = handled.load(Ordering::Relaxed);
                if handled > 0 || *code == "OK" {
                    let _ = writeln!(
                        text,
                        "{}{{{},grpc_code=\"{code}\"}} {handled}",
                        HANDLED.name, method.labels
                    );
                }
            }
        }
        HANDLING.head(text);
        for method in called() {
            method.handling.render(HANDLING.name, &method.labels, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_under_its_method_and_code() {
        let calls = GrpcCalls::default();
        let call = calls.started("/arterial.v1.ForecastService/Forecast");
        calls.ended(call, Code::InvalidArgument);
        let mut text = String::new();
        calls.render(&mut text);
        let labels = "grpc_type=\"unary\",grpc_service=\"arterial.v1.ForecastService\",grpc_method=\"Forecast\"";
        for line in [
            format!("grpc_server_started_total{{{labels}}} 1"),
            format!("grpc_server_handled_total{{{labels},grpc_code=\"InvalidArgument\"}} 1"),
            format!("grpc_server_handling_seconds_count{{{labels}}} 1"),
            format!("grpc_server_handling_seconds_bucket{{{labels},le=\"30\"}} 1"),
        ] {
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn made_up_paths_add_no_series() {
        let calls = GrpcCalls::default();
        let lines = || {
            let mut text = String::new();
            calls.render(&mut text);
            text.lines().count()
        };
        calls.started("/no.Such/Method");
        let before = lines();
        for number in 0..100 {
            calls.started(&format!("/no.Such/Method{number}"));
        }
        assert_eq!(lines(), before);
    }

    #[test]
    fn every_code_of_the_protocol_has_its_name() {
        assert_eq!(CODES[Code::Ok as usize], "OK");
        assert_eq!(CODES[Code::Cancelled as usize], "Canceled");
        assert_eq!(CODES[Code::Unauthenticated as usize], "Unauthenticated");
    }
}

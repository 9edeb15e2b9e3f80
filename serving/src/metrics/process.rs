//! What the system says of this process, under the names that every Prometheus client gives it. Nothing where the system has
//! no `/proc`.

use std::fmt::Write;
use std::path::Path;

use super::family::{Family, Kind};

/// Ticks a second in `/proc`: Linux fixes it for programs, whatever its own clock.
const TICKS: f64 = 100.0;

pub(super) const FAMILIES: [Family; 8] = [
    Family {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        help: "User and system CPU time, in seconds.",
    },
    Family {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        help: "Resident memory, in bytes.",
    },
    Family {
        name: "process_virtual_memory_bytes",
        kind: Kind::Gauge,
        help: "Virtual memory, in bytes.",
    },
    Family {
        name: "process_open_fds",
        kind: Kind::Gauge,
        help: "Open files and connections.",
    },
    Family {
        name: "process_max_fds",
        kind: Kind::Gauge,
        help: "The most files and connections that may be open.",
    },
    Family {
        name: "process_threads",
        kind: Kind::Gauge,
        help: "Threads.",
    },
    Family {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        help: "When the process began, Unix time in seconds.",
    },
    Family {
        name: "arterial_server_build_info",
        kind: Kind::Gauge,
        help: "Always 1; the label says which version runs.",
    },
];

/// What is known of the process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Process {
    cpu: Option<f64>,
    resident: Option<f64>,
    size: Option<f64>,
    open_files: Option<f64>,
    most_files: Option<f64>,
    threads: Option<f64>,
    start: Option<f64>,
}

impl Process {
    /// Writes all samples as of now.
    pub fn render(text: &mut String) {
        let now = Self::read(Path::new("/proc"));
        let values = [
            now.cpu,
            now.resident,
            now.size,
            now.open_files,
            now.most_files,
            now.threads,
            now.start,
        ];
        for (family, value) in FAMILIES.iter().zip(values) {
            family.head(text);
            if let Some(value) = value {
                let _ = writeln!(text, "{} {value}", family.name);
            }
        }
        let build = &FAMILIES[FAMILIES.len() - 1];
        build.head(text);
        let _ = writeln!(text, "{}{{version=\"{}\"}} 1", build.name, env!("CARGO_PKG_VERSION"));
    }

    fn read(proc: &Path) -> Self {
        let own = proc.join("self");
        let file = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let stat = file(&own.join("stat"));
        // The name of the program stands in parentheses and may hold anything; the third field comes behind it.
        let fields: Vec<f64> = stat
            .rsplit_once(')')
            .map(|(_, rest)| {
                rest.split_whitespace()
                    .map(|one| one.parse().unwrap_or(f64::NAN))
                    .collect()
            })
            .unwrap_or_default();
        let field = |number: usize| fields.get(number - 3).copied().filter(|value| value.is_finite());
        let status = file(&own.join("status"));
        let kilobytes = |name: &str| Some(after(&status, name)? * 1024.0);
        let boot = after(&file(&proc.join("stat")), "btime");
        Self {
            cpu: field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS),
            resident: kilobytes("VmRSS:"),
            size: kilobytes("VmSize:"),
            open_files: std::fs::read_dir(own.join("fd"))
                .ok()
                .map(|entries| entries.count() as f64),
            most_files: after(&file(&own.join("limits")), "Max open files"),
            threads: field(20),
            start: field(22).zip(boot).map(|(ticks, boot)| boot + ticks / TICKS),
        }
    }
}

/// The first number behind `name` at the begin of a line.
fn after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("self");
        std::fs::create_dir_all(own.join("fd")).unwrap();
        for open in ["0", "1", "7"] {
            std::fs::write(own.join("fd").join(open), "").unwrap();
        }
        let stat = "12 (a) b) S 1 1 1 0 -1 4 0 0 0 0 250 50 0 0 20 0 9 0 1000 5000000 300 1 1";
        std::fs::write(own.join("stat"), stat).unwrap();
        std::fs::write(own.join("status"), "Name:\ta\nVmSize:\t  4 kB\nVmRSS:\t  2 kB\n").unwrap();
        std::fs::write(own.join("limits"), "Max open files            1024    4096    files\n").unwrap();
        std::fs::write(folder.path().join("stat"), "cpu 1 2\nbtime 1700000000\n").unwrap();
        let expected = Process {
            cpu: Some(3.0),
            resident: Some(2048.0),
            size: Some(4096.0),
            open_files: Some(3.0),
            most_files: Some(1024.0),
            threads: Some(9.0),
            start: Some(1_700_000_010.0),
        };
        assert_eq!(Process::read(folder.path()), expected);
    }

    #[test]
    fn a_system_without_proc_says_nothing() {
        assert_eq!(Process::read(Path::new("/nowhere")), Process::default());
    }
}

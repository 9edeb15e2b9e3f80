//! What a metric is called, how it behaves, and what it says.

use std::fmt::Write;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the process begins anew.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

impl Kind {
    /// Its name in the text format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// All samples of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it says.
    pub help: &'static str,
}

impl Family {
    /// Writes what stands before its samples.
    pub(super) fn head(&self, text: &mut String) {
        let (name, help, kind) = (self.name, self.help, self.kind.name());
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
}

//! What an open window of many keys holds in memory.

use arterial_datasets::time::{SECOND, Timestamp};

use super::Result;
use super::events::{BEGIN, TOPIC, render};
use super::pipeline::{Ground, Script, Scripted, stream};

/// Reads `rounds` events of each of `keys` sensors into one window that stays open, and says what the process holds more
/// than before the first. What an event adds to its key is its identity.
pub fn measure(keys: usize, rounds: usize) -> Result {
    let ground = Ground::new()?;
    let script = Generated {
        keys,
        rounds,
        text: String::new(),
    };
    let mut pipeline = ground.pipeline(Scripted::new(script), stream(false)?)?;
    pipeline.turn()?;
    let before = resident();
    while !pipeline.source_mut().is_read() {
        pipeline.turn()?;
    }
    let (after, status) = (resident(), pipeline.status());
    let status = &status.streams[TOPIC];
    println!(
        r#"{{"keys":{keys},"events":{},"windows_bytes":{},"resident_bytes":{},"resident_bytes_per_key":{:.0}}}"#,
        status.events,
        status.memory,
        after.saturating_sub(before),
        after.saturating_sub(before) as f64 / keys as f64,
    );
    Ok(())
}

/// Every sensor in turn, five seconds between the rounds.
struct Generated {
    keys: usize,
    rounds: usize,
    text: String,
}

impl Script for Generated {
    fn records(&self) -> usize {
        self.keys * self.rounds
    }

    fn record(&mut self, number: usize) -> &str {
        let round = (number / self.keys) as i64;
        self.text.clear();
        let time = Timestamp(BEGIN.0 + round * 5 * SECOND);
        render(&mut self.text, number % self.keys, time, number);
        &self.text
    }
}

/// The bytes of memory that this process holds, from /proc/self/status.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

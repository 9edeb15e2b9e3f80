//! The records of files, on their way.

use std::sync::{Arc, Mutex};

use arterial_datasets::mapping::{Pace, Replay, ReplayRecord, Speed};
use arterial_datasets::time::SystemClock;
use arterial_models::Progress;

use super::super::progress::Bar;

/// Records between two looks at the bar.
const BETWEEN: u64 = 1_000;

/// Records that tell people how far they are.
pub struct Told {
    replay: Replay,
    bar: Bar,
    given: u64,
}

impl Told {
    /// The records of `replay`.
    pub fn new(replay: Replay) -> Self {
        Self {
            replay,
            bar: Bar::new(),
            given: 0,
        }
    }

    fn tell(&self) {
        let (done, total) = self.replay.progress();
        self.bar.report(done as u64, total.unwrap_or(0) as u64, "rows");
    }
}

impl Iterator for Told {
    type Item = arterial_datasets::Result<ReplayRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.replay.next();
        self.given += 1;
        if record.is_none() {
            self.bar.finish();
        } else if self.given % BETWEEN == 1 {
            self.tell();
        }
        record
    }
}

/// The first record that could not be read, which ended the others.
pub type Failure = Arc<Mutex<Option<arterial_datasets::Error>>>;

/// Records as the source takes them, at a speed.
pub struct History {
    records: Told,
    pace: Pace,
    failure: Failure,
}

impl History {
    /// These records, and where to look whether all of them were read.
    pub fn new(records: Told, speed: Speed) -> (Self, Failure) {
        let failure = Failure::default();
        let history = Self {
            records,
            pace: Pace::new(speed),
            failure: Arc::clone(&failure),
        };
        (history, failure)
    }
}

impl Iterator for History {
    type Item = (String, Vec<u8>);

    #[expect(
        clippy::disallowed_methods,
        reason = "history passes at the speed that was asked for"
    )]
    fn next(&mut self) -> Option<Self::Item> {
        match self.records.next()? {
            Ok(record) => {
                let wait = self.pace.wait(record.time, &SystemClock);
                if !wait.is_zero() {
                    std::thread::sleep(wait);
                }
                Some((record.topic.to_string(), record.payload))
            }
            Err(error) => {
                if let Ok(mut failure) = self.failure.lock() {
                    *failure = Some(error);
                }
                None
            }
        }
    }
}

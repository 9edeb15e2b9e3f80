//! JSON lines that are events already: they pass as they are, in the file's order, bad ones too.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::FileClock;
use super::definition::TimeRule;
use super::table::open;
use crate::stream::StreamDefinition;
use crate::time::Timestamp;
use crate::{Error, Result};

/// A file of events, one a line.
pub struct Lines {
    path: PathBuf,
    reader: BufReader<Box<dyn Read + Send>>,
    stream: Arc<StreamDefinition>,
    clock: FileClock,
    last: Timestamp,
    done: usize,
}

impl Lines {
    /// Opens the file.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn new(path: &Path, stream: &Arc<StreamDefinition>) -> Result<Self> {
        Ok(Self {
            path: path.into(),
            reader: BufReader::new(open(path)?),
            stream: stream.clone(),
            clock: TimeRule::in_zone(&stream.timestamp, &stream.timezone).clock()?,
            last: stream.earliest_instant()?,
            done: 0,
        })
    }

    /// How many lines are done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// The next event: its time (that of the line before where it has none), key and payload.
    pub fn next_event(&mut self) -> Option<Result<(Timestamp, String, Vec<u8>)>> {
        loop {
            let mut line = Vec::new();
            match self.reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(source) => {
                    return Some(Err(Error::reading(&self.path, source)));
                }
            }
            while line.last().is_some_and(u8::is_ascii_whitespace) {
                line.pop();
            }
            if line.is_empty() {
                continue;
            }
            self.done += 1;
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
            let member = |path: &str| {
                value
                    .pointer(&format!("/{}", path.replace('.', "/")))
                    .and_then(|one| one.as_str())
            };
            if let Some(time) = member(&self.stream.timestamp).and_then(|text| self.clock.read(text, 0).ok()) {
                self.last = time;
            }
            let key = member(&self.stream.key.path)
                .or(self.stream.key.default.as_deref())
                .unwrap_or_default();
            return Some(Ok((self.last, key.to_string(), line)));
        }
    }
}

//! Files of history as records in order of time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::definition::{Layout, Mapping};
use super::lines::Lines;
use super::long::Long;
use super::record::Recorder;
use super::table::Table;
use super::wide::Wide;
use crate::stream::StreamDefinition;
use crate::time::Timestamp;
use crate::{Error, Result};

/// How deep below `--data` a mapping's files are looked for.
const DEPTH: usize = 4;

/// One record as it would have come from Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRecord {
    /// The stream's name.
    pub topic: Arc<str>,
    /// The key that the stream's windows group by; empty where the record has none.
    pub key: String,
    /// Event time.
    pub time: Timestamp,
    /// A JSON object.
    pub payload: Vec<u8>,
}

/// Reads files of history; an iterator over records in order of time (JSON lines without mapping: in the file's order).
pub struct Replay {
    topic: Arc<str>,
    events: Events,
    files: Vec<PathBuf>,
}

enum Events {
    Long(Box<Long>),
    Wide(Box<Wide>),
    Lines(Box<Lines>),
}

impl Replay {
    /// Opens `data` (a file, or the folder where the mapping's files are) for a stream. Without mapping the columns carry
    /// the stream's own field names.
    ///
    /// # Errors
    /// A mapping for another stream, a file or a column that is missing, a cell that cannot be read.
    pub fn open(data: &Path, stream: &Arc<StreamDefinition>, mapping: Option<&Mapping>) -> Result<Self> {
        let topic: Arc<str> = stream.name.as_str().into();
        let Some(mapping) = mapping else {
            return Ok(Self {
                topic,
                events: Self::open_named(data, stream)?,
                files: vec![data.into()],
            });
        };
        mapping.check(stream)?;
        let (main, folder) = if data.is_dir() {
            (locate(data, &mapping.file)?, data.to_path_buf())
        } else {
            (
                data.to_path_buf(),
                data.parent().unwrap_or(Path::new(".")).to_path_buf(),
            )
        };
        let recorder = Recorder::new(stream, mapping)?;
        let mut files = Vec::new();
        let mut read = |path: PathBuf| {
            let table = Table::read(&path);
            files.push(path);
            table
        };
        let lookup = match &mapping.lookup {
            Some(lookup) => Some(read(
                locate(main.parent().unwrap_or(&folder), &lookup.file).or_else(|_| locate(&folder, &lookup.file))?,
            )?),
            None => None,
        };
        let events = match mapping.layout {
            Layout::Long => {
                let long = Long::new(read(main)?, mapping, lookup.as_ref(), recorder, &stream.key.path)?;
                Events::Long(Box::new(long))
            }
            Layout::Wide => {
                let tables = mapping
                    .fields
                    .iter()
                    .map(|field| match &field.file {
                        Some(name) if *name != mapping.file => read(locate(&folder, name)?),
                        _ => read(main.clone()),
                    })
                    .collect::<Result<Vec<_>>>()?;
                Events::Wide(Box::new(Wide::new(tables, mapping, lookup.as_ref(), recorder)?))
            }
        };
        Ok(Self { topic, events, files })
    }

    /// The files that it reads.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn open_named(data: &Path, stream: &Arc<StreamDefinition>) -> Result<Events> {
        let name = data.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        if Path::new(name)
            .extension()
            .is_some_and(|ending| ending == "jsonl" || ending == "ndjson")
        {
            return Ok(Events::Lines(Box::new(Lines::new(data, stream)?)));
        }
        let table = Table::read(data)?;
        let mut mapping = Mapping::same_names(stream, table.names());
        mapping.time.column.clone_from(&stream.timestamp);
        if stream.key.default.is_none() && !mapping.fields.iter().any(|field| field.field == stream.key.path) {
            table.column(&stream.key.path)?;
        }
        let recorder = Recorder::new(stream, &mapping)?;
        Ok(Events::Long(Box::new(Long::new(
            table,
            &mapping,
            None,
            recorder,
            &stream.key.path,
        )?)))
    }

    /// How many rows were read, and how many there are where that is known.
    #[must_use]
    pub fn progress(&self) -> (usize, Option<usize>) {
        match &self.events {
            Events::Long(long) => (long.progress().0, Some(long.progress().1)),
            Events::Wide(wide) => (wide.progress().0, Some(wide.progress().1)),
            Events::Lines(lines) => (lines.done(), None),
        }
    }
}

impl Iterator for Replay {
    type Item = Result<ReplayRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = match &mut self.events {
            Events::Long(long) => long.next_event(),
            Events::Wide(wide) => wide.next_event(),
            Events::Lines(lines) => lines.next_event(),
        }?;
        Some(event.map(|(time, key, payload)| ReplayRecord {
            topic: self.topic.clone(),
            key,
            time,
            payload,
        }))
    }
}

/// The file of that name in a folder or the folders below it.
fn locate(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut level = vec![folder.to_path_buf()];
    for _ in 0..DEPTH {
        let mut below = Vec::new();
        for folder in level {
            let candidate = folder.join(name);
            if candidate.is_file() {
                return Ok(candidate);
            }
            let entries = std::fs::read_dir(&folder).map_err(|source| Error::Io {
                path: folder.clone(),
                source,
            })?;
            below.extend(
                entries
                    .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                    .filter(|path| path.is_dir()),
            );
        }
        below.sort();
        level = below;
    }
    Err(Error::invalid(
        "data",
        folder.display(),
        format!("a folder that holds `{name}`, or that file itself"),
    ))
}

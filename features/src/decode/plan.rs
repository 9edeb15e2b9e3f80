//! A stream's definition, made ready for decoding.

use arterial_datasets::stream::{Role, StreamDefinition};
use arterial_datasets::time::{Duration, Timestamp};

use super::field::{self, Cell, FieldReader, Refusal, Texts};
use super::identity::{IdentityBytes, IdentityKey};
use super::time::TimeReader;
use super::tree::{Raw, Slot, Tree};
use super::{Event, LONGEST_KEY};
use crate::event::{EventBatch, NO_CATEGORY, NO_DESCRIPTION, NO_ZONE};
use crate::intern::Interner;
use crate::quarantine::Reason;
use crate::record::RecordRef;
use crate::{Error, Result};

/// One part of the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Time,
    Field(usize),
}

/// Which place of the record serves what; fields are told by their place in the declared order.
#[derive(Debug)]
pub(super) struct Plan {
    pub time_node: usize,
    pub fields: Vec<FieldReader>,
    time_path: String,
    timezone: String,
    earliest: i64,
    future_tolerance: Duration,
    key: usize,
    default_key: Option<String>,
    zone: Option<usize>,
    quality: Option<usize>,
    identity: Vec<Part>,
    values: Vec<usize>,
    categories: Vec<usize>,
    descriptions: Vec<usize>,
}

impl Plan {
    /// The plan of `stream`, and the tree along which its records are read.
    ///
    /// # Errors
    /// A definition that names what it does not list, or whose key or zone tells of a person.
    pub fn new(stream: &StreamDefinition) -> Result<(Self, Tree)> {
        let paths = stream
            .fields
            .iter()
            .map(|field| field.path.as_str())
            .chain([stream.timestamp.as_str()]);
        let (tree, nodes) = Tree::new(paths);
        let fields = stream
            .fields
            .iter()
            .zip(&nodes)
            .map(|(field, &node)| FieldReader::new(field, node))
            .collect();
        let with = |role: Role| {
            let places = stream.fields.iter().enumerate();
            places
                .filter(move |(_, field)| field.role == role)
                .map(|(place, _)| place)
                .collect::<Vec<_>>()
        };
        let plan = Self {
            time_node: nodes[stream.fields.len()],
            fields,
            time_path: stream.timestamp.clone(),
            timezone: stream.timezone.clone(),
            earliest: stream.earliest_instant()?.0,
            future_tolerance: stream.future_tolerance,
            key: public_place(stream, "key", &stream.key.path)?,
            default_key: stream.key.default.clone(),
            zone: stream
                .zone
                .as_ref()
                .map(|path| public_place(stream, "zone", path))
                .transpose()?,
            quality: stream
                .quality
                .as_ref()
                .map(|path| place_of(stream, "quality", path))
                .transpose()?,
            identity: stream
                .identity
                .iter()
                .map(|name| part_of(stream, name))
                .collect::<Result<_>>()?,
            values: with(Role::Value),
            categories: with(Role::Category),
            descriptions: stream
                .descriptive_fields()
                .map(|field| place_of(stream, "fields", &field.path))
                .collect::<Result<_>>()?,
        };
        Ok((plan, tree))
    }

    /// Gives `events` the right number of columns.
    pub fn shape(&self, events: &mut EventBatch) {
        events.values.resize_with(self.values.len(), Vec::new);
        events.categories.resize_with(self.categories.len(), Vec::new);
        events.descriptions.resize_with(self.descriptions.len(), Vec::new);
    }

    /// The event time, UTC microseconds.
    ///
    /// # Errors
    /// A time that is absent, no text, or cannot be read.
    #[inline]
    pub fn time(&self, slot: Slot, texts: &mut Texts<'_>, times: &mut TimeReader) -> Result<i64, Refusal> {
        let path = &self.time_path;
        let escaped = match slot.raw {
            Raw::Text { escaped } => escaped,
            Raw::Absent => return Err(field::missing(path, "absent")),
            Raw::Null => return Err(field::missing(path, "null")),
            _ => {
                let shown = field::shown(texts.record, slot);
                let detail = format!("`{path}` is `{shown}`, accepted: a text, {}", field::TIME_ACCEPTED);
                return Err(Refusal {
                    reason: Reason::WrongType,
                    detail,
                });
            }
        };
        let span = texts.span(slot, escaped);
        let text = texts.get(span);
        times
            .read(text.as_bytes())
            .map_err(|flaw| field::time_refusal(path, text, flaw, &self.timezone))
    }

    /// Checks the event time against the earliest plausible one and the clock.
    ///
    /// # Errors
    /// A time before or behind.
    #[inline]
    pub fn plausible(&self, time: i64, now: Timestamp) -> Result<(), Refusal> {
        let latest = now.0.saturating_add(self.future_tolerance.0);
        if self.earliest <= time && time <= latest {
            return Ok(());
        }
        let path = &self.time_path;
        let is = Timestamp(time);
        Err(if time > latest {
            let detail = format!(
                "`{path}` is `{is}`, accepted: up to {} ahead of the clock, which shows {now}",
                self.future_tolerance
            );
            Refusal {
                reason: Reason::FromTheFuture,
                detail,
            }
        } else {
            let detail = format!("`{path}` is `{is}`, accepted: {} or later", Timestamp(self.earliest));
            Refusal {
                reason: Reason::BadTimestamp,
                detail,
            }
        })
    }

    /// The event whose fields hold `cells`.
    ///
    /// # Errors
    /// A key that is missing or too long, an identity that lacks a part.
    #[inline]
    pub fn event(
        &self,
        time: i64,
        cells: &[Cell],
        texts: &Texts<'_>,
        bytes: &mut IdentityBytes,
        interner: &mut Interner,
        secret: IdentityKey,
    ) -> Result<Event, Refusal> {
        let key = self.key(cells, texts)?;
        self.identity(time, key, cells, texts, bytes)?;
        let zone = self.zone.map_or("", |place| text_of(cells[place], texts));
        self.short_enough(self.zone.unwrap_or(self.key), zone)?;
        let good = self
            .quality
            .is_none_or(|place| matches!(text_of(cells[place], texts), "good" | ""));
        Ok(Event {
            time,
            key: interner.intern(key).map_err(|error| full(&error))?,
            zone: if zone.is_empty() {
                NO_ZONE
            } else {
                interner.intern(zone).map_err(|error| full(&error))?
            },
            identity: bytes.hash(secret),
            good,
        })
    }

    /// Puts the descriptions of the event of `key` into `known`, which holds those of the key's event before.
    ///
    /// # Errors
    /// More texts than can be numbered.
    #[inline]
    pub fn describe(
        &self,
        cells: &[Cell],
        texts: &Texts<'_>,
        interner: &mut Interner,
        known: &mut [u64],
    ) -> Result<(), Refusal> {
        for (known, &place) in known.iter_mut().zip(&self.descriptions) {
            *known = match cells[place] {
                Cell::Float(number) => number.to_bits(),
                Cell::Int(number) => (number as f64).to_bits(),
                Cell::Text(span) => {
                    let text = texts.get(span);
                    // Most say the same again and again.
                    if *known != NO_DESCRIPTION && interner.name(*known as u32) == text {
                        continue;
                    }
                    number_of(text, interner)?
                }
                _ => NO_DESCRIPTION,
            };
        }
        Ok(())
    }

    #[inline]
    fn key<'a>(&'a self, cells: &[Cell], texts: &'a Texts<'_>) -> Result<&'a str, Refusal> {
        let key = text_of(cells[self.key], texts);
        if key.is_empty() {
            let state = if cells[self.key] == Cell::Null {
                "absent"
            } else {
                "empty"
            };
            return self
                .default_key
                .as_deref()
                .ok_or_else(|| field::missing(&self.fields[self.key].path, state));
        }
        self.short_enough(self.key, key)?;
        Ok(key)
    }

    #[inline]
    fn short_enough(&self, place: usize, text: &str) -> Result<(), Refusal> {
        if text.len() <= LONGEST_KEY {
            return Ok(());
        }
        let path = &self.fields[place].path;
        let detail = format!("`{path}` has {} bytes, accepted: 1 to {LONGEST_KEY} bytes", text.len());
        Err(Refusal {
            reason: Reason::OutOfRange,
            detail,
        })
    }

    /// Fills `bytes` with the identity: values, not their writing, so that one instant with two offsets is one identity.
    #[inline]
    fn identity(
        &self,
        time: i64,
        key: &str,
        cells: &[Cell],
        texts: &Texts<'_>,
        bytes: &mut IdentityBytes,
    ) -> Result<(), Refusal> {
        bytes.clear();
        for &part in &self.identity {
            match part {
                Part::Key => bytes.text(key),
                Part::Time => bytes.whole(time),
                Part::Field(place) => match cells[place] {
                    Cell::Null => return Err(field::missing(&self.fields[place].path, "absent from the identity")),
                    Cell::Text(span) | Cell::Category(_, span) => bytes.text(texts.get(span)),
                    Cell::Int(number) | Cell::Instant(number) => bytes.whole(number),
                    Cell::Float(number) => bytes.real(number),
                    Cell::Bool(truth) => bytes.truth(truth),
                },
            }
        }
        Ok(())
    }

    /// Appends the event to the columns.
    #[inline]
    pub fn append(
        &self,
        events: &mut EventBatch,
        record: RecordRef<'_>,
        event: &Event,
        cells: &[Cell],
        descriptions: &[u64],
    ) {
        events.partitions.push(record.partition);
        events.offsets.push(record.offset);
        events.times.push(event.time);
        events.keys.push(event.key);
        events.zones.push(event.zone);
        events.identities.push(event.identity);
        events.good.push(u8::from(event.good));
        for (column, &place) in events.values.iter_mut().zip(&self.values) {
            column.push(match cells[place] {
                Cell::Float(number) => number,
                Cell::Int(number) => number as f64,
                _ => f64::NAN,
            });
        }
        for (column, &place) in events.categories.iter_mut().zip(&self.categories) {
            column.push(if let Cell::Category(number, _) = cells[place] {
                number
            } else {
                NO_CATEGORY
            });
        }
        for (column, &description) in events.descriptions.iter_mut().zip(descriptions) {
            column.push(description);
        }
    }

    /// How many descriptions there are.
    pub fn descriptions(&self) -> usize {
        self.descriptions.len()
    }
}

/// The number of a description; what is longer than a key may be describes nothing.
#[cold]
fn number_of(text: &str, interner: &mut Interner) -> Result<u64, Refusal> {
    if text.is_empty() || text.len() > LONGEST_KEY {
        return Ok(NO_DESCRIPTION);
    }
    interner.intern(text).map(u64::from).map_err(|error| full(&error))
}

fn full(error: &Error) -> Refusal {
    Refusal {
        reason: Reason::OutOfRange,
        detail: error.to_string(),
    }
}

#[inline]
fn text_of<'a>(cell: Cell, texts: &'a Texts<'_>) -> &'a str {
    match cell {
        Cell::Text(span) | Cell::Category(_, span) => texts.get(span),
        _ => "",
    }
}

fn place_of(stream: &StreamDefinition, option: &str, path: &str) -> Result<usize> {
    let place = stream.fields.iter().position(|field| field.path == path);
    place.ok_or_else(|| Error::invalid(option, path, "the path of a listed field"))
}

fn public_place(stream: &StreamDefinition, option: &str, path: &str) -> Result<usize> {
    let place = place_of(stream, option, path)?;
    if stream.fields[place].role == Role::Personal {
        return Err(Error::invalid(
            option,
            path,
            "a field whose role is not `personal`: keys and zones stand in tables",
        ));
    }
    Ok(place)
}

fn part_of(stream: &StreamDefinition, name: &str) -> Result<Part> {
    if name == "key" {
        return Ok(Part::Key);
    }
    if name == stream.timestamp {
        return Ok(Part::Time);
    }
    place_of(stream, "identity", name).map(Part::Field)
}

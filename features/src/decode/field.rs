//! One listed field: what its place must hold.

use std::fmt::Write;

use arterial_datasets::stream::{Field, FieldType, OnBad, Role};

use super::text;
use super::time::{TimeFlaw, TimeReader};
use super::tree::{Raw, Slot};
use crate::quarantine::Reason;

/// Longer values are cut in the words about them.
const SHOWN: usize = 80;

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub reason: Reason,
    pub detail: String,
}

/// Where a text stands: in the record itself, or among its texts that held escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
    pub unescaped: bool,
}

/// What a field holds, once it was checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Null,
    Float(f64),
    Int(i64),
    Bool(bool),
    Instant(i64),
    Text(Span),
    Category(u8, Span),
}

/// A record while it is checked: its text, and its texts without escapes.
pub(super) struct Texts<'a> {
    pub record: &'a str,
    pub unescaped: &'a mut String,
}

impl Texts<'_> {
    pub fn get(&self, span: Span) -> &str {
        let source = if span.unescaped { &*self.unescaped } else { self.record };
        source.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The text of a slot that holds one, with its escapes replaced.
    pub fn span(&mut self, slot: Slot, escaped: bool) -> Span {
        if !escaped {
            return Span {
                start: slot.start,
                end: slot.end,
                unescaped: false,
            };
        }
        let start = self.unescaped.len() as u32;
        text::unescape(
            &self.record.as_bytes()[slot.start as usize..slot.end as usize],
            self.unescaped,
        );
        Span {
            start,
            end: self.unescaped.len() as u32,
            unescaped: true,
        }
    }
}

/// A listed field, ready to check.
#[derive(Debug)]
pub(super) struct FieldReader {
    pub path: String,
    pub node: usize,
    pub personal: bool,
    kind: FieldType,
    range: (f64, f64),
    values: Option<Vec<String>>,
    required: bool,
    null_if_bad: bool,
}

impl FieldReader {
    /// The reader of `field`, which stands at `node`.
    pub fn new(field: &Field, node: usize) -> Self {
        Self {
            path: field.path.clone(),
            node,
            personal: field.role == Role::Personal,
            kind: field.kind,
            range: field.range.unwrap_or((f64::MIN, f64::MAX)),
            values: (field.role == Role::Category).then(|| field.values.clone()),
            required: field.required,
            null_if_bad: field.on_bad == OnBad::Null,
        }
    }

    /// What the field holds.
    ///
    /// # Errors
    /// A value that condemns the record.
    #[inline]
    pub fn read(&self, slot: Slot, texts: &mut Texts<'_>, times: &mut TimeReader) -> Result<Cell, Refusal> {
        let read = match (self.kind, slot.raw) {
            (_, Raw::Absent | Raw::Null) if self.required => {
                return Err(self.missing(if slot.raw == Raw::Null { "null" } else { "absent" }));
            }
            (_, Raw::Absent | Raw::Null) => return Ok(Cell::Null),
            (FieldType::Float, Raw::Real(number)) => self.float(number),
            (FieldType::Float, Raw::Whole(number)) => self.float(number as f64),
            (FieldType::Int, Raw::Whole(number)) => self.int(number),
            (FieldType::Int, Raw::Real(number)) => self.whole(number),
            (FieldType::Text, Raw::Text { escaped }) => self.text(slot, escaped, texts),
            (FieldType::Bool, Raw::Bool(truth)) => Ok(Cell::Bool(truth)),
            (FieldType::Timestamp, Raw::Text { escaped }) => {
                let span = texts.span(slot, escaped);
                times
                    .read(texts.get(span).as_bytes())
                    .map(Cell::Instant)
                    .map_err(|_| Reason::WrongType)
            }
            _ => Err(Reason::WrongType),
        };
        match read {
            Ok(cell) => Ok(cell),
            Err(_) if self.null_if_bad => Ok(Cell::Null),
            Err(reason) => Err(self.refusal(reason, slot, texts)),
        }
    }

    #[inline]
    fn float(&self, number: f64) -> Result<Cell, Reason> {
        let (least, largest) = self.range;
        // Adding zero makes -0 a plain 0: the least of both must not depend on their order.
        if number >= least && number <= largest {
            Ok(Cell::Float(number + 0.0))
        } else {
            Err(Reason::OutOfRange)
        }
    }

    #[inline]
    fn int(&self, number: i64) -> Result<Cell, Reason> {
        let (least, largest) = self.range;
        let float = number as f64;
        if float >= least && float <= largest {
            Ok(Cell::Int(number))
        } else {
            Err(Reason::OutOfRange)
        }
    }

    /// A whole number that is written with a fraction or an exponent, such as 42.0, is whole.
    fn whole(&self, number: f64) -> Result<Cell, Reason> {
        if number.is_finite() && number.fract() != 0.0 {
            return Err(Reason::WrongType);
        }
        if number.abs() > 9_007_199_254_740_992.0 {
            return Err(Reason::OutOfRange);
        }
        self.int(number as i64)
    }

    #[inline]
    fn text(&self, slot: Slot, escaped: bool, texts: &mut Texts<'_>) -> Result<Cell, Reason> {
        let span = texts.span(slot, escaped);
        let Some(values) = &self.values else {
            return Ok(Cell::Text(span));
        };
        let text = texts.get(span);
        let place = values
            .iter()
            .position(|value| value == text)
            .ok_or(Reason::OutOfRange)?;
        Ok(Cell::Category(place as u8, span))
    }

    fn missing(&self, state: &str) -> Refusal {
        missing(&self.path, state)
    }

    fn refusal(&self, reason: Reason, slot: Slot, texts: &Texts<'_>) -> Refusal {
        let accepted = self.accepted();
        let path = &self.path;
        let detail = match slot.raw {
            Raw::Misplaced => format!("`{path}` stands in no object, accepted: {accepted}"),
            _ if self.personal => format!("`{path}` is of the wrong type (personal, not shown), accepted: {accepted}"),
            _ => format!("`{path}` is `{}`, accepted: {accepted}", shown(texts.record, slot)),
        };
        Refusal { reason, detail }
    }

    fn accepted(&self) -> String {
        let mut accepted = match (self.kind, &self.values) {
            (_, Some(values)) => values.join(", "),
            (FieldType::Float, _) => "a number".into(),
            (FieldType::Int, _) => "a whole number".into(),
            (FieldType::Text, _) => "a text".into(),
            (FieldType::Bool, _) => "true or false".into(),
            (FieldType::Timestamp, _) => TIME_ACCEPTED.into(),
        };
        let (least, largest) = self.range;
        if matches!(self.kind, FieldType::Float | FieldType::Int) && least > f64::MIN {
            let _ = write!(accepted, " from {least} to {largest}");
        }
        accepted
    }
}

/// What an event time may look like.
pub(super) const TIME_ACCEPTED: &str = "RFC 3339, such as 2026-01-31T08:00:00Z";

/// The refusal of a field that must be there.
pub(super) fn missing(path: &str, state: &str) -> Refusal {
    Refusal {
        reason: Reason::MissingField,
        detail: format!("`{path}` is {state}, accepted: a value"),
    }
}

/// What is wrong with an event time, in words.
pub(super) fn time_refusal(path: &str, text: &str, flaw: TimeFlaw, zone: &str) -> Refusal {
    let text = cut(text);
    let detail = match flaw {
        TimeFlaw::Unreadable => format!("`{path}` is `{text}`, accepted: {TIME_ACCEPTED}"),
        TimeFlaw::Skipped => {
            format!("`{path}` is `{text}`, which the clocks of {zone} skip, accepted: a time that exists")
        }
        TimeFlaw::Twice => {
            format!("`{path}` is `{text}`, which the clocks of {zone} show twice, accepted: a time with its offset")
        }
    };
    Refusal {
        reason: Reason::BadTimestamp,
        detail,
    }
}

/// What stands at a slot, as it was written; long values are cut.
pub(super) fn shown(record: &str, slot: Slot) -> String {
    let quotes = usize::from(matches!(slot.raw, Raw::Text { .. }));
    cut(record
        .get(slot.start as usize - quotes..slot.end as usize + quotes)
        .unwrap_or_default())
}

fn cut(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.into();
    }
    let end = (0..=SHOWN).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

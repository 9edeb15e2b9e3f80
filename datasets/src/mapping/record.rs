//! One event as JSON: values by field, rendered as the stream nests them.

use std::sync::Arc;

use super::definition::{Derived, MappedField, Mapping, Times};
use super::table::{Cell, Table};
use crate::stream::{FieldType, Role, StreamDefinition};
use crate::time::Timestamp;
use crate::{Error, Result};

/// What a field holds in the event at hand.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing: the field is left out.
    #[default]
    Missing,
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Where a value stands in the JSON object.
#[derive(Debug, Clone)]
struct Slot {
    /// The field's number; none for the timestamp.
    field: Option<usize>,
    objects: Vec<String>,
    name: String,
}

/// Collects the values of an event and renders it.
#[derive(Debug, Clone)]
pub struct Recorder {
    stream: Arc<StreamDefinition>,
    slots: Vec<Slot>,
    values: Vec<Value>,
    key: usize,
    derived: Vec<Derived>,
    limits: Vec<(usize, usize, f64)>,
}

impl Recorder {
    /// A recorder for the events that `mapping` makes.
    ///
    /// # Errors
    /// A field that the stream does not have.
    pub fn new(stream: &Arc<StreamDefinition>, mapping: &Mapping) -> Result<Self> {
        let mut slots = vec![Slot::new(&stream.timestamp, None)];
        for (number, field) in stream.fields.iter().enumerate() {
            if field.path != stream.timestamp {
                slots.push(Slot::new(&field.path, Some(number)));
            }
        }
        // Members of one object stand together; the sort is stable, so the declared order stays.
        let first = |objects: &[String]| {
            slots
                .iter()
                .position(|slot| slot.objects.first() == objects.first())
                .unwrap_or(0)
        };
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_by_key(|&place| {
            if slots[place].objects.is_empty() {
                place
            } else {
                first(&slots[place].objects)
            }
        });
        let slots = order.into_iter().map(|place| slots[place].clone()).collect();
        let mut recorder = Self {
            stream: stream.clone(),
            slots,
            values: vec![Value::Missing; stream.fields.len()],
            key: 0,
            derived: mapping.derived.clone(),
            limits: Vec::new(),
        };
        recorder.key = recorder.field(&stream.key.path)?;
        for mapped in &mapping.fields {
            if let Some(Times { field, factor }) = &mapped.most_times {
                let limit = (recorder.field(&mapped.field)?, recorder.field(field)?, *factor);
                recorder.limits.push(limit);
            }
        }
        Ok(recorder)
    }

    /// The number of the field with that path.
    ///
    /// # Errors
    /// A field that the stream does not have.
    pub fn field(&self, path: &str) -> Result<usize> {
        self.stream
            .fields
            .iter()
            .position(|field| field.path == path)
            .ok_or_else(|| {
                let known: Vec<&str> = self.stream.fields.iter().map(|field| field.path.as_str()).collect();
                Error::invalid(
                    "field",
                    path,
                    format!("the fields of {}: {}", self.stream.name, known.join(", ")),
                )
            })
    }

    /// Forgets the last event.
    pub fn clear(&mut self) {
        self.values.fill(Value::Missing);
    }

    /// Sets a field.
    pub fn set(&mut self, field: usize, value: Value) {
        self.values[field] = value;
    }

    /// The value of a cell by the rules of `mapped`.
    ///
    /// # Errors
    /// A text where the stream wants a number.
    pub fn value_of(
        &self,
        mapped: &MappedField,
        field: usize,
        table: &Table,
        column: usize,
        row: usize,
    ) -> Result<Value> {
        let kind = self.stream.fields[field].kind;
        if matches!(kind, FieldType::Float | FieldType::Int) {
            let number = table.number(column, row)?;
            return Ok(number
                .and_then(|raw| mapped.number(raw))
                .map_or(Value::Missing, Value::Number));
        }
        Ok(match table.cell(column, row) {
            Cell::Missing => Value::Missing,
            Cell::Number(number) => mapped.text(&number.to_string()),
            Cell::Text(text) => mapped.text(text),
        })
    }

    /// The event at `time` as JSON, with its key; none where it has no value or no key.
    pub fn render(&mut self, time: Timestamp) -> Option<(String, Vec<u8>)> {
        for &(field, other, factor) in &self.limits {
            if let (Value::Number(value), Value::Number(limit)) = (&self.values[field], &self.values[other])
                && *value > factor * limit
            {
                self.values[field] = Value::Missing;
            }
        }
        let telling = |(field, value): (&crate::stream::Field, &Value)| {
            matches!(field.role, Role::Value | Role::Category) && *value != Value::Missing
        };
        let measured = self.stream.fields.iter().zip(&self.values).any(telling);
        let key = match (&self.values[self.key], &self.stream.key.default) {
            (Value::Text(text), _) => text.clone(),
            (Value::Number(number), _) => number.to_string(),
            (Value::Missing, Some(default)) => default.clone(),
            (Value::Missing, None) => return None,
        };
        if !measured {
            return None;
        }
        self.derive();
        Some((key, self.write(time)))
    }

    fn derive(&mut self) {
        for rule in std::mem::take(&mut self.derived) {
            let value = self.derived_value(&rule);
            if let (Ok(field), Some(value)) = (self.field(&rule.field), value) {
                self.values[field] = value;
            }
            self.derived.push(rule);
        }
    }

    fn derived_value(&self, rule: &Derived) -> Option<Value> {
        let number = |path: &str| match self.values[self.field(path).ok()?] {
            Value::Number(number) => Some(number),
            _ => None,
        };
        if let Some(sign) = &rule.sign {
            let [above, else_text] = &sign.texts;
            let text = if number(&sign.of)? > 0.0 { above } else { else_text };
            return Some(Value::Text(text.clone()));
        }
        let result = match (&rule.difference, &rule.percent) {
            (Some([one, two]), _) => number(one)? - number(two)?,
            (None, Some([one, two])) if number(two)? > 0.0 => number(one)? / number(two)? * 100.0,
            _ => return None,
        };
        Some(Value::Number(rule.least.map_or(result, |least| result.max(least))))
    }

    fn write(&self, time: Timestamp) -> Vec<u8> {
        let mut text = String::with_capacity(256);
        let mut open: &[String] = &[];
        text.push('{');
        for slot in &self.slots {
            let value = match slot.field {
                None => Value::Text(time.to_string()),
                Some(field) => self.values[field].clone(),
            };
            if value == Value::Missing {
                continue;
            }
            let shared = open
                .iter()
                .zip(&slot.objects)
                .take_while(|(one, two)| one == two)
                .count();
            text.extend(std::iter::repeat_n('}', open.len() - shared));
            if !text.ends_with('{') {
                text.push(',');
            }
            for object in &slot.objects[shared..] {
                quote(&mut text, object);
                text.push_str(":{");
            }
            open = &slot.objects;
            quote(&mut text, &slot.name);
            text.push(':');
            self.write_value(&mut text, slot.field, &value);
        }
        text.extend(std::iter::repeat_n('}', open.len() + 1));
        text.into_bytes()
    }

    fn write_value(&self, text: &mut String, field: Option<usize>, value: &Value) {
        let kind = field.map_or(FieldType::Text, |field| self.stream.fields[field].kind);
        match (kind, value) {
            (_, Value::Missing) => text.push_str("null"),
            (FieldType::Int, Value::Number(number)) => text.push_str(&(number.round() as i64).to_string()),
            (FieldType::Float, Value::Number(number)) => text.push_str(&number.to_string()),
            (FieldType::Bool, Value::Number(number)) => text.push_str(if *number > 0.0 { "true" } else { "false" }),
            (FieldType::Bool, Value::Text(truth)) if truth == "true" || truth == "false" => text.push_str(truth),
            (_, Value::Number(number)) => quote(text, &number.to_string()),
            (_, Value::Text(words)) => quote(text, words),
        }
    }
}

impl Slot {
    fn new(path: &str, field: Option<usize>) -> Self {
        let mut objects: Vec<String> = path.split('.').map(str::to_string).collect();
        let name = objects.pop().unwrap_or_default();
        Self { field, objects, name }
    }
}

impl MappedField {
    /// A raw number in the event's unit; none where it means missing or lies outside the limits.
    #[must_use]
    pub fn number(&self, raw: f64) -> Option<f64> {
        if !raw.is_finite() || self.missing.contains(&raw) {
            return None;
        }
        let value = raw * self.scale.unwrap_or(1.0) + self.shift.unwrap_or(0.0);
        let outside = self.least.is_some_and(|least| value < least) || self.most.is_some_and(|most| value > most);
        let unit = 10_f64.powi(self.decimals.unwrap_or(6).min(9) as i32);
        (!outside).then(|| (value * unit).round() / unit)
    }

    fn text(&self, text: &str) -> Value {
        if self.texts.is_empty() {
            return Value::Text(format!("{}{text}", self.prefix));
        }
        self.texts
            .get(text)
            .map_or(Value::Missing, |text| Value::Text(text.clone()))
    }
}

/// Appends a JSON string.
fn quote(text: &mut String, words: &str) {
    text.push('"');
    for letter in words.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            letter if letter < ' ' => text.extend(['\\', 'u', '0', '0'].into_iter().chain(hex(letter))),
            letter => text.push(letter),
        }
    }
    text.push('"');
}

/// The two hexadecimal digits of a control character.
fn hex(letter: char) -> [char; 2] {
    let digit = |value: u32| char::from_digit(value, 16).unwrap_or('0');
    [digit(letter as u32 / 16), digit(letter as u32 % 16)]
}

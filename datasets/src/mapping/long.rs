//! Long files: a row is an event.

use std::collections::HashMap;

use super::clock::FileClock;
use super::definition::{MappedField, Mapping};
use super::record::{Recorder, Value};
use super::table::{Cell, Table};
use crate::time::Timestamp;
use crate::{Error, Result};

/// What a second file tells of each reporter: field and value.
pub type Known = HashMap<String, Vec<(usize, Value)>>;

/// A long file in order of time.
#[derive(Debug)]
pub struct Long {
    table: Table,
    order: Vec<(Timestamp, u32)>,
    fields: Vec<(MappedField, usize, usize)>,
    key_column: Option<usize>,
    known: Known,
    constants: Vec<(usize, Value)>,
    recorder: Recorder,
    next: usize,
}

impl Long {
    /// Reads all times and puts the rows in order; rows of the same time stay in the file's order.
    ///
    /// # Errors
    /// A column that is missing, a time that cannot be read.
    pub fn new(table: Table, mapping: &Mapping, lookup: Option<&Table>, recorder: Recorder, key: &str) -> Result<Self> {
        let order = times(&table, mapping)?;
        let fields = mapping
            .fields
            .iter()
            .map(|mapped| {
                let column = table.column(mapped.column.as_deref().unwrap_or_default())?;
                Ok((mapped.clone(), recorder.field(&mapped.field)?, column))
            })
            .collect::<Result<Vec<_>>>()?;
        let key_column = fields
            .iter()
            .find(|(mapped, ..)| mapped.field == key)
            .map(|(_, _, column)| *column);
        let known = known(mapping, lookup, &recorder)?;
        let constants = constants(mapping, &recorder)?;
        Ok(Self {
            table,
            order,
            fields,
            key_column,
            known,
            constants,
            recorder,
            next: 0,
        })
    }

    /// How many rows are done, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.order.len())
    }

    /// The next event: its time, key and payload.
    pub fn next_event(&mut self) -> Option<Result<(Timestamp, String, Vec<u8>)>> {
        loop {
            let (time, row) = *self.order.get(self.next)?;
            self.next += 1;
            if let Err(error) = self.fill(row as usize) {
                return Some(Err(error));
            }
            if let Some((key, payload)) = self.recorder.render(time) {
                return Some(Ok((time, key, payload)));
            }
        }
    }

    fn fill(&mut self, row: usize) -> Result<()> {
        self.recorder.clear();
        for (field, value) in &self.constants {
            self.recorder.set(*field, value.clone());
        }
        if let Some(column) = self.key_column {
            let name = match self.table.cell(column, row) {
                Cell::Text(text) => text.to_string(),
                Cell::Number(number) => number.to_string(),
                Cell::Missing => String::new(),
            };
            for (field, value) in self.known.get(&name).into_iter().flatten() {
                self.recorder.set(*field, value.clone());
            }
        }
        for (mapped, field, column) in &self.fields {
            let value = self.recorder.value_of(mapped, *field, &self.table, *column, row)?;
            if value != Value::Missing {
                self.recorder.set(*field, value);
            }
        }
        Ok(())
    }
}

/// The instants of all rows, in order.
pub fn times(table: &Table, mapping: &Mapping) -> Result<Vec<(Timestamp, u32)>> {
    let clock: FileClock = mapping.time.clock()?;
    let column = table.column(&mapping.time.column)?;
    let hour = mapping.time.hour.as_ref().map(|name| table.column(name)).transpose()?;
    let mut order = Vec::with_capacity(table.rows());
    for row in 0..table.rows() {
        let hours = match hour {
            Some(hour) => table
                .number(hour, row)?
                .ok_or_else(|| table.bad(hour, row, "is empty, accepted: whole hours".into()))?
                as i64,
            None => 0,
        };
        order.push((table.instant(column, row, &clock, hours)?, row as u32));
    }
    order.sort_by_key(|(time, _)| *time);
    Ok(order)
}

/// What the lookup file tells of each reporter.
pub fn known(mapping: &Mapping, lookup: Option<&Table>, recorder: &Recorder) -> Result<Known> {
    let (Some(rule), Some(table)) = (&mapping.lookup, lookup) else {
        return Ok(Known::new());
    };
    let name = table.column(&rule.column)?;
    let mut known = Known::new();
    for row in 0..table.rows() {
        let mut values = Vec::new();
        for mapped in &rule.fields {
            let column = table.column(mapped.column.as_deref().unwrap_or(&mapped.field))?;
            let field = recorder.field(&mapped.field)?;
            let value = recorder.value_of(mapped, field, table, column, row)?;
            if value != Value::Missing {
                values.push((field, value));
            }
        }
        match table.cell(name, row) {
            Cell::Text(text) => known.insert(text.to_string(), values),
            Cell::Number(number) => known.insert(number.to_string(), values),
            Cell::Missing => None,
        };
    }
    Ok(known)
}

/// The fields that are the same in every event.
pub fn constants(mapping: &Mapping, recorder: &Recorder) -> Result<Vec<(usize, Value)>> {
    let mut constants = Vec::new();
    for (path, value) in &mapping.constants {
        let value = match value {
            toml::Value::String(text) => Value::Text(text.clone()),
            toml::Value::Integer(number) => Value::Number(*number as f64),
            toml::Value::Float(number) => Value::Number(*number),
            other => return Err(Error::invalid(path, other, "a text or a number")),
        };
        constants.push((recorder.field(path)?, value));
    }
    Ok(constants)
}

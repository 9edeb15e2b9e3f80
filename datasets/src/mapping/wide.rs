//! Wide files: a row is an instant, a column is a reporter.

use super::definition::{Hold, MappedField, Mapping};
use super::long::{constants, known, times};
use super::record::{Recorder, Value};
use super::table::Table;
use crate::Result;
use crate::time::Timestamp;

/// One reporter: its key, what is known of it, and its column in each table.
#[derive(Debug)]
struct Reporter {
    known: Vec<(usize, Value)>,
    columns: Vec<Option<usize>>,
    held: Vec<Option<(Timestamp, f64)>>,
}

/// A wide file in order of time.
#[derive(Debug)]
pub struct Wide {
    tables: Vec<Table>,
    fields: Vec<(MappedField, usize)>,
    order: Vec<(Timestamp, u32)>,
    reporters: Vec<Reporter>,
    hold: Option<Hold>,
    recorder: Recorder,
    /// Rows that were read, or whose values are held.
    row: usize,
    /// The instant that is being told.
    now: Option<Timestamp>,
    reporter: usize,
}

impl Wide {
    /// `tables` has one table for each of the mapping's fields; their rows are the same instants.
    ///
    /// # Errors
    /// A column that is missing, tables of different lengths, a time that cannot be read.
    pub fn new(tables: Vec<Table>, mapping: &Mapping, lookup: Option<&Table>, recorder: Recorder) -> Result<Self> {
        let first = &tables[0];
        if let Some(other) = tables.iter().find(|table| table.rows() != first.rows()) {
            let accepted = format!("{} rows, as {} has", first.rows(), first.path.display());
            return Err(crate::Error::invalid(
                other.path.display().to_string(),
                other.rows(),
                accepted,
            ));
        }
        let order = times(first, mapping)?;
        let known = known(mapping, lookup, &recorder)?;
        let constants = constants(mapping, &recorder)?;
        let rule = mapping.key.as_ref();
        let key_field = recorder.field(rule.map_or("", |rule| &rule.field))?;
        let fields = mapping
            .fields
            .iter()
            .map(|mapped| Ok((mapped.clone(), recorder.field(&mapped.field)?)))
            .collect::<Result<Vec<_>>>()?;
        let reporters = first
            .names()
            .iter()
            .filter(|name| **name != mapping.time.column)
            .map(|name| {
                let mut all = constants.clone();
                all.extend(known.get(name).cloned().unwrap_or_default());
                all.push((
                    key_field,
                    Value::Text(format!("{}{name}", rule.map_or("", |rule| &rule.prefix))),
                ));
                let columns = tables.iter().map(|table| table.column(name).ok()).collect();
                Reporter {
                    known: all,
                    columns,
                    held: vec![None; tables.len()],
                }
            })
            .collect();
        Ok(Self {
            tables,
            fields,
            order,
            reporters,
            hold: mapping.hold,
            recorder,
            row: 0,
            now: None,
            reporter: 0,
        })
    }

    /// How many rows are done, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.row, self.order.len())
    }

    /// The next event: its time, key and payload.
    pub fn next_event(&mut self) -> Option<Result<(Timestamp, String, Vec<u8>)>> {
        loop {
            let Some(now) = self.now else {
                if let Err(error) = self.next_instant() {
                    return Some(Err(error));
                }
                self.now?;
                continue;
            };
            if self.reporter == self.reporters.len() {
                if let Err(error) = self.next_instant() {
                    return Some(Err(error));
                }
                self.now?;
                continue;
            }
            let reporter = self.reporter;
            self.reporter += 1;
            self.fill(now, reporter);
            if let Some((key, payload)) = self.recorder.render(now) {
                return Some(Ok((now, key, payload)));
            }
        }
    }

    /// Goes to the next row, or to the next point of the grid with all rows before it.
    fn next_instant(&mut self) -> Result<()> {
        self.reporter = 0;
        let Some(hold) = self.hold else {
            self.now = self.order.get(self.row).map(|(time, _)| *time);
            return if self.now.is_some() { self.read_row() } else { Ok(()) };
        };
        let last = self.order.last().map(|(time, _)| *time);
        let Some((first, last)) = self.order.first().map(|(time, _)| *time).zip(last) else {
            self.now = None;
            return Ok(());
        };
        let next = match self.now {
            Some(now) => now.0 + hold.grid.0,
            None => {
                Timestamp(first.0 - hold.offset.0 + hold.grid.0 - 1)
                    .window_start(hold.grid)
                    .0
                    + hold.offset.0
            }
        };
        self.now = (next <= last.0).then_some(Timestamp(next));
        while self.order.get(self.row).is_some_and(|(time, _)| time.0 <= next) {
            self.read_row()?;
        }
        Ok(())
    }

    /// Takes over the values of a row.
    fn read_row(&mut self) -> Result<()> {
        let (time, row) = self.order[self.row];
        self.row += 1;
        for reporter in &mut self.reporters {
            for (place, table) in self.tables.iter().enumerate() {
                let Some(column) = reporter.columns[place] else {
                    continue;
                };
                if let Some(value) = table
                    .number(column, row as usize)?
                    .and_then(|raw| self.fields[place].0.number(raw))
                {
                    reporter.held[place] = Some((time, value));
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self, now: Timestamp, reporter: usize) {
        self.recorder.clear();
        let longest = self.hold.map_or(0, |hold| hold.longest.0);
        let reporter = &self.reporters[reporter];
        for (field, value) in &reporter.known {
            self.recorder.set(*field, value.clone());
        }
        for ((_, field), held) in self.fields.iter().zip(&reporter.held) {
            if let Some((since, value)) = held
                && now.0 - since.0 <= longest
            {
                self.recorder.set(*field, Value::Number(*value));
            }
        }
    }
}

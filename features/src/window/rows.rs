//! Closed windows as rows of the windows table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Date32Array, Float64Array, Float64Builder, Int32Array, Int64Array,
    RecordBatch, StringBuilder, TimestampMicrosecondArray,
};
use arterial_datasets::stream::Aggregate;
use arterial_datasets::time::Timestamp;

use super::closed::ClosedWindow;
use super::layout::{Description, Layout};
use super::state;
use super::table::{Moments, WindowTable};
use crate::Result;
use crate::event::{NO_DESCRIPTION, NO_ZONE};
use crate::intern::Interner;

/// One description of each row.
enum DescriptionBuilder {
    Text(StringBuilder),
    Number(Float64Builder),
}

/// Columns that grow row by row.
pub(super) struct Rows<'a> {
    layout: &'a Layout,
    names: &'a Interner,
    keys: StringBuilder,
    zones: StringBuilder,
    starts: Vec<i64>,
    revisions: Vec<i32>,
    events: Vec<i64>,
    duplicates: Vec<i64>,
    quality: Vec<f64>,
    aggregates: Vec<Float64Builder>,
    categories: Vec<Vec<i64>>,
    descriptions: Vec<DescriptionBuilder>,
    finals: Vec<bool>,
    days: Vec<i32>,
    states: BinaryBuilder,
    scratch: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(layout: &'a Layout, names: &'a Interner) -> Self {
        Self {
            layout,
            names,
            keys: StringBuilder::new(),
            zones: StringBuilder::new(),
            starts: Vec::new(),
            revisions: Vec::new(),
            events: Vec::new(),
            duplicates: Vec::new(),
            quality: Vec::new(),
            aggregates: layout
                .aggregates
                .iter()
                .flatten()
                .map(|_| Float64Builder::new())
                .collect(),
            categories: vec![Vec::new(); layout.counts()],
            descriptions: layout.descriptions.iter().map(DescriptionBuilder::new).collect(),
            finals: Vec::new(),
            days: Vec::new(),
            states: BinaryBuilder::new(),
            scratch: Vec::new(),
        }
    }

    /// Appends the pending rows of `window`, in the order of their keys. A final row needs no state.
    pub(super) fn append(&mut self, window: &ClosedWindow, is_final: bool) {
        let table = &window.table;
        let names = self.names;
        let mut pending: Vec<(u32, i32)> = window.pending().collect();
        pending.sort_unstable_by_key(|&(slot, _)| names.name(table.heads[slot as usize].key));
        let identities = (!is_final).then(|| table.identities());
        let day = i32::try_from(Timestamp(table.start).day()).unwrap_or_default();
        for (slot, revision) in pending {
            self.starts.push(table.start);
            self.days.push(day);
            self.finals.push(is_final);
            self.revisions.push(revision);
            self.head(table, slot);
            self.values(table, slot);
            self.counts(table, slot);
            self.descriptions(table, slot);
            match &identities {
                Some(identities) => {
                    self.scratch.clear();
                    state::write(&mut self.scratch, table, slot, identities.of(slot), self.layout);
                    self.states.append_value(&self.scratch);
                }
                None => self.states.append_null(),
            }
        }
    }

    fn head(&mut self, table: &WindowTable, slot: u32) {
        let head = &table.heads[slot as usize];
        self.keys.append_value(self.names.name(head.key));
        self.zones
            .append_option((head.zone != NO_ZONE).then(|| self.names.name(head.zone)));
        self.events.push(i64::from(head.events));
        self.duplicates.push(i64::from(table.duplicates.get(slot as usize)));
        self.quality.push(quality(head.events, head.degraded, self.layout));
    }

    fn values(&mut self, table: &WindowTable, slot: u32) {
        let mut columns = self.aggregates.iter_mut();
        let first = slot as usize * self.layout.values();
        let events = table.heads[slot as usize].events;
        for (field, wanted) in self.layout.aggregates.iter().enumerate() {
            let moments = &table.moments[first + field];
            let count = events - table.missing.get(first + field);
            for (&aggregate, column) in wanted.iter().zip(&mut columns) {
                column.append_option(number(moments, count, aggregate, field, self.layout));
            }
        }
    }

    fn counts(&mut self, table: &WindowTable, slot: u32) {
        let first = slot as usize * self.layout.counts();
        for (column, &count) in self.categories.iter_mut().zip(&table.categories[first..]) {
            column.push(i64::from(count));
        }
    }

    fn descriptions(&mut self, table: &WindowTable, slot: u32) {
        let first = slot as usize * self.layout.descriptions.len();
        for (column, &description) in self.descriptions.iter_mut().zip(&table.descriptions[first..]) {
            column.push(description, self.names);
        }
    }

    /// The rows under the schema of the windows table.
    pub(super) fn finish(mut self, now: Timestamp) -> Result<RecordBatch> {
        let instants = |times: Vec<i64>| TimestampMicrosecondArray::from(times).with_timezone("UTC");
        let committed = vec![now.0; self.starts.len()];
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.keys.finish()),
            Arc::new(self.zones.finish()),
            Arc::new(instants(self.starts)),
            Arc::new(Int32Array::from(self.revisions)),
            Arc::new(Int64Array::from(self.events)),
            Arc::new(Int64Array::from(self.duplicates)),
            Arc::new(Float64Array::from(self.quality)),
        ];
        columns.extend(
            self.aggregates
                .iter_mut()
                .map(|column| Arc::new(column.finish()) as ArrayRef),
        );
        columns.extend(
            self.categories
                .into_iter()
                .map(|column| Arc::new(Int64Array::from(column)) as ArrayRef),
        );
        columns.extend(self.descriptions.iter_mut().map(DescriptionBuilder::finish));
        columns.push(Arc::new(BooleanArray::from(self.finals)));
        columns.push(Arc::new(instants(committed)));
        columns.push(Arc::new(Date32Array::from(self.days)));
        columns.push(Arc::new(self.states.finish()));
        Ok(RecordBatch::try_new(self.layout.schema.clone(), columns)?)
    }
}

impl DescriptionBuilder {
    fn new(description: &Description) -> Self {
        if description.is_text {
            Self::Text(StringBuilder::new())
        } else {
            Self::Number(Float64Builder::new())
        }
    }

    fn push(&mut self, description: u64, names: &Interner) {
        let known = (description != NO_DESCRIPTION).then_some(description);
        match self {
            Self::Text(builder) => builder.append_option(known.map(|number| names.name(number as u32))),
            Self::Number(builder) => builder.append_option(known.map(f64::from_bits)),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Number(builder) => Arc::new(builder.finish()),
        }
    }
}

/// `min(1, events / expected events) * share of undisturbed events`; completeness is 1 where no interval is declared.
fn quality(events: u32, degraded: u32, layout: &Layout) -> f64 {
    if events == 0 {
        return 0.0;
    }
    let events = f64::from(events);
    let completeness = layout
        .definition
        .expected_events()
        .map_or(1.0, |expected| (events / expected).min(1.0));
    completeness * (events - f64::from(degraded)) / events
}

/// One aggregate of one value field; none without input. The sample deviation of a single value is none, of equal values 0.
fn number(moments: &Moments, count: u32, aggregate: Aggregate, field: usize, layout: &Layout) -> Option<f64> {
    let scale = &layout.scales[field];
    let (min, max) = (moments.min, moments.max);
    match aggregate {
        Aggregate::Last => Some(moments.last).filter(|last| !last.is_nan()),
        _ if count == 0 => None,
        Aggregate::Mean => Some(scale.mean(moments.sum, u64::from(count)).clamp(min, max)),
        Aggregate::Min => Some(min),
        Aggregate::Max => Some(max),
        Aggregate::Std if count < 2 => None,
        Aggregate::Std if min.to_bits() == max.to_bits() => Some(0.0),
        Aggregate::Std => Some(scale.deviation(moments.sum, moments.squares, u64::from(count))),
    }
}

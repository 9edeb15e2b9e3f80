//! The columns of `<topic>_events`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, SchemaRef};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::Timestamp;

use super::field::{Cell, Texts};
use super::identity::IdentityKey;
use crate::Result;

/// Builders of the archive's columns, one event a row.
#[derive(Debug)]
pub(super) struct Archive {
    schema: SchemaRef,
    keys: StringBuilder,
    times: TimestampMicrosecondBuilder,
    partitions: Int32Builder,
    offsets: Int64Builder,
    /// Each with the place of its field and whether the field tells of a person.
    columns: Vec<(usize, bool, Column)>,
    days: Date32Builder,
}

#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Float(Float64Builder),
    Int(Int64Builder),
    Bool(BooleanBuilder),
    Instant(TimestampMicrosecondBuilder),
}

impl Archive {
    /// Empty columns for the events of `stream`.
    pub fn new(stream: &StreamDefinition) -> Self {
        let schema = schema::events(stream);
        let inner = &schema.fields()[4..schema.fields().len() - 1];
        let columns = inner.iter().filter_map(|column| {
            let place = stream
                .fields
                .iter()
                .position(|field| field.column() == *column.name())?;
            let personal = stream.fields[place].role == arterial_datasets::stream::Role::Personal;
            Some((place, personal, Column::new(column.data_type())))
        });
        let columns = columns.collect();
        Self {
            keys: StringBuilder::new(),
            times: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            partitions: Int32Builder::new(),
            offsets: Int64Builder::new(),
            columns,
            days: Date32Builder::new(),
            schema,
        }
    }

    /// Appends one event, whose fields hold `cells`.
    pub fn push(
        &mut self,
        place: (i32, i64),
        time: i64,
        key: &str,
        cells: &[Cell],
        texts: &Texts<'_>,
        secret: IdentityKey,
    ) {
        self.keys.append_value(key);
        self.times.append_value(time);
        self.partitions.append_value(place.0);
        self.offsets.append_value(place.1);
        for (field, personal, column) in &mut self.columns {
            match cells[*field] {
                cell if *personal => column.push_pseudonym(cell, texts, secret),
                cell => column.push(cell, texts),
            }
        }
        self.days
            .append_value(i32::try_from(Timestamp(time).day()).unwrap_or_default());
    }

    /// Takes the columns out.
    ///
    /// # Errors
    /// None that a caller could cause: the columns are made for the schema.
    pub fn take(&mut self) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.keys.finish()),
            Arc::new(self.times.finish()),
            Arc::new(self.partitions.finish()),
            Arc::new(self.offsets.finish()),
        ];
        columns.extend(self.columns.iter_mut().map(|(_, _, column)| column.finish()));
        columns.push(Arc::new(self.days.finish()));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Column {
    fn new(kind: &DataType) -> Self {
        match kind {
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Int64 => Self::Int(Int64Builder::new()),
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Timestamp(..) => Self::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    #[inline]
    fn push(&mut self, cell: Cell, texts: &Texts<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(span) | Cell::Category(_, span)) => builder.append_value(texts.get(span)),
            (Self::Float(builder), Cell::Float(number)) => builder.append_value(number),
            (Self::Int(builder), Cell::Int(number)) => builder.append_value(number),
            (Self::Bool(builder), Cell::Bool(truth)) => builder.append_value(truth),
            (Self::Instant(builder), Cell::Instant(time)) => builder.append_value(time),
            (column, _) => column.push_null(),
        }
    }

    fn push_pseudonym(&mut self, cell: Cell, texts: &Texts<'_>, secret: IdentityKey) {
        let Self::Text(builder) = self else {
            return self.push_null();
        };
        match cell {
            Cell::Null => builder.append_null(),
            Cell::Text(span) | Cell::Category(_, span) => builder.append_value(secret.pseudonym(texts.get(span))),
            Cell::Float(number) => builder.append_value(secret.pseudonym(&number.to_string())),
            Cell::Int(number) | Cell::Instant(number) => builder.append_value(secret.pseudonym(&number.to_string())),
            Cell::Bool(truth) => builder.append_value(secret.pseudonym(&truth.to_string())),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Bool(builder) => builder.append_null(),
            Self::Instant(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Instant(builder) => Arc::new(builder.finish()),
        }
    }
}

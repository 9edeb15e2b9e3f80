//! The table `catalog`: every column of every table, with its unit and what it means.

use std::sync::Arc;

use arrow::array::{BooleanBuilder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::TableType;

use crate::flight::describe;

/// The table's name.
pub(super) const NAME: &str = "catalog";

/// The table over these tables.
pub(super) fn table(tables: &[(String, Arc<dyn TableProvider>)]) -> Result<Arc<dyn TableProvider>> {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let fields = vec![
        text("table_name"),
        text("table_type"),
        text("column_name"),
        text("data_type"),
        Field::new("is_nullable", DataType::Boolean, false),
        text("unit"),
        text("description"),
    ];
    let described = fields.into_iter().map(|field| describe(&field).unwrap_or(field));
    let schema = Arc::new(Schema::new(described.collect::<Vec<_>>()));
    let mut texts: [StringBuilder; 6] = Default::default();
    let mut nullable = BooleanBuilder::new();
    for (name, table) in tables {
        for field in table.schema().fields() {
            let said = |key: &str| field.metadata().get(key).cloned().unwrap_or_default();
            let row = [
                name.clone(),
                type_name(table.table_type()).to_owned(),
                field.name().clone(),
                field.data_type().to_string(),
                said("unit"),
                said("description"),
            ];
            for (column, value) in texts.iter_mut().zip(row) {
                column.append_value(value);
            }
            nullable.append_value(field.is_nullable());
        }
    }
    let [table, kind, column, data, unit, description] = texts.each_mut().map(|column| Arc::new(column.finish()));
    let nullable = Arc::new(nullable.finish());
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![table, kind, column, data, nullable, unit, description],
    )?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// The type as Flight SQL and JDBC name it.
pub(super) fn type_name(kind: TableType) -> &'static str {
    match kind {
        TableType::Base | TableType::Temporary => "TABLE",
        TableType::View => "VIEW",
    }
}

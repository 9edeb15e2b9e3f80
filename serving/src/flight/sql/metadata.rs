//! Catalogues, schemas, tables and keys, as JDBC and ADBC ask for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{Command, CommandGetPrimaryKeys, CommandGetTables};

use super::{info, refused, remarks, types};
use crate::sql::{CATALOG, SCHEMA, Sql};
use crate::{Error, Result};

/// The columns that a metadata command gives.
///
/// # Errors
/// Another command.
pub(super) fn schema(command: &Command) -> Result<SchemaRef> {
    Ok(match command {
        Command::CommandGetCatalogs(command) => (*command).into_builder().schema(),
        Command::CommandGetDbSchemas(command) => command.clone().into_builder().schema(),
        Command::CommandGetTables(command) => command.clone().into_builder().schema(),
        Command::CommandGetTableTypes(command) => (*command).into_builder().schema(),
        Command::CommandGetSqlInfo(command) => command.clone().into_builder(info::info()?).schema(),
        Command::CommandGetXdbcTypeInfo(command) => (*command).into_builder(types::types()?).schema(),
        Command::CommandGetPrimaryKeys(_) => primary_keys_schema(),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => references_schema(),
        other => return Err(refused(other)),
    })
}

/// What a metadata command gives.
///
/// # Errors
/// Another command, a lake that cannot be read.
pub(super) async fn batch(engine: &Sql, command: Command) -> Result<RecordBatch> {
    let failed = |error: FlightError| Error::Background(error.to_string());
    match command {
        Command::CommandGetCatalogs(command) => {
            let mut catalogs = command.into_builder();
            catalogs.append(CATALOG);
            catalogs.build().map_err(failed)
        }
        Command::CommandGetDbSchemas(command) => {
            let mut schemas = command.into_builder();
            schemas.append(CATALOG, SCHEMA);
            schemas.build().map_err(failed)
        }
        Command::CommandGetTables(command) => tables(engine, command).await,
        Command::CommandGetTableTypes(command) => {
            let mut kinds = command.into_builder();
            kinds.append("TABLE");
            kinds.append("VIEW");
            kinds.build().map_err(failed)
        }
        Command::CommandGetSqlInfo(command) => command.into_builder(info::info()?).build().map_err(failed),
        Command::CommandGetXdbcTypeInfo(command) => command.into_builder(types::types()?).build().map_err(failed),
        Command::CommandGetPrimaryKeys(command) => primary_keys(engine, &command).await,
        other => Ok(RecordBatch::new_empty(schema(&other)?)),
    }
}

async fn tables(engine: &Sql, mut command: CommandGetTables) -> Result<RecordBatch> {
    // Grafana's editor asks for `BASE TABLE`, and shows nothing else.
    if command.table_types.iter().any(|kind| kind == "BASE TABLE") {
        command.table_types.extend(["TABLE", "VIEW"].map(String::from));
    }
    let failed = |error: FlightError| Error::Background(error.to_string());
    let listed = engine.names().await?;
    let names = CommandGetTables {
        include_schema: false,
        ..command.clone()
    };
    let mut names = names.into_builder();
    for (name, kind) in &listed {
        let appended = names.append(CATALOG, SCHEMA, name, kind, &Schema::empty());
        appended.map_err(failed)?;
    }
    let names = names.build().map_err(failed)?;
    if !command.include_schema {
        return Ok(names);
    }
    // A table is opened for its columns: only those that are meant are.
    let meant = names
        .column_by_name("table_name")
        .and_then(|names| names.as_string_opt::<i32>());
    let meant: BTreeSet<&str> = meant.into_iter().flatten().flatten().collect();
    let mut tables = command.into_builder();
    for (name, kind) in listed.iter().filter(|(name, _)| meant.contains(name.as_str())) {
        if let Some(schema) = engine.columns_listed(name).await {
            let appended = tables.append(CATALOG, SCHEMA, name, kind, &remarks::noted(&schema));
            appended.map_err(failed)?;
        }
    }
    tables.build().map_err(failed)
}

fn primary_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

/// Which columns together are there once, as the tables are written.
fn key_of(table: &str) -> &'static [&'static str] {
    match table {
        "quarantine" => &["topic", "partition", "offset"],
        "indices" => &["zone_id", "window_start", "formula", "revision"],
        "alerts" => &["alert_id", "revision"],
        "alert_signals" => &["topic", "key", "window_start", "detector", "target", "reason"],
        "models" => &["model", "model_version"],
        "forecasts" | "forecasts_latest" | "shadow_forecasts" => {
            &["topic", "key", "target", "origin", "horizon_minutes", "issued_at"]
        }
        name if name.ends_with("_windows") => &["key", "window_start", "revision"],
        name if name.ends_with("_events") => &["partition", "offset"],
        name if name.ends_with("_latest") => &["key", "window_start"],
        _ => &[],
    }
}

async fn primary_keys(engine: &Sql, command: &CommandGetPrimaryKeys) -> Result<RecordBatch> {
    let elsewhere =
        |asked: &Option<String>, ours: &str| asked.as_deref().is_some_and(|asked| !asked.is_empty() && asked != ours);
    let known = engine.names().await?;
    let known = known.iter().any(|(name, _)| *name == command.table);
    let columns = if known && !elsewhere(&command.catalog, CATALOG) && !elsewhere(&command.db_schema, SCHEMA) {
        key_of(&command.table)
    } else {
        &[]
    };
    let all = |text: &str| Arc::new(StringArray::from(vec![text; columns.len()]));
    Ok(RecordBatch::try_new(
        primary_keys_schema(),
        vec![
            all(CATALOG),
            all(SCHEMA),
            all(&command.table),
            Arc::new(StringArray::from(columns.to_vec())),
            all(&format!("{}_key", command.table)),
            Arc::new(Int32Array::from_iter_values(1..=columns.len() as i32)),
        ],
    )?)
}

/// Foreign keys, of which there are none.
fn references_schema() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

//! The columns of a table as they are shown, with their units and descriptions: kept from one call to the next, as to find out what each of
//! them means costs more than a small query does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::datatypes::{Schema, SchemaRef};
use arterial_datasets::stream::StreamCatalog;

use super::describe::described;
use crate::sync::lock;

/// The most tables whose columns are kept.
const MOST: usize = 256;

/// The columns of tables, by name.
#[derive(Default)]
pub(crate) struct Shown(Mutex<HashMap<String, Columns>>);

struct Columns {
    /// The schema of the table, which another one follows when the table grows.
    stored: SchemaRef,
    shown: SchemaRef,
}

impl Shown {
    /// The columns of the table `name` that are shown, where its schema is `stored`.
    pub(super) fn of(&self, name: &str, stored: &SchemaRef, streams: &StreamCatalog) -> SchemaRef {
        if let Some(shown) = self.known(name, stored) {
            return shown;
        }
        let shown = shown(name, stored, streams);
        let columns = Columns {
            stored: Arc::clone(stored),
            shown: Arc::clone(&shown),
        };
        let mut tables = lock(&self.0);
        if tables.len() >= MOST {
            tables.clear();
        }
        tables.insert(name.to_owned(), columns);
        shown
    }

    fn known(&self, name: &str, stored: &SchemaRef) -> Option<SchemaRef> {
        let mut tables = lock(&self.0);
        let columns = tables.get_mut(name).filter(|columns| columns.stored == *stored)?;
        // Each version of a table has a schema of its own, and only the same one is told at a glance.
        columns.stored = Arc::clone(stored);
        Some(Arc::clone(&columns.shown))
    }
}

/// The columns of a table that are shown, with their units and descriptions.
pub(super) fn shown(name: &str, schema: &Schema, streams: &StreamCatalog) -> SchemaRef {
    let shown = schema.fields().iter().filter(|field| !field.name().starts_with('_'));
    let described = described(name, shown.map(AsRef::as_ref), streams);
    Arc::new(Schema::new_with_metadata(described, schema.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn stored(names: &[&str]) -> SchemaRef {
        let fields = names.iter().map(|name| Field::new(*name, DataType::Utf8, true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    #[test]
    fn columns_are_described_once_and_again_when_the_table_grows() {
        let streams = StreamCatalog::built_in().unwrap();
        let tables = Shown::default();
        let first = tables.of("forecasts", &stored(&["key", "_hidden"]), &streams);
        let names: Vec<&str> = first.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["key"]);
        assert!(first.field(0).metadata().contains_key("description"));
        let again = tables.of("forecasts", &stored(&["key", "_hidden"]), &streams);
        assert!(Arc::ptr_eq(&again, &first), "the next version has the same columns");
        let grown = tables.of("forecasts", &stored(&["key", "_hidden", "model"]), &streams);
        assert_eq!(grown.fields().len(), 2);
        assert!(grown.field(1).metadata().contains_key("description"));
    }

    #[test]
    fn a_name_stands_for_its_own_table_and_few_are_kept() {
        let streams = StreamCatalog::built_in().unwrap();
        let tables = Shown::default();
        let start = stored(&["window_start"]);
        let said = |name: &str| tables.of(name, &start, &streams).field(0).metadata()["description"].clone();
        assert!(said("traffic_sensors_latest").contains("newest revision"));
        assert!(!said("traffic_sensors_windows").contains("newest revision"));
        for number in 0..2 * MOST {
            said(&format!("table_{number}"));
        }
        assert!(lock(&tables.0).len() <= MOST);
    }
}

//! What JDBC and ODBC show of a table's columns beside their names: comments, and types as SQL has them.
//!
//! Only lists of tables carry them, answers do not: JDBC's driver makes the comment of a column the label by which programs ask for its
//! values.

use arrow::datatypes::{DataType, Field, Schema};

const REMARKS: &str = "ARROW:FLIGHT:SQL:REMARKS";
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The columns with their descriptions and units as comments.
pub(super) fn noted(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| with_notes(field));
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())
}

fn with_notes(field: &Field) -> Field {
    let mut metadata = field.metadata().clone();
    let said = |key: &str| field.metadata().get(key).map(String::as_str);
    let comment = match (said("description"), said("unit")) {
        (Some(description), Some(unit)) => Some(format!("{description}; {unit}")),
        (description, _) => description.map(str::to_owned),
    };
    let kind = type_name(field.data_type());
    metadata.extend(comment.map(|comment| (REMARKS.to_owned(), comment)));
    metadata.extend(kind.map(|name| (TYPE_NAME.to_owned(), name.to_owned())));
    field.clone().with_metadata(metadata)
}

/// What SQL calls a type, as the list of types has it; none for lists and their like, which each client names itself.
fn type_name(kind: &DataType) -> Option<&'static str> {
    Some(match kind {
        DataType::Utf8 => "VARCHAR",
        DataType::Binary => "VARBINARY",
        DataType::Int64 => "BIGINT",
        DataType::Int32 => "INTEGER",
        DataType::Int16 => "SMALLINT",
        DataType::Float64 => "DOUBLE",
        DataType::Float32 => "REAL",
        DataType::Boolean => "BOOLEAN",
        DataType::Timestamp(_, _) => "TIMESTAMP",
        DataType::Date32 => "DATE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_carries_its_description_unit_and_type() {
        let described = |unit: Option<&str>| {
            let said = [("description", Some("Mean speed")), ("unit", unit)];
            let said = said
                .into_iter()
                .filter_map(|(key, text)| Some((key.to_owned(), text?.to_owned())));
            let speed = Field::new("speed", DataType::Float64, true);
            speed.with_metadata(said.collect())
        };
        let keys = Field::new("keys", DataType::new_list(DataType::Utf8, true), true);
        let fields = vec![described(Some("km/h")), described(None), keys];
        let noted = noted(&Schema::new(fields));
        let found = |place: usize, key: &str| noted.field(place).metadata().get(key).cloned().unwrap_or_default();
        assert_eq!(found(0, REMARKS), "Mean speed; km/h");
        assert_eq!(found(1, REMARKS), "Mean speed");
        assert_eq!(found(1, TYPE_NAME), "DOUBLE");
        assert!(noted.field(2).metadata().is_empty());
    }
}

//! Views over plain Flight: a ticket for one is a query in SQL.

use super::query::Query;
use crate::sql::{VIEWS, view_time};
use crate::{Error, Result};

/// The query that a ticket for a view means; none where it is not for a view.
pub(super) fn query(query: &Query) -> Option<Result<String>> {
    VIEWS.contains(&query.dataset.as_str()).then(|| text(query))
}

fn text(query: &Query) -> Result<String> {
    if let Some(as_of) = query.as_of {
        let accepted = format!("nothing: `{}` is no table with versions", query.dataset);
        return Err(Error::invalid("as_of", as_of, accepted));
    }
    let columns = match &query.columns {
        None => "*".to_owned(),
        Some(columns) => columns.iter().map(|name| name_of(name)).collect::<Vec<_>>().join(", "),
    };
    let mut conditions = Vec::new();
    if let Some(keys) = &query.keys {
        let keys: Vec<String> = keys
            .iter()
            .map(|key| format!("'{}'", key.replace('\'', "''")))
            .collect();
        // No key at all selects no row.
        let list = if keys.is_empty() {
            "NULL".to_owned()
        } else {
            keys.join(", ")
        };
        conditions.push(format!("key IN ({list})"));
    }
    for (bound, operator) in [(&query.from, ">="), (&query.to, "<")] {
        if let Some(bound) = bound {
            let time = query.time.as_deref().or_else(|| view_time(&query.dataset));
            let time = time.ok_or_else(|| Error::invalid("from, to", "given", "a dataset with a time column"))?;
            conditions.push(format!("{} {operator} '{}'", name_of(time), bound.0));
        }
    }
    let condition = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    Ok(format!("SELECT {columns} FROM {}{condition}", name_of(&query.dataset)))
}

fn name_of(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::Ticket;

    #[test]
    fn a_ticket_for_a_view_becomes_a_query_and_nothing_gets_out_of_its_quotes() {
        let ticket = r#"{"dataset":"forecast_errors","columns":["key","a\"b"],"keys":["a","o'b"],"from":"2026-01-31T08:00:00Z"}"#;
        let read = Query::from_ticket(&Ticket::new(ticket)).unwrap();
        assert_eq!(
            query(&read).unwrap().unwrap(),
            "SELECT \"key\", \"a\"\"b\" FROM \"forecast_errors\" WHERE key IN ('a', 'o''b') AND \"target_time\" >= '2026-01-31T08:00:00Z'"
        );
        assert!(query(&Query::from_ticket(&Ticket::new("forecasts")).unwrap()).is_none());
    }
}

//! Which way traffic flows, from files.

use std::path::Path;

use super::clock::cut;
use super::graph::{cells, weight};
use super::table::cell;
use crate::{Error, Result};

/// Traffic flows from one place on to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The stream whose keys they are, where it is said: several streams may have keys of the same names.
    pub topic: Option<String>,
    /// The key of the place that traffic comes from.
    pub from: String,
    /// The key of the place that it comes to next.
    pub to: String,
}

/// Reads from which place traffic flows on to which other: the columns `from` and `to` of edges, in the file's order, with the stream that
/// they belong to where there is a column `topic`. Other columns are left aside, but an edge whose `weight` is 0 or missing is none.
///
/// # Errors
/// A file that cannot be read, one without these columns, an edge that lacks an end, and cells that are no weight, with row and column.
pub fn read_flows(path: &Path) -> Result<Vec<Flow>> {
    let name = path.display().to_string();
    let (header, rows) = cells(path)?;
    let place = |wanted: &str| header.iter().position(|column| column == wanted);
    let (Some(from), Some(to)) = (place("from"), place("to")) else {
        let columns = cut(&header.join(","));
        return Err(Error::invalid(format!("{name}: columns"), columns, "`from` and `to`"));
    };
    let (value, topic) = (place("weight"), place("topic"));
    let mut flows = Vec::new();
    for (row, cells) in rows.iter().enumerate() {
        if let Some(column) = [from, to].into_iter().find(|&column| cells[column].is_empty()) {
            return Err(cell(&name, row, &header[column], "is empty, accepted: a key".into()));
        }
        let weight = value.map_or(Ok(1.0), |value| {
            weight(&cells[value]).map_err(|message| cell(&name, row, &header[value], message))
        });
        if weight? != 0.0 {
            flows.push(Flow {
                topic: topic
                    .map(|topic| cells[topic].clone())
                    .filter(|topic| !topic.is_empty()),
                from: cells[from].clone(),
                to: cells[to].clone(),
            });
        }
    }
    Ok(flows)
}

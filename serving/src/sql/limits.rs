//! What a query may take.

use arterial_datasets::time::{Duration, MINUTE};

use crate::{Error, Result};

/// The least memory with which a query gets anywhere.
const LEAST_MEMORY: usize = 16 << 20;

/// The limits of queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlConfig {
    /// The most memory that one query may hold, in bytes, 16 MiB or more. Sorts, aggregates and joins that need more spill to
    /// disk where they can; what cannot ends as `RESOURCE_EXHAUSTED`. Default 256 MiB.
    pub query_memory_bytes: usize,
    /// The most disk that all queries together may spill to, in bytes; 0 is none. Each of `concurrent_queries` has an equal part of it,
    /// which nobody else can take. Default 4 GiB.
    pub spill_bytes: u64,
    /// Where they spill to; empty means the system's folder for temporary files.
    pub spill_folder: String,
    /// The most rows of one answer, from 1; a query that gives more ends as `RESOURCE_EXHAUSTED`. Default ten million.
    pub max_rows: usize,
    /// The longest from a query's start until its last row was taken. Default 1m.
    pub deadline: Duration,
    /// Queries that are answered at the same time, from 1; more wait. Default 8.
    pub concurrent_queries: usize,
    /// The secret under which handles are signed; empty means one that is drawn at each start. Replicas behind one address need
    /// the same.
    pub handle_key: String,
}

impl Default for SqlConfig {
    fn default() -> Self {
        Self {
            query_memory_bytes: 256 << 20,
            spill_bytes: 4 << 30,
            spill_folder: String::new(),
            max_rows: 10_000_000,
            deadline: Duration(MINUTE),
            concurrent_queries: 8,
            handle_key: String::new(),
        }
    }
}

impl SqlConfig {
    /// The most disk that one query may spill to, in bytes.
    pub fn query_spill_bytes(&self) -> u64 {
        self.spill_bytes / self.concurrent_queries.max(1) as u64
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<()> {
        if self.query_memory_bytes < LEAST_MEMORY {
            let accepted = format!("{LEAST_MEMORY} bytes or more");
            return Err(Error::invalid(
                "sql.query_memory_bytes",
                self.query_memory_bytes,
                accepted,
            ));
        }
        for (field, value) in [
            ("sql.max_rows", self.max_rows),
            ("sql.concurrent_queries", self.concurrent_queries),
        ] {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1"));
            }
        }
        if self.deadline.0 <= 0 {
            return Err(Error::invalid(
                "sql.deadline",
                self.deadline,
                "a positive duration, such as 60s",
            ));
        }
        Ok(())
    }
}

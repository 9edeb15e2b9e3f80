//! Handles of the lake's tables: opened once, brought up to date whenever one is asked for. What their readers read again
//! stays in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use arterial_datasets::lake::{CacheUse, Lake, Table};

use crate::Result;
use crate::sync::lock;

/// The tables of a lake.
#[derive(Debug)]
pub struct Tables {
    lake: Lake,
    open: Mutex<HashMap<String, Table>>,
}

impl Tables {
    /// The tables of `lake`.
    pub fn new(lake: &Lake) -> Self {
        Self {
            lake: lake.keeping(),
            open: Mutex::default(),
        }
    }

    /// What is in memory of the tables' files.
    pub fn cache_use(&self) -> CacheUse {
        self.lake.cache_use()
    }

    /// The names of all tables, in order.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn names(&self) -> Result<Vec<String>> {
        Ok(self.lake.names().await?)
    }

    /// The table of that name at its newest version; none where there is no such table.
    ///
    /// # Errors
    /// A lake that cannot be read, a name that no table can have.
    pub async fn get(&self, name: &str) -> Result<Option<Table>> {
        let known = lock(&self.open).get(name).cloned();
        let table = match known {
            Some(mut table) => {
                table.refresh().await?;
                table
            }
            None => match self.lake.existing(name).await? {
                Some(table) => table,
                None => return Ok(None),
            },
        };
        let mut open = lock(&self.open);
        if open.get(name).is_none_or(|held| held.version() < table.version()) {
            open.insert(name.to_owned(), table.clone());
        }
        Ok(Some(table))
    }
}

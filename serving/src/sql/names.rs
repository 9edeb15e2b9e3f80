//! Which table a name means: datasets as over Flight, as they stood earlier (`name@version`), the catalogue of columns, and views.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use datafusion::catalog::information_schema::{INFORMATION_SCHEMA, InformationSchemaProvider};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableFunction, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::TableType;

use super::table::DatasetTable;
use super::{catalog, views};
use crate::error::chain;
use crate::flight::{Datasets, Shown};
use crate::state::AppState;
use crate::sync::{read, write};

/// The one catalogue.
pub(crate) const CATALOG: &str = "arterial";
/// The one schema in it.
pub(crate) const SCHEMA: &str = "public";

/// Every table of the service.
pub(super) struct Names {
    state: Arc<AppState>,
    /// Where the views' own queries are planned; without it there are no views.
    below: Option<SessionState>,
    /// The names, as of the last time that somebody asked for a list.
    listed: RwLock<Vec<String>>,
    /// The columns of tables, as of the last query that named one.
    shown: Shown,
}

impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Names")
            .field("listed", &self.listed)
            .finish_non_exhaustive()
    }
}

impl Names {
    pub fn new(state: Arc<AppState>, below: Option<SessionState>) -> Self {
        Self {
            state,
            below,
            listed: RwLock::default(),
            shown: Shown::default(),
        }
    }

    /// Every name that exists now, in order.
    pub async fn list(&self) -> crate::Result<Vec<String>> {
        let mut names = Datasets::new(&self.state).names().await?;
        names.push(catalog::NAME.to_owned());
        names.extend(views::names(&names).map(str::to_owned));
        names.sort();
        write(&self.listed).clone_from(&names);
        Ok(names)
    }

    /// What a name of the list stands for. Nothing is opened for it.
    pub fn kind(&self, name: &str) -> TableType {
        let is_query = name != catalog::NAME && views::ALL.contains(&name);
        if is_query || Datasets::new(&self.state).is_view(name) {
            TableType::View
        } else {
            TableType::Base
        }
    }

    async fn find(&self, name: &str) -> crate::Result<Option<Arc<dyn TableProvider>>> {
        let datasets = Datasets::with(&self.state, &self.shown);
        if let Some((table, when)) = name.split_once('@') {
            let dataset = datasets.get_as_of(table, Some(when.parse()?)).await?;
            return Ok(Some(Arc::new(DatasetTable(Arc::new(dataset)))));
        }
        match datasets.find(name, None).await? {
            Some(dataset) => Ok(Some(Arc::new(DatasetTable(Arc::new(dataset))))),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl SchemaProvider for Names {
    fn table_names(&self) -> Vec<String> {
        read(&self.listed).clone()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let ours = |error: crate::Error| DataFusionError::External(Box::new(error));
        if let Some(found) = self.find(name).await.map_err(ours)? {
            return Ok(Some(found));
        }
        let Some(below) = &self.below else { return Ok(None) };
        if let Some(text) = views::text(name, &self.state).await.map_err(ours)? {
            let plan = views::described(below.create_logical_plan(&text).await?)?;
            return Ok(Some(Arc::new(ViewTable::new(plan, Some(text)))));
        }
        if name == catalog::NAME {
            let mut names = self.list().await.map_err(ours)?;
            names.retain(|listed| listed != catalog::NAME);
            let mut tables = Vec::new();
            for listed in names {
                match self.table(&listed).await {
                    Ok(found) => tables.extend(found.map(|table| (listed, table))),
                    Err(error) => left_out(&listed, &error),
                }
            }
            return Ok(Some(catalog::table(&tables)?));
        }
        Ok(None)
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then(|| self.kind(name)))
    }

    fn table_exist(&self, name: &str) -> bool {
        read(&self.listed).iter().any(|known| known == name)
    }
}

/// Says that a table cannot be read. Lists of columns go on without it.
pub(super) fn left_out(name: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(
        table = name,
        error = chain(error),
        "a table that cannot be read is left out of a list of columns"
    );
}

/// The same tables for lists of columns: one that cannot be read is none.
#[derive(Debug)]
struct Readable(Arc<Names>);

#[async_trait]
impl SchemaProvider for Readable {
    fn table_names(&self) -> Vec<String> {
        self.0.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let found = self.0.table(name).await;
        Ok(found.unwrap_or_else(|error| {
            left_out(name, &error);
            None
        }))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        self.0.table_type(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.table_exist(name)
    }
}

/// The catalogue that holds the one schema and what is said of it, and the list that holds the one catalogue.
#[derive(Debug, Clone)]
pub(super) struct OneCatalog {
    tables: Arc<dyn SchemaProvider>,
    /// The `information_schema`. `DataFusion`'s own would end at the first table that cannot be read.
    about: Option<Arc<dyn SchemaProvider>>,
}

impl OneCatalog {
    /// The catalogue of these names; `functions` are those that stand for a table.
    pub fn new(names: Arc<Names>, functions: HashMap<String, Arc<TableFunction>>) -> Self {
        let readable = Self {
            tables: Arc::new(Readable(Arc::clone(&names))),
            about: None,
        };
        let about = InformationSchemaProvider::new(Arc::new(readable)).with_table_functions(functions);
        Self {
            tables: names,
            about: Some(Arc::new(about)),
        }
    }
}

impl CatalogProvider for OneCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            SCHEMA => Some(Arc::clone(&self.tables)),
            INFORMATION_SCHEMA => self.about.clone(),
            _ => None,
        }
    }
}

impl CatalogProviderList for OneCatalog {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::new(self.clone()) as Arc<dyn CatalogProvider>)
    }
}

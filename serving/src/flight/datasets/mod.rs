//! What is offered over Flight: the lake's tables, the views of newest revisions, and the registry.

mod latest;
mod models;
mod scorecards;
mod table;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arterial_datasets::lake::{Table, WindowRule};
use arterial_models::registry::Registry;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::query::Query;
use crate::state::AppState;
use crate::{Error, Result};

/// Record batches on their way.
pub type Batches = BoxStream<'static, Result<RecordBatch>>;

/// One dataset as it stands now.
pub struct Dataset {
    /// The name.
    pub name: String,
    /// The columns that are shown.
    pub schema: SchemaRef,
    kind: Kind,
}

enum Kind {
    Table(Table),
    Latest(Table, WindowRule),
    Models(Registry),
    Scorecards(Registry),
}

/// The datasets of a service.
pub struct Datasets<'a> {
    state: &'a AppState,
}

impl<'a> Datasets<'a> {
    /// The datasets of the service behind `state`.
    pub fn new(state: &'a AppState) -> Self {
        Self { state }
    }

    /// The names of all datasets that exist now, in order.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if let Some(lake) = &self.state.lake {
            names = lake.names().await?;
        }
        for stream in self.state.catalog.iter() {
            if names.contains(&stream.windows_table()) {
                names.push(stream.latest_view());
            }
        }
        if self.state.registry.is_some() {
            names.extend([models::NAME.to_owned(), scorecards::NAME.to_owned()]);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// All datasets.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn list(&self) -> Result<Vec<Dataset>> {
        let mut datasets = Vec::new();
        for name in self.names().await? {
            datasets.extend(self.find(&name).await?);
        }
        Ok(datasets)
    }

    /// The dataset of that name.
    ///
    /// # Errors
    /// No such dataset; the error names those that exist. A lake that cannot be read.
    pub async fn get(&self, name: &str) -> Result<Dataset> {
        match self.find(name).await? {
            Some(dataset) => Ok(dataset),
            None => Err(Error::Unknown {
                what: "dataset",
                name: name.into(),
                known: self.names().await?.join(", "),
            }),
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Dataset>> {
        if let Some(registry) = &self.state.registry {
            match name {
                models::NAME => {
                    return Ok(Some(Dataset::new(
                        name,
                        &models::schema(),
                        Kind::Models(registry.clone()),
                    )));
                }
                scorecards::NAME => {
                    return Ok(Some(Dataset::new(
                        name,
                        &scorecards::schema(),
                        Kind::Scorecards(registry.clone()),
                    )));
                }
                _ => {}
            }
        }
        let Some(lake) = &self.state.lake else { return Ok(None) };
        if !plain(name) {
            return Ok(None);
        }
        let viewed = self.state.catalog.iter().find(|stream| stream.latest_view() == name);
        let table = viewed.map_or_else(|| name.to_owned(), |stream| stream.windows_table());
        let Some(table) = lake.existing(&table).await? else {
            return Ok(None);
        };
        let schema = table.schema();
        let kind = match viewed {
            Some(stream) => Kind::Latest(table, WindowRule::of(stream)),
            None => Kind::Table(table),
        };
        Ok(Some(Dataset::new(name, &schema, kind)))
    }
}

/// Whether `name` can be a table's: it never leads out of the lake.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

impl Dataset {
    fn new(name: &str, schema: &Schema, kind: Kind) -> Self {
        let shown = schema
            .fields()
            .iter()
            .filter(|field| !field.name().starts_with('_'))
            .cloned();
        let schema = Arc::new(Schema::new_with_metadata(
            shown.collect::<Vec<_>>(),
            schema.metadata().clone(),
        ));
        Self {
            name: name.into(),
            schema,
            kind,
        }
    }

    /// The columns that `query` asks for.
    ///
    /// # Errors
    /// A column that is not shown.
    pub fn projected(&self, query: &Query) -> Result<SchemaRef> {
        let Some(columns) = &query.columns else {
            return Ok(Arc::clone(&self.schema));
        };
        let field = |name: &String| {
            self.schema.field_with_name(name).cloned().map_err(|_| {
                let known: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
                Error::invalid("columns", name, known.join(", "))
            })
        };
        Ok(Arc::new(Schema::new(
            columns.iter().map(field).collect::<Result<Vec<_>>>()?,
        )))
    }

    /// The rows that `query` asks for, under the schema of [`Dataset::projected`]; their order is not promised.
    ///
    /// # Errors
    /// A column that does not exist, a time range where the dataset has no time, a lake that cannot be read.
    pub async fn read(&self, query: &Query) -> Result<Batches> {
        let schema = self.projected(query)?;
        match &self.kind {
            Kind::Table(table) => table::read(table, &schema, query).await,
            Kind::Latest(table, rule) => latest::read(table, *rule, &schema, query).await,
            Kind::Models(registry) => self.whole(&models::rows(registry).await?, &schema, query),
            Kind::Scorecards(registry) => self.whole(&scorecards::rows(registry).await?, &schema, query),
        }
    }

    /// A small dataset, of which only the columns can be chosen.
    fn whole(&self, batch: &RecordBatch, schema: &SchemaRef, query: &Query) -> Result<Batches> {
        if query.keys.is_some() || query.from.is_some() || query.to.is_some() {
            let accepted = format!("`dataset` and `columns` only: `{}` is small and comes whole", self.name);
            return Err(Error::invalid("keys, from, to", "given", accepted));
        }
        let batch = project(batch, schema)?;
        Ok(async move { Ok(batch) }.into_stream().boxed())
    }
}

/// The columns of `schema`, in its order.
fn project(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let places = schema
        .fields()
        .iter()
        .map(|field| batch.schema().index_of(field.name()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(batch.project(&places)?)
}

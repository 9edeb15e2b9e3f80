//! What is offered over Flight: the lake's tables, the views of newest revisions, and the registry.

mod columns;
mod describe;
mod latest;
mod live;
mod models;
mod scorecards;
mod shown;
mod table;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use arterial_datasets::lake::{Table, WindowRule};
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::Timestamp;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

pub(crate) use describe::describe;
pub(crate) use latest::Known;
pub(crate) use shown::Shown;

use shown::shown;

use super::query::{AsOf, Query};
use crate::readiness::Reason;
use crate::registry_list::Shelf;
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
    /// The issues that were newest when the dataset was found; its rows are made when they are read. Why not, where they are not all there.
    Live(Result<live::Newest, String>),
    Models(Arc<Shelf>),
    Scorecards(Arc<Shelf>),
}

/// One of `of` parts of a dataset, which together hold every row once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Which part, from 0.
    pub part: usize,
    /// How many there are.
    pub of: usize,
}

/// The datasets of a service.
pub struct Datasets<'a> {
    state: &'a AppState,
    /// The columns that are known from calls before, where somebody keeps them.
    shown: Option<&'a Shown>,
}

impl<'a> Datasets<'a> {
    /// The datasets of the service behind `state`.
    pub fn new(state: &'a AppState) -> Self {
        Self { state, shown: None }
    }

    /// The same, whose columns are told by what is `shown` already.
    pub(crate) fn with(state: &'a AppState, shown: &'a Shown) -> Self {
        Self {
            state,
            shown: Some(shown),
        }
    }

    /// The names of all datasets that exist now, in order.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if let Some(tables) = &self.state.tables {
            names = tables.names().await?;
        }
        for stream in self.state.catalog.iter() {
            if names.contains(&stream.windows_table()) {
                names.push(stream.latest_view());
            }
        }
        if self.state.registry.is_some() {
            names.extend([models::NAME.to_owned(), scorecards::NAME.to_owned()]);
        }
        names.push(live::NAME.to_owned());
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Whether the dataset of that name is made at each reading, and is no table of the lake. Nothing is opened for it.
    pub(crate) fn is_view(&self, name: &str) -> bool {
        let made = [models::NAME, scorecards::NAME, live::NAME];
        made.contains(&name) || self.state.catalog.iter().any(|stream| stream.latest_view() == name)
    }

    /// The dataset of that name.
    ///
    /// # Errors
    /// No such dataset; the error names those that exist. A lake that cannot be read.
    pub async fn get(&self, name: &str) -> Result<Dataset> {
        self.get_as_of(name, None).await
    }

    /// The dataset of that name, as it stood at `as_of` where that is given.
    ///
    /// # Errors
    /// As [`get`](Self::get); a version that is not kept, a dataset that has none.
    pub async fn get_as_of(&self, name: &str, as_of: Option<AsOf>) -> Result<Dataset> {
        match self.find(name, as_of).await? {
            Some(dataset) => Ok(dataset),
            None => Err(Error::Unknown {
                what: "dataset",
                name: name.into(),
                known: self.names().await?.join(", "),
            }),
        }
    }

    /// The dataset of that name, where there is one.
    ///
    /// # Errors
    /// A lake that cannot be read, a version that is not kept, a dataset that has none.
    pub(crate) async fn find(&self, name: &str, as_of: Option<AsOf>) -> Result<Option<Dataset>> {
        let made = match (name, &self.state.shelf) {
            (models::NAME, Some(shelf)) => Some((models::schema(), Kind::Models(Arc::clone(shelf)))),
            (scorecards::NAME, Some(shelf)) => Some((scorecards::schema(), Kind::Scorecards(Arc::clone(shelf)))),
            (live::NAME, _) => Some((live::schema(), Kind::Live(self.newest()))),
            _ => None,
        };
        if let Some((schema, kind)) = made {
            if let Some(as_of) = as_of {
                let accepted = format!("nothing: `{name}` is no table with versions");
                return Err(Error::invalid("as_of", as_of, accepted));
            }
            return Ok(Some(self.dataset(name, &schema, kind, self.shown)));
        }
        let Some(tables) = &self.state.tables else {
            return Ok(None);
        };
        if !plain(name) {
            return Ok(None);
        }
        let viewed = self.state.catalog.iter().find(|stream| stream.latest_view() == name);
        let table = viewed.map_or_else(|| name.to_owned(), |stream| stream.windows_table());
        let Some(table) = tables.get(&table).await? else {
            return Ok(None);
        };
        // An older version has columns of its own, which would take the place of those that are asked for most.
        let known = self.shown.filter(|_| as_of.is_none());
        let table = match as_of {
            None => table,
            Some(AsOf::Version(version)) => table.at_version(version).await?,
            Some(AsOf::Instant(instant)) => table.at_version(table.version_at(instant).await?).await?,
        };
        let schema = table.schema();
        let kind = match viewed {
            Some(stream) => Kind::Latest(table, WindowRule::of(stream)),
            None => Kind::Table(table),
        };
        Ok(Some(self.dataset(name, &schema, kind, known)))
    }

    /// The issues that are newest now; while live state is made some targets have none yet, and their absence would say nothing.
    fn newest(&self) -> Result<live::Newest, String> {
        match self.state.readiness.reasons().remove(&Reason::Rebuilding) {
            Some(why) => Err(why),
            None => Ok(live::Newest::of(self.state)),
        }
    }

    /// The columns of `schema` that are shown, with their units and descriptions.
    fn dataset(&self, name: &str, schema: &SchemaRef, kind: Kind, known: Option<&Shown>) -> Dataset {
        let streams = &self.state.catalog;
        let schema = match known {
            Some(known) => known.of(name, schema, streams),
            None => shown(name, schema, streams),
        };
        Dataset {
            name: name.into(),
            schema,
            kind,
        }
    }
}

/// The columns of a stream's newest windows, whether or not there are any yet.
pub(crate) fn windows_schema(stream: &StreamDefinition, streams: &StreamCatalog) -> SchemaRef {
    shown(
        &stream.latest_view(),
        &arterial_datasets::schema::windows(stream),
        streams,
    )
}

/// Whether `name` can be a table's: it never leads out of the lake.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

impl Dataset {
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
        self.read_share(query, None, &Known::default()).await
    }

    /// The same for one of several readers, who share what is `known`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn read_share(&self, query: &Query, share: Option<Share>, known: &Known) -> Result<Batches> {
        let schema = self.projected(query)?;
        let batches = match &self.kind {
            Kind::Table(table) => table::read(table, &schema, query, share).await?,
            Kind::Latest(table, rule) => latest::read(table, *rule, &schema, query, share, known).await?,
            Kind::Live(Ok(newest)) => live::read(newest, &schema, query)?,
            Kind::Live(Err(why)) => return Err(Error::NotReady(why.clone())),
            Kind::Models(shelf) => self.whole(&models::rows(shelf).await?, &schema, query)?,
            Kind::Scorecards(shelf) => self.whole(&scorecards::rows(shelf).await?, &schema, query)?,
        };
        Ok(batches.map(move |batch| named(&batch?, &schema)).boxed())
    }

    /// How many readers can share it.
    pub(crate) fn shares(&self, most: usize) -> usize {
        match &self.kind {
            Kind::Table(table) | Kind::Latest(table, _) => most.min(table.files().0).max(1),
            _ => 1,
        }
    }

    /// The version of the table behind it; none where there is no such table.
    pub(crate) fn version(&self) -> Option<i64> {
        match &self.kind {
            Kind::Table(table) | Kind::Latest(table, _) => Some(table.version()),
            Kind::Live(_) | Kind::Models(_) | Kind::Scorecards(_) => None,
        }
    }

    /// Up to where events were read, as far as the table behind it says.
    pub(crate) fn watermark(&self) -> Option<Timestamp> {
        match &self.kind {
            Kind::Table(table) | Kind::Latest(table, _) => {
                let partitions = table.progress().partitions.values();
                partitions.filter_map(|one| one.watermark).max()
            }
            Kind::Live(_) | Kind::Models(_) | Kind::Scorecards(_) => None,
        }
    }

    /// Whether it is made from a table at each reading.
    pub(crate) fn is_view(&self) -> bool {
        !matches!(self.kind, Kind::Table(_))
    }

    /// Whether rows can be selected by `key`.
    pub(crate) fn has_keys(&self) -> bool {
        self.is_selective() && table::has_keys(&self.schema)
    }

    /// The columns by which rows can be selected, the one that is meant without a name first.
    pub(crate) fn times(&self) -> Vec<String> {
        match &self.kind {
            Kind::Table(_) => {
                let mut times = table::times(&self.schema);
                let main = table::main_time(&self.schema);
                times.sort_by_key(|name| Some(name.as_str()) != main);
                times
            }
            Kind::Latest(_, _) => vec![latest::TIME.to_owned()],
            Kind::Live(_) => live::TIMES.map(str::to_owned).to_vec(),
            Kind::Models(_) | Kind::Scorecards(_) => Vec::new(),
        }
    }

    fn is_selective(&self) -> bool {
        matches!(self.kind, Kind::Table(_) | Kind::Latest(_, _) | Kind::Live(_))
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

/// The same columns under `schema`, which describes them.
fn named(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        batch.columns().to_vec(),
        &options,
    )?)
}

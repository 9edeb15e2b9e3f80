//! The engine: plans queries over the service's tables, and keeps what all of them share.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::temporal_conversions::timestamp_us_to_datetime;
use arterial_datasets::time::Timestamp;
use datafusion::catalog::SchemaProvider;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::StreamingTableExec;
use datafusion::prelude::SessionConfig;
use tokio::sync::Semaphore;

use super::answer::{Cancels, Workers};
use super::limits::SqlConfig;
use super::names::{CATALOG, Names, OneCatalog, SCHEMA, left_out};
use super::problem::problem;
use super::share::Share;
use super::{functions, patterns, plain, simple, statement};
use crate::admission::Crowd;
use crate::error::chain;
use crate::state::AppState;
use crate::{Error, Result};

/// The most parts that a query is run in side by side: they share its memory.
const MOST_READERS: usize = 4;
/// For each query that runs so many may wait.
const WAITING: usize = 4;
/// Each sort keeps this share of a query's memory for merging what it has spilled.
const SPILL_SHARE: usize = 32;

/// Answers queries.
pub struct Sql {
    pub(super) state: Arc<AppState>,
    pub(super) limits: SqlConfig,
    pub(super) workers: Workers,
    pub(super) permits: Arc<Semaphore>,
    pub(super) waiting: Crowd,
    pub(super) cancels: Arc<Cancels>,
    pub(super) share: Share,
    planner: Arc<Planner>,
}

/// What planning needs.
struct Planner {
    state: Arc<AppState>,
    names: Arc<Names>,
    /// What all queries share: it holds all functions by their names, and to copy it costs what a small query does.
    session: Arc<SessionState>,
    /// The same for simple queries.
    quick: Arc<SessionState>,
}

/// A query that was planned.
#[derive(Clone)]
pub struct Planned {
    /// The columns of its answer.
    pub schema: SchemaRef,
    pub(super) plan: LogicalPlan,
    pub(super) session: Arc<SessionState>,
    /// Whether it may read lists of what there is, of functions as well.
    pub(super) lists: bool,
}

impl Sql {
    /// The engine over the tables of `state`, with threads of its own.
    ///
    /// # Errors
    /// A folder for spilling that cannot be used, threads that the system refuses.
    pub fn new(state: Arc<AppState>) -> Result<Self> {
        let limits = state.config.sql.clone();
        let share = Share::new(&limits)?;
        let zone = &state.config.timezone;
        let memory = limits.query_memory_bytes;
        let session = |names: &Arc<Names>| session(zone, names, share.common(), memory);
        let below = session(&Arc::new(Names::new(Arc::clone(&state), None)));
        let names = Arc::new(Names::new(Arc::clone(&state), Some(below)));
        let session = session(&names);
        let planner = Arc::new(Planner {
            quick: Arc::new(simple::session(&session)),
            session: Arc::new(session),
            state: Arc::clone(&state),
            names,
        });
        Ok(Self {
            state,
            workers: Workers::start()?,
            permits: Arc::new(Semaphore::new(limits.concurrent_queries)),
            waiting: Crowd::new("queries that wait", limits.concurrent_queries.saturating_mul(WAITING)),
            cancels: Arc::default(),
            limits,
            share,
            planner,
        })
    }

    /// Plans a query. `zone` is the clock of `local_time`, where it is not the site's.
    ///
    /// # Errors
    /// What is no query, or names what does not exist: with its place in the text and what may have been meant.
    pub async fn plan(&self, sql: &str, zone: Option<&str>) -> Result<Planned> {
        let (planner, sql, zone) = (Arc::clone(&self.planner), sql.to_owned(), zone.map(str::to_owned));
        self.workers
            .run(async move { planner.plan(&sql, zone.as_deref()).await })
            .await
    }

    /// How the datasets of a query would be read, one a line: what of its conditions reaches the lake.
    ///
    /// # Errors
    /// A query that cannot be planned.
    pub async fn explain(&self, sql: &str) -> Result<String> {
        let planned = self.plan(sql, None).await?;
        let plan = planned.session.create_physical_plan(&planned.plan).await;
        let plan = plan.map_err(|error| problem(sql, &error, &[]))?;
        let mut found = String::new();
        reads(&plan, &mut found);
        Ok(found)
    }

    /// Every table by name, and whether it is a `TABLE` or a `VIEW`. None of them is opened.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub(crate) async fn names(&self) -> Result<Vec<(String, &'static str)>> {
        let names = &self.planner.names;
        let named = |name: String| {
            let kind = super::catalog::type_name(names.kind(&name));
            (name, kind)
        };
        Ok(names.list().await?.into_iter().map(named).collect())
    }

    /// The columns of the table of that name; none where there is no such table.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub(crate) async fn columns(&self, name: &str) -> Result<Option<SchemaRef>> {
        let found = self.planner.names.table(name).await;
        let table = found.map_err(|error| problem(name, &error, &[]))?;
        Ok(table.map(|table| table.schema()))
    }

    /// The same of one among many, which it does not stand in the way of: none where it cannot be read, which the log says.
    pub(crate) async fn columns_listed(&self, name: &str) -> Option<SchemaRef> {
        let found = self.columns(name).await;
        found.unwrap_or_else(|error| {
            left_out(name, &error);
            None
        })
    }
}

fn reads(plan: &Arc<dyn ExecutionPlan>, found: &mut String) {
    if let Some(table) = (plan.as_ref() as &dyn std::any::Any).downcast_ref::<StreamingTableExec>() {
        for part in table.partitions() {
            let _ = writeln!(found, "{part:?}");
        }
    }
    for child in plan.children() {
        reads(child, found);
    }
}

/// A session over these names.
fn session(zone: &str, names: &Arc<Names>, runtime: &Arc<RuntimeEnv>, memory: usize) -> SessionState {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut config = SessionConfig::new()
        .with_target_partitions(cores.min(MOST_READERS))
        .with_sort_spill_reservation_bytes(memory / SPILL_SHARE)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false);
    let options = config.options_mut();
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".to_owned());
    let tables = SessionStateDefaults::default_table_functions();
    let tables: HashMap<_, _> = tables
        .into_iter()
        .map(|table| (table.name().to_owned(), table))
        .collect();
    let scalar = functions::scalar(zone);
    let mut planners = SessionStateDefaults::default_expr_planners();
    if let Some(operators) = functions::operators(&scalar) {
        planners.insert(0, Arc::new(operators));
    }
    SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_catalog_list(Arc::new(OneCatalog::new(Arc::clone(names), tables.clone())))
        .with_expr_planners(planners)
        .with_scalar_functions(scalar)
        .with_aggregate_functions(functions::aggregate())
        .with_window_functions(functions::window())
        .with_table_functions(tables)
        .build()
}

/// The session with `now` for `now()`, which is the service's clock and runs faster in a demonstration; as it is where nobody asks.
fn at(now: Option<Timestamp>, session: &Arc<SessionState>) -> Arc<SessionState> {
    let mut session = Arc::clone(session);
    if let Some(now) = now {
        let now = timestamp_us_to_datetime(now.0).map(|now| now.and_utc());
        let props = Arc::make_mut(&mut session).execution_props_mut();
        props.query_execution_start_time = now;
    }
    session
}

impl Planner {
    async fn plan(&self, sql: &str, zone: Option<&str>) -> Result<Planned> {
        let statement = statement::parse(sql)?;
        let lists = statement::lists_tables(sql);
        if lists {
            self.names.list().await?;
        }
        let now = statement::asks_the_time(sql).then(|| self.state.clock.now());
        let mut session = at(now, &self.session);
        if let Some(zone) = zone {
            Arc::make_mut(&mut session)
                .register_udf(functions::local_time(zone))
                .map_err(|error| Error::Background(chain(&error)))?;
        }
        let planned = match session.statement_to_plan(statement).await {
            Ok(plan) => SQLOptions::new()
                .with_allow_ddl(false)
                .with_allow_dml(false)
                .with_allow_statements(false)
                .verify_plan(&plan)
                .and_then(|()| patterns::check(&plan))
                .map(|()| plan),
            Err(error) => Err(error),
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return Err(problem(sql, &error, &self.names.list().await.unwrap_or_default())),
        };
        // From here on the plan holds its functions itself, that of the zone among them.
        if simple::is_simple(&plan) {
            session = at(now, &self.quick);
        }
        Ok(Planned {
            schema: plain::schema(plan.schema().as_arrow()),
            plan,
            session,
            lists,
        })
    }
}

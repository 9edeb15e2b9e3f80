//! Flight SQL: queries, prepared statements, metadata, cancelling and sessions, on the same service as the datasets.
//!
//! Nothing that matters is kept between calls but queries that run: tickets, prepared statements and sessions are handles under our
//! seal, which say all there is to know and are checked again wherever they come back.

mod action;
mod handle;
mod info;
mod metadata;
mod remarks;
mod session;
mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::sql::{Any, Command, CommandPreparedStatementQuery, DoPutPreparedStatementResult, ProstMessageExt};
use arrow_flight::sql::{CommandStatementQuery, TicketStatementQuery};
use arrow_flight::{FlightData, Ticket};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use prost::Message;

pub(super) use action::ACTIONS;
use handle::Question;
pub(super) use handle::{MOST_PARAMETERS, large_parameters};
pub(super) use session::Session;

use crate::flight::Batches;
use crate::flight::plain::check_plain;
use crate::seal::{Purpose, Seal, chance};
use crate::sql::{Planned, Plans, Sql};
use crate::state::AppState;
use crate::{Error, Result};

const MESSAGES: &str = "type.googleapis.com/arrow.flight.protocol.sql.";
const OFFERED: &str = "queries and metadata; nothing is changed over SQL";
/// A statement that is run so soon after it was prepared, as JDBC does, is not planned again; later there may be newer rows.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Flight SQL over the tables of the service.
pub(super) struct FlightSql {
    pub engine: Sql,
    seal: Seal,
    plans: Plans,
    /// The number of the next query; no other replica begins at the same.
    next: AtomicU64,
}

/// What comes back for a ticket or command.
pub(super) struct Found {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Batches,
}

impl FlightSql {
    #[expect(clippy::cast_possible_truncation, reason = "half of a random number is one")]
    pub fn new(state: Arc<AppState>) -> Result<Self> {
        let seal = match state.config.sql.handle_key.as_str() {
            "" => Seal::drawn(),
            secret => Seal::new(secret),
        };
        Ok(Self {
            engine: Sql::new(state)?,
            seal,
            plans: Plans::default(),
            next: AtomicU64::new(chance() as u64),
        })
    }

    /// The command in these bytes, where they hold a message of Flight SQL.
    pub fn command(bytes: &[u8]) -> Option<Command> {
        let any = Any::decode(bytes)
            .ok()
            .filter(|any| any.type_url.starts_with(MESSAGES))?;
        Command::try_from(any).ok()
    }

    /// The columns that a command gives, and the ticket for its rows.
    pub async fn describe(&self, command: Command, session: &Session) -> Result<(SchemaRef, Ticket)> {
        match command {
            Command::CommandStatementQuery(CommandStatementQuery { query, .. }) => {
                let question = self.question(query, session);
                let planned = self.planned(&question).await?;
                Ok(self.told(&question, planned))
            }
            Command::CommandPreparedStatementQuery(command) => {
                let question = self.asked(&command.prepared_statement_handle)?;
                let planned = self.prepared(&question).await?;
                Ok(self.told(&question, planned))
            }
            other => {
                let schema = metadata::schema(&other)?;
                Ok((schema, Ticket::new(other.into_any().encode_to_vec())))
            }
        }
    }

    /// What a client is told of a query that was planned; its plan waits for the ticket.
    fn told(&self, question: &Question, planned: Planned) -> (SchemaRef, Ticket) {
        let handle = question.close(&self.seal, Purpose::Ticket);
        let schema = Arc::clone(&planned.schema);
        self.plans.keep(&handle, planned);
        let statement_handle = handle.into();
        let ticket = TicketStatementQuery { statement_handle };
        (schema, Ticket::new(ticket.as_any().encode_to_vec()))
    }

    /// The rows of a ticket.
    pub async fn get(&self, command: Command) -> Result<Found> {
        if let Command::TicketStatementQuery(ticket) = command {
            let question = Question::open(&self.seal, Purpose::Ticket, &ticket.statement_handle)?;
            let planned = match self.plans.take(&ticket.statement_handle, Duration::MAX) {
                Some(planned) => planned,
                None => self.planned(&question).await?,
            };
            let answer = self.engine.answer(planned, question.number).await?;
            return Ok(Found {
                schema: answer.schema,
                batches: answer.batches,
            });
        }
        if let Command::CommandStatementQuery(_) | Command::CommandPreparedStatementQuery(_) = command {
            return Err(Error::Foreign("this ticket"));
        }
        let batch = metadata::batch(&self.engine, command).await?;
        Ok(Found {
            schema: batch.schema(),
            batches: async { Ok(batch) }.into_stream().boxed(),
        })
    }

    /// Binds parameters to a prepared statement: its handle with them.
    pub async fn put(&self, command: Command, rows: Vec<FlightData>) -> Result<DoPutPreparedStatementResult> {
        let Command::CommandPreparedStatementQuery(CommandPreparedStatementQuery {
            prepared_statement_handle,
        }) = command
        else {
            return Err(refused(&command));
        };
        let mut question = Question::open(&self.seal, Purpose::Statement, &prepared_statement_handle)?;
        let parts = rows.into_iter().map(|part| check_plain(&part).map(|()| part));
        let decoded = FlightRecordBatchStream::new_from_flight_data(stream::iter(parts));
        let batches: Vec<RecordBatch> = decoded
            .try_collect()
            .await
            .map_err(|error| Error::invalid("parameters", error, "record batches"))?;
        question.set_parameters(&batches)?;
        Ok(DoPutPreparedStatementResult {
            prepared_statement_handle: Some(question.close(&self.seal, Purpose::Statement).into()),
        })
    }

    fn question(&self, sql: String, session: &Session) -> Question {
        Question {
            sql,
            parameters: Vec::new(),
            zone: session.zone.clone().unwrap_or_default(),
            number: self.number(),
        }
    }

    /// The question of a prepared statement, as a new query.
    fn asked(&self, handle: &[u8]) -> Result<Question> {
        let question = Question::open(&self.seal, Purpose::Statement, handle)?;
        Ok(Question {
            number: self.number(),
            ..question
        })
    }

    /// The plan of a prepared statement with its parameters.
    async fn prepared(&self, question: &Question) -> Result<Planned> {
        let handle = question.unbound().close(&self.seal, Purpose::Statement);
        match self.plans.take(&handle, AT_ONCE) {
            Some(planned) => planned.bind(question.parameters()?.as_ref()),
            None => self.planned(question).await,
        }
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn planned(&self, question: &Question) -> Result<Planned> {
        let zone = (!question.zone.is_empty()).then_some(question.zone.as_str());
        let planned = self.engine.plan(&question.sql, zone).await?;
        planned.bind(question.parameters()?.as_ref())
    }
}

/// A command that we do not do.
fn refused(command: &Command) -> Error {
    let name = command.type_url().rsplit('.').next().unwrap_or_default();
    Error::invalid("command", name, OFFERED)
}

//! Actions: preparing, cancelling, sessions.

use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command, ProstMessageExt,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo, IpcMessage, SchemaAsIpc,
};
use prost::Message;
use prost::bytes::Bytes;
use tonic::metadata::AsciiMetadataValue;

use super::handle::Question;
use super::session::{CloseResult, SetOptions};
use super::{FlightSql, Session};
use crate::seal::Purpose;
use crate::{Error, Result};

/// The actions that are offered, and what they take.
pub(in crate::flight) const ACTIONS: [(&str, &str); 7] = [
    (
        "CreatePreparedStatement",
        "ActionCreatePreparedStatementRequest: a query, with `?` or `$1` for parameters",
    ),
    ("ClosePreparedStatement", "ActionClosePreparedStatementRequest"),
    (
        "CancelQuery",
        "ActionCancelQueryRequest: the FlightInfo of a query that runs",
    ),
    (
        "CancelFlightInfo",
        "CancelFlightInfoRequest: the FlightInfo of a query that runs",
    ),
    (
        "SetSessionOptions",
        "SetSessionOptionsRequest: `timezone`, the clock of local_time; `catalog` and `schema` have one value each",
    ),
    ("GetSessionOptions", "GetSessionOptionsRequest"),
    ("CloseSession", "CloseSessionRequest"),
];

/// What an action gives.
#[derive(Default)]
pub(in crate::flight) struct Reply {
    /// The result, where there is one.
    pub body: Option<Bytes>,
    /// The session's new cookie, where it changed.
    pub cookie: Option<AsciiMetadataValue>,
}

impl Reply {
    fn of(body: Vec<u8>) -> Self {
        Self {
            body: Some(body.into()),
            cookie: None,
        }
    }
}

impl FlightSql {
    /// Does one of [`ACTIONS`].
    ///
    /// # Errors
    /// Another action, a request that does not read, a query that cannot be planned.
    pub async fn action(&self, action: &Action, mut session: Session) -> Result<Reply> {
        match action.r#type.as_str() {
            "CreatePreparedStatement" => {
                let request: ActionCreatePreparedStatementRequest = unpacked(&action.body)?;
                self.prepare(request.query, &session).await
            }
            "ClosePreparedStatement" => {
                let request: ActionClosePreparedStatementRequest = unpacked(&action.body)?;
                Question::open(&self.seal, Purpose::Statement, &request.prepared_statement_handle)?;
                Ok(Reply::default())
            }
            "CancelQuery" => {
                let request: ActionCancelQueryRequest = unpacked(&action.body)?;
                let info: FlightInfo = read(&request.info)?;
                let result = ActionCancelQueryResult {
                    result: self.cancel(&info)? as i32,
                };
                Ok(Reply::of(result.as_any().encode_to_vec()))
            }
            "CancelFlightInfo" => {
                let request: CancelFlightInfoRequest = read(&action.body)?;
                let status = self.cancel(&request.info.unwrap_or_default())?;
                Ok(Reply::of(CancelFlightInfoResult::new(status).encode_to_vec()))
            }
            "SetSessionOptions" => {
                let result = session.set(&read::<SetOptions>(&action.body)?);
                Ok(Reply {
                    cookie: Some(self.cookie(&session)?),
                    ..Reply::of(result.encode_to_vec())
                })
            }
            "GetSessionOptions" => Ok(Reply::of(session.options().encode_to_vec())),
            "CloseSession" => Ok(Reply {
                cookie: Some(Self::no_cookie()?),
                ..Reply::of(CloseResult { status: 1 }.encode_to_vec())
            }),
            other => {
                let offered: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
                Err(Error::Query {
                    code: tonic::Code::Unimplemented,
                    message: format!("`{other}` is not offered; offered: {}", offered.join(", ")),
                })
            }
        }
    }

    async fn prepare(&self, sql: String, session: &Session) -> Result<Reply> {
        let question = self.question(sql, session).unbound();
        let planned = self.engine.plan(&question.sql, session.zone.as_deref()).await?;
        let handle = question.close(&self.seal, Purpose::Statement);
        let (dataset_schema, parameter_schema) = (encoded(&planned.schema)?, encoded(&*planned.parameters()?)?);
        self.plans.keep(&handle, planned);
        let result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.into(),
            dataset_schema,
            parameter_schema,
        };
        Ok(Reply::of(result.as_any().encode_to_vec()))
    }

    /// Cancels what `info` asks for.
    fn cancel(&self, info: &FlightInfo) -> Result<CancelStatus> {
        let mut status = CancelStatus::NotCancellable;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            if let Some(Command::TicketStatementQuery(TicketStatementQuery { statement_handle })) =
                Self::command(&ticket.ticket)
            {
                let question = Question::open(&self.seal, Purpose::Ticket, &statement_handle)?;
                if self.engine.cancel(question.number) {
                    status = CancelStatus::Cancelled;
                }
            }
        }
        Ok(status)
    }
}

fn read<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).map_err(|error| Error::invalid("body", error, "the request of this action"))
}

fn unpacked<M: ProstMessageExt>(bytes: &[u8]) -> Result<M> {
    let accepted = || Error::invalid("body", "something else", M::type_url());
    read::<Any>(bytes)?.unpack()?.ok_or_else(accepted)
}

fn encoded(schema: &Schema) -> Result<Bytes> {
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into()?;
    Ok(bytes)
}

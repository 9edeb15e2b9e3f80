//! The other side of Flight SQL: asks a running service.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{FlightClient, FlightDescriptor, Ticket};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::Status;
use tonic::transport::Channel;

/// The answer of a service.
pub struct Rows {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its batches.
    pub batches: BoxStream<'static, Result<RecordBatch, Status>>,
}

/// Asks a service a query in SQL.
///
/// # Errors
/// The status that the service answers with.
pub async fn ask(channel: Channel, sql: &str) -> Result<Rows, Status> {
    ask_with(channel, None, sql).await
}

/// The same of a service that asks for a token.
///
/// # Errors
/// As [`ask`]; a token that does not go into a header.
pub async fn ask_with(channel: Channel, token: Option<&str>, sql: &str) -> Result<Rows, Status> {
    let command = CommandStatementQuery {
        query: sql.to_owned(),
        transaction_id: None,
    };
    // One value may be longer than what gRPC takes unless it is told otherwise.
    let inner = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let mut client = FlightClient::new_from_inner(inner);
    if let Some(token) = token {
        client
            .add_header("authorization", &format!("Bearer {token}"))
            .map_err(status)?;
    }
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let info = client.get_flight_info(descriptor).await.map_err(status)?;
    let schema = info.clone().try_decode_schema();
    let schema = schema.map_err(|error| Status::internal(error.to_string()))?;
    let ticket = info.endpoint.into_iter().find_map(|endpoint| endpoint.ticket);
    let batches = client.do_get(ticket.unwrap_or_else(|| Ticket::new(Vec::new()))).await;
    Ok(Rows {
        schema: schema.into(),
        batches: batches.map_err(status)?.map_err(status).boxed(),
    })
}

fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => Status::internal(other.to_string()),
    }
}

//! The Flight service: what a call asks for, and how batches travel.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use tonic::{Request, Response, Status, Streaming};

use super::datasets::Datasets;
use super::query::Query;
use crate::Result;
use crate::metrics::Metric;
use crate::state::AppState;

/// Tables over Flight.
pub struct FlightApi(pub Arc<AppState>);

type Sent<T> = BoxStream<'static, Result<T, Status>>;

impl FlightApi {
    async fn info(&self, query: &Query, descriptor: FlightDescriptor) -> Result<FlightInfo> {
        let schema = Datasets::new(&self.0).get(&query.dataset).await?.projected(query)?;
        info(&schema, query, descriptor)
    }

    /// The names that start with `prefix`.
    async fn list(&self, prefix: &str) -> Result<Vec<FlightInfo>> {
        let mut infos = Vec::new();
        for dataset in Datasets::new(&self.0).list().await? {
            if dataset.name.starts_with(prefix) {
                let descriptor = FlightDescriptor::new_path(vec![dataset.name.clone()]);
                let query = Query {
                    dataset: dataset.name,
                    ..Query::default()
                };
                infos.push(info(&dataset.schema, &query, descriptor)?);
            }
        }
        Ok(infos)
    }

    async fn get(&self, ticket: &Ticket) -> Result<Sent<FlightData>> {
        let query = Query::from_ticket(ticket)?;
        let dataset = Datasets::new(&self.0).get(&query.dataset).await?;
        let schema = dataset.projected(&query)?;
        let batches = dataset.read(&query).await?;
        let state = Arc::clone(&self.0);
        let count = move |batch: &arrow::array::RecordBatch| {
            state
                .metrics
                .count_by(Metric::FlightRows, "dataset", &dataset.name, batch.num_rows() as u64);
        };
        let batches = batches
            .inspect_ok(count)
            .map_err(|error| FlightError::Tonic(Box::new(Status::from(error))));
        let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
        Ok(encoded.map_err(Status::from).boxed())
    }
}

/// What a client needs to fetch: the schema, and one endpoint without location, which means this very server.
fn info(schema: &SchemaRef, query: &Query, descriptor: FlightDescriptor) -> Result<FlightInfo> {
    let endpoint = FlightEndpoint::new().with_ticket(query.ticket()?);
    let info = FlightInfo::new().try_with_schema(schema)?;
    Ok(info
        .with_endpoint(endpoint)
        .with_descriptor(descriptor)
        .with_total_records(-1)
        .with_total_bytes(-1))
}

fn not_offered(what: &str) -> Status {
    Status::unimplemented(format!(
        "{what} is not offered; offered: ListFlights, GetFlightInfo, GetSchema, DoGet"
    ))
}

#[tonic::async_trait]
impl FlightService for FlightApi {
    type HandshakeStream = Sent<HandshakeResponse>;
    type ListFlightsStream = Sent<FlightInfo>;
    type DoGetStream = Sent<FlightData>;
    type DoPutStream = Sent<PutResult>;
    type DoActionStream = Sent<arrow_flight::Result>;
    type ListActionsStream = Sent<ActionType>;
    type DoExchangeStream = Sent<FlightData>;

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        let criteria = request.into_inner().expression;
        let infos = self.list(&String::from_utf8_lossy(&criteria)).await?;
        Ok(Response::new(stream::iter(infos.into_iter().map(Ok)).boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let descriptor = request.into_inner();
        let query = Query::from_descriptor(&descriptor)?;
        Ok(Response::new(self.info(&query, descriptor).await?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let query = Query::from_descriptor(&request.into_inner())?;
        let schema = Datasets::new(&self.0).get(&query.dataset).await?.projected(&query)?;
        let options = IpcWriteOptions::default();
        let schema = SchemaAsIpc::new(&schema, &options)
            .try_into()
            .map_err(crate::Error::from)?;
        Ok(Response::new(schema))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        Ok(Response::new(self.get(&request.into_inner()).await?))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(not_offered("Handshake"))
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        Err(not_offered("PollFlightInfo"))
    }

    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        Err(not_offered("DoPut"))
    }

    async fn do_action(&self, _: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        Err(not_offered("DoAction"))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(not_offered("DoExchange"))
    }
}

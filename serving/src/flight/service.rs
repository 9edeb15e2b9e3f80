//! The Flight service: what a call asks for, and how batches travel. Messages of Flight SQL go to [`FlightSql`], exchanges to
//! [`exchange`]; everything else is about datasets.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Response, Status, Streaming};

use super::datasets::{Batches, Dataset, Datasets, Shown};
use super::handover::handed;
use super::query::Query;
use super::readers::Readers;
use super::sql::{ACTIONS, FlightSql, MOST_PARAMETERS, Session, large_parameters};
use super::{dictionary, exchange, views, wire};
use crate::admission::Crowd;
use crate::bodies;
use crate::metrics::Metric;
use crate::state::AppState;
use crate::token::Login;
use crate::{Error, Result};

/// The most messages of one binding of parameters: a schema and a row.
const MOST_PARTS: usize = 16;
/// The longest that a dataset is read, however slowly its reader takes it.
const LONGEST_READING: Duration = Duration::from_hours(1);

/// Tables and queries over Flight.
pub struct FlightApi {
    state: Arc<AppState>,
    sql: Arc<FlightSql>,
    exchanges: Crowd,
    readers: Readers,
    /// The columns of datasets, as of the last call that named one.
    shown: Shown,
    /// The longest message of an answer, bytes.
    most: usize,
}

/// Flight over `state`, with messages of at most `most` bytes. Requests may come compressed; answers are not, as the clients of Flight accept
/// gzip unasked and would wait for it.
///
/// # Errors
/// Threads that the system refuses, a folder for spilling that cannot be used.
pub(crate) fn flight_service(state: Arc<AppState>, most: usize) -> Result<FlightServiceServer<FlightApi>> {
    let server = FlightServiceServer::new(FlightApi::new(state, most)?)
        .max_decoding_message_size(most)
        .max_encoding_message_size(most)
        .accept_compressed(CompressionEncoding::Zstd)
        .accept_compressed(CompressionEncoding::Gzip);
    Ok(server)
}

type Sent<T> = BoxStream<'static, Result<T, Status>>;

impl FlightApi {
    /// The service over `state`, with the threads for its queries, and rows in messages of at most `most` bytes.
    ///
    /// # Errors
    /// Threads that the system refuses, a folder for spilling that cannot be used.
    pub fn new(state: Arc<AppState>, most: usize) -> Result<Self> {
        let sql = Arc::new(FlightSql::new(Arc::clone(&state))?);
        Ok(Self {
            state,
            sql,
            exchanges: Crowd::new("exchanges", exchange::AT_ONCE),
            readers: Readers::default(),
            shown: Shown::default(),
            most,
        })
    }

    /// The columns of what a descriptor asks for, and the ticket for its rows.
    async fn describe(&self, descriptor: &FlightDescriptor, session: &Session) -> Result<(SchemaRef, Ticket)> {
        if let Some(command) = FlightSql::command(&descriptor.cmd) {
            return self.sql.describe(command, session).await;
        }
        let query = Query::from_descriptor(descriptor)?;
        let schema = if let Some(text) = views::query(&query) {
            self.sql.engine.plan(&text?, None).await?.schema
        } else {
            self.dataset(&query).await?.projected(&query)?
        };
        let schema = if query.dictionary {
            dictionary::schema(&schema)
        } else {
            schema
        };
        Ok((schema, query.ticket()?))
    }

    async fn info(&self, request: Request<FlightDescriptor>) -> Result<FlightInfo> {
        let session = self.sql.session(request.metadata())?;
        let descriptor = request.into_inner();
        let (schema, ticket) = self.describe(&descriptor, &session).await?;
        info(&schema, ticket, descriptor)
    }

    /// The datasets whose names start with `prefix`, but for those that cannot be read.
    async fn list(&self, prefix: &str) -> Result<Vec<FlightInfo>> {
        let mut infos = Vec::new();
        for (name, _) in self.sql.engine.names().await? {
            if name.starts_with(prefix)
                && let Some(schema) = self.sql.engine.columns_listed(&name).await
            {
                let query = Query {
                    dataset: name.clone(),
                    ..Query::default()
                };
                infos.push(info(&schema, query.ticket()?, FlightDescriptor::new_path(vec![name]))?);
            }
        }
        Ok(infos)
    }

    async fn get(&self, ticket: &Ticket) -> Result<Response<Sent<FlightData>>> {
        if let Some(command) = FlightSql::command(&ticket.ticket) {
            let found = self.sql.get(command).await?;
            return self.answer(found.schema, found.batches, DictionaryHandling::Hydrate);
        }
        let query = Query::from_ticket(ticket)?;
        let (schema, batches) = self.read(&query).await?;
        let (state, name) = (Arc::clone(&self.state), query.dataset.clone());
        let count = move |batch: &RecordBatch| {
            state
                .metrics
                .count_by(Metric::FlightRows, "dataset", &name, batch.num_rows() as u64);
        };
        let batches = batches.inspect_ok(count).boxed();
        if !query.dictionary {
            return self.answer(schema, batches, DictionaryHandling::Hydrate);
        }
        let schema = dictionary::schema(&schema);
        let under = Arc::clone(&schema);
        let batches = batches.map(move |batch| dictionary::batch(&batch?, &under)).boxed();
        self.answer(schema, batches, DictionaryHandling::Resend)
    }

    /// Rows go out as they lie in memory. Where texts in dictionaries have to be written out first, the encoder does so.
    fn answer(
        &self,
        schema: SchemaRef,
        batches: Batches,
        dictionaries: DictionaryHandling,
    ) -> Result<Response<Sent<FlightData>>> {
        if dictionaries == DictionaryHandling::Hydrate && dictionary::is_in(&schema) {
            return Ok(Response::new(encoded(schema, batches, dictionaries)));
        }
        let rows = wire::Rows::new(schema, batches, self.most)?;
        Ok(bodies::answer(move |_| Body::new(rows)))
    }

    async fn read(&self, query: &Query) -> Result<(SchemaRef, Batches)> {
        if let Some(text) = views::query(query) {
            let planned = self.sql.engine.plan(&text?, None).await?;
            let answer = self.sql.engine.answer(planned, 0).await?;
            return Ok((answer.schema, answer.batches));
        }
        let place = self.readers.enter().await?;
        let dataset = self.dataset(query).await?;
        let (schema, batches) = (dataset.projected(query)?, dataset.read(query).await?);
        Ok((schema, handed(place, LONGEST_READING, batches)))
    }

    /// The dataset that a query names.
    async fn dataset(&self, query: &Query) -> Result<Dataset> {
        let datasets = Datasets::with(&self.state, &self.shown);
        datasets.get_as_of(&query.dataset, query.as_of).await
    }

    async fn put(&self, mut parts: Streaming<FlightData>) -> Result<PutResult, Status> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(part) = parts.message().await? {
            if rows.len() == MOST_PARTS {
                return Err(Error::invalid("parameters", "more than one batch", "one row of values").into());
            }
            bytes += part.data_header.len() + part.data_body.len() + part.app_metadata.len();
            if bytes > MOST_PARAMETERS {
                return Err(large_parameters(bytes).into());
            }
            rows.push(part);
        }
        let descriptor = rows.first_mut().and_then(|part| part.flight_descriptor.take());
        let Some(command) = descriptor.and_then(|descriptor| FlightSql::command(&descriptor.cmd)) else {
            return Err(not_offered("DoPut of datasets").into());
        };
        let result = self.sql.put(command, rows).await?;
        Ok(PutResult {
            app_metadata: result.encode_to_vec().into(),
        })
    }
}

/// What a client needs to fetch: the schema, and one endpoint without location, which means this very server.
fn info(schema: &Schema, ticket: Ticket, descriptor: FlightDescriptor) -> Result<FlightInfo> {
    let info = FlightInfo::new().try_with_schema(schema)?;
    Ok(info
        .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
        .with_descriptor(descriptor)
        .with_total_records(-1)
        .with_total_bytes(-1))
}

/// Batches as messages, each made only once the one before was taken.
fn encoded(schema: SchemaRef, batches: Batches, dictionaries: DictionaryHandling) -> Sent<FlightData> {
    let batches = batches.map_err(|error| FlightError::Tonic(Box::new(Status::from(error))));
    // The encoder asks once more after the end of an answer without rows, which not every stream bears.
    let batches = batches.fuse();
    let encoded = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_dictionary_handling(dictionaries)
        .build(batches);
    encoded.map_err(Status::from).boxed()
}

fn not_offered(what: &str) -> Error {
    let offered = "ListFlights, GetFlightInfo, PollFlightInfo, GetSchema, DoGet, DoExchange, and DoPut and DoAction of Flight SQL";
    Error::Query {
        code: Code::Unimplemented,
        message: format!("{what} is not offered; offered: {offered}"),
    }
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
        Ok(Response::new(self.info(request).await?))
    }

    /// A query is ready as soon as it is planned, as its rows are made while they are read: the first poll is the last.
    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        let info = self.info(request).await?;
        let poll = PollInfo::new().with_info(info).try_with_progress(1.0);
        Ok(Response::new(poll.map_err(Error::from)?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let session = self.sql.session(request.metadata())?;
        let (schema, _) = self.describe(&request.into_inner(), &session).await?;
        let options = IpcWriteOptions::default();
        let schema = SchemaAsIpc::new(&schema, &options).try_into().map_err(Error::from)?;
        Ok(Response::new(schema))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        self.get(&request.into_inner()).await.map_err(Status::from)
    }

    /// Whatever is sent is answered with a bearer, which some clients do not go on without: with the token of the service where that asks
    /// for one, as whoever comes this far has brought it.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let bearer = match request.extensions().get::<Login>() {
            Some(login) => login.bearer()?,
            None => self.sql.bearer()?,
        };
        let payload = bearer.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default().to_vec();
        let said = HandshakeResponse {
            protocol_version: 0,
            payload: payload.into(),
        };
        let mut response = Response::new(stream::iter([Ok(said)]).boxed());
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let result = self.put(request.into_inner()).await?;
        Ok(Response::new(stream::iter([Ok(result)]).boxed()))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let session = self.sql.session(request.metadata())?;
        let reply = self.sql.action(&request.into_inner(), session).await?;
        let results = reply.body.map(|body| Ok(arrow_flight::Result { body }));
        let mut response = Response::new(stream::iter(results).boxed());
        if let Some(cookie) = reply.cookie {
            response.metadata_mut().insert("set-cookie", cookie);
        }
        Ok(response)
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        let action = |(name, takes): (&str, &str)| {
            Ok(ActionType {
                r#type: name.to_owned(),
                description: takes.to_owned(),
            })
        };
        Ok(Response::new(stream::iter(ACTIONS.map(action)).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        let forecasts = exchange::exchange(&self.state, &self.exchanges, request.into_inner()).await?;
        let sent = encoded(exchange::schema(), forecasts, DictionaryHandling::Hydrate);
        Ok(Response::new(sent))
    }
}

//! The servers: how they start, and how they end without dropping a call: callers are sent elsewhere before nobody is taken any more.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arterial_proto::inference::grpc_inference_service_server::GrpcInferenceServiceServer;
use arterial_proto::v1::alert_service_server::AlertServiceServer;
use arterial_proto::v1::analytics_service_server::AnalyticsServiceServer;
use arterial_proto::v1::catalog_service_server::CatalogServiceServer;
use arterial_proto::v1::model_service_server::ModelServiceServer;
use futures::TryStreamExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_web::GrpcWebLayer;
use tower::util::MapResponseLayer;

use crate::around::Around;
use crate::backpressure::Bounds;
use crate::calls::Calls;
use crate::config::ServerConfig;
use crate::cors;
use crate::deadline::Deadlines;
use crate::flight::flight_service;
use crate::gathered::Gathered;
use crate::grpc::{
    ALERTS, AlertApi, AnalyticsApi, CatalogApi, ForecastApi, InferenceApi, ModelApi, QuickForecasts, SERVICES,
};
use crate::metrics::Metric;
use crate::readiness::Reason;
use crate::state::AppState;
use crate::token::Token;
use crate::watchers::Watchers;
use crate::{Error, Result, bodies, http};

/// The most header bytes of a request.
const HEADERS: u32 = 16_384;

/// Starts the servers.
#[derive(Debug, Clone, Copy)]
pub struct Server;

/// Servers that listen.
pub struct Running {
    /// Where gRPC, Flight and health listen.
    pub grpc_addr: SocketAddr,
    /// Where HTTP listens.
    pub http_addr: SocketAddr,
    state: Arc<AppState>,
    stop: CancellationToken,
    drain_delay: Duration,
    drain: Duration,
    grpc: JoinHandle<Result<()>>,
    http: JoinHandle<Result<()>>,
    health: JoinHandle<()>,
}

impl Server {
    /// Listens on both addresses. Health says `NOT_SERVING` until the state is ready, and calls are answered with `UNAVAILABLE`, but for
    /// those that read tables of the lake.
    ///
    /// # Errors
    /// A value outside its range, a token that cannot be read, an address that cannot be listened on.
    pub async fn start(config: ServerConfig, state: Arc<AppState>) -> Result<Running> {
        config.check()?;
        let token = Token::read(&config.token_file)?;
        let grpc_listener = listen(&config.grpc).await?;
        let http_listener = listen(&config.http).await?;
        let grpc_addr = local(&config.grpc, &grpc_listener)?;
        let http_addr = local(&config.http, &http_listener)?;
        warn_of_strangers(token.as_ref(), [grpc_addr, http_addr]);
        let stop = CancellationToken::new();
        let (reporter, health) = health_reporter();
        let routes = routes(&config, &state)?.add_service(health);
        // Before anybody can ask: a fresh reporter says SERVING.
        let mut said = Said::new();
        tell_health(&state, &reporter, &mut said).await;
        let health = tokio::spawn(report_health(Arc::clone(&state), reporter, said));
        let grpc = tokio::spawn(serve_grpc(
            config.clone(),
            Arc::clone(&state),
            token,
            routes,
            grpc_listener,
            stop.clone(),
        ));
        let pages = http::router(Arc::clone(&state), &config)?;
        let http = tokio::spawn(http::serve(http_listener, pages, stop.clone()));
        tracing::info!(grpc = %grpc_addr, http = %http_addr, "listening");
        Ok(Running {
            grpc_addr,
            http_addr,
            state,
            stop,
            drain_delay: config.drain_delay.to_std(),
            drain: config.drain.to_std(),
            grpc,
            http,
            health,
        })
    }
}

impl Running {
    /// Says `NOT_SERVING`, and goes on answering for the configured time, in which balancers hear of it and callers go elsewhere. Without it
    /// whoever calls just before [`shutdown`](Self::shutdown) may find nobody.
    pub async fn leave(&self) {
        self.say_draining();
        tokio::time::sleep(self.drain_delay).await;
    }

    fn say_draining(&self) {
        let readiness = &self.state.readiness;
        readiness.raise(Reason::Draining, "the service is shutting down");
    }

    /// Says `NOT_SERVING`, stops accepting, lets the calls in flight finish within the configured time, and waits for
    /// the sinks. What is not finished then is cut off.
    ///
    /// # Errors
    /// A server that had failed before.
    pub async fn shutdown(self) -> Result<()> {
        self.say_draining();
        self.state.stop.cancel();
        self.stop.cancel();
        let (grpc, http) = tokio::join!(end(self.grpc, self.drain), end(self.http, self.drain));
        self.health.abort();
        if tokio::time::timeout(self.drain, self.state.stop()).await.is_err() {
            tracing::error!(drain = ?self.drain, "forecasts that a sink had not taken yet are lost for it; alerts are delivered after the next start");
        }
        grpc.and(http)
    }

    /// Returns when a server has stopped by itself, which it never should.
    pub async fn failed(&self) {
        while !self.grpc.is_finished() && !self.http.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn end(mut server: JoinHandle<Result<()>>, drain: Duration) -> Result<()> {
    if let Ok(ended) = tokio::time::timeout(drain, &mut server).await {
        return ended.map_err(|error| Error::Background(error.to_string()))?;
    }
    tracing::warn!(?drain, "calls that were still in flight are cut off");
    server.abort();
    Ok(())
}

async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen {
        address: address.into(),
        source,
    })
}

fn local(address: &str, listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|source| Error::Listen {
        address: address.into(),
        source,
    })
}

/// Says so where others than this machine's users may call, and nobody is asked who he is.
fn warn_of_strangers(token: Option<&Token>, addresses: [SocketAddr; 2]) {
    let [grpc, http] = addresses;
    if token.is_none() && addresses.iter().any(|address| !address.ip().is_loopback()) {
        tracing::warn!(%grpc, %http, "whoever reaches these addresses may ask anything: [server] token_file makes callers bring a token");
    }
}

/// Every service but health.
fn routes(config: &ServerConfig, state: &Arc<AppState>) -> Result<Routes> {
    let most = config.max_message_bytes;
    macro_rules! compressed {
        ($server:ident, $api:expr) => {
            $server::new($api)
                .max_decoding_message_size(most)
                .max_encoding_message_size(most)
                .accept_compressed(CompressionEncoding::Zstd)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Zstd)
                .send_compressed(CompressionEncoding::Gzip)
        };
    }
    let watchers = Watchers::new(config.max_watchers);
    let forecasts = ForecastApi {
        state: Arc::clone(state),
        watchers: watchers.clone(),
    };
    let alerts = AlertApi {
        state: Arc::clone(state),
        watchers,
    };
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(arterial_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let refused = |error: tonic_reflection::server::Error| Error::Background(error.to_string());
    Ok(Routes::new(QuickForecasts::new(forecasts, most))
        .add_service(compressed!(AlertServiceServer, alerts))
        .add_service(compressed!(CatalogServiceServer, CatalogApi(Arc::clone(state))))
        .add_service(compressed!(ModelServiceServer, ModelApi(Arc::clone(state))))
        .add_service(compressed!(AnalyticsServiceServer, AnalyticsApi(Arc::clone(state))))
        .add_service(compressed!(GrpcInferenceServiceServer, InferenceApi(Arc::clone(state))))
        .add_service(flight_service(Arc::clone(state), most)?)
        .add_service(reflection().build_v1().map_err(refused)?)
        .add_service(reflection().build_v1alpha().map_err(refused)?))
}

async fn serve_grpc(
    config: ServerConfig,
    state: Arc<AppState>,
    token: Option<Token>,
    routes: Routes,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<()> {
    let interval = (config.keepalive_interval.0 > 0).then(|| config.keepalive_interval.to_std());
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(interval)
        .map_ok(Gathered::new);
    let most = config.max_message_bytes;
    // All that may go on at the same time may go on over one connection, and no more.
    let streams = config.max_watchers.saturating_add(config.max_concurrent_calls);
    tonic::transport::Server::builder()
        // Browsers speak HTTP/1.1 where there is no TLS.
        .accept_http1(true)
        .http2_keepalive_interval(interval)
        .http2_keepalive_timeout(Some(config.keepalive_timeout.to_std()))
        .http2_max_header_list_size(HEADERS)
        .max_concurrent_streams(u32::try_from(streams).unwrap_or(u32::MAX))
        .layer(cors::layer(&config.cors_origins))
        .layer(GrpcWebLayer::new())
        .layer(Around(Calls(state)))
        .layer(Around(token))
        .layer(Around(Deadlines::new(
            config.longest_call.to_std(),
            config.max_concurrent_calls,
        )))
        .layer(Around(Bounds::default()))
        .layer(MapResponseLayer::new(move |answer| bodies::put_in(answer, most)))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await?;
    Ok(())
}

/// What was said of each name, so that whoever follows hears of changes alone.
type Said = HashMap<String, ServingStatus>;

/// Says of each service whether it may be asked.
async fn tell_health(state: &AppState, reporter: &HealthReporter, said: &mut Said) {
    let status = |serves: bool| {
        if serves {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        }
    };
    let serves = state.readiness.not_serving().is_none();
    let services = SERVICES.into_iter().chain([""]).map(|service| {
        let serves = serves && (service != ALERTS || state.alerts.ready(state).is_ok());
        (service.to_owned(), status(serves))
    });
    let reasons = state.readiness.reasons();
    let reasons = Reason::ALL
        .into_iter()
        .map(|reason| (reason.health_service(), status(!reasons.contains_key(&reason))));
    let now: Vec<(String, ServingStatus)> = services.chain(reasons).collect();
    for (name, status) in now {
        if said.insert(name.clone(), status) != Some(status) {
            reporter.set_service_status(name, status).await;
        }
    }
    state
        .metrics
        .set(Metric::ServerReady, f64::from(u8::from(state.readiness.is_ready())));
}

/// Says it again whenever it changes, as long as the process lives.
async fn report_health(state: Arc<AppState>, reporter: HealthReporter, mut said: Said) {
    let mut readiness = state.readiness.subscribe();
    let mut alerts = state.alerts.subscribe_loaded();
    loop {
        tell_health(&state, &reporter, &mut said).await;
        let changed = tokio::select! {
            changed = readiness.changed() => changed,
            changed = alerts.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

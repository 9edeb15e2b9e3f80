//! Forecasts as they are asked for over gRPC.

use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use tonic::transport::Channel;

use super::{FIELD, Service, TOPIC};

/// Every key, at the horizons that are usual.
pub fn request() -> v1::ForecastRequest {
    v1::ForecastRequest {
        topic: TOPIC.into(),
        target: FIELD.into(),
        ..v1::ForecastRequest::default()
    }
}

pub async fn client(service: &Service) -> ForecastServiceClient<Channel> {
    ForecastServiceClient::new(service.channel().await)
}

pub async fn ask(service: &Service, request: v1::ForecastRequest) -> v1::ForecastResponse {
    client(service).await.forecast(request).await.unwrap().into_inner()
}

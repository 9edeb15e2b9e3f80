//! `inference.GRPCInferenceService`: the Open Inference Protocol, version 2. Every target with a champion is a model.
//!
//! | file | what stands there |
//! |---|---|
//! | `models` | which models there are, and the tensors that they take and give |
//! | `tensor` | the elements of a tensor, typed or raw |
//! | `request` | a request as a question |
//! | `response` | an answer as tensors |

mod models;
mod request;
mod response;
mod tensor;

use std::sync::Arc;

use arterial_proto::inference as oip;
use arterial_proto::inference::grpc_inference_service_server::GrpcInferenceService;
use tonic::{Request, Response, Status};

use super::forecast::of_window;
use super::sized::sized;
use crate::answer::answer;
use crate::state::AppState;
use request::Asked;

/// Forecasts as tensors.
pub struct InferenceApi(pub Arc<AppState>);

#[tonic::async_trait]
impl GrpcInferenceService for InferenceApi {
    async fn server_live(
        &self,
        _: Request<oip::ServerLiveRequest>,
    ) -> Result<Response<oip::ServerLiveResponse>, Status> {
        Ok(Response::new(oip::ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<oip::ServerReadyRequest>,
    ) -> Result<Response<oip::ServerReadyResponse>, Status> {
        let ready = models::is_serving(&self.0);
        Ok(Response::new(oip::ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<oip::ModelReadyRequest>,
    ) -> Result<Response<oip::ModelReadyResponse>, Status> {
        let oip::ModelReadyRequest { name, version } = request.into_inner();
        // Whoever waits for a model asks for it before it is known.
        let known = models::find(&self.0, &name).is_ok_and(|model| model.is_ready(&version));
        let ready = known && models::is_serving(&self.0);
        Ok(Response::new(oip::ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<oip::ServerMetadataRequest>,
    ) -> Result<Response<oip::ServerMetadataResponse>, Status> {
        Ok(Response::new(oip::ServerMetadataResponse {
            name: models::PLATFORM.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            extensions: vec!["model_repository".into()],
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<oip::ModelMetadataRequest>,
    ) -> Result<Response<oip::ModelMetadataResponse>, Status> {
        let oip::ModelMetadataRequest { name, version } = request.into_inner();
        Ok(Response::new(models::find(&self.0, &name)?.metadata(&version)?))
    }

    async fn model_infer(
        &self,
        request: Request<oip::ModelInferRequest>,
    ) -> Result<Response<oip::ModelInferResponse>, Status> {
        let request = request.into_inner();
        let model = models::find(&self.0, &request.model_name)?;
        let asked = Asked::read(&request, &model)?;
        let answered = answer(&self.0, &asked.question).await?;
        let tensors = response::response(&self.0, request.id, &asked, &answered);
        Ok(of_window(&answered.trace, sized(tensors)))
    }

    async fn repository_index(
        &self,
        request: Request<oip::RepositoryIndexRequest>,
    ) -> Result<Response<oip::RepositoryIndexResponse>, Status> {
        let models = models::index(&self.0, request.into_inner().ready);
        Ok(Response::new(oip::RepositoryIndexResponse { models }))
    }
}

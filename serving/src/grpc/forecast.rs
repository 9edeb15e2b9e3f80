//! `ForecastService`.

use std::sync::Arc;

use arterial_proto::v1;
use arterial_proto::v1::forecast_service_server::ForecastService;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::convert::{Asked, response};
use super::sized::sized;
use super::watch_forecasts::{ForecastWatch, stream};
use crate::answer::{MOST_KEYS, Page, answer_page};
use crate::state::AppState;
use crate::watchers::Watchers;
use crate::{Error, Result};

/// Forecasts, once and again.
pub struct ForecastApi {
    /// What is answered from.
    pub state: Arc<AppState>,
    /// The places of those who watch.
    pub watchers: Watchers,
}

#[tonic::async_trait]
impl ForecastService for ForecastApi {
    async fn forecast(&self, request: Request<v1::ForecastRequest>) -> Result<Response<v1::ForecastResponse>, Status> {
        Ok(sized(once(&self.state, request.into_inner()).await?))
    }

    type WatchForecastsStream = BoxStream<'static, Result<v1::ForecastResponse, Status>>;

    async fn watch_forecasts(
        &self,
        request: Request<v1::ForecastRequest>,
    ) -> Result<Response<Self::WatchForecastsStream>, Status> {
        let place = self.watchers.enter(&self.state)?;
        let watch = ForecastWatch::begin(&self.state, request.into_inner(), place)?;
        Ok(Response::new(stream(watch).await?))
    }
}

async fn once(state: &Arc<AppState>, request: v1::ForecastRequest) -> Result<v1::ForecastResponse> {
    if !request.resume_after.is_empty() {
        let accepted = "nothing: only WatchForecasts resumes";
        return Err(Error::invalid("resume_after", &request.resume_after, accepted));
    }
    let page = Page::read(request.page_size, &request.page_token, MOST_KEYS)?;
    let asked = Asked::read(request)?;
    let answered = answer_page(state, &asked.question, page).await?;
    let next_page_token = page.next(answered.keys, answered.of_keys);
    Ok(v1::ForecastResponse {
        next_page_token,
        ..response(&asked, answered)
    })
}

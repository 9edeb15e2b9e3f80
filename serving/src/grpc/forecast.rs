//! `ForecastService`.

use std::sync::Arc;

use arterial_proto::v1::forecast_service_server::ForecastService;
use arterial_proto::{Message, v1};
use futures::stream::BoxStream;
use tonic::body::Body;
use tonic::{Request, Response, Status};

use super::convert::{Asked, response};
use super::convert_areas;
use super::forecast_wire;
use super::sized::sized;
use super::watch_forecasts::{ForecastWatch, stream};
use crate::answer::{Answer, KeyPage, MOST_KEYS, answer_areas, answer_page};
use crate::bodies::{self, Messages};
use crate::state::AppState;
use crate::traces::{Trace, tell_window};
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
        let answered = Answered::to(&self.state, request.into_inner()).await?;
        let trace = answered.trace();
        Ok(of_window(&trace, sized(answered.into_message())))
    }

    type WatchForecastsStream = BoxStream<'static, Result<v1::ForecastResponse, Status>>;

    async fn watch_forecasts(
        &self,
        request: Request<v1::ForecastRequest>,
    ) -> Result<Response<Self::WatchForecastsStream>, Status> {
        let place = self.watchers.enter(&self.state)?;
        let watch = ForecastWatch::begin(&self.state, request.into_inner(), place)?;
        let answers = stream(watch).await?;
        Ok(bodies::answer(move |terms| Body::new(Messages::new(answers, terms))))
    }

    async fn forecast_areas(
        &self,
        request: Request<v1::ForecastAreasRequest>,
    ) -> Result<Response<v1::ForecastAreasResponse>, Status> {
        let question = convert_areas::question(request.into_inner());
        let answer = answer_areas(&self.state, &question).await?;
        Ok(sized(convert_areas::response(answer)))
    }
}

/// `response` with the trace of the window that its forecasts were made from.
pub(super) fn of_window<T>(trace: &Trace, mut response: Response<T>) -> Response<T> {
    tell_window(trace, response.metadata_mut().as_mut());
    response
}

/// What is said to a request.
pub(super) struct Answered {
    asked: Asked,
    answer: Answer,
    next_page_token: String,
}

impl Answered {
    /// The answer to `request`.
    ///
    /// # Errors
    /// A wrong request, a service that cannot answer yet or any more.
    pub(super) async fn to(state: &Arc<AppState>, request: v1::ForecastRequest) -> Result<Self> {
        if !request.resume_after.is_empty() {
            let accepted = "nothing: only WatchForecasts resumes";
            return Err(Error::invalid("resume_after", &request.resume_after, accepted));
        }
        let page = KeyPage::read(request.page_size, &request.page_token, MOST_KEYS)?;
        let asked = Asked::read(request)?;
        let mut answer = answer_page(state, &asked.question, page).await?;
        Ok(Self {
            next_page_token: std::mem::take(&mut answer.next_page),
            asked,
            answer,
        })
    }

    /// The trace of the window that it was made from.
    pub(super) fn trace(&self) -> Trace {
        self.answer.trace.clone()
    }

    fn into_message(self) -> v1::ForecastResponse {
        v1::ForecastResponse {
            next_page_token: self.next_page_token,
            ..response(&self.asked, self.answer)
        }
    }

    /// The same message in bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        if self.asked.wants_all_fields() && self.asked.question.explain.is_none() {
            return forecast_wire::encode(&self.asked.question, self.answer, &self.next_page_token);
        }
        self.into_message().encode_to_vec()
    }
}

//! `CatalogService`.

use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::registry::Target;
use arterial_proto::v1;
use arterial_proto::v1::catalog_service_server::CatalogService;
use tonic::{Request, Response, Status};

use super::list::ListPage;
use super::mask::Mask;
use super::sized::sized;
use crate::answer::MOST_ZONES;
use crate::flight::Datasets;
use crate::live::{self, KeyInfo, LiveStream, Place};
use crate::state::AppState;
use crate::{Error, Result};

/// Keys a page, where the request does not say.
const PAGE: i32 = 1_000;
/// The most keys a page.
const LARGEST_PAGE: i32 = 10_000;
/// Streams and tables a page, where the request does not say.
const NAMES: usize = 100;
/// The most streams and tables a page.
const MOST_NAMES: usize = 1_000;

/// What data the service knows.
pub struct CatalogApi(pub Arc<AppState>);

#[tonic::async_trait]
impl CatalogService for CatalogApi {
    async fn list_streams(
        &self,
        request: Request<v1::ListStreamsRequest>,
    ) -> Result<Response<v1::ListStreamsResponse>, Status> {
        let request = request.into_inner();
        let page = ListPage::read(request.page_size, &request.page_token, NAMES, MOST_NAMES)?;
        let streams: Vec<&LiveStream> = self.0.live.streams().collect();
        let (streams, next_page_token) = page.of(streams, |stream| stream.definition().name.clone())?;
        Ok(sized(v1::ListStreamsResponse {
            streams: streams.into_iter().map(|stream| describe(&self.0, stream)).collect(),
            next_page_token,
        }))
    }

    async fn list_keys(&self, request: Request<v1::ListKeysRequest>) -> Result<Response<v1::ListKeysResponse>, Status> {
        Ok(sized(keys(&self.0, &request.into_inner())?))
    }

    async fn list_tables(
        &self,
        request: Request<v1::ListTablesRequest>,
    ) -> Result<Response<v1::ListTablesResponse>, Status> {
        let request = request.into_inner();
        let page = ListPage::read(request.page_size, &request.page_token, NAMES, MOST_NAMES)?;
        let mask = Mask::of::<v1::Table>(request.read_mask)?;
        let names = Datasets::new(&self.0).names().await?;
        let (names, next_page_token) = page.of(names, String::clone)?;
        let tables = if mask.has("columns") {
            tables(&self.0, &names).await?
        } else {
            let table = |name| v1::Table {
                name,
                ..v1::Table::default()
            };
            names.into_iter().map(table).collect()
        };
        Ok(sized(v1::ListTablesResponse {
            tables: tables.into_iter().map(|table| mask.apply(table)).collect(),
            next_page_token,
        }))
    }
}

/// Tables with their columns, for which each of them is opened; one that is gone by now is left out.
async fn tables(state: &AppState, names: &[String]) -> Result<Vec<v1::Table>> {
    let datasets = Datasets::new(state);
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let found = datasets.find(name, None).await?;
        tables.extend(found.map(|dataset| v1::Table {
            columns: dataset.schema.fields().iter().map(|field| column(field)).collect(),
            name: dataset.name,
        }));
    }
    Ok(tables)
}

fn describe(state: &AppState, stream: &LiveStream) -> v1::Stream {
    let definition = stream.definition();
    let target = |field: &arterial_datasets::stream::Field| {
        let name = field.column();
        let column = live::target_column(definition, &name)?;
        let target = Target {
            topic: definition.name.clone(),
            field: name.clone(),
        };
        let champion = state
            .champions
            .get(&target)
            .map(|in_charge| in_charge.wanted.to_string());
        Some(v1::Target {
            name,
            unit: field.unit.clone().unwrap_or_default(),
            column,
            champion: champion.unwrap_or_default(),
        })
    };
    v1::Stream {
        name: definition.name.clone(),
        description: definition.description.clone(),
        window_seconds: definition.window.seconds(),
        allowed_lateness_seconds: definition.allowed_lateness.seconds(),
        timezone: definition.timezone.clone(),
        targets: definition.value_fields().filter_map(target).collect(),
        keys: stream.key_count() as u64,
        newest_window: stream.latest().map(|newest| newest.0),
        watermark: stream.closed_until().map(|watermark| watermark.0),
    }
}

fn keys(state: &AppState, request: &v1::ListKeysRequest) -> Result<v1::ListKeysResponse> {
    let stream = state.live.stream(&request.topic)?;
    let size = match request.page_size {
        0 => PAGE,
        1..=LARGEST_PAGE => request.page_size,
        other => return Err(Error::invalid("page_size", other, format!("1 to {LARGEST_PAGE}"))),
    };
    if request.zones.len() > MOST_ZONES {
        let value = format!("{} of them", request.zones.len());
        return Err(Error::invalid("zones", value, format!("at most {MOST_ZONES}")));
    }
    let token = &request.page_token;
    if !token.is_empty() && !stream.knows(token) {
        return Err(Error::invalid(
            "page_token",
            token,
            "the `next_page_token` of the page before",
        ));
    }
    let size = size as usize;
    let mut found = stream.keys_after(token, &request.zones, size + 1);
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|last| last.key.to_string());
    let (now, window) = (state.clock.now(), stream.definition().window);
    let keys = found.into_iter().map(|info| key(info, now, window)).collect();
    Ok(v1::ListKeysResponse {
        keys,
        next_page_token: next.unwrap_or_default(),
    })
}

fn key(info: KeyInfo, now: Timestamp, window: Duration) -> v1::Key {
    let text = |known: Option<Arc<str>>| known.map(|text| text.to_string()).unwrap_or_default();
    let Place {
        zone,
        road_id,
        road_name,
        name,
        lat,
        lon,
    } = info.place;
    v1::Key {
        key: info.key.to_string(),
        zone_id: text(zone),
        lat,
        lon,
        road_id: text(road_id),
        road_name: text(road_name),
        name: text(name),
        newest_window: info.newest.0,
        data_age_seconds: Duration((now.0 - info.newest.0 - window.0).max(0)).seconds(),
    }
}

fn column(field: &arrow::datatypes::Field) -> v1::Column {
    v1::Column {
        name: field.name().clone(),
        r#type: field.data_type().to_string(),
        unit: field.metadata().get("unit").cloned().unwrap_or_default(),
        nullable: field.is_nullable(),
    }
}

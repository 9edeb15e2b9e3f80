//! `AnalyticsService`.

use std::sync::Arc;

use arterial_datasets::time::{DAY, Duration, Timestamp};
use arterial_proto::v1;
use arterial_proto::v1::analytics_service_server::AnalyticsService;
use tonic::{Request, Response, Status};

use super::convert_analytics::{bounds, horizon, hot_spot, kpi, route, zone};
use super::list::ListPage;
use super::mask::Mask;
use super::sized::sized;
use crate::analytics::{self, HotSpotKind, Range, Selection, ZoneIndex, ZonePlace, ZoneSelection};
use crate::state::AppState;
use crate::{Error, Result};

/// Rows a page, where the request does not say.
const PAGE: usize = 100;
/// The most zones or roads a page.
const LARGEST_PAGE: usize = 10_000;
/// The most hot spots a page.
const MOST_SPOTS: usize = 1_000;
/// The longest time of one question.
const LONGEST: Duration = Duration(32 * DAY);

/// Questions about the city.
pub struct AnalyticsApi(pub Arc<AppState>);

#[tonic::async_trait]
impl AnalyticsService for AnalyticsApi {
    async fn list_zones(
        &self,
        request: Request<v1::ListZonesRequest>,
    ) -> Result<Response<v1::ListZonesResponse>, Status> {
        Ok(sized(zones(&self.0, request.into_inner()).await?))
    }

    async fn list_routes(
        &self,
        request: Request<v1::ListRoutesRequest>,
    ) -> Result<Response<v1::ListRoutesResponse>, Status> {
        Ok(sized(routes(&self.0, request.into_inner()).await?))
    }

    async fn list_hot_spots(
        &self,
        request: Request<v1::ListHotSpotsRequest>,
    ) -> Result<Response<v1::ListHotSpotsResponse>, Status> {
        Ok(sized(hot_spots(&self.0, &request.into_inner()).await?))
    }

    async fn get_kpis(&self, request: Request<v1::GetKpisRequest>) -> Result<Response<v1::GetKpisResponse>, Status> {
        ready(&self.0)?;
        let selection = selection(Vec::new(), request.into_inner().zones, None)?;
        let kpis = analytics::kpis(&self.0, &selection.zones).await?;
        Ok(sized(v1::GetKpisResponse {
            kpis: kpis.into_iter().map(kpi).collect(),
        }))
    }
}

fn ready(state: &AppState) -> Result<()> {
    match state.readiness.stopped_by() {
        Some(reason) => Err(Error::NotReady(reason)),
        None => Ok(()),
    }
}

fn selection(keys: Vec<String>, zones: Vec<String>, within: Option<v1::BoundingBox>) -> Result<Selection> {
    let selection = Selection {
        keys: keys.into_iter().collect(),
        zones: zones.into_iter().collect(),
        bounds: within.map(bounds).transpose()?,
    };
    selection.check("road_ids")?;
    Ok(selection)
}

async fn zones(state: &Arc<AppState>, request: v1::ListZonesRequest) -> Result<v1::ListZonesResponse> {
    let page = ListPage::read(request.page_size, &request.page_token, PAGE, LARGEST_PAGE)?;
    let ahead = horizon(request.horizon_minutes)?;
    let wanted = selection(Vec::new(), request.zones, request.bounds)?;
    let wanted = ZoneSelection {
        zones: wanted.zones,
        bounds: wanted.bounds,
        ..ZoneSelection::default()
    };
    let after = page.after(place)?;
    let (after, size) = (after.as_ref(), page.size());
    let range = range(state, ahead, request.since, request.until)?;
    ready(state)?;
    let found = match (ahead, range) {
        (_, Some(range)) => analytics::zones_between(state, &wanted, range, after, size).await?,
        (0, None) => analytics::zones_now(state, &wanted).await?.page(after, size),
        (minutes, None) => {
            let congestion = analytics::ahead(state, minutes).await?;
            analytics::zones_ahead(state, &congestion, &wanted).page(after, size)
        }
    };
    let next = found.zones.last().filter(|_| found.more).map(token);
    Ok(v1::ListZonesResponse {
        zones: found.zones.into_iter().map(zone).collect(),
        window_start: found.window.map(|window| window.0),
        absent: found.absent.unwrap_or_default(),
        next_page_token: next.unwrap_or_default(),
    })
}

/// The token of the page behind an index. The zone stands last: its name may be anything.
fn token(index: &ZoneIndex) -> String {
    format!("{}+{}+{}", index.window.0, index.formula, index.zone_id)
}

/// The place behind which the page of a token begins.
fn place(token: &str) -> Option<ZonePlace> {
    let mut parts = token.splitn(3, '+');
    Some(ZonePlace {
        window: Timestamp(parts.next()?.parse().ok()?),
        formula: parts.next()?.to_owned(),
        zone_id: parts.next()?.to_owned(),
    })
}

/// The time that is asked for; none where the newest windows are.
fn range(state: &AppState, ahead: u32, since: Option<i64>, until: Option<i64>) -> Result<Option<Range>> {
    let Some(since) = since.map(Timestamp) else {
        return match until {
            Some(_) => Err(Error::missing("since", "an instant before `until`")),
            None => Ok(None),
        };
    };
    if ahead > 0 {
        let accepted = "0 together with `since`: Forecast has past forecasts by `as_of`";
        return Err(Error::invalid("horizon_minutes", ahead, accepted));
    }
    since.to_jiff().map_err(|error| error.about("since"))?;
    let latest = Timestamp(since.0.saturating_add(LONGEST.0));
    let until = until.map(Timestamp);
    if let Some(until) = until
        && until > latest
    {
        let accepted = format!("at most 32 days after `since`, {latest}");
        return Err(Error::invalid("until", until.0, accepted));
    }
    Range::new(since, Some(until.unwrap_or(latest)), state.clock.now()).map(Some)
}

async fn routes(state: &Arc<AppState>, request: v1::ListRoutesRequest) -> Result<v1::ListRoutesResponse> {
    let page = ListPage::read(request.page_size, &request.page_token, PAGE, LARGEST_PAGE)?;
    let mask = Mask::of::<v1::Route>(request.read_mask)?;
    let wanted = selection(request.road_ids, request.zones, request.bounds)?;
    let ahead = horizon(request.horizon_minutes)?;
    let after = page.after(|token| token.parse::<usize>().ok())?;
    ready(state)?;
    let congestion = match ahead {
        0 => analytics::now(state).await?,
        minutes => analytics::ahead(state, minutes).await?,
    };
    let ranked = analytics::rank(&congestion, &wanted);
    let behind = ranked.roads.into_iter().filter(|road| Some(road.rank) > after);
    let (routes, next_page_token) = page.first(behind, |road| road.rank.to_string());
    Ok(v1::ListRoutesResponse {
        routes: routes.into_iter().map(|road| mask.apply(route(road))).collect(),
        window_start: ranked.window.map(|window| window.0),
        left_out: ranked.left_out as u32,
        absent: ranked.absent.unwrap_or_default(),
        next_page_token,
    })
}

async fn hot_spots(state: &Arc<AppState>, request: &v1::ListHotSpotsRequest) -> Result<v1::ListHotSpotsResponse> {
    let page = ListPage::read(request.page_size, &request.page_token, PAGE, MOST_SPOTS)?;
    let kind = match request.of.as_str() {
        "" => HotSpotKind::Congestion,
        named => named.parse()?,
    };
    ready(state)?;
    let found = analytics::hot_spots(state, kind).await?;
    let (spots, next_page_token) = page.of(found.spots, |spot| spot.id.clone())?;
    Ok(v1::ListHotSpotsResponse {
        hot_spots: spots.into_iter().map(hot_spot).collect::<Result<_>>()?,
        at: found.at.map(|at| at.0),
        inputs: found.inputs as u32,
        left_out: found.left_out as u32,
        radius_km: found.radius_km,
        least_weight: found.least_weight,
        absent: found.absent.unwrap_or_default(),
        next_page_token,
    })
}

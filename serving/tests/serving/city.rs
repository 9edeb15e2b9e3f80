//! Questions about the city over gRPC: the answers of the analytics, page by page, or why there is none.

use std::sync::Arc;

use crate::support::{Order, Service, waiting};
use crate::town::{PAST, jam, town};
use arterial_datasets::time::Timestamp;
use arterial_proto::v1::analytics_service_client::AnalyticsServiceClient;
use arterial_proto::{FieldMask, v1};
use arterial_serving::analytics::{self, HotSpotKind};
use tonic::Code;
use tonic::transport::Channel;

async fn client(service: &Service) -> AnalyticsServiceClient<Channel> {
    AnalyticsServiceClient::new(service.channel().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jam_is_the_worst_route_and_a_hot_spot() {
    let service = town().await;
    jam(&service, PAST).await;
    let mut client = client(&service).await;
    let page = v1::ListRoutesRequest {
        page_size: 1,
        ..v1::ListRoutesRequest::default()
    };
    let first = client.list_routes(page.clone()).await.unwrap().into_inner();
    let worst = &first.routes[0];
    assert_eq!(
        (worst.rank, worst.road_id.as_str(), worst.inputs),
        (1, "High street", 4)
    );
    let congestion = analytics::now(&service.state).await.unwrap();
    let ranked = analytics::rank(&congestion, &analytics::Selection::default()).roads;
    assert_eq!(worst.congestion, ranked[0].congestion);
    assert!(worst.congestion.unwrap() > 0.9, "{worst:?}");
    let second = v1::ListRoutesRequest {
        page_size: 10,
        page_token: first.next_page_token,
        read_mask: Some(FieldMask {
            paths: vec!["road_id".into()],
        }),
        ..v1::ListRoutesRequest::default()
    };
    let second = client.list_routes(second).await.unwrap().into_inner();
    assert_eq!(second.routes.len(), 2);
    assert!(second.next_page_token.is_empty() && second.routes[0].congestion.is_none());
    let spots = client.list_hot_spots(v1::ListHotSpotsRequest::default()).await.unwrap();
    let spots = spots.into_inner();
    assert_eq!((spots.hot_spots.len(), spots.hot_spots[0].points), (1, 4), "{spots:?}");
    assert!(spots.hot_spots[0].geometry_json.starts_with("{\"type\":"), "{spots:?}");
    let incidents = v1::ListHotSpotsRequest {
        of: "incidents".into(),
        ..v1::ListHotSpotsRequest::default()
    };
    let incidents = client.list_hot_spots(incidents).await.unwrap().into_inner();
    assert_eq!(
        (incidents.hot_spots.len(), incidents.inputs),
        (0, 1),
        "one is no cluster"
    );
}

/// The names of the hot spots of congestion, and since when they are there.
async fn congested_spots(service: &Service) -> Vec<(String, Timestamp)> {
    let of = HotSpotKind::Congestion;
    let found = analytics::hot_spots(&service.state, of).await.unwrap();
    found.spots.into_iter().map(|spot| (spot.id, spot.since)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_spot_has_the_same_name_on_another_replica_and_after_a_restart() {
    let service = town().await;
    let next = jam(&service, PAST).await;
    let before = congested_spots(&service).await;
    assert_eq!(before.len(), 1);
    for _ in ["another replica", "a restart"] {
        let order = Order {
            folder: Some(Arc::clone(&service.folder)),
            ..Order::default()
        };
        let again = order.start(Arc::default(), next).await;
        assert_eq!(congested_spots(&again).await, before);
        again.state.stop().await;
        service.state.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_and_figures_are_told_or_say_why_not() {
    let service = town().await;
    let mut client = client(&service).await;
    let now = client.list_zones(v1::ListZonesRequest::default()).await.unwrap();
    let now = now.into_inner();
    assert!(now.zones.is_empty() && now.absent.contains("`indices`"), "{now:?}");
    let ahead = v1::ListZonesRequest {
        horizon_minutes: 15,
        ..v1::ListZonesRequest::default()
    };
    let ahead = client.list_zones(ahead).await.unwrap().into_inner();
    let zones: Vec<(&str, i32, i64)> = ahead
        .zones
        .iter()
        .map(|zone| (zone.zone_id.as_str(), zone.horizon_minutes, zone.inputs))
        .collect();
    assert_eq!(zones, [("east", 15, 6), ("west", 15, 5)]);
    let kpis = client
        .get_kpis(v1::GetKpisRequest::default())
        .await
        .unwrap()
        .into_inner()
        .kpis;
    let known = analytics::kpis(&service.state, &std::collections::BTreeSet::new())
        .await
        .unwrap();
    assert_eq!(kpis.len(), known.len());
    assert!(kpis.iter().any(|kpi| kpi.value.is_some() && kpi.inputs > 0), "{kpis:?}");
    assert!(
        kpis.iter().all(|kpi| kpi.value.is_some() == kpi.absent.is_empty()),
        "what has no value says why: {kpis:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_question_about_the_city_names_its_field() {
    let service = waiting(None).await;
    let mut client = client(&service).await;
    let early = client.get_kpis(v1::GetKpisRequest::default()).await.unwrap_err();
    assert_eq!(early.code(), Code::Unavailable, "{early}");
    service.state.start().await.unwrap();
    let bounds = v1::BoundingBox {
        west: 0.0,
        south: 10.0,
        east: 1.0,
        north: 5.0,
    };
    let zones = |request: v1::ListZonesRequest| {
        let mut client = client.clone();
        async move { client.list_zones(request).await.unwrap_err() }
    };
    let wrong = [
        (
            "bounds.north",
            v1::ListZonesRequest {
                bounds: Some(bounds),
                ..v1::ListZonesRequest::default()
            },
        ),
        (
            "horizon_minutes",
            v1::ListZonesRequest {
                horizon_minutes: -5,
                ..v1::ListZonesRequest::default()
            },
        ),
        (
            "since",
            v1::ListZonesRequest {
                until: Some(5),
                ..v1::ListZonesRequest::default()
            },
        ),
        (
            "until",
            v1::ListZonesRequest {
                since: Some(0),
                until: Some(i64::MAX),
                ..v1::ListZonesRequest::default()
            },
        ),
        (
            "page_size",
            v1::ListZonesRequest {
                page_size: 10_001,
                ..v1::ListZonesRequest::default()
            },
        ),
    ];
    for (field, request) in wrong {
        let status = zones(request).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().starts_with(&format!("`{field}`")), "{status}");
    }
    let of = v1::ListHotSpotsRequest {
        of: "parking".into(),
        ..v1::ListHotSpotsRequest::default()
    };
    let status = client.clone().list_hot_spots(of).await.unwrap_err();
    assert!(status.message().starts_with("`of` is `parking`"), "{status}");
    let routes = v1::ListRoutesRequest {
        road_ids: (0..=10_000).map(|road| road.to_string()).collect(),
        ..v1::ListRoutesRequest::default()
    };
    let status = client.clone().list_routes(routes).await.unwrap_err();
    assert!(
        status.message().starts_with("`road_ids` is `10001 of them`"),
        "{status}"
    );
}

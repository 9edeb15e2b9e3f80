//! Past forecasts: exactly what was served, or a refusal.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::support::asking::{self, client};
use crate::support::{
    FakeModel, FakeModels, Order, STEP, Says, Service, TOPIC, WindowRow, batch, count_rows, eventually, history, ready,
    window,
};
use arterial_datasets::time::{MINUTE, Timestamp};
use arterial_proto::v1;
use arterial_serving::model::ModelSource;
use serde_json::Value;
use tonic::Status;

fn request() -> v1::ForecastRequest {
    v1::ForecastRequest {
        keys: vec!["a".into(), "b".into(), "nobody".into()],
        ..asking::request()
    }
}

async fn ask(service: &Service, request: v1::ForecastRequest) -> Result<v1::ForecastResponse, Status> {
    Ok(client(service).await.forecast(request).await?.into_inner())
}

fn at(instant: Timestamp) -> v1::ForecastRequest {
    v1::ForecastRequest {
        as_of: Some(instant.0),
        ..request()
    }
}

/// Waits until so many rows are stored.
async fn stored(service: &Service, rows: usize) {
    eventually("stored", async || {
        let found = count_rows(&service.lake, "forecasts").await;
        assert!(found <= rows, "{found} rows");
        found == rows
    })
    .await;
}

/// Which keys are refused, and why.
fn codes(response: &v1::ForecastResponse) -> BTreeSet<(String, String)> {
    let refusals = response.refusals.iter();
    refusals
        .map(|refusal| (refusal.key.clone(), refusal.code.clone()))
        .collect()
}

/// What was served at some instants, told again later: the same to the last bit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_past_forecast_is_what_was_served_then_to_the_last_bit() {
    let service = ready(24).await;
    let mut served = Vec::new();
    // The first issue, one of revised windows, one in which a sensor is silent.
    stored(&service, 24).await;
    service.clock.set(Timestamp(window(24).0 + MINUTE));
    served.push((
        Timestamp(window(24).0 + MINUTE),
        ask(&service, request()).await.unwrap(),
    ));
    let revised = [("a", "north", 22, 2, Some(41.0)), ("a", "north", 24, 1, Some(60.25))];
    service.clock.set(window(25));
    service.state.take(TOPIC, &batch(&revised), window(25));
    service.until_scored(24).await;
    stored(&service, 36).await;
    for minutes in [0, 4, 9] {
        let instant = Timestamp(window(25).0 + minutes * MINUTE);
        service.clock.set(instant);
        served.push((instant, ask(&service, request()).await.unwrap()));
    }
    let first = &served[1].1.forecasts[0];
    assert_eq!(
        (first.newest_window, first.newest_revision, first.revised_windows),
        (Some(window(24).0), Some(1), Some(2))
    );
    assert_eq!(first.data_digest.len(), 64);
    assert_ne!(first.data_digest, served[0].1.forecasts[0].data_digest);
    service.clock.set(window(40));
    for (instant, then) in served {
        let mut again = ask(&service, at(instant)).await.unwrap();
        assert_eq!(codes(&again), codes(&then), "{instant}");
        again.refusals.clone_from(&then.refusals);
        assert_eq!(again, then, "{instant}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_refused_then_is_not_answered_by_an_earlier_issue() {
    let service = ready(24).await;
    stored(&service, 24).await;
    // The next champions do not know `b`, and there is too little history for a profile.
    for number in [2, 3] {
        service
            .models
            .add(FakeModel::new(number, &["a"], 12, Says::LastPlus(2.0)));
        service.clock.set(Timestamp(window(24).0 + i64::from(number) * MINUTE));
        service.models.promote(number);
        eventually("the next champion answers", async || {
            let live = ask(&service, request()).await.unwrap();
            live.forecasts[0].model_version == number.to_string()
        })
        .await;
    }
    stored(&service, 24 + 24 + 12).await;
    let keys = |response: &v1::ForecastResponse| {
        let keys = response.forecasts.iter().map(|one| one.key.clone());
        keys.collect::<BTreeSet<String>>()
    };
    let live = ask(&service, request()).await.unwrap();
    let past = ask(&service, at(Timestamp(window(24).0 + 3 * MINUTE))).await.unwrap();
    assert_eq!(
        (keys(&live), keys(&past)),
        (["a".to_owned()].into(), ["a".to_owned()].into())
    );
    let before = ask(&service, at(Timestamp(window(24).0 + MINUTE))).await.unwrap();
    assert!(keys(&before).contains("b"), "the issue before had it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_stored_is_refused_and_never_computed_again() {
    let service = ready(24).await;
    stored(&service, 24).await;
    let then = window(24);
    let wrong = [
        (
            "`quantiles` is `0.25`, accepted: 0.1, 0.5 and 0.9 together with `as_of`",
            v1::ForecastRequest {
                quantiles: vec![0.25],
                ..at(then)
            },
        ),
        (
            "`model` is `constant@1`, accepted: nothing together with `as_of`",
            v1::ForecastRequest {
                model: "constant@1".into(),
                ..at(then)
            },
        ),
        (
            "`explain` is `true`, accepted: false together with `as_of`",
            v1::ForecastRequest {
                explain: true,
                ..at(then)
            },
        ),
    ];
    for (expected, request) in wrong {
        let status = ask(&service, request).await.unwrap_err();
        assert!(status.message().starts_with(expected), "{status}");
    }
    let far = v1::ForecastRequest {
        horizons_minutes: vec![60, 65],
        keys: vec!["a".into()],
        ..at(then)
    };
    let response = ask(&service, far).await.unwrap();
    assert_eq!(
        (response.forecasts.len(), response.forecasts[0].horizon_minutes),
        (1, 60)
    );
    let refusal = &response.refusals[0];
    assert_eq!(
        (refusal.code.as_str(), refusal.horizon_minutes, refusal.message.as_str()),
        (
            "NO_DATA",
            65,
            "no forecast so far ahead is stored, and none is made again"
        )
    );
    let colour = v1::ForecastRequest {
        target: "colour".into(),
        ..at(then)
    };
    assert_eq!(ask(&service, colour).await.unwrap().refusals[0].code, "UNKNOWN_TARGET");
    let mut pages = Vec::new();
    let mut page = v1::ForecastRequest {
        keys: Vec::new(),
        page_size: 1,
        horizons_minutes: vec![(STEP.0 / MINUTE) as i32],
        ..at(then)
    };
    loop {
        let answer = ask(&service, page.clone()).await.unwrap();
        pages.push(answer.forecasts[0].key.clone());
        page.page_token = answer.next_page_token;
        if page.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, ["a", "b"]);
}

/// The keys that an answer tells of, and the codes of what it refuses.
type Told = (Vec<String>, Vec<String>);

fn told(keys: &[&str], refusals: &[&str]) -> Told {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    (owned(keys), owned(refusals))
}

/// What was forecast then of these keys and of those in these zones, over gRPC.
async fn over_grpc(service: &Service, then: Timestamp, keys: &[&str], zones: &[&str]) -> Told {
    let asked = v1::ForecastRequest {
        keys: keys.iter().map(ToString::to_string).collect(),
        zones: zones.iter().map(ToString::to_string).collect(),
        horizons_minutes: vec![5],
        ..at(then)
    };
    let answer = ask(service, asked).await.unwrap();
    (
        answer.forecasts.into_iter().map(|one| one.key).collect(),
        answer.refusals.into_iter().map(|one| one.code).collect(),
    )
}

/// A page of it over HTTP.
async fn page(service: &Service, then: Timestamp, query: &str) -> Value {
    let address = service.running.http_addr;
    let url = format!("http://{address}/v1/forecasts?horizons_minutes=5&as_of={then}&{query}");
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{url}");
    answer.json().await.unwrap()
}

async fn over_http(service: &Service, then: Timestamp, query: &str) -> Told {
    let page = page(service, then, query).await;
    let texts = |rows: &str, member: &str| -> Vec<String> {
        let rows = page[rows].as_array().unwrap().iter();
        rows.map(|row| row[member].as_str().unwrap().to_owned()).collect()
    };
    (texts("forecasts", "key"), texts("refusals", "code"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_of_the_past_mean_the_keys_of_then_that_lie_there_now() {
    let service = ready(24).await;
    stored(&service, 24).await;
    let then = Timestamp(window(24).0 + MINUTE);
    // `b` moves to the north; `c`, which nobody forecast then, comes to the north, too.
    service.clock.set(window(25));
    let rows = [("b", "north", 24, 0, Some(80.0)), ("c", "north", 24, 0, Some(70.0))];
    service.state.take(TOPIC, &batch(&rows), window(25));
    service.until_scored(24).await;
    let cases: [(&[&str], &[&str], Told); 4] = [
        (&[], &["north"], told(&["a", "b"], &[])),
        (&["b", "nobody"], &["north"], told(&["b", "a"], &["UNKNOWN_KEY"])),
        (&[], &["south"], told(&[], &["UNKNOWN_KEY"])),
        (&["a"], &["south"], told(&["a"], &["UNKNOWN_KEY"])),
    ];
    for (keys, zones, expected) in cases {
        assert_eq!(
            over_grpc(&service, then, keys, zones).await,
            expected,
            "{keys:?} {zones:?}"
        );
    }
    for (query, expected) in [
        ("zones=north", told(&["a", "b"], &[])),
        ("zones=north&keys=b,nobody", told(&["b"], &[])),
        ("zones=south", told(&[], &["UNKNOWN_KEY"])),
        ("zones=south&keys=a", told(&[], &[])),
    ] {
        assert_eq!(over_http(&service, then, query).await, expected, "{query}");
    }
    let first = v1::ForecastRequest {
        keys: Vec::new(),
        zones: vec!["north".into(), "south".into()],
        page_size: 1,
        ..at(then)
    };
    let answer = ask(&service, first.clone()).await.unwrap();
    assert_eq!((answer.forecasts[0].key.as_str(), answer.refusals.len()), ("a", 1));
    let second = v1::ForecastRequest {
        page_token: answer.next_page_token,
        ..first
    };
    let answer = ask(&service, second).await.unwrap();
    assert_eq!(
        (answer.forecasts[0].key.as_str(), answer.refusals.len()),
        ("b", 0),
        "the empty zone was told of with the first page"
    );
    assert_eq!(answer.next_page_token, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_past_are_those_of_then_also_where_nobody_knows_one_of_them_any_more() {
    // The windows of `b` never reach the lake: the next start does not know it.
    let rows: Vec<WindowRow<'_>> = (0..24).map(|at| ("a", "north", at, 0, Some(50.0))).collect();
    let models = Arc::new(FakeModels::default());
    models.add(FakeModel::new(1, &["a", "b"], 12, Says::LastPlus(1.0)));
    models.promote(1);
    let order = Order {
        history: Some(batch(&rows)),
        ..Order::default()
    };
    let source = Arc::clone(&models) as Arc<dyn ModelSource>;
    let service = order.launch(Arc::clone(&models), source).await;
    service.clock.set(window(24));
    service.state.take(TOPIC, &history(24), window(24));
    service.state.start().await.unwrap();
    stored(&service, 24).await;
    service.running.shutdown().await.unwrap();
    let order = Order {
        folder: Some(Arc::clone(&service.folder)),
        ..Order::default()
    };
    let service = order.start(models, 26).await;
    assert!(!service.state.live.stream(TOPIC).unwrap().knows("b"));
    let then = Timestamp(window(24).0 + MINUTE);
    assert_eq!(over_grpc(&service, then, &[], &[]).await, told(&["a", "b"], &[]));
    for (query, expected) in [
        ("", told(&["a", "b"], &[])),
        ("keys=b", told(&["b"], &[])),
        ("zones=north", told(&["a"], &[])),
        ("zones=south", told(&[], &["UNKNOWN_KEY"])),
        ("bbox=-180,-90,180,90", told(&[], &[])),
    ] {
        assert_eq!(over_http(&service, then, query).await, expected, "{query}");
    }
    let first = page(&service, then, "limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = page(&service, then, &format!("limit=1&cursor={cursor}")).await;
    assert_eq!(
        (&first["forecasts"][0]["key"], &second["forecasts"][0]["key"]),
        (&"a".into(), &"b".into())
    );
    assert_eq!(second["next_cursor"], Value::Null);
}

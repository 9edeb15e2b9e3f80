//! Past forecasts: exactly what was served, or a refusal.

use std::collections::BTreeSet;

use crate::support::{FIELD, FakeModel, STEP, Says, Service, TOPIC, batch, eventually, ready, window};
use arterial_datasets::lake::Scan;
use arterial_datasets::time::{MINUTE, Timestamp};
use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use tonic::Status;

fn request() -> v1::ForecastRequest {
    v1::ForecastRequest {
        topic: TOPIC.into(),
        target: FIELD.into(),
        keys: vec!["a".into(), "b".into(), "nobody".into()],
        ..v1::ForecastRequest::default()
    }
}

async fn ask(service: &Service, request: v1::ForecastRequest) -> Result<v1::ForecastResponse, Status> {
    let mut client = ForecastServiceClient::new(service.channel().await);
    Ok(client.forecast(request).await?.into_inner())
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
        let Some(table) = service.lake.existing("forecasts").await.unwrap() else {
            return false;
        };
        let batches = table.scan(&Scan::default()).await.unwrap();
        let found: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
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
            "`zones` is `north`, accepted: keys instead of zones",
            v1::ForecastRequest {
                zones: vec!["north".into()],
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

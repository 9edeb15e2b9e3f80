//! Forecasts over gRPC: the ladder, the refusals, the watchers, the swap of models.

use crate::support::asking::{ask, client, request};
use crate::support::{
    FakeModel, Says, Service, TOPIC, batch, batch_of, count_rows, eventually, ready, target, waiting, window,
};
use arterial_datasets::lake::{Scan, TableSpec};
use arterial_datasets::panel::Covariate;
use arterial_datasets::schema;
use arterial_datasets::time::{Duration, MINUTE};
use arterial_proto::v1;
use arterial_proto::v1::catalog_service_client::CatalogServiceClient;
use tonic::Code;

async fn fails(service: &Service, request: v1::ForecastRequest) -> tonic::Status {
    client(service).await.forecast(request).await.unwrap_err()
}

fn codes(response: &v1::ForecastResponse) -> Vec<(String, String)> {
    response
        .refusals
        .iter()
        .map(|refusal| (refusal.key.clone(), refusal.code.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forecast_carries_model_origin_freshness_quantiles_and_step() {
    let service = ready(24).await;
    service
        .clock
        .set(arterial_datasets::time::Timestamp(window(24).0 + 90 * 1_000_000));
    let request = v1::ForecastRequest {
        keys: vec!["b".into()],
        horizons_minutes: vec![10],
        ..request()
    };
    let response = ask(&service, request).await;
    assert_eq!(response.refusals, []);
    let [forecast] = response.forecasts.as_slice() else {
        panic!("{response:?}")
    };
    assert_eq!(
        (forecast.key.as_str(), forecast.origin, forecast.target_time),
        ("b", window(23).0, window(25).0)
    );
    assert_eq!(
        (forecast.model.as_str(), forecast.model_version.as_str()),
        ("constant", "1")
    );
    assert_eq!(
        (forecast.step_of_ladder.as_str(), forecast.data_age_seconds),
        ("model", 90.0)
    );
    let values: Vec<(f64, f64)> = forecast
        .quantiles
        .iter()
        .map(|pair| (pair.quantile, pair.value))
        .collect();
    assert_eq!(values, [(0.1, 79.0), (0.5, 83.0), (0.9, 87.0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_covariate_is_what_the_city_said_in_the_window_before() {
    let service = ready(24).await;
    let rain = |number: i64, one: f64, other: f64| {
        let rows = [
            ("w1", "north", number, 0, Some(one)),
            ("w2", "south", number, 0, Some(other)),
        ];
        batch_of("weather", "precipitation_mm_mean", &rows)
    };
    let weather = service.state.catalog.get("weather").unwrap();
    let spec = TableSpec::new(weather.windows_table(), schema::windows(weather));
    let mut table = service.lake.table(&spec).await.unwrap();
    table.append(&[rain(22, 1.0, 3.0)]).await.unwrap();
    let mut model = FakeModel::new(2, &["a", "b"], 12, Says::Covariate);
    model.scope.covariates = vec!["weather.precipitation_mm".parse::<Covariate>().unwrap().channel()];
    service.models.add(model);
    service.models.promote(2);
    service.state.look_for_models().await;
    let version = async || ask(&service, request()).await.forecasts[0].model_version.clone();
    eventually("the new champion answers", async || version().await == "2").await;
    let median = |response: &v1::ForecastResponse| response.forecasts[0].quantiles[1].value;
    assert_eq!(
        median(&ask(&service, request()).await),
        2.0,
        "history comes from the lake"
    );
    service.state.take("weather", &rain(23, 5.0, 7.0), window(24));
    service.state.take("weather", &rain(24, 100.0, 100.0), window(25));
    service.close_window(24, [50.0, 80.0]).await;
    assert_eq!(
        median(&ask(&service, request()).await),
        6.0,
        "window 24 had not closed for certain"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_with_a_covariate_that_no_stream_has_is_not_put_in_charge() {
    let service = ready(24).await;
    let mut model = FakeModel::new(2, &["a", "b"], 12, Says::Covariate);
    model.scope.covariates = vec!["moon.phase".parse::<Covariate>().unwrap().channel()];
    service.models.add(model);
    service.models.promote(2);
    service.state.look_for_models().await;
    let in_charge = service.state.champions.get(&target()).unwrap();
    assert!(
        in_charge.failure.as_ref().is_some_and(|why| why.contains("moon")),
        "{:?}",
        in_charge.failure
    );
    assert_eq!(ask(&service, request()).await.forecasts[0].model_version, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_every_key_is_forecast_at_three_six_and_twelve_windows() {
    let service = ready(24).await;
    let response = ask(&service, request()).await;
    let found: Vec<(String, i32)> = response
        .forecasts
        .iter()
        .map(|one| (one.key.clone(), one.horizon_minutes))
        .collect();
    let expected = ["a", "b"]
        .into_iter()
        .flat_map(|key| [15, 30, 60].map(|minutes| (key.to_owned(), minutes)));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let zone = ask(
        &service,
        v1::ForecastRequest {
            zones: vec!["south".into(), "west".into()],
            ..request()
        },
    )
    .await;
    assert!(zone.forecasts.iter().all(|one| one.key == "b") && zone.forecasts.len() == 3);
    assert_eq!(codes(&zone), [(String::new(), "UNKNOWN_KEY".into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_data_are_refused_and_never_served_as_new() {
    let service = ready(24).await;
    service
        .clock
        .set(arterial_datasets::time::Timestamp(window(24).0 + 15 * MINUTE));
    assert_eq!(ask(&service, request()).await.forecasts.len(), 6);
    service
        .clock
        .set(arterial_datasets::time::Timestamp(window(24).0 + 15 * MINUTE + 1));
    let response = ask(&service, request()).await;
    assert_eq!(response.forecasts, []);
    assert_eq!(
        codes(&response),
        [("a".into(), "STALE".into()), ("b".into(), "STALE".into())]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_its_code() {
    let service = ready(24).await;
    let far = v1::ForecastRequest {
        keys: vec!["a".into(), "x".into()],
        horizons_minutes: vec![60, 65],
        ..request()
    };
    let response = ask(&service, far).await;
    assert_eq!(response.forecasts.len(), 1);
    assert_eq!(
        codes(&response),
        [
            ("x".into(), "UNKNOWN_KEY".into()),
            ("a".into(), "HORIZON_TOO_FAR".into())
        ]
    );
    assert_eq!(response.refusals[1].horizon_minutes, 65);
    let unknown = v1::ForecastRequest {
        target: "colour".into(),
        keys: vec!["a".into()],
        ..request()
    };
    assert_eq!(
        codes(&ask(&service, unknown).await),
        [("a".into(), "UNKNOWN_TARGET".into())]
    );
    // A sensor that nobody was fitted for, with too little history for a profile.
    service.clock.set(window(25));
    service.state.take(
        TOPIC,
        &batch(&[("a", "north", 24, 0, Some(1.0)), ("new", "north", 24, 0, Some(2.0))]),
        window(25),
    );
    service.until_scored(24).await;
    let new = v1::ForecastRequest {
        keys: vec!["new".into()],
        horizons_minutes: vec![5],
        ..request()
    };
    assert_eq!(
        codes(&ask(&service, new).await),
        [("new".into(), "OUT_OF_DOMAIN".into())]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_first_window_there_is_no_data() {
    let service = waiting(None).await;
    service.state.start().await.unwrap();
    let response = ask(&service, request()).await;
    assert_eq!(codes(&response), [(String::new(), "NO_DATA".into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_request_names_field_value_and_what_is_accepted() {
    let service = ready(24).await;
    let cases = [
        (
            v1::ForecastRequest {
                topic: "trafic".into(),
                ..request()
            },
            "`topic` is `trafic`, accepted: air-quality",
        ),
        (
            v1::ForecastRequest {
                horizons_minutes: vec![7],
                ..request()
            },
            "`horizons_minutes` is `7`, accepted: multiples of 5m",
        ),
        (
            v1::ForecastRequest {
                quantiles: vec![1.0],
                ..request()
            },
            "`quantiles` is `1`, accepted: fractions strictly",
        ),
        (
            v1::ForecastRequest {
                model: "../x".into(),
                ..request()
            },
            "`model` is `../x`, accepted",
        ),
        (
            v1::ForecastRequest {
                keys: vec!["a".into(); 10_001],
                ..request()
            },
            "`keys` is `10001 of them`, accepted: at most 10000",
        ),
    ];
    for (request, expected) in cases {
        let status = fails(&service, request).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(expected), "{}", status.message());
    }
    let unknown = v1::ForecastRequest {
        model: "constant@9".into(),
        ..request()
    };
    assert_eq!(fails(&service, unknown).await.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_numbers_than_fit_into_an_answer_come_page_by_page() {
    let service = ready(24).await;
    let mut keys: Vec<String> = (0..2_000).map(|number| format!("key-{number}")).collect();
    keys[0] = "a".into();
    let large = v1::ForecastRequest {
        keys,
        horizons_minutes: (1..=12).map(|step| 5 * step).collect(),
        quantiles: (1..=99).map(|percent| f64::from(percent) / 100.0).collect(),
        ..request()
    };
    let status = fails(&service, large.clone()).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with(
            "`keys x horizons_minutes x quantiles` is `2000 x 12 x 99`, accepted: at most 2000000 numbers"
        ) && status.message().contains("`page_size`"),
        "{status}"
    );
    let page = v1::ForecastRequest { page_size: 1, ..large };
    let answer = ask(&service, page).await;
    assert_eq!((answer.forecasts.len(), answer.next_page_token.as_str()), (12, ""));
    assert_eq!(answer.forecasts[0].quantiles.len(), 99);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_quantiles_and_named_models_are_computed_when_they_are_asked_for() {
    let service = ready(24).await;
    service
        .models
        .add(FakeModel::new(7, &["a", "b"], 6, Says::LastPlus(100.0)));
    let rare = v1::ForecastRequest {
        keys: vec!["a".into()],
        horizons_minutes: vec![5],
        quantiles: vec![0.33],
        ..request()
    };
    let value = ask(&service, rare).await.forecasts[0].quantiles[0].value;
    assert!((value - (50.0 + 1.0 + 1.0 - 1.7)).abs() < 1e-9, "{value}");
    let named = v1::ForecastRequest {
        keys: vec!["a".into()],
        model: "constant@7".into(),
        ..request()
    };
    let response = ask(&service, named).await;
    assert_eq!(response.forecasts[0].quantiles[1].value, 50.0 + 100.0 + 3.0);
    // The default horizons end where the model does.
    let minutes: Vec<i32> = response.forecasts.iter().map(|one| one.horizon_minutes).collect();
    assert_eq!((minutes, codes(&response)), (vec![15, 30], Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ladder_goes_from_champion_to_last_good_to_profile() {
    let service = ready(2 * 288).await;
    let step = async || ask(&service, request()).await.forecasts[0].step_of_ladder.clone();
    assert_eq!(step().await, "model");
    // A champion that does not load leaves the one before in charge.
    service.models.promote(2);
    eventually("the last good model answers", async || step().await == "last_good").await;
    assert_eq!(ask(&service, request()).await.forecasts[0].model_version, "1");
    // One that gives no number does, too.
    service.models.add(FakeModel::new(3, &["a", "b"], 12, Says::Nothing));
    service.models.promote(3);
    let failures = async || service.state.champions.get(&target()).unwrap().failure.is_none();
    eventually("the new champion is loaded", failures).await;
    eventually("the last good model still answers", async || {
        step().await == "last_good"
    })
    .await;
    // With both failing, each key's own history answers.
    service.models.add(FakeModel::new(4, &["a", "b"], 12, Says::Error));
    service.models.promote(4);
    eventually("the profile answers", async || step().await == "profile").await;
    let forecast = ask(&service, request()).await.forecasts[0].clone();
    assert_eq!(
        (forecast.model.as_str(), forecast.model_version.as_str()),
        ("slot-of-week", "live")
    );
    assert_eq!(forecast.quantiles[1].value, 50.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_model_is_swapped_in_without_dropping_a_call() {
    let service = ready(24).await;
    service
        .models
        .add(FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(2.0)));
    let mut client = client(&service).await;
    let (tell, mut answered) = tokio::sync::mpsc::unbounded_channel();
    let asking = tokio::spawn(async move {
        let mut versions = Vec::new();
        loop {
            let response = client
                .forecast(request())
                .await
                .expect("no call is dropped")
                .into_inner();
            let seen: std::collections::BTreeSet<String> = response
                .forecasts
                .iter()
                .map(|forecast| forecast.model_version.clone())
                .collect();
            assert_eq!(seen.len(), 1, "an answer is of one model");
            versions.extend(seen);
            let _ = tell.send(());
            if versions.last().is_some_and(|last| last == "2") {
                return versions.len();
            }
        }
    });
    answered.recv().await.unwrap();
    service.models.promote(2);
    let calls = tokio::time::timeout(std::time::Duration::from_secs(20), asking)
        .await
        .unwrap()
        .unwrap();
    assert!(calls > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_gets_the_newest_forecasts_whenever_a_window_closed() {
    let service = ready(24).await;
    let watched = v1::ForecastRequest {
        keys: vec!["a".into()],
        horizons_minutes: vec![5],
        ..request()
    };
    let mut stream = client(&service)
        .await
        .watch_forecasts(watched)
        .await
        .unwrap()
        .into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.forecasts[0].origin, window(23).0);
    service.close_window(24, [60.0, 70.0]).await;
    let next = stream.message().await.unwrap().unwrap();
    assert_eq!(
        (next.forecasts[0].origin, next.forecasts[0].quantiles[1].value),
        (window(24).0, 62.0)
    );
    let past = v1::ForecastRequest {
        as_of: Some(1),
        ..request()
    };
    let status = client(&service).await.watch_forecasts(past).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().starts_with("`as_of`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_numbers_at_their_extremes_are_answered_or_refused_and_break_nothing() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    // A million years, and those just before -9999 and after 9999.
    let far = [
        i64::MIN,
        i64::MIN + 1,
        -378_000_000_000_000_000,
        254_000_000_000_000_000,
        i64::MAX - 1,
        i64::MAX,
    ];
    for instant in far.into_iter().chain([-1, 0]) {
        for minutes in [i32::MIN, -5, 0, 5, i32::MAX - 2, i32::MAX] {
            let past = v1::ForecastRequest {
                as_of: Some(instant),
                horizons_minutes: vec![minutes],
                ..request()
            };
            let answered = client.forecast(past.clone()).await;
            let readable = !far.contains(&instant) && minutes == 5;
            assert_eq!(answered.is_ok(), readable, "as_of {instant}, {minutes} minutes");
            for status in [answered.err(), client.watch_forecasts(past).await.err()]
                .into_iter()
                .flatten()
            {
                assert_eq!(
                    status.code(),
                    Code::InvalidArgument,
                    "as_of {instant}, {minutes} minutes: {status}"
                );
            }
        }
    }
    let mut catalogue = CatalogServiceClient::new(service.channel().await);
    for page_size in [i32::MIN, -1, 10_001, i32::MAX] {
        let page = v1::ListKeysRequest {
            topic: TOPIC.into(),
            page_size,
            ..v1::ListKeysRequest::default()
        };
        let status = catalogue.list_keys(page).await.unwrap_err();
        assert!(
            status.code() == Code::InvalidArgument && status.message().starts_with("`page_size`"),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_of_the_newest_window_replaces_it_and_an_older_one_does_not() {
    let service = ready(24).await;
    service.state.take(
        TOPIC,
        &batch(&[("a", "north", 23, 2, Some(40.0)), ("a", "north", 23, 1, Some(10.0))]),
        window(24),
    );
    let named = v1::ForecastRequest {
        keys: vec!["a".into()],
        horizons_minutes: vec![5],
        model: "constant@1".into(),
        ..request()
    };
    assert_eq!(ask(&service, named).await.forecasts[0].quantiles[1].value, 42.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_reach_the_lake_with_the_digest_of_their_inputs_and_come_back_as_they_were() {
    let service = ready(24).await;
    service.close_window(24, [60.0, 70.0]).await;
    let stored = async || count_rows(&service.lake, "forecasts").await;
    // Two keys, twelve horizons: the issue of the start and that of the window.
    eventually("both are stored", async || stored().await >= 48).await;
    let table = service.lake.existing("forecasts").await.unwrap().unwrap();
    let batch = table.scan(&Scan::default()).await.unwrap().remove(0);
    let digests = batch.column_by_name("data_digest").unwrap();
    let digest = arrow::array::AsArray::as_string::<i32>(digests).value(0);
    assert_eq!(digest.len(), 64);
    service.close_window(25, [61.0, 71.0]).await;
    let now = window(26).0;
    eventually("the next one is stored", async || stored().await >= 72).await;
    let past = |as_of| v1::ForecastRequest {
        keys: vec!["a".into()],
        horizons_minutes: vec![5],
        as_of: Some(as_of),
        ..request()
    };
    let then = ask(&service, past(now - 1)).await;
    assert_eq!(
        (then.forecasts[0].origin, then.forecasts[0].quantiles[1].value),
        (window(24).0, 62.0)
    );
    assert_eq!(ask(&service, past(now)).await.forecasts[0].origin, window(25).0);
    assert_eq!(
        codes(&ask(&service, past(window(20).0)).await),
        [("a".into(), "NO_DATA".into())]
    );
    let future = fails(&service, past(now + 1)).await;
    assert!(future.message().starts_with("`as_of`"), "{}", future.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scoring_that_falls_behind_takes_the_newest_window_only_and_says_so() {
    let service = ready(24).await;
    let rows: Vec<_> = (24..30).map(|at| ("a", "north", at, 0, Some(55.0))).collect();
    service.clock.set(window(30));
    service.state.take(TOPIC, &batch(&rows), window(30));
    service.until_scored(29).await;
    assert!(
        service
            .state
            .metrics
            .render()
            .contains("arterial_score_skipped_total{target=\"traffic-sensors.speed_kmh\"} 5")
    );
    let other = v1::ForecastRequest {
        keys: vec!["b".into()],
        ..request()
    };
    // The other key has no value in that window: the model refuses it, and its newest window is half an hour old.
    assert_eq!(codes(&ask(&service, other).await), [("b".into(), "STALE".into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_that_only_the_lake_knows_are_read_again() {
    let service = ready(24).await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    table
        .append(&[batch(&[
            ("a", "north", 24, 0, Some(90.0)),
            ("b", "south", 24, 0, Some(10.0)),
        ])])
        .await
        .unwrap();
    service.clock.set(window(25));
    service.state.read_again().await.unwrap();
    service.until_scored(24).await;
    let response = ask(
        &service,
        v1::ForecastRequest {
            keys: vec!["a".into()],
            horizons_minutes: vec![5],
            ..request()
        },
    )
    .await;
    assert_eq!(response.forecasts[0].quantiles[1].value, 92.0);
}

#[test]
fn the_limit_of_staleness_is_a_quarter_of_an_hour() {
    assert_eq!(
        arterial_serving::ServingConfig::default().stale_after,
        Duration(15 * MINUTE)
    );
}

//! Canaries and shadows: who answers for which key, what is stored, and who waits for whom.

use std::sync::Arc;

use crate::support::{FakeModel, Says, Service, asking, batch, count_rows, eventually, ready, target, write};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use arterial_datasets::time::{Clock, MINUTE, Timestamp};
use arterial_proto::v1;
use arterial_serving::flight::client;
use arterial_serving::model::Role;
use futures::TryStreamExt;

/// Of the keys `a` and `b`, `b` is within this share.
pub const B_ALONE: f64 = 0.5;

async fn ask(service: &Service, model: &str) -> Vec<v1::Forecast> {
    let request = v1::ForecastRequest {
        keys: vec!["a".into(), "b".into()],
        horizons_minutes: vec![5, 60],
        model: model.into(),
        ..asking::request()
    };
    let response = asking::ask(service, request).await;
    assert_eq!(response.refusals, []);
    response.forecasts
}

/// Key, model's version and step of the ladder of each forecast.
async fn givers(service: &Service) -> Vec<String> {
    let forecasts = ask(service, "").await;
    let giver = |one: &v1::Forecast| format!("{} {} {}", one.key, one.model_version, one.step_of_ladder);
    forecasts.iter().map(giver).collect()
}

const CHAMPION_ALONE: [&str; 4] = ["a 1 model", "a 1 model", "b 1 model", "b 1 model"];
const CANARY_FOR_B: [&str; 4] = ["a 1 model", "a 1 model", "b 2 canary", "b 2 canary"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_answers_for_its_keys_and_for_no_other() {
    let service = ready(24).await;
    service
        .models
        .add(FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(7.0)));
    service.models.try_canary(2, B_ALONE);
    eventually("the canary answers", async || givers(&service).await == CANARY_FOR_B).await;
    let forecasts = ask(&service, "").await;
    let medians: Vec<f64> = forecasts.iter().map(|one| one.quantiles[1].value).collect();
    assert_eq!(medians, [52.0, 63.0, 88.0, 99.0]);
    service.models.withdraw(Role::Canary);
    eventually("the champion answers alone", async || {
        givers(&service).await == CHAMPION_ALONE
    })
    .await;
    // A canary that becomes the champion answers for every key.
    service.models.try_canary(2, B_ALONE);
    service.models.promote(2);
    eventually("the canary is the champion", async || {
        givers(&service).await == ["a 2 model", "a 2 model", "b 2 model", "b 2 model"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_canary_fails_the_champion_answers_the_whole_key() {
    let service = ready(24).await;
    for (number, horizon, says) in [
        (2, 12, Says::Nothing),
        (3, 12, Says::Error),
        (4, 6, Says::LastPlus(0.0)),
    ] {
        service.models.add(FakeModel::new(number, &["a", "b"], horizon, says));
        let before = canary_failures(&service);
        service.models.try_canary(number, B_ALONE);
        eventually("the canary was asked", async || canary_failures(&service) > before).await;
        assert_eq!(givers(&service).await, CHAMPION_ALONE);
    }
    // Number 5 does not exist.
    service.models.try_canary(5, B_ALONE);
    let in_charge = || service.state.champions.get(&target()).unwrap();
    eventually("the failure is known", async || {
        in_charge().canary.as_ref().is_some_and(|canary| canary.model.is_err())
    })
    .await;
    assert_eq!(givers(&service).await, CHAMPION_ALONE);
}

fn canary_failures(service: &Service) -> u64 {
    let text = service.state.metrics.render();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("arterial_alias_failures_total{alias=\"canary\"} "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_is_stored_and_compared_and_never_served() {
    let service = ready(24).await;
    service
        .models
        .add(FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(-1.0)));
    service.models.try_shadow(2);
    until_shadow_is_loaded(&service).await;
    // The champion says 52 and 82 of the next window, the shadow 50 and 80, which is what comes.
    for number in 24..27 {
        service.close_window(number, [50.0, 80.0]).await;
        write(&service.lake, window_rows(number)).await;
        assert_eq!(givers(&service).await, CHAMPION_ALONE);
    }
    eventually("three windows are stored", async || {
        stored(&service).await == 3 * 2 * 12
    })
    .await;
    // The origins 24 and 25 have windows behind them, for two keys.
    let compared = "SELECT count(*) AS n FROM shadow_errors WHERE horizon_minutes = 5";
    eventually("two of them are compared", async || {
        count(&service, compared).await == 4
    })
    .await;
    let sql = "SELECT forecasts, shadow_mae, mae, shadow_coverage, coverage FROM shadow_scores \
               WHERE shadow_version = '2' AND model_version = '1' AND horizon_minutes = 5";
    let rows = query(&service, sql).await;
    let number = |column: usize| rows.column(column).as_primitive::<Float64Type>().value(0);
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().value(0), 4);
    assert_eq!([number(1), number(2), number(3), number(4)], [0.0, 2.0, 1.0, 1.0]);
    // Whoever asks for it by name gets it; nobody else does.
    let forecasts = ask(&service, "constant@2").await;
    assert_eq!(forecasts[0].quantiles[1].value, 50.0);
    let served = "SELECT count(*) AS n FROM forecasts WHERE model_version = '2'";
    assert_eq!(count(&service, served).await, 0);
    let metrics = service.state.metrics.render();
    assert!(
        metrics.contains("arterial_alias_forecasts_total{alias=\"shadow\"} 72"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_shadow() {
    let service = ready(24).await;
    let shadow = FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(0.0));
    let turn = Arc::clone(&shadow.turn);
    service.models.add(shadow);
    service.models.try_shadow(2);
    until_shadow_is_loaded(&service).await;
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let holding = std::thread::spawn(move || {
        let _turn = turn.lock().unwrap();
        tell.send(()).unwrap();
        // Until the sender is dropped.
        let _ = held.recv();
    });
    told.recv().unwrap();
    // One window is being scored, twelve wait, two are left out.
    for number in 24..39 {
        service.close_window(number, [50.0, 80.0]).await;
    }
    let skipped = || {
        service
            .state
            .metrics
            .render()
            .contains("arterial_shadow_skipped_total{")
    };
    eventually("windows are left out", async || skipped()).await;
    assert_eq!(stored(&service).await, 0);
    assert_eq!(givers(&service).await, CHAMPION_ALONE);
    drop(hold);
    holding.join().unwrap();
    eventually("those that waited are compared", async || {
        stored(&service).await >= 12 * 2 * 12
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_was_issued_twice_counts_once_as_it_was_issued_last() {
    let service = ready(24).await;
    for (number, add) in [(2, -1.0), (3, 4.0)] {
        let model = FakeModel::new(number, &["a", "b"], 12, Says::LastPlus(add));
        service.models.add(model);
    }
    service.models.try_shadow(2);
    until_shadow_is_loaded(&service).await;
    service.close_window(24, [50.0, 80.0]).await;
    eventually("the shadow has scored it", async || stored(&service).await == 24).await;
    // Whoever takes over scores the window again: two issues from one origin, of the champion and of the shadow.
    service.clock.set(Timestamp(service.clock.now().0 + MINUTE));
    service.models.promote(3);
    eventually("the shadow has scored it again", async || stored(&service).await == 48).await;
    service.close_window(25, [50.0, 80.0]).await;
    eventually("all are stored", async || {
        let all = "SELECT count(*) AS n FROM forecasts";
        count(&service, all).await == 4 * 24 && stored(&service).await == 3 * 24
    })
    .await;
    for number in [24, 25] {
        write(&service.lake, window_rows(number)).await;
    }
    // Two keys; origin 23 has two windows behind it, origin 24 has one.
    assert_eq!(count(&service, "SELECT count(*) AS n FROM forecast_errors").await, 6);
    assert_eq!(count(&service, "SELECT sum(forecasts) AS n FROM coverage").await, 6);
    let last = "SELECT count(*) AS n FROM forecast_errors WHERE model_version = '3' AND key = 'a' AND error = 5.0";
    assert_eq!(count(&service, last).await, 1);
    assert_eq!(count(&service, "SELECT count(*) AS n FROM shadow_errors").await, 2);
    let sql = "SELECT forecasts, mae FROM shadow_scores WHERE shadow_version = '2' AND model_version = '3'";
    let rows = query(&service, sql).await;
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().value(0), 2);
    assert_eq!(rows.column(1).as_primitive::<Float64Type>().value(0), 5.0);
}

async fn until_shadow_is_loaded(service: &Service) {
    eventually("the shadow is loaded", async || {
        let in_charge = service.state.champions.get(&target()).unwrap();
        in_charge.shadow.is_some()
    })
    .await;
}

fn window_rows(number: i64) -> RecordBatch {
    batch(&[
        ("a", "north", number, 0, Some(50.0)),
        ("b", "south", number, 0, Some(80.0)),
    ])
}

/// Rows of the table `shadow_forecasts`.
async fn stored(service: &Service) -> usize {
    count_rows(&service.lake, "shadow_forecasts").await
}

async fn count(service: &Service, sql: &str) -> i64 {
    query(service, sql).await.column(0).as_primitive::<Int64Type>().value(0)
}

async fn query(service: &Service, sql: &str) -> RecordBatch {
    let rows = client::ask(service.channel().await, sql).await.unwrap();
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await.unwrap();
    arrow::compute::concat_batches(&rows.schema, &batches).unwrap()
}

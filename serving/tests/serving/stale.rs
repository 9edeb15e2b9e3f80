//! A key that has fallen silent: what is refused to whoever asks for its forecast is told nowhere else either.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arterial_datasets::lake::Scan;
use arterial_proto::v1;
use arterial_serving::flight::client;
use arterial_serving::score::Issue;
use arterial_serving::sinks::ForecastSink;
use arterial_serving::sinks::kafka::{KafkaSink, KafkaWriter, MockBrokers};
use arterial_serving::sinks::redis::{RedisMirror, RedisSettings};
use arterial_testing::Redis;
use futures::TryStreamExt;

use crate::support::{Order, STEP, Service, TOPIC, asking, batch, eventually, history, target, window};

/// Two days and two hours: profiles answer, also for a key that gives nothing any more.
const PAST: i64 = 2 * 288 + 24;
/// So many windows come without the silent key: more than a quarter of an hour.
const SILENT: i64 = 5;

async fn city() -> Service {
    let order = Order {
        history: Some(history(PAST)),
        ..Order::default()
    };
    order.start(Arc::default(), PAST).await
}

fn newest(service: &Service) -> Arc<Issue> {
    service.state.scores.get(&target()).unwrap().newest().unwrap()
}

/// Closes windows of `a` alone; gives what is forecast then.
async fn fall_silent(service: &Service) -> Arc<Issue> {
    for number in PAST..PAST + SILENT {
        service.clock.set(window(number + 1));
        let heard = [("a", "north", number, 0, Some(50.0))];
        service.state.take(TOPIC, &batch(&heard), window(number + 1));
        service.until_scored(number).await;
    }
    newest(service)
}

/// The keys of the forecasts at hand.
async fn at_hand(service: &Service) -> Vec<String> {
    let sql = "SELECT DISTINCT key FROM forecasts_latest ORDER BY key";
    let rows = client::ask(service.channel().await, sql).await.unwrap();
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await.unwrap();
    let keys = batches.iter().flat_map(|batch| batch["key"].as_string::<i32>());
    keys.flatten().map(str::to_owned).collect()
}

/// The newest windows that the stored forecasts of `b` from the origin of `issue` were made from.
async fn stored(service: &Service, issue: &Issue) -> Vec<i64> {
    let scan = Scan {
        keys: Some(vec!["b".into()]),
        time_column: Some("origin".into()),
        from: Some(issue.origin),
        ..Scan::default()
    };
    let table = service.lake.existing("forecasts").await.unwrap().unwrap();
    let batches = table.scan(&scan).await.unwrap();
    let windows = |batch: &RecordBatch| {
        let windows = batch["newest_window"].as_primitive::<TimestampMicrosecondType>();
        windows.values().to_vec()
    };
    batches.iter().flat_map(windows).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_key_has_no_forecast_in_sql_and_kafka_and_the_lake_says_how_old_its_data_were() {
    let service = city().await;
    assert_eq!(at_hand(&service).await, ["a", "b"]);
    let (before, issue) = (newest(&service), fall_silent(&service).await);
    let request = v1::ForecastRequest {
        keys: vec!["b".into()],
        ..asking::request()
    };
    assert_eq!(asking::ask(&service, request).await.refusals[0].code, "STALE");
    assert_eq!(at_hand(&service).await, ["a"]);

    let brokers = MockBrokers::start(&[("forecasts".into(), 1)]).unwrap();
    let writer = KafkaWriter::new(brokers.address(), "", &BTreeMap::new()).unwrap();
    let sink = KafkaSink::new(writer, &service.state.config);
    let steps = service.state.config.stored_steps(STEP).len();
    assert_eq!(sink.deliver(before).await.unwrap(), 2 * steps as u64);
    assert_eq!(sink.deliver(Arc::clone(&issue)).await.unwrap(), steps as u64);

    eventually("the issue is stored", async || {
        stored(&service, &issue).await == vec![window(PAST - 1).0; steps]
    })
    .await;
}

/// In how many seconds a value expires; -2 where there is none.
async fn ttl(client: &redis::Client, key: &str) -> i64 {
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = format!("arterial:forecast:traffic-sensors.speed_kmh:{key}");
    redis::cmd("TTL").arg(key).query_async(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_key_has_no_forecast_in_redis_and_no_value_there_lives_longer_than_its_data_are_fresh() {
    let Some(server) = Redis::start() else { return };
    let service = city().await;
    let settings = RedisSettings {
        url: server.url(),
        ..RedisSettings::default()
    };
    let mirror = RedisMirror::new(&settings, &service.state.config).unwrap().unwrap();
    tokio::spawn(Arc::clone(&mirror).run(Arc::clone(&service.state)));
    let client = redis::Client::open(server.url()).unwrap();

    mirror.deliver(newest(&service)).await.unwrap();
    eventually("both keys have forecasts", async || {
        ttl(&client, "a").await > 0 && ttl(&client, "b").await > 0
    })
    .await;
    assert!(ttl(&client, "b").await <= 15 * 60, "until its data are stale");

    mirror.deliver(fall_silent(&service).await).await.unwrap();
    eventually("the silent key has none", async || ttl(&client, "b").await == -2).await;
    assert!(ttl(&client, "a").await > 0);
}

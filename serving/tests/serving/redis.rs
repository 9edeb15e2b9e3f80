//! The mirror in Redis, against a real one that is killed and comes back empty.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arterial_datasets::time::Duration as Span;
use arterial_serving::metrics::Metric;
use arterial_serving::sinks::ForecastSink;
use arterial_serving::sinks::redis::{RedisMirror, RedisSettings};
use arterial_testing::Redis;
use serde_json::Value;

use crate::support::{Service, TOPIC, batch, eventually, ready, target, window};

/// A service with a mirror, which is told of what a service would tell it.
struct Mirrored {
    service: Service,
    mirror: Arc<RedisMirror>,
    client: redis::Client,
}

impl Mirrored {
    async fn start(url: &str) -> Self {
        let service = ready(3).await;
        let settings = RedisSettings {
            url: url.into(),
            prefix: "city".into(),
            ttl: Span(3_600_000_000),
        };
        let mirror = RedisMirror::new(&settings, &service.state.config).unwrap().unwrap();
        tokio::spawn(Arc::clone(&mirror).run(Arc::clone(&service.state)));
        let client = redis::Client::open(url).unwrap();
        Self {
            service,
            mirror,
            client,
        }
    }

    /// Closes a window, of which the mirror is told.
    async fn close(&self, number: i64, speeds: [f64; 2]) {
        let rows = [
            ("a", "north", number, 0, Some(speeds[0])),
            ("b", "south", number, 0, Some(speeds[1])),
        ];
        self.mirror.take(TOPIC, &batch(&rows));
        self.service.close_window(number, speeds).await;
        let issue = self.service.state.scores.get(&target()).unwrap().newest().unwrap();
        self.mirror.deliver(issue).await.unwrap();
    }

    /// The value under a key; none where there is none, or no Redis.
    async fn get(&self, key: &str) -> Option<Value> {
        let mut connection = self.client.get_multiplexed_async_connection().await.ok()?;
        let text: Option<String> = redis::cmd("GET").arg(key).query_async(&mut connection).await.ok()?;
        serde_json::from_str(&text?).unwrap()
    }

    async fn ttl(&self, key: &str) -> i64 {
        let mut connection = self.client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("TTL").arg(key).query_async(&mut connection).await.unwrap()
    }

    async fn until_window(&self, key: &str, start: i64) {
        let start = Value::from(window(start).to_string());
        eventually("mirrored", async || {
            self.get(key).await.is_some_and(|row| row["window_start"] == start)
        })
        .await;
    }
}

const WINDOW: &str = "city:window:traffic-sensors:a";
const FORECAST: &str = "city:forecast:traffic-sensors.speed_kmh:a";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_and_windows_stand_in_redis_as_they_are_documented() {
    let Some(redis) = Redis::start() else { return };
    let mirrored = Mirrored::start(&redis.url()).await;
    mirrored.close(3, [40.0, 70.0]).await;
    mirrored.until_window(WINDOW, 3).await;
    let row = mirrored.get(WINDOW).await.unwrap();
    assert_eq!((&row["key"], &row["zone_id"]), (&"a".into(), &"north".into()));
    assert_eq!((&row["speed_kmh_mean"], &row["revision"]), (&40.0.into(), &0.into()));
    assert!(row.get("_state").is_none() && row.get("day").is_none(), "{row}");

    eventually("forecasts", async || mirrored.get(FORECAST).await.is_some()).await;
    let document = mirrored.get(FORECAST).await.unwrap();
    assert_eq!(document["target"], "speed_kmh");
    assert_eq!(document["origin"], Value::from(window(3).to_string()));
    let first = &document["forecasts"][0];
    assert_eq!((&first["horizon_minutes"], &first["p50"]), (&5.into(), &42.0.into()));
    assert_eq!(first["target_time"], Value::from(window(4).to_string()));
    assert_eq!(
        (&first["model"], &first["step_of_ladder"]),
        (&"constant".into(), &"model".into())
    );
    assert_eq!(document["forecasts"].as_array().unwrap().len(), 12);
    // A forecast lives as long as its data are fresh.
    for (key, lives) in [(WINDOW, 3600), (FORECAST, 900)] {
        let ttl = mirrored.ttl(key).await;
        assert!((lives - 100..=lives).contains(&ttl), "{key} expires in {ttl} s");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_killed_and_comes_back_empty_gets_the_newest_of_everything() {
    let Some(mut redis) = Redis::start() else { return };
    let mirrored = Mirrored::start(&redis.url()).await;
    let metrics = &mirrored.service.state.metrics;
    mirrored.close(3, [40.0, 70.0]).await;
    mirrored.until_window(WINDOW, 3).await;
    let connected = || {
        mirrored
            .service
            .state
            .metrics_text()
            .contains("\narterial_redis_connected_state 1\n")
    };
    assert!(connected());

    redis.kill();
    let began = Instant::now();
    mirrored.close(4, [30.0, 60.0]).await;
    mirrored.close(5, [20.0, 50.0]).await;
    assert!(began.elapsed() < Duration::from_secs(2), "scoring waits for nobody");
    eventually("the loss counts", async || metrics.plain(Metric::RedisFailures) > 0).await;
    eventually("away", async || !connected()).await;

    redis.start_again();
    mirrored.until_window(WINDOW, 5).await;
    let b = "city:window:traffic-sensors:b";
    mirrored.until_window(b, 5).await;
    let origin = Value::from(window(5).to_string());
    eventually("forecasts", async || {
        mirrored
            .get(FORECAST)
            .await
            .is_some_and(|document| document["origin"] == origin)
    })
    .await;
    eventually("connected", async || connected()).await;
    mirrored.close(6, [25.0, 55.0]).await;
    mirrored.until_window(WINDOW, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty_between_two_windows_is_filled_at_once() {
    let Some(mut redis) = Redis::start() else { return };
    let mirrored = Mirrored::start(&redis.url()).await;
    mirrored.close(3, [40.0, 70.0]).await;
    mirrored.until_window(WINDOW, 3).await;
    redis.kill();
    redis.start_again();
    mirrored.until_window(WINDOW, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_redis_everything_else_goes_on() {
    let mirrored = Mirrored::start("redis://127.0.0.1:1").await;
    mirrored.close(3, [40.0, 70.0]).await;
    let metrics = &mirrored.service.state.metrics;
    eventually("it is told", async || metrics.plain(Metric::RedisFailures) > 0).await;
    assert_eq!(metrics.plain(Metric::RedisWrites), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_issues_sent_without_a_redis_leave_one_value_a_key() {
    let Some(mut redis) = Redis::start() else { return };
    redis.kill();
    let mirrored = Mirrored::start(&redis.url()).await;
    let metrics = &mirrored.service.state.metrics;
    mirrored.close(3, [40.0, 70.0]).await;
    let issue = mirrored.service.state.scores.get(&target()).unwrap().newest().unwrap();
    let held = Arc::strong_count(&issue);
    for _ in 0..1000 {
        mirrored.mirror.take(TOPIC, &batch(&[("a", "north", 3, 0, Some(40.0))]));
        mirrored.mirror.deliver(Arc::clone(&issue)).await.unwrap();
    }
    eventually("nothing of them is held", async || Arc::strong_count(&issue) <= held).await;
    assert_eq!(metrics.plain(Metric::RedisWrites), 0);

    redis.start_again();
    eventually("written", async || metrics.plain(Metric::RedisWrites) > 0).await;
    mirrored.until_window(WINDOW, 3).await;
    assert_eq!(
        metrics.plain(Metric::RedisWrites),
        4,
        "a window and a forecast of each of two keys"
    );
}

//! A measurement: how many forecasts are answered. Run with
//! `cargo test --release -p arterial-serving --test serving -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use crate::support::{FIELD, TOPIC, asking, ready};
use arterial_proto::v1;
use arterial_serving::answer::{Question, answer};

const SECONDS: u64 = 5;
const CHANNELS: usize = 4;
const IN_FLIGHT: usize = 16;

/// CPU time of this process, in seconds.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|ticks| ticks.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

#[ignore = "a measurement, not a check"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_of_one_key_per_second() {
    let service = ready(288).await;
    let question = Question {
        topic: TOPIC.into(),
        target: FIELD.into(),
        keys: vec!["a".into()],
        ..Question::default()
    };
    let (started, before, mut count) = (Instant::now(), cpu(), 0_u64);
    while started.elapsed() < Duration::from_secs(2) {
        assert_eq!(answer(&service.state, &question).await.unwrap().forecasts.len(), 3);
        count += 1;
    }
    println!(
        "answers without a network: {:.0} per CPU-second",
        count as f64 / (cpu() - before)
    );

    let (started, before) = (Instant::now(), cpu());
    let mut workers = Vec::new();
    for _ in 0..CHANNELS {
        let client = asking::client(&service).await;
        for _ in 0..IN_FLIGHT {
            let mut client = client.clone();
            workers.push(tokio::spawn(async move {
                let mut taken = Vec::new();
                while started.elapsed() < Duration::from_secs(SECONDS) {
                    let request = v1::ForecastRequest {
                        keys: vec!["a".into()],
                        ..asking::request()
                    };
                    let begun = Instant::now();
                    client.forecast(request).await.unwrap();
                    taken.push(begun.elapsed());
                }
                taken
            }));
        }
    }
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.unwrap());
    }
    taken.sort_unstable();
    let at = |share: f64| taken[(taken.len() as f64 * share) as usize];
    println!(
        "unary calls: {:.0} per second, {:.0} per CPU-second with the client's share, p50 {:?}, p99 {:?}",
        taken.len() as f64 / SECONDS as f64,
        taken.len() as f64 / (cpu() - before),
        at(0.5),
        at(0.99)
    );
}

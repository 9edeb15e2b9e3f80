//! Champions, canaries and rollbacks under load: no call fails, and each answer is of models that were in charge while it was made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::registry::{empty, publish, service};
use crate::support::{Service, asking, eventually, target};
use crate::trials::B_ALONE;
use arterial_datasets::time::SystemClock;
use arterial_models::registry::{CANARY, CHAMPION, Change, ModelVersion, Registry};
use arterial_proto::v1;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;

const CONNECTIONS: usize = 4;
const CALLERS: usize = 6;
const ROUNDS: usize = 3;

/// The models that answer for the keys `a` and `b`.
type Charge = [String; 2];

/// Models that were in charge, one after the other: when the alias began to move there, and when the service had followed.
#[derive(Default)]
struct Times(Mutex<Vec<(Charge, Instant, Option<Instant>)>>);

impl Times {
    fn begin(&self, charge: Charge) {
        self.0.lock().unwrap().push((charge, Instant::now(), None));
    }

    fn settled(&self) {
        self.0.lock().unwrap().last_mut().unwrap().2 = Some(Instant::now());
    }

    /// Whether `charge` was in charge at a moment between `begun` and `ended`.
    fn allow(&self, charge: &Charge, begun: Instant, ended: Instant) -> bool {
        let times = self.0.lock().unwrap();
        times.iter().enumerate().any(|(at, (models, moved, _))| {
            let replaced = times.get(at + 1).and_then(|(_, _, settled)| *settled);
            models == charge && *moved <= ended && replaced.is_none_or(|replaced| begun <= replaced)
        })
    }
}

struct City {
    registry: Registry,
    service: Service,
    times: Times,
    calls: AtomicUsize,
    over: AtomicBool,
}

/// One call of every fourth asks for a quantile that is computed when it is asked for.
fn request(number: usize) -> v1::ForecastRequest {
    v1::ForecastRequest {
        keys: vec!["a".into(), "b".into()],
        horizons_minutes: vec![5, 15, 30, 60],
        quantiles: if number.is_multiple_of(4) {
            vec![0.33]
        } else {
            vec![0.1, 0.5, 0.9]
        },
        ..asking::request()
    }
}

/// Who answered for each key: one model for the whole key, or the test ends here.
fn givers(response: &v1::ForecastResponse) -> Charge {
    assert_eq!(response.refusals, []);
    assert_eq!(response.forecasts.len(), 8);
    let mut givers: BTreeMap<&str, (&str, i64)> = BTreeMap::new();
    for forecast in &response.forecasts {
        let giver = (forecast.model.as_str(), forecast.issued_at);
        let known = givers.entry(&forecast.key).or_insert(giver);
        assert_eq!(*known, giver, "two models in the answer for `{}`", forecast.key);
    }
    ["a", "b"].map(|key| givers[key].0.to_owned())
}

async fn call(city: Arc<City>, mut client: ForecastServiceClient<tonic::transport::Channel>) -> usize {
    let mut number = 0;
    while !city.over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let response = client
            .forecast(request(number))
            .await
            .expect("no call fails")
            .into_inner();
        let ended = Instant::now();
        let models = givers(&response);
        assert!(
            city.times.allow(&models, begun, ended),
            "{models:?} were not in charge together"
        );
        number += 1;
        city.calls.fetch_add(1, Ordering::Relaxed);
    }
    number
}

impl City {
    /// Makes a move in the registry, and waits until the service has followed and every caller has asked since.
    async fn make(&self, charge: [&ModelVersion; 2], movement: impl AsyncFnOnce(&Registry)) {
        let charge = charge.map(|model| model.name.clone());
        self.times.begin(charge.clone());
        movement(&self.registry).await;
        eventually("the service follows", async || {
            let scores = self.service.state.scores.get(&target()).unwrap();
            let issue = scores.newest().unwrap();
            let giver = |key: &str| {
                let step = issue.steps[[issue.index[key], 0]]?;
                Some(issue.sources[&step].model.clone())
            };
            let edition = self.service.state.champions.edition(&target());
            self.service.state.look_for_models().await;
            edition == self.service.state.champions.edition(&target())
                && [giver("a"), giver("b")] == charge.clone().map(Some)
        })
        .await;
        self.times.settled();
        let since = self.calls.load(Ordering::Relaxed);
        eventually("everybody asks again", async || {
            self.calls.load(Ordering::Relaxed) >= since + 2 * CONNECTIONS * CALLERS
        })
        .await;
    }
}

async fn promote(registry: &Registry, alias: &str, model: &ModelVersion) {
    let standing = registry.alias(&target(), alias).await.unwrap();
    let change = Change {
        share: (alias == CANARY).then(|| B_ALONE.try_into().unwrap()),
        ..Change::default()
    };
    let expected = standing.map_or(0, |standing| standing.revision);
    registry
        .promote(&target(), alias, model, expected, change, &SystemClock)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_swapped_and_rolled_back_under_load_without_one_failed_call() {
    let (_folder, registry) = empty();
    let first = publish(&registry, "persistence").await;
    let second = publish(&registry, "seasonal-naive").await;
    let third = publish(&registry, "weekly-profile").await;
    promote(&registry, CHAMPION, &first).await;
    let city = Arc::new(City {
        service: service(&registry).await,
        registry,
        times: Times::default(),
        calls: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    city.times.begin([&first, &first].map(|model| model.name.clone()));
    city.times.settled();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let client = asking::client(&city.service).await;
        for _ in 0..CALLERS {
            callers.spawn(call(Arc::clone(&city), client.clone()));
        }
    }
    for _ in 0..ROUNDS {
        city.make([&first, &second], async |registry| {
            promote(registry, CANARY, &second).await;
        })
        .await;
        city.make([&first, &third], async |registry| {
            promote(registry, CANARY, &third).await;
        })
        .await;
        city.make([&first, &second], async |registry| {
            registry.rollback(&target(), CANARY, None, &SystemClock).await.unwrap();
        })
        .await;
        // The canary takes over, and its trial is over.
        city.make([&second, &second], async |registry| {
            promote(registry, CHAMPION, &second).await;
            registry.withdraw(&target(), CANARY, None, &SystemClock).await.unwrap();
        })
        .await;
        city.make([&third, &third], async |registry| {
            promote(registry, CHAMPION, &third).await;
        })
        .await;
        for charge in [[&second; 2], [&first; 2]] {
            city.make(charge, async |registry| {
                registry
                    .rollback(&target(), CHAMPION, None, &SystemClock)
                    .await
                    .unwrap();
            })
            .await;
        }
    }
    city.over.store(true, Ordering::Relaxed);
    let calls = callers.join_all().await;
    assert!(calls.iter().all(|&calls| calls > 0), "{calls:?}");
}

//! Several instances that share the keys of a stream: each answers for all of them, and puts down what it makes itself.

use arrow::array::RecordBatch;
use arterial_datasets::lake::Scan;
use arterial_proto::v1;

use crate::support::{Service, TOPIC, asking, batch, count_rows, eventually, ready, target, window, write};

/// The key whose windows another instance makes.
const THEIRS: &str = "b";

/// A window of that key, as the other instance commits it.
async fn commit_theirs(service: &Service, number: i64, revision: i32, speed: f64) {
    let theirs = [(THEIRS, "south", number, revision, Some(speed))];
    write(&service.lake, batch(&theirs)).await;
}

/// A window of the key whose windows this instance makes.
fn take_ours(service: &Service, number: i64, speed: f64) {
    let ours = [("a", "north", number, 0, Some(speed))];
    service.state.take(TOPIC, &batch(&ours), window(number + 1));
}

/// What live state holds of a window.
fn held(service: &Service, key: &str, number: i64) -> Option<f64> {
    let stream = service.state.live.stream(TOPIC).unwrap();
    let value = stream.with(|live| {
        let ring = live.ring(&target().field)?;
        Some(ring.at(window(number), live.position(key)?))
    });
    value.filter(|value| value.is_finite())
}

fn news(service: &Service) -> u64 {
    let stream = service.state.live.stream(TOPIC).unwrap();
    stream.with(arterial_serving::live::State::news)
}

/// Waits until the forecasts at hand were made from that window of a key.
async fn until_made_from(service: &Service, key: &str, number: i64) {
    eventually("forecasts are made from the window", async || {
        let issue = service.state.scores.get(&target()).unwrap().newest().unwrap();
        issue.newest[issue.index[key]] == Some(window(number))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_instance_commits_is_answered_from_and_put_down_by_it_alone() {
    let service = ready(24).await;
    service.clock.set(window(25));
    take_ours(&service, 24, 40.0);
    service.until_scored(24).await;
    commit_theirs(&service, 24, 0, 70.0).await;
    service.state.look_at_others().await.unwrap();
    until_made_from(&service, THEIRS, 24).await;
    let request = v1::ForecastRequest {
        keys: vec![THEIRS.into()],
        horizons_minutes: vec![5],
        ..asking::request()
    };
    let answer = asking::ask(&service, request).await;
    assert_eq!(answer.forecasts[0].quantiles[1].value, 72.0);
    assert_eq!((answer.forecasts[0].data_age_seconds, news(&service)), (0.0, 1));

    // Both at the start, ours when its window closed, and once more when theirs was there.
    eventually("three issues are stored", async || {
        count_rows(&service.lake, "forecasts").await == 24 + 12 + 12
    })
    .await;
    let theirs = Scan {
        keys: Some(vec![THEIRS.into()]),
        time_column: Some("origin".into()),
        from: Some(window(24)),
        ..Scan::default()
    };
    let table = service.lake.existing("forecasts").await.unwrap().unwrap();
    let found = table.scan(&theirs).await.unwrap();
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_of_another_instance_is_taken_and_nothing_is_scored_again_for_it() {
    let service = ready(24).await;
    commit_theirs(&service, 23, 1, 75.0).await;
    service.state.look_at_others().await.unwrap();
    assert_eq!(held(&service, THEIRS, 23), Some(75.0));
    let before = news(&service);
    commit_theirs(&service, 23, 2, 76.0).await;
    commit_theirs(&service, 22, 1, 77.0).await;
    service.state.look_at_others().await.unwrap();
    let revised = [held(&service, THEIRS, 23), held(&service, THEIRS, 22)];
    assert_eq!(revised, [Some(76.0), Some(77.0)]);
    service.state.look_at_others().await.unwrap();
    assert_eq!(news(&service), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_another_instance_is_first_its_window_is_scored_again_with_ours() {
    let service = ready(24).await;
    service.clock.set(window(25));
    commit_theirs(&service, 24, 0, 70.0).await;
    service.state.look_at_others().await.unwrap();
    service.until_scored(24).await;
    take_ours(&service, 24, 40.0);
    until_made_from(&service, "a", 24).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_instance_committed_itself_is_not_read_again() {
    let service = ready(24).await;
    let mut table = service.lake.existing("traffic_sensors_windows").await.unwrap().unwrap();
    let own = batch(&[("a", "north", 24, 0, Some(40.0))]);
    let version = table.append(&[own]).await.unwrap();
    service.state.note_commit(TOPIC, version);
    service.state.look_at_others().await.unwrap();
    assert_eq!(held(&service, "a", 24), None);
    commit_theirs(&service, 24, 0, 70.0).await;
    service.state.look_at_others().await.unwrap();
    let held = [held(&service, "a", 24), held(&service, THEIRS, 24)];
    assert_eq!(held, [None, Some(70.0)]);
}

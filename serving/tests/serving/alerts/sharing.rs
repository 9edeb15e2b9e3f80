//! Several services on one lake: one makes the alerts, of windows that each of them may have closed.

use tonic::Code;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_services_on_one_lake_one_makes_the_alerts_and_tells_of_them() {
    let (first_sink, second_sink) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
    let first = started_telling(&first_sink).await;
    close(&first, PAST, USUAL).await;
    // Another process starts: it takes the watch over.
    let second = another(&first, telling(&second_sink)).await;
    until_looked_at(&second, PAST).await;
    // Both see each window close.
    let mut next = PAST + 1;
    for speed in [[3.0, USUAL[1]]; 4].into_iter().chain([USUAL; CALM as usize]) {
        close_in_both(&first, &second, next, speed).await;
        next += 1;
    }
    let rows = sequences(&second).await;
    for (at, sequence) in rows.iter().enumerate() {
        assert_eq!(*sequence, at as u64 + 1, "no number is missing or twice: {rows:?}");
    }
    assert_eq!(list(&second).await.len(), 1);
    eventually("the second tells of every revision, once", async || {
        second_sink.sequences() == rows
    })
    .await;
    assert_eq!(first_sink.sequences(), [0; 0]);
    // The first one shows what the second makes, and refuses deeds with a reason.
    eventually("the first follows", async || {
        list(&first).await.iter().any(|alert| alert.state == "resolved")
    })
    .await;
    let id = list(&first).await[0].alert_id.clone();
    until_standing_by(&first, &id).await;
    // The second one ends; windows go on, and the first takes the watch back.
    second.state.stop().await;
    for number in next..next + 4 {
        commit(&first, number, [USUAL[0], 3.0]).await;
    }
    until_taken_back(&first, next + 3).await;
    eventually("the first tells of what comes", async || {
        !first_sink.sequences().is_empty()
    })
    .await;
    assert_eq!(list(&first).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_anything_to_do_learns_that_another_makes_the_alerts_and_shows_its_deeds() {
    let first = started().await;
    let next = jam(&first, PAST).await;
    let second = another(&first, Order::default()).await;
    until_looked_at(&second, next - 1).await;
    let alert_id = list(&second).await[0].alert_id.clone();
    acknowledge(&second, alert_id).await;
    // No window closes any more.
    until_acknowledged(&first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_from_the_service_that_makes_the_alerts_goes_on_at_the_one_that_stands_by() {
    let (first, second, alert_id) = one_standing_by().await;
    acknowledge(&second, alert_id).await;
    let newest = *sequences(&second).await.last().unwrap();
    let resume = async |service: &Service, after: u64| {
        let request = v1::WatchAlertsRequest {
            resume_after: Some(after),
            ..v1::WatchAlertsRequest::default()
        };
        let answers = client(service).await.watch_alerts(request).await;
        answers?.into_inner().message().await
    };
    let answer = resume(&first, newest).await.unwrap().unwrap();
    assert_eq!((answer.alerts, answer.resume_after), (Vec::new(), newest));
    // What nobody has made yet is refused, here and there.
    for service in [&first, &second] {
        let refused = resume(service, newest + 1).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_that_stands_by_has_at_hand_is_not_read_again() {
    let (first, second, alert_id) = one_standing_by().await;
    let newest = *sequences(&second).await.last().unwrap();
    eventually("the first has everything", async || {
        first.state.alerts.store.last() == newest
    })
    .await;
    spoil(&first.folder.path().join("alerts"));
    acknowledge(&second, alert_id).await;
    until_acknowledged(&first).await;
}

/// A service that stands by while another one on its lake makes the alerts, that one, and the alert that is open.
async fn one_standing_by() -> (Service, Service, String) {
    let first = started().await;
    let next = jam(&first, PAST).await;
    let alert_id = list(&first).await[0].alert_id.clone();
    let second = another(&first, Order::default()).await;
    until_looked_at(&second, next - 1).await;
    until_standing_by(&first, &alert_id).await;
    (first, second, alert_id)
}

/// Somebody takes care of an alert, and says so to `service`.
async fn acknowledge(service: &Service, alert_id: String) {
    let request = v1::AcknowledgeAlertRequest {
        alert_id,
        by: "Mona".into(),
        ..v1::AcknowledgeAlertRequest::default()
    };
    client(service).await.acknowledge_alert(request).await.unwrap();
}

/// Waits until `service` shows that somebody takes care of every alert.
async fn until_acknowledged(service: &Service) {
    eventually("it shows who takes care", async || {
        list(service).await.iter().all(|alert| alert.state == "acknowledged")
    })
    .await;
}

/// Closes one more window in the lake of both services and in their live states, and waits until the second one has looked at it.
async fn close_in_both(first: &Service, second: &Service, number: i64, speeds: [f64; 2]) {
    let windows = batch(&rows(number, speeds));
    write(&first.lake, windows.clone()).await;
    for service in [first, second] {
        service.clock.set(window(number + 1));
        service.state.take(TOPIC, &windows, window(number + 1));
    }
    until_looked_at(second, number).await;
}

/// Waits until a service that stood by has taken the watch back, has learned anew, and has looked at the window `number`.
async fn until_taken_back(service: &Service, number: i64) {
    eventually("it takes the watch back, and learns anew", async || {
        let watched = service.state.alerts.watched();
        watched.iter().any(|one| one.next < Some(window(number - 203)))
    })
    .await;
    until_looked_at(service, number).await;
}

/// Waits until a service knows that another one makes the alerts; `alert_id` is one of them.
async fn until_standing_by(service: &Service, alert_id: &str) {
    let request = v1::JudgeAlertRequest {
        alert_id: alert_id.into(),
        judgement: "useful".into(),
        by: "Mona".into(),
        ..v1::JudgeAlertRequest::default()
    };
    eventually("it stands by", async || {
        let answer = client(service).await.judge_alert(request.clone()).await;
        answer.is_err_and(|status| status.message().contains("ask that one"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_loses_the_watch_while_its_receiver_fails_leaves_what_waits_to_the_other() {
    let (first_sink, second_sink) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
    first_sink.down.store(true, Ordering::SeqCst);
    let first = started_telling(&first_sink).await;
    let next = jam(&first, PAST).await;
    eventually("the receiver was tried", async || {
        first_sink.tries.load(Ordering::SeqCst) > 0
    })
    .await;
    let alert_id = list(&first).await[0].alert_id.clone();
    // Another service takes the watch over; its receiver is well.
    let second = another(&first, telling(&second_sink)).await;
    until_looked_at(&second, next - 1).await;
    close_in_both(&first, &second, next, USUAL).await;
    let waited = sequences(&first).await;
    let behind = waited.len() as i64 + 1;
    eventually("the second tells of what waited, and notes it", async || {
        second_sink.sequences() == waited && place_of(&first, "memory").await == Some(behind)
    })
    .await;
    until_standing_by(&first, &alert_id).await;
    // The receiver of the first is well again, and the first gets the watch back.
    first_sink.down.store(false, Ordering::SeqCst);
    second.state.stop().await;
    for number in next + 1..next + 5 {
        commit(&first, number, [USUAL[0], 3.0]).await;
    }
    until_taken_back(&first, next + 4).await;
    let all = sequences(&first).await;
    assert!(all.len() > waited.len());
    eventually("every revision was told once, by one of them", async || {
        first_sink.sequences() == all[waited.len()..]
    })
    .await;
    assert_eq!(second_sink.sequences(), waited);
}

/// Commits the windows of one key as the service does that has its partition.
async fn commit_part(service: &Service, number: i64, row: WindowRow<'_>, partition: i32) {
    use arterial_datasets::lake::{PartitionProgress, Progress, TableSpec, TopicPartition};
    let catalog = arterial_datasets::stream::StreamCatalog::built_in().unwrap();
    let stream = catalog.get(TOPIC).unwrap();
    let spec = TableSpec::new(stream.windows_table(), arterial_datasets::schema::windows(stream));
    let known = PartitionProgress {
        next: number,
        resume_from: number,
        watermark: Some(window(number + 1)),
        ..PartitionProgress::default()
    };
    let progress = Progress {
        partitions: [(TopicPartition::new(TOPIC, partition), known)].into(),
        ..Progress::default()
    };
    let mut table = service.lake.table(&spec).await.unwrap();
    table.commit(&[batch(&[row])], &progress).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_whose_windows_another_service_makes_are_waited_for_and_watched() {
    let service = started().await;
    let part = |number: i64, at: usize, speed: f64| {
        let (key, zone) = [("a", "north"), ("b", "south")][at];
        (key, zone, number, 0, Some(speed + noise(number + at as i64 * 37)))
    };
    for number in PAST..PAST + 12 {
        let slow = number >= PAST + 4;
        let own = part(number, 0, USUAL[0]);
        commit_part(&service, number, own, 0).await;
        service.clock.set(window(number + 1));
        service.state.take(TOPIC, &batch(&[own]), window(number + 1));
        if number == PAST + 1 {
            // The other service is known to be at work by now, and has not committed its part of this window. The first look may have
            // begun before this one's part was there.
            let looks = service.state.alerts.looks();
            eventually("the worker has looked twice", async || {
                service.state.alerts.looks() >= looks + 2
            })
            .await;
            assert_eq!(service.state.alerts.watched()[0].next, Some(window(number)));
        }
        let others = part(number, 1, if slow { 3.0 } else { USUAL[1] });
        commit_part(&service, number, others, 1).await;
        until_looked_at(&service, number).await;
    }
    let alerts = list(&service).await;
    let [alert] = alerts.as_slice() else {
        panic!("{alerts:?}")
    };
    assert_eq!(
        (alert.key.as_str(), alert.symptom.as_str()),
        ("b", "lower"),
        "{alert:?}"
    );
    let history = &alert.history;
    assert!(
        history.last().unwrap().value < Some(10.0),
        "live state knows it, too: {history:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_closes_no_window_of_a_stream_looks_at_those_that_another_commits() {
    // One of more services than there are partitions, or one that came when the others had read everything.
    let service = watching(Order::default()).await;
    let partition = (PAST..).zip([USUAL[0]; 2]);
    for (number, speed) in partition {
        service.clock.set(window(number + 1));
        commit_part(&service, number, ("a", "north", number, 0, Some(speed)), 0).await;
        until_looked_at(&service, number).await;
    }
    let live = service.state.live.stream(TOPIC).unwrap();
    assert_eq!(live.latest(), Some(window(PAST + 1)), "live state knows them, too");
}

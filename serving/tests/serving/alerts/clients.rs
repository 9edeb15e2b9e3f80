//! What people do over gRPC: watch, take on, judge.

use tonic::{Code, Response, Status, Streaming};

use super::*;
use crate::support::count_rows;

/// What is told to those who watch, after the answer that said `resume_after`.
async fn watch(service: &Service, resume_after: Option<u64>) -> Result<Streaming<v1::WatchAlertsResponse>, Status> {
    let request = v1::WatchAlertsRequest {
        resume_after,
        ..v1::WatchAlertsRequest::default()
    };
    let answer = client(service).await.watch_alerts(request).await;
    answer.map(Response::into_inner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_is_made_from_what_detectors_said_over_a_restart() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let next = calm(&service, next, CALM).await;
    let id = list(&service).await[0].alert_id.clone();
    let preview = async |service: &Service, judgement: &str| {
        let request = v1::JudgeAlertRequest {
            alert_id: id.clone(),
            judgement: judgement.into(),
            ..v1::JudgeAlertRequest::default()
        };
        let answer = client(service).await.preview_judgement(request).await.unwrap();
        answer.into_inner().effect.unwrap()
    };
    let before = preview(&service, "useful").await;
    assert_eq!((before.alerts_before, before.added_unknown), (1, false), "{before:?}");
    assert_eq!(before.alerts_kept, 1, "{before:?}");
    assert!(before.weeks > 0.0 && before.weeks < 0.1, "{before:?}");
    service.state.stop().await;
    let again = another(&service, Order::default()).await;
    until_looked_at(&again, next - 1).await;
    let after = preview(&again, "useful").await;
    assert_eq!(
        (after.alerts_before, after.alerts_after),
        (before.alerts_before, before.alerts_after)
    );
    let rows = count_rows(&again.lake, "alert_signals").await;
    assert!(rows >= 4, "the jam is kept: {rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judgement_counts_where_what_it_changes_cannot_be_seen() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    service.state.stop().await;
    let again = another(&service, Order::default()).await;
    until_looked_at(&again, next - 1).await;
    spoil(&again.folder.path().join("alert_signals"));
    let request = v1::JudgeAlertRequest {
        alert_id: list(&again).await[0].alert_id.clone(),
        judgement: "useful".into(),
        by: "Mona".into(),
        ..v1::JudgeAlertRequest::default()
    };
    let mut client = client(&again).await;
    let unseen = client.preview_judgement(request.clone()).await;
    assert!(unseen.is_err(), "{unseen:?}");
    let answer = client.judge_alert(request).await.unwrap().into_inner();
    assert_eq!(answer.effect, None);
    assert_eq!(answer.alert.unwrap().judgement, "useful");
    let judged = list(&again).await.remove(0);
    assert_eq!(judged.judgement, "useful");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_says_the_time_of_the_service_for_those_who_count_back_from_it() {
    let service = started().await;
    let request = v1::ListAlertsRequest::default();
    let listed = client(&service).await.list_alerts(request).await.unwrap().into_inner();
    assert_eq!(listed.now, Some(service.state.clock.now().0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_begins_with_what_is_open_and_resumes_after_the_last_answer() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let mut first = watch(&service, None).await.unwrap();
    let snapshot = first.message().await.unwrap().unwrap();
    assert_eq!(snapshot.alerts.len(), 1, "{snapshot:?}");
    drop(first);
    calm(&service, next, CALM).await;
    let mut second = watch(&service, Some(snapshot.resume_after)).await.unwrap();
    let missed = second.message().await.unwrap().unwrap();
    let states: Vec<&str> = missed.alerts.iter().map(|alert| alert.state.as_str()).collect();
    assert_eq!(states, ["resolved"], "the newest revision of what changed");
    let refused = watch(&service, Some(missed.resume_after + 1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_is_told_as_it_happens() {
    let service = started().await;
    let mut told = watch(&service, None).await.unwrap();
    assert_eq!(told.message().await.unwrap().unwrap().alerts, []);
    jam(&service, PAST).await;
    let told = told.message().await.unwrap().unwrap();
    assert_eq!(told.alerts[0].key, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledging_is_a_revision_and_the_same_again_is_none() {
    let service = started().await;
    let next = jam(&service, PAST).await;
    let alert = list(&service).await.remove(0);
    let request = v1::AcknowledgeAlertRequest {
        alert_id: alert.alert_id.clone(),
        by: "Mona".into(),
        ..v1::AcknowledgeAlertRequest::default()
    };
    let mut client = client(&service).await;
    let mut acknowledge = async |request: &v1::AcknowledgeAlertRequest| {
        let answer = client.acknowledge_alert(request.clone()).await;
        answer.unwrap().into_inner()
    };
    let taken = acknowledge(&request).await.alert.unwrap();
    assert_eq!(
        (taken.state.as_str(), taken.revision),
        ("acknowledged", alert.revision + 1)
    );
    assert_eq!(taken.acknowledgement.as_ref().map(|one| one.by.as_str()), Some("Mona"));
    assert!(taken.sequence > alert.sequence);
    let rows = stored(&service).await;
    assert_eq!(
        rows.last().map(|row| row.3.as_str()),
        Some("acknowledged"),
        "it is in the lake"
    );
    let again = acknowledge(&request).await.alert.unwrap();
    assert_eq!(again.sequence, taken.sequence);
    assert_eq!(stored(&service).await.len(), rows.len());

    let other = v1::AcknowledgeAlertRequest {
        by: "Nina".into(),
        ..request.clone()
    };
    let answer = acknowledge(&other).await;
    let by = answer.alert.unwrap().acknowledgement.unwrap().by;
    assert_eq!(by, "Nina", "who comes later has it");
    assert_eq!(answer.before, taken.acknowledgement, "and is told who had it");

    calm(&service, next, CALM).await;
    let over = client.acknowledge_alert(request).await.unwrap_err();
    assert_eq!(over.code(), Code::FailedPrecondition, "{over}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_are_refused_by_name() {
    let service = started().await;
    let mut client = client(&service).await;
    let unknown = v1::AcknowledgeAlertRequest {
        alert_id: "nobody".into(),
        by: "Mona".into(),
        ..v1::AcknowledgeAlertRequest::default()
    };
    let refused = client.acknowledge_alert(unknown.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("no alert named `nobody`"), "{refused}");
    let nameless = v1::AcknowledgeAlertRequest {
        by: " ".into(),
        ..unknown
    };
    let refused = client.acknowledge_alert(nameless).await.unwrap_err();
    assert!(
        refused.code() == Code::InvalidArgument && refused.message().contains("`by`"),
        "{refused}"
    );
    let judged = v1::JudgeAlertRequest {
        alert_id: "nobody".into(),
        judgement: "splendid".into(),
        ..v1::JudgeAlertRequest::default()
    };
    let refused = client.judge_alert(judged).await.unwrap_err();
    assert!(refused.message().contains("useful, false, duplicate"), "{refused}");
    let filter = v1::AlertFilter {
        kinds: vec!["fire".into()],
        ..v1::AlertFilter::default()
    };
    let request = v1::ListAlertsRequest {
        filter: Some(filter),
        ..v1::ListAlertsRequest::default()
    };
    let refused = client.list_alerts(request).await.unwrap_err();
    assert!(
        refused.code() == Code::InvalidArgument && refused.message().contains("`kinds` is `fire`"),
        "{refused}"
    );
    let request = v1::ListAlertsRequest {
        language: "de".into(),
        ..v1::ListAlertsRequest::default()
    };
    assert!(
        client
            .list_alerts(request)
            .await
            .unwrap_err()
            .message()
            .contains("en, ru, fr")
    );
}

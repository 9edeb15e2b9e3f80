//! Traffic that stands grows against its flow: sensors without a place belong to one event by the graph that is configured.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::panel::Flow;
use arterial_proto::v1;
use arterial_proto::v1::alert_service_client::AlertServiceClient;
use arterial_serving::alerts::AlertsConfig;

use crate::support::watched::{PAST, noise, until_looked_at};
use crate::support::{Order, WindowRow, batch, target};

/// Two sensors in two zones.
fn rows(number: i64, [first, second]: [f64; 2]) -> Vec<WindowRow<'static>> {
    vec![
        ("a", "north", number, 0, Some(first + noise(number))),
        ("b", "south", number, 0, Some(second + noise(number + 37))),
    ]
}

fn past() -> RecordBatch {
    let rows: Vec<WindowRow<'_>> = (0..PAST).flat_map(|number| rows(number, [50.0, 80.0])).collect();
    batch(&rows)
}

/// The keys of each alert after `a` and, a window later, `b` came to stand, where traffic flows so.
async fn alerts_of(flows: Vec<Flow>) -> Vec<Vec<String>> {
    let order = Order {
        history: Some(past()),
        alerts: AlertsConfig {
            watch: vec![target()],
            flows,
            ..AlertsConfig::default()
        },
        ..Order::default()
    };
    let service = order.start(Arc::default(), PAST).await;
    until_looked_at(&service, PAST - 1).await;
    for number in PAST..PAST + 6 {
        let second = if number > PAST { 4.0 } else { 80.0 };
        service.commit(batch(&rows(number, [3.0, second])), number + 1).await;
        until_looked_at(&service, number).await;
    }
    let mut client = AlertServiceClient::new(service.channel().await);
    let answer = client.list_alerts(v1::ListAlertsRequest::default()).await.unwrap();
    let mut keys: Vec<Vec<String>> = answer.into_inner().alerts.into_iter().map(|alert| alert.keys).collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jam_that_grew_upstream_is_one_alert_where_the_flow_is_known() {
    assert_eq!(alerts_of(Vec::new()).await, [["a"], ["b"]]);
    let flow = Flow {
        topic: None,
        from: "b".into(),
        to: "a".into(),
    };
    assert_eq!(alerts_of(vec![flow]).await, [["a", "b"]]);
}

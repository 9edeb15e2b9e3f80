//! Forecasts of keys.

use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_of_named_keys_come_page_by_page_and_every_filter_holds() {
    let service = city().await;
    let keys = |page: &Value| -> Vec<String> {
        let rows = page["forecasts"].as_array().unwrap().iter();
        rows.map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    };
    let path = "/v1/forecasts?horizons_minutes=15&keys=b,a&limit=1";
    let first = get(&service, path).await;
    assert_eq!(keys(&first), ["a"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&service, &format!("{path}&cursor={cursor}")).await;
    assert_eq!(keys(&second), ["b"]);
    assert_eq!(second["next_cursor"], Value::Null);
    for (filter, found, refused) in [
        ("keys=a,b", vec!["a", "b"], 0),
        ("keys=a,b&zones=south", vec!["b"], 0),
        ("keys=a&zones=south", vec![], 0),
        ("keys=a,b&bbox=10.0,56.0,10.15,56.15", vec!["a"], 0),
        ("keys=b&zones=south&bbox=10.0,56.0,10.15,56.15", vec![], 0),
        ("keys=nobody,a", vec!["a"], 1),
        ("zones=nowhere", vec![], 1),
    ] {
        let page = get(&service, &format!("/v1/forecasts?horizons_minutes=15&{filter}")).await;
        assert_eq!(keys(&page), found, "{filter}");
        assert_eq!(page["refusals"].as_array().unwrap().len(), refused, "{filter}: {page}");
    }
    let wrong = problem(&service, "/v1/forecasts?keys=a,b&cursor=nonsense", &[]).await;
    assert_eq!((&wrong["status"], &wrong["field"]), (&json!(400), &json!("cursor")));
}

//! Alerts by page, and one alert by the beginning of its id.

use std::collections::HashMap;

use arterial_datasets::time::{Clock, SystemClock, Timestamp};
use arterial_proto::v1;
use tonic::{Code, Status};

use super::Client;
use crate::commands::client::failed;
use crate::outcome::Usage;

/// Alerts that are asked for at a time.
const PAGE: usize = 500;

/// The newest `limit` alerts that fit `filter`, and whether there are more.
///
/// # Errors
/// A call that fails.
pub async fn newest(
    client: &mut Client,
    filter: v1::AlertFilter,
    limit: usize,
    language: &str,
) -> anyhow::Result<(Vec<v1::Alert>, bool)> {
    let (mut alerts, mut places) = (Vec::new(), HashMap::new());
    let mut page_token = String::new();
    loop {
        let request = v1::ListAlertsRequest {
            filter: Some(filter.clone()),
            page_size: (limit - alerts.len()).clamp(1, PAGE) as i32,
            page_token,
            language: language.into(),
            ..v1::ListAlertsRequest::default()
        };
        let answer = page(client, request).await?;
        take(&mut alerts, &mut places, answer.alerts);
        page_token = answer.next_page_token;
        if page_token.is_empty() || alerts.len() >= limit {
            return Ok((alerts, !page_token.is_empty()));
        }
    }
}

/// Takes the alerts of one more page, `places` being where each is. One that changed while pages were read comes once more: as it has become
/// it stands in the place of what it was.
fn take(alerts: &mut Vec<v1::Alert>, places: &mut HashMap<String, usize>, page: Vec<v1::Alert>) {
    for alert in page {
        let place = *places.entry(alert.alert_id.clone()).or_insert(alerts.len());
        if place < alerts.len() {
            alerts[place] = alert;
        } else {
            alerts.push(alert);
        }
    }
}

/// The service's own time, which in a demonstration is the city's; the time here where the service does not say its own.
///
/// # Errors
/// A call that fails.
pub async fn now(client: &mut Client) -> anyhow::Result<Timestamp> {
    let request = v1::ListAlertsRequest {
        page_size: 1,
        ..v1::ListAlertsRequest::default()
    };
    let answer = page(client, request).await?;
    Ok(answer.now.map_or_else(|| SystemClock.now(), Timestamp))
}

/// A page of alerts, with what the service says beside them.
async fn page(client: &mut Client, request: v1::ListAlertsRequest) -> anyhow::Result<v1::ListAlertsResponse> {
    let answer = client.list_alerts(request).await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner())
}

/// The alert whose id begins with `beginning`.
///
/// # Errors
/// None, or several, which the error names; a call that fails.
pub async fn one(client: &mut Client, beginning: &str, language: &str) -> anyhow::Result<v1::Alert> {
    let request = v1::GetAlertRequest {
        alert_id: beginning.into(),
        language: language.into(),
        ..v1::GetAlertRequest::default()
    };
    match client.get_alert(request).await {
        Ok(answer) => Ok(answer.into_inner().alert.unwrap_or_default()),
        Err(status) => Err(not_one(beginning, &status)),
    }
}

/// Why there is no such alert.
fn not_one(beginning: &str, status: &Status) -> anyhow::Error {
    if status.code() != Code::NotFound {
        return failed(status);
    }
    let accepted = "an id of `arterial alerts list`, or its beginning; older ones stand in the table `alerts`";
    Usage(format!("`alert` is `{beginning}`, accepted: {accepted}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts() -> Vec<v1::Alert> {
        let alert = |id: &str| v1::Alert {
            alert_id: id.into(),
            ..v1::Alert::default()
        };
        ["ab12", "ab34", "ab345"].map(alert).into()
    }

    #[test]
    fn an_alert_that_changes_while_pages_are_read_is_listed_once_as_it_has_become() {
        let (mut listed, mut places) = (Vec::new(), HashMap::new());
        take(&mut listed, &mut places, alerts());
        let changed = v1::Alert {
            text: "worse".into(),
            ..alerts().remove(1)
        };
        take(&mut listed, &mut places, vec![changed]);
        let told: Vec<(&str, &str)> = listed.iter().map(|one| (&*one.alert_id, &*one.text)).collect();
        assert_eq!(told, [("ab12", ""), ("ab34", "worse"), ("ab345", "")]);
    }

    #[test]
    fn whoever_asks_for_an_alert_that_there_is_none_of_is_told_where_ids_stand() {
        let said = not_one("x", &Status::not_found("no alert")).to_string();
        assert!(
            said.contains("`alert` is `x`") && said.contains("arterial alerts list"),
            "{said}"
        );
        let several = "`alert_id` is `ab`, accepted: more of the id: ab12, ab34 begin so";
        assert_eq!(not_one("ab", &Status::invalid_argument(several)).to_string(), several);
    }
}

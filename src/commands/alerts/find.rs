//! Alerts by page, and one alert by the beginning of its id.

use std::collections::HashMap;

use arterial_datasets::time::{Clock, SystemClock, Timestamp};
use arterial_proto::v1;

use super::Client;
use crate::commands::client::failed;
use crate::outcome::Usage;

/// Alerts that are asked for at a time.
const PAGE: usize = 500;
/// Several alerts that are named where an id is not enough.
const NAMED: usize = 5;

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
/// None, or several; a call that fails.
pub async fn one(client: &mut Client, beginning: &str, language: &str) -> anyhow::Result<v1::Alert> {
    let (alerts, _) = newest(client, v1::AlertFilter::default(), usize::MAX, language).await?;
    Ok(choose(alerts, beginning)?)
}

fn choose(alerts: Vec<v1::Alert>, beginning: &str) -> Result<v1::Alert, Usage> {
    let fits = |alert: &v1::Alert| !beginning.is_empty() && alert.alert_id.starts_with(beginning);
    let mut found: Vec<_> = alerts.into_iter().filter(fits).collect();
    if let Some(whole) = found.iter().position(|alert| alert.alert_id == beginning) {
        return Ok(found.swap_remove(whole));
    }
    let ids: Vec<_> = found.iter().take(NAMED).map(|alert| alert.alert_id.clone()).collect();
    match found.pop() {
        Some(alert) if found.is_empty() => Ok(alert),
        Some(_) => Err(Usage(format!(
            "`alert` is `{beginning}`, which several ids begin with: {}",
            ids.join(", ")
        ))),
        None => Err(Usage(format!(
            "`alert` is `{beginning}`, accepted: an id of `arterial alerts list`, or its beginning; older ones stand in the table `alerts`"
        ))),
    }
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
    fn an_id_may_be_cut_short_as_long_as_it_is_the_only_one() {
        assert_eq!(choose(alerts(), "ab1").unwrap().alert_id, "ab12");
        assert_eq!(choose(alerts(), "ab34").unwrap().alert_id, "ab34");
        let error = choose(alerts(), "ab").unwrap_err().to_string();
        assert!(error.contains("ab12, ab34, ab345"), "{error}");
        for none in ["", "x"] {
            assert!(
                choose(alerts(), none)
                    .unwrap_err()
                    .to_string()
                    .contains("arterial alerts list")
            );
        }
    }
}

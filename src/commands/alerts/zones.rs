//! Says which of the zones that are asked for nobody knows: that nothing is wrong in them says nothing.

use std::collections::BTreeSet;

use arterial_proto::v1;
use arterial_proto::v1::analytics_service_client::AnalyticsServiceClient;
use arterial_proto::v1::catalog_service_client::CatalogServiceClient;

use super::Common;
use super::words::Words;
use crate::commands::client::Connection;
use crate::commands::nearest::near;
use crate::commands::paint::harmless;

/// Zones of nearly the same name that are named.
const NAMED: usize = 3;
/// Zones that are named where none is of nearly the same name.
const LISTED: usize = 12;
/// Zones that are asked for at a time.
const PAGE: i32 = 1_000;

/// Says on stderr which of `zones` the service does not know; those of the `alerts` that were found are known. Where the service cannot
/// tell, nothing is said, as the answer is as good without.
pub(super) async fn tell_unknown(common: &Common, zones: &[String], alerts: &[v1::Alert]) {
    let doubtful = without_alerts(zones, alerts);
    if doubtful.is_empty() {
        return;
    }
    for line in lines(common, &doubtful).await.unwrap_or_default() {
        eprintln!("{line}");
    }
}

/// Those of `zones` that none of `alerts` lies in.
fn without_alerts<'a>(zones: &'a [String], alerts: &[v1::Alert]) -> BTreeSet<&'a str> {
    let is_empty = |zone: &&str| alerts.iter().all(|alert| alert.zone_id != **zone);
    zones.iter().map(String::as_str).filter(is_empty).collect()
}

/// A line for each of `zones` that is not known.
async fn lines(common: &Common, zones: &BTreeSet<&str>) -> anyhow::Result<Vec<String>> {
    let connection = common.service.connect().await?;
    // A service without traffic sensors measures no zone, and may know some all the same.
    let measured = measured(connection.clone()).await.unwrap_or_default();
    let mut lines = Vec::new();
    for zone in zones.iter().filter(|zone| !measured.contains(**zone)) {
        if !has_keys(connection.clone(), zone).await? {
            lines.push(line(zone, &measured, common.words()));
        }
    }
    Ok(lines)
}

/// The zones whose congestion is measured.
async fn measured(connection: Connection) -> anyhow::Result<BTreeSet<String>> {
    let mut client = AnalyticsServiceClient::new(connection);
    let mut request = v1::ListZonesRequest {
        page_size: PAGE,
        ..v1::ListZonesRequest::default()
    };
    let mut zones = BTreeSet::new();
    loop {
        let page = client.list_zones(request.clone()).await?.into_inner();
        zones.extend(page.zones.into_iter().map(|index| index.zone_id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(zones);
        }
    }
}

/// Whether a key of any stream was last seen in `zone`.
async fn has_keys(connection: Connection, zone: &str) -> anyhow::Result<bool> {
    let mut client = CatalogServiceClient::new(connection);
    let streams = client.list_streams(v1::ListStreamsRequest::default()).await?;
    for stream in streams.into_inner().streams {
        let request = v1::ListKeysRequest {
            topic: stream.name,
            zones: vec![zone.to_owned()],
            page_size: 1,
            ..v1::ListKeysRequest::default()
        };
        if !client.list_keys(request).await?.into_inner().keys.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// That nobody knows `zone`, and which of the `known` ones may have been meant, or else which there are.
fn line(zone: &str, known: &BTreeSet<String>, words: Words) -> String {
    let near = near(zone, known.iter().map(String::as_str));
    let names: Vec<String> = near.into_iter().take(NAMED).map(harmless).collect();
    if !names.is_empty() {
        return words.say("zone-unknown-near", &[("zone", zone), ("near", &names.join(", "))]);
    }
    if known.is_empty() {
        return words.say("zone-unknown", &[("zone", zone)]);
    }
    words.say("zone-unknown-known", &[("zone", zone), ("known", &some(known))])
}

/// The first of the zones that are known.
fn some(known: &BTreeSet<String>) -> String {
    let mut names: Vec<String> = known.iter().take(LISTED).map(|zone| harmless(zone)).collect();
    if known.len() > LISTED {
        names.push("...".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_not_known_is_named_with_those_of_nearly_its_name() {
        let known: BTreeSet<String> = (1..=20).map(|number| format!("Z{number:02}")).collect();
        assert_eq!(
            line("Z99", &known, Words::of("en")),
            "no zone Z99 is known: nothing that reports lies there. Names like it: Z09, Z19, Z01"
        );
        let told = line("harbour", &known, Words::of("en"));
        assert_eq!(
            told,
            "no zone harbour is known: nothing that reports lies there. Known are: Z01, Z02, Z03, Z04, Z05, Z06, Z07, Z08, Z09, Z10, Z11, \
             Z12, ..."
        );
        let told = line("harbour", &BTreeSet::new(), Words::of("en"));
        assert_eq!(told, "no zone harbour is known: nothing that reports lies there");
        assert!(line("Z99", &known, Words::of("ru")).contains("Z09, Z19, Z01"));
    }

    #[test]
    fn a_zone_in_which_an_alert_was_found_is_not_doubted() {
        let alert = v1::Alert {
            zone_id: "Z01".into(),
            ..v1::Alert::default()
        };
        let zones = ["Z01", "Z99", "Z99"].map(str::to_owned);
        assert_eq!(without_alerts(&zones, &[alert]), BTreeSet::from(["Z99"]));
        assert!(without_alerts(&[], &[]).is_empty());
    }
}

//! What keeps an alert from being delivered. It is recorded all the same.

use arterial_datasets::time::Timestamp;
use jiff::tz::TimeZone;

use super::alert::Alert;
use super::settings::{AlertSettings, Suppression};

/// The name of the quiet hours where an alert is held back by them.
const QUIET_HOURS: &str = "quiet hours";

/// The suppression or the quiet hours that hold `alert` back at `now`.
pub(super) fn held_back_by(
    alert: &Alert,
    settings: &AlertSettings,
    more: &[Suppression],
    zone: &TimeZone,
    now: Timestamp,
) -> Option<String> {
    let mut all = settings.suppressions.iter().chain(more);
    let suppression = all.find(|suppression| suppression.holds_back(alert, now));
    let quiet = || is_quiet(alert, settings, zone, now).then(|| QUIET_HOURS.to_string());
    suppression.map(|suppression| suppression.name.clone()).or_else(quiet)
}

fn is_quiet(alert: &Alert, settings: &AlertSettings, zone: &TimeZone, now: Timestamp) -> bool {
    let Some(quiet) = &settings.quiet_hours else {
        return false;
    };
    let (Ok((from, until)), Ok(now)) = (quiet.minutes(), now.to_jiff()) else {
        return false;
    };
    let local = now.to_zoned(zone.clone());
    let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
    let within = if from <= until {
        from <= minute && minute < until
    } else {
        minute >= from || minute < until
    };
    within && alert.severity < quiet.except
}

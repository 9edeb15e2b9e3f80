//! Which changes are worth a revision.

use arterial_datasets::time::{MINUTE, Timestamp};

use super::grow::is_by_groups;
use super::shelf::Entry;
use crate::alerts::alert::Alert;
use crate::alerts::settings::AlertSettings;

/// A peak is told again where it has grown by this part, ...
const GROWTH: f64 = 1.2;
/// ... an estimated end where it has moved by so much.
const MOVED: i64 = 30 * MINUTE;

/// The next revision, where after the window from `window` to `end` the alert is not what was told any more.
pub(super) fn next(
    entry: &mut Entry,
    (window, end): (Timestamp, Timestamp),
    settings: &AlertSettings,
    text: impl Fn(&Alert) -> String,
) -> Option<Alert> {
    let revision = match &entry.told {
        None => 0,
        Some(told) if is_worth_telling(told, &entry.now, window, settings) => told.revision + 1,
        Some(_) => return None,
    };
    entry.now.revision = revision;
    entry.now.updated_at = end;
    entry.now.text = text(&entry.now);
    entry.told = Some(entry.now.clone());
    entry.told.clone()
}

fn is_worth_telling(told: &Alert, now: &Alert, window: Timestamp, settings: &AlertSettings) -> bool {
    let end_moved = match (told.estimated_end, now.estimated_end) {
        (Some(told), Some(now)) => (told.0 - now.0).abs() >= MOVED,
        (told, now) => told != now,
    };
    let goes_on = |alert: &Alert| alert.last_strange == alert.last_window;
    let turned = is_by_groups(now) && goes_on(told) != goes_on(now);
    let stale = now.last_window.0 - told.last_window.0 >= settings.refresh_every.0;
    // Of what is not heard any more the last that was heard is told, before a restart would not see it again.
    let is_untold = now.last_window > told.last_window;
    let faded = is_untold && window.0 - told.last_window.0 > settings.refresh_every.0;
    told.state != now.state
        || told.kind != now.kind
        || told.severity != now.severity
        || told.cause != now.cause
        || told.keys != now.keys
        || told.held_back_by != now.held_back_by
        || now.score >= GROWTH * told.score
        || end_moved
        || turned
        || stale
        || faded
}

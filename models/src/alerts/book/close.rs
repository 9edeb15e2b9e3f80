//! When an alert is over.

use arterial_datasets::time::Timestamp;

use crate::alerts::alert::{Alert, State};
use crate::alerts::settings::AlertSettings;

/// Resolves `alert` where it was calm for long enough, or where nothing was heard of it for too long.
pub(super) fn close(alert: &mut Alert, window: Timestamp, end: Timestamp, settings: &AlertSettings) -> bool {
    let calm = alert.last_window == window && window.0 - alert.last_strange.0 >= settings.resolve_after.0;
    let lost = window.0 - alert.last_window.0 >= settings.lost_after.0;
    if !alert.is_live() || !(calm || lost) {
        return false;
    }
    alert.state = State::Resolved;
    alert.closed_at = Some(end);
    alert.estimated_end = None;
    true
}

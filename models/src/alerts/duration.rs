//! How long an alert will last.

use arterial_datasets::time::Timestamp;

use super::alert::Alert;
use super::cause::{Cause, Evidence};

/// Fewer former alerts of the kind say nothing, ...
const FEWEST: usize = 5;
/// ... nor do fewer that lasted longer than this one has already.
const FEWEST_LONGER: usize = 3;

/// The end that was reported for its cause; else the median of former alerts of the kind that lasted longer than this one
/// has already; else nothing.
pub(super) fn estimated_end(alert: &Alert, former: &[&Alert], now: Timestamp) -> Option<Timestamp> {
    said(alert, now).or_else(|| usual(alert, former, now))
}

fn said(alert: &Alert, now: Timestamp) -> Option<Timestamp> {
    let of_cause = |piece: &&Evidence| piece.cause == alert.cause && alert.cause != Cause::Unknown;
    let until = alert.evidence.iter().find(of_cause)?.until?;
    (until > now).then_some(until)
}

fn usual(alert: &Alert, former: &[&Alert], now: Timestamp) -> Option<Timestamp> {
    let alike = |other: &&&Alert| other.kind == alert.kind && other.citywide == alert.citywide && !other.is_false();
    let lasted = former
        .iter()
        .filter(alike)
        .map(|other| other.last_strange.0 - other.since.0);
    let mut lasted: Vec<i64> = lasted.collect();
    if lasted.len() < FEWEST {
        return None;
    }
    lasted.retain(|length| alert.since.0 + length > now.0);
    lasted.sort_unstable();
    let median = lasted.get(lasted.len() / 2).filter(|_| lasted.len() >= FEWEST_LONGER)?;
    Some(Timestamp(alert.since.0 + median))
}

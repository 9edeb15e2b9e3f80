//! How bad an alert is.

use super::alert::{Alert, Kind, Severity};
use super::settings::AlertSettings;

/// Below this certainty an alert is one step less bad.
const UNSURE: f64 = 0.5;

/// From the vehicle-hours lost, by the steps of the settings; where they cannot be counted, from how far it reaches and how strange it is.
/// Traffic that flows better than expected is never worse than low. One step less while it is less likely than not.
pub(super) fn severity(alert: &Alert, settings: &AlertSettings) -> Severity {
    let full = match alert.kind {
        Kind::SensorFault => Severity::Low,
        Kind::DataQuality if alert.citywide => Severity::High,
        Kind::Air if alert.score >= 2.0 => Severity::High,
        Kind::DataQuality | Kind::Air => Severity::Medium,
        Kind::Demand => by_reach(alert).min(Severity::High),
        Kind::Congestion if alert.is_faster() => Severity::Low,
        Kind::Congestion => by_hours(alert, settings),
        Kind::IncidentSuspected => by_hours(alert, settings).max(Severity::Medium),
    };
    if alert.certainty < UNSURE { one_less(full) } else { full }
}

fn by_hours(alert: &Alert, settings: &AlertSettings) -> Severity {
    let Some(hours) = alert.impact else {
        return by_reach(alert);
    };
    let steps = settings.severity_vehicle_hours.iter().filter(|step| hours >= **step);
    Severity::ALL[steps.count()]
}

fn by_reach(alert: &Alert) -> Severity {
    if alert.citywide || alert.keys.len() >= 20 {
        Severity::High
    } else if alert.keys.len() >= 5 || alert.score >= 2.0 {
        Severity::Medium
    } else {
        Severity::Low
    }
}

fn one_less(severity: Severity) -> Severity {
    match severity {
        Severity::Low | Severity::Medium => Severity::Low,
        Severity::High => Severity::Medium,
        Severity::Critical => Severity::High,
    }
}

//! When a reported incident is expected to be over.

use arterial_datasets::time::{MINUTE, Timestamp};

use crate::live::Incident;

/// The status of what is over.
const RESOLVED: &str = "resolved";

/// When `incident` is expected to be over: so long after its first report as it was said to last. Where nobody said how long, or it is
/// still told of after that, it is when the silence about it would end it, [`Incident::lapses_at`]. Of what is resolved it is when that was
/// told.
#[must_use]
pub fn expected_end(incident: &Incident) -> Timestamp {
    if incident.status == RESOLVED {
        return incident.updated_at;
    }
    said_end(incident)
        .filter(|end| *end >= incident.updated_at)
        .unwrap_or_else(|| incident.lapses_at())
}

/// The end by what the newest report says of how long it lasts.
fn said_end(incident: &Incident) -> Option<Timestamp> {
    let lasting = incident.estimated_duration_min? * MINUTE as f64;
    Some(Timestamp(incident.reported_at.0.saturating_add(lasting as i64)))
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::HOUR;

    use super::*;

    /// Reported in minute 0, told of last in minute `updated`.
    fn incident(updated: i64, estimated_duration_min: Option<f64>, status: &str) -> Incident {
        let updated_at = Timestamp(updated * MINUTE);
        Incident {
            incident_id: "INC-1".into(),
            kind: "accident".into(),
            severity: "high".into(),
            road_id: None,
            road_name: None,
            zone_id: None,
            lat: None,
            lon: None,
            reported_at: Timestamp(0),
            updated_at,
            active_until: updated_at,
            estimated_duration_min,
            affected_lanes: None,
            status: status.into(),
            description: None,
        }
    }

    #[test]
    fn an_incident_is_expected_to_last_as_long_as_it_was_said_to() {
        for updated in [0, 5, 45] {
            let end = expected_end(&incident(updated, Some(45.0), "active"));
            assert_eq!(end, Timestamp(45 * MINUTE), "told of in minute {updated}");
        }
    }

    #[test]
    fn of_an_incident_that_outlasts_what_was_said_or_of_which_nothing_was_said_an_hour_of_silence_is_the_end() {
        for said in [Some(45.0), None] {
            let end = expected_end(&incident(50, said, "active"));
            assert_eq!(end, Timestamp(50 * MINUTE + HOUR), "{said:?}");
        }
    }

    #[test]
    fn nothing_is_expected_to_go_on_for_longer_than_it_counts_as_active() {
        for said in [None, Some(0.0), Some(45.0), Some(600.0)] {
            for updated in [0, 45, 50, 700] {
                let known = incident(updated, said, "active");
                let end = expected_end(&known);
                assert!(end <= known.lapses_at() && known.is_active(end), "{said:?}, {updated}");
                assert!(
                    !known.is_active(Timestamp(known.lapses_at().0 + 1)),
                    "{said:?}, {updated}"
                );
            }
        }
    }

    #[test]
    fn what_is_resolved_ended_when_that_was_told() {
        let end = expected_end(&incident(20, Some(45.0), "resolved"));
        assert_eq!(end, Timestamp(20 * MINUTE));
    }
}

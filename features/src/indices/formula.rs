//! The formulas, one function each.

/// Our own formulas; the number grows with every change that changes a value.
pub const ARTERIAL: &str = "arterial@1";
/// The index that the city's platform publishes.
pub const CITY_PLATFORM: &str = "city-platform@1";

/// How far traffic is below its free flow, 0 (free) to 1 (standing).
///
/// ```text
/// congestion = clamp(1 - speed / free_flow, 0, 1)
/// ```
///
/// Speeds in km/h. Nothing where either is missing or the free-flow speed is not positive.
#[must_use]
pub fn congestion(speed: Option<f64>, free_flow: Option<f64>) -> Option<f64> {
    let (speed, free_flow) = (speed?, free_flow?);
    (speed.is_finite() && free_flow.is_finite() && free_flow > 0.0).then(|| (1.0 - speed / free_flow).clamp(0.0, 1.0))
}

/// Congestion on the scale of jam factors, 0 (free) to 10 (standing): `10 * congestion`.
///
/// Providers of traffic maps use the same range (HERE Traffic API v7, `jamFactor`: 0.0 free to 10.0 closed), each with
/// a curve of its own that is not published; ours is the straight line.
#[must_use]
pub fn jam_factor(congestion: Option<f64>) -> Option<f64> {
    congestion.map(|congestion| 10.0 * congestion)
}

/// How freely people move in a zone, 0 (not at all) to 100 (freely).
///
/// ```text
/// mobility = 100 * (0.6 * (1 - congestion) + 0.4 * (1 - occupancy / 100))
/// ```
///
/// The weights are those of the city platform's index, but speed counts against what is free flow there rather than
/// against 50 km/h, so both parts and the whole stay within their range. `occupancy` is the mean share of time in percent
/// that detectors are covered. Nothing where either is missing.
#[must_use]
pub fn mobility_index(congestion: Option<f64>, occupancy: Option<f64>) -> Option<f64> {
    let (congestion, occupancy) = (congestion?, occupancy?);
    let room = (1.0 - occupancy / 100.0).clamp(0.0, 1.0);
    Some(100.0 * (0.6 * (1.0 - congestion) + 0.4 * room))
}

/// The index that the city's platform publishes; above 100 where traffic runs faster than 50 km/h.
///
/// ```text
/// index = (mean speed / 50 * 0.6 + (100 - mean occupancy) / 100 * 0.4) * 100
/// ```
///
/// Speed in km/h, occupancy in percent. Nothing where either is missing.
#[must_use]
pub fn city_platform_index(speed: Option<f64>, occupancy: Option<f64>) -> Option<f64> {
    let (speed, occupancy) = (speed?, occupancy?);
    Some((speed / 50.0 * 0.6 + (100.0 - occupancy) / 100.0 * 0.4) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_is_clamped_between_free_and_standing() {
        for (speed, free_flow, expected) in [
            (30.0, 60.0, 0.5),
            (70.0, 60.0, 0.0),
            (0.0, 60.0, 1.0),
            (-5.0, 60.0, 1.0),
        ] {
            assert_eq!(congestion(Some(speed), Some(free_flow)), Some(expected));
        }
    }

    #[test]
    fn without_input_there_is_no_value() {
        assert_eq!(congestion(None, Some(60.0)), None);
        assert_eq!(congestion(Some(30.0), None), None);
        assert_eq!(congestion(Some(30.0), Some(0.0)), None);
        assert_eq!(jam_factor(None), None);
        assert_eq!(mobility_index(Some(0.5), None), None);
        assert_eq!(city_platform_index(None, Some(10.0)), None);
    }

    #[test]
    fn indices_follow_their_formulas() {
        assert_eq!(jam_factor(Some(0.25)), Some(2.5));
        let close = |index: Option<f64>, expected: f64| index.is_some_and(|index| (index - expected).abs() < 1e-9);
        assert!(close(mobility_index(Some(0.5), Some(25.0)), 60.0));
        assert!(close(city_platform_index(Some(25.0), Some(25.0)), 60.0));
        assert!(close(city_platform_index(Some(50.0), Some(0.0)), 100.0));
    }
}

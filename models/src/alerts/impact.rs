//! What an alert costs: vehicle-hours lost against what was expected.

/// The length of road that a sensor speaks for where that is not known, in kilometres.
const LENGTH_KM: f64 = 0.5;
/// Below this speed time is not counted on, in km/h: a standing queue would cost any number of hours.
const SLOWEST: f64 = 3.0;

/// One road section in one window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    /// The speed seen and the usual one, in km/h.
    pub(super) speed: (f64, f64),
    pub(super) vehicles_per_hour: f64,
    pub(super) length_km: Option<f64>,
    /// The length of the window in hours.
    pub(super) hours: f64,
}

/// ```text
/// vehicles an hour * hours * length * max(0, 1 / seen - 1 / usual)
/// ```
pub(super) fn vehicle_hours(section: Section) -> f64 {
    let (seen, usual) = section.speed;
    let length = section.length_km.filter(|length| length.is_finite() && *length > 0.0);
    let excess = 1.0 / seen.max(SLOWEST) - 1.0 / usual.max(SLOWEST);
    section.vehicles_per_hour * section.hours * length.unwrap_or(LENGTH_KM) * excess.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kilometre_at_10_instead_of_50_costs_1200_vehicles_an_hour_96_hours_an_hour() {
        let section = Section {
            speed: (10.0, 50.0),
            vehicles_per_hour: 1200.0,
            length_km: Some(1.0),
            hours: 1.0,
        };
        assert!((vehicle_hours(section) - 96.0).abs() < 1e-9);
        let faster = Section {
            speed: (60.0, 50.0),
            ..section
        };
        assert!(vehicle_hours(faster).abs() < 1e-9);
    }
}

//! Kinds of roads and the triangular fundamental diagram of each.

/// What a road is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoadKind {
    /// Dual carriageway without crossings.
    Motorway,
    /// The orbital road with grade-separated junctions.
    Ring,
    /// A radial street with signals.
    Arterial,
    /// An inner street with many crossings.
    Boulevard,
    /// Between motorway and street.
    Ramp,
}

/// The triangular fundamental diagram: flow = min(`free_speed` k, `capacity`, `wave_speed` (`jam_density` - k)),
/// where k is the density.
///
/// Source: C. F. Daganzo, "The cell transmission model", Transportation Research B 28 (1994) and 29 (1995).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FundamentalDiagram {
    /// km/h.
    pub free_speed: f64,
    /// Vehicles per hour and lane.
    pub capacity: f64,
    /// Vehicles per km and lane.
    pub jam_density: f64,
}

impl FundamentalDiagram {
    /// The density at capacity, vehicles per km and lane.
    #[must_use]
    pub fn critical_density(&self) -> f64 {
        self.capacity / self.free_speed
    }

    /// The speed at which congestion travels upstream, km/h (positive).
    #[must_use]
    pub fn wave_speed(&self) -> f64 {
        self.capacity / (self.jam_density - self.critical_density())
    }

    /// The largest flow at `density`, vehicles per hour and lane.
    #[must_use]
    pub fn flow(&self, density: f64) -> f64 {
        let free = self.free_speed * density;
        let congested = self.wave_speed() * (self.jam_density - density);
        free.min(congested).min(self.capacity).max(0.0)
    }
}

impl RoadKind {
    /// The diagram of a dry road by day. Capacities of streets are those of a lane with signals (saturation flow times
    /// the share of green).
    #[must_use]
    pub fn diagram(self) -> FundamentalDiagram {
        let (free_speed, capacity, jam_density) = match self {
            Self::Motorway => (110.0, 2000.0, 130.0),
            Self::Ring => (80.0, 1800.0, 135.0),
            Self::Arterial => (50.0, 950.0, 140.0),
            Self::Boulevard => (45.0, 800.0, 145.0),
            Self::Ramp => (60.0, 1500.0, 135.0),
        };
        FundamentalDiagram {
            free_speed,
            capacity,
            jam_density,
        }
    }

    /// The wanted length of a cell in km: longer than a vehicle drives in one step, short enough to see a queue grow.
    #[must_use]
    pub fn cell_length(self) -> f64 {
        match self {
            Self::Motorway => 0.3,
            Self::Ring => 0.25,
            Self::Arterial | Self::Ramp => 0.2,
            Self::Boulevard => 0.15,
        }
    }

    /// What a lane of this road claims of the space behind a merge, against other roads. Circling traffic has the right
    /// of way, as in a roundabout: otherwise rings of full roads lock.
    #[must_use]
    pub fn priority(self) -> f64 {
        match self {
            Self::Motorway | Self::Ring | Self::Boulevard => 4.0,
            Self::Arterial => 0.6,
            Self::Ramp => 0.8,
        }
    }

    /// The share of capacity that the drawn demand may reach at the peak before the road gets another lane.
    #[must_use]
    pub fn most_load(self) -> f64 {
        match self {
            Self::Arterial | Self::Motorway => 1.15,
            Self::Ring => 1.1,
            Self::Boulevard | Self::Ramp => 0.8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_branches_meet_at_capacity() {
        for kind in [
            RoadKind::Motorway,
            RoadKind::Ring,
            RoadKind::Arterial,
            RoadKind::Boulevard,
            RoadKind::Ramp,
        ] {
            let diagram = kind.diagram();
            let critical = diagram.critical_density();
            assert!((diagram.flow(critical) - diagram.capacity).abs() < 1e-9);
            assert!(
                (5.0..25.0).contains(&diagram.wave_speed()),
                "{kind:?}: {}",
                diagram.wave_speed()
            );
            let driven = diagram.free_speed * super::super::network::STEP_SECONDS / 3600.0;
            assert!(driven < kind.cell_length(), "{kind:?} breaks the Courant condition");
        }
    }
}

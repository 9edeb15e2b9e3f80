//! Clusters of any shape by density.

use std::collections::HashMap;

use super::grid::Grid;
use super::position::Position;
use crate::{Error, Result};

/// Density-based clustering (M. Ester, H.-P. Kriegel, J. Sander, X. Xu, KDD 1996) with great-circle distances.
///
/// A place is a core where the places within `radius_km` of it, itself included, weigh at least `least`. Cores within
/// `radius_km` of each other are of one cluster, and so is every other place within that distance of one of its cores; where
/// several clusters claim it, the first one has it. What is left is noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dbscan {
    radius_km: f64,
    least: f64,
}

impl Dbscan {
    /// Clusters within `radius_km` of cores around which places weigh at least `least`: their number, where each weighs 1.
    ///
    /// # Errors
    /// A radius or a least weight that is not positive and finite.
    pub fn new(radius_km: f64, least: f64) -> Result<Self> {
        for (name, value) in [("radius_km", radius_km), ("least", least)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::invalid(name, value, "a finite number above 0"));
            }
        }
        Ok(Self { radius_km, least })
    }

    /// The distance up to which places are neighbours, km.
    #[must_use]
    pub fn radius_km(&self) -> f64 {
        self.radius_km
    }

    /// The cluster of each place, none for noise. Clusters count from 0 in the order of their first core; the labels are
    /// those of scikit-learn's `DBSCAN(metric="haversine")`.
    ///
    /// # Shapes
    /// `weights` has one number a place.
    ///
    /// # Errors
    /// Another number of weights than of places, a weight that is negative or not finite, weights too large to be added up.
    pub fn labels(&self, places: &[Position], weights: &[f64]) -> Result<Vec<Option<usize>>> {
        if weights.len() != places.len() {
            let accepted = format!("one weight a place, {}", places.len());
            return Err(Error::invalid("weights", weights.len(), accepted));
        }
        if let Some(wrong) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Err(Error::invalid("weights", wrong, "finite numbers that are not negative"));
        }
        let total: f64 = weights.iter().sum();
        if !total.is_finite() {
            return Err(Error::invalid("weights", total, "numbers with a finite sum"));
        }
        let (spots, spot_of) = distinct(places);
        let mut heavy = vec![0.0; spots.len()];
        for (spot, weight) in spot_of.iter().zip(weights) {
            heavy[*spot] += *weight;
        }
        let labels = self.of_distinct(&spots, &heavy);
        Ok(spot_of.into_iter().map(|spot| labels[spot]).collect())
    }

    fn of_distinct(&self, places: &[Position], weights: &[f64]) -> Vec<Option<usize>> {
        let grid = Grid::new(places, self.radius_km);
        let is_core = |place: usize| grid.around(place).map(|one| weights[one]).sum::<f64>() >= self.least;
        let cores: Vec<bool> = (0..places.len()).map(is_core).collect();
        let mut labels = vec![None; places.len()];
        let mut clusters = 0;
        for first in 0..places.len() {
            if cores[first] && labels[first].is_none() {
                spread(first, clusters, &cores, &grid, &mut labels);
                clusters += 1;
            }
        }
        labels
    }
}

/// The places that differ, in the order in which they come, and which of them each place is: of thousands of incidents at one address
/// each would else be compared with all others.
fn distinct(places: &[Position]) -> (Vec<Position>, Vec<usize>) {
    let mut known: HashMap<[u64; 2], usize> = HashMap::new();
    let mut spots = Vec::new();
    let mut spot_of = Vec::with_capacity(places.len());
    for place in places {
        let bits = [place.lat(), place.lon()].map(f64::to_bits);
        let spot = *known.entry(bits).or_insert(spots.len());
        if spot == spots.len() {
            spots.push(*place);
        }
        spot_of.push(spot);
    }
    (spots, spot_of)
}

/// Gives everything that can be reached from the core `first` its cluster.
fn spread(first: usize, cluster: usize, cores: &[bool], grid: &Grid<'_>, labels: &mut [Option<usize>]) {
    labels[first] = Some(cluster);
    let mut reached = vec![first];
    while let Some(core) = reached.pop() {
        for neighbour in grid.around(core) {
            if labels[neighbour].is_none() {
                labels[neighbour] = Some(cluster);
                if cores[neighbour] {
                    reached.push(neighbour);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lons: &[f64]) -> Vec<Position> {
        lons.iter().map(|lon| Position::new(0.0, *lon).unwrap()).collect()
    }

    /// 0.001 degrees of longitude at the equator are 111 m.
    fn labels(lons: &[f64], least: f64) -> Vec<Option<usize>> {
        let places = row(lons);
        Dbscan::new(0.12, least)
            .unwrap()
            .labels(&places, &vec![1.0; places.len()])
            .unwrap()
    }

    #[test]
    fn chains_of_neighbours_are_one_cluster_and_loners_are_noise() {
        let found = labels(&[0.0, 0.001, 0.002, 0.5, 1.0, 1.001, 1.002], 2.0);
        assert_eq!(found, [Some(0), Some(0), Some(0), None, Some(1), Some(1), Some(1)]);
    }

    #[test]
    fn a_place_between_two_clusters_belongs_to_the_first() {
        // The middle one has two neighbours and itself, fewer than a core needs.
        let found = labels(&[0.002, 0.001, 0.0015, 0.0, 0.003, 0.004, 0.0045, 0.005], 4.0);
        assert_eq!(found[0], Some(0));
        assert_eq!(found[5], Some(1));
        let found = labels(&[0.0, 0.0, 0.0, 0.001, 0.002, 0.002, 0.002], 5.0);
        assert_eq!(found[3], found[0], "{found:?}");
    }

    #[test]
    fn weights_count_as_so_many_places() {
        let places = row(&[0.0, 0.001, 0.5]);
        let dbscan = Dbscan::new(0.12, 3.0).unwrap();
        assert_eq!(dbscan.labels(&places, &[1.0, 1.0, 1.0]).unwrap(), [None; 3]);
        assert_eq!(
            dbscan.labels(&places, &[1.0, 2.0, 1.0]).unwrap(),
            [Some(0), Some(0), None]
        );
    }

    #[test]
    fn places_that_coincide_are_each_of_the_cluster_and_count_together() {
        let found = labels(&[0.0, 0.5, 0.0, 0.5, 0.0, 1.0], 3.0);
        assert_eq!(found, [Some(0), None, Some(0), None, Some(0), None]);
        let heap = vec![0.0; 50_000];
        assert!(labels(&heap, 50_000.0).iter().all(|label| *label == Some(0)));
    }

    #[test]
    fn bad_settings_and_weights_are_refused() {
        assert!(Dbscan::new(0.0, 5.0).is_err());
        assert!(Dbscan::new(f64::NAN, 5.0).is_err());
        assert!(Dbscan::new(1.0, -1.0).is_err());
        let dbscan = Dbscan::new(1.0, 1.0).unwrap();
        assert!(dbscan.labels(&row(&[0.0]), &[]).is_err());
        assert!(dbscan.labels(&row(&[0.0]), &[f64::NAN]).is_err());
        assert!(dbscan.labels(&row(&[0.0, 0.0]), &[f64::MAX, f64::MAX]).is_err());
        assert_eq!(dbscan.labels(&[], &[]).unwrap(), []);
    }
}

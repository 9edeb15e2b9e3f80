//! Roads as lines through their sensors.
//!
//! The data say which road a sensor is on and where it is, not how the road runs. Its sensors are put in order by the shortest way
//! through all of them: the nearest neighbour next, then two edges are exchanged as long as that makes the way shorter (2-opt;
//! G. A. Croes, "A Method for Solving Traveling-Salesman Problems", Operations Research 6, 1958).

use super::plane::Spot;

/// From so many sensors on a road may close to a ring.
const RING: usize = 4;
/// A ring's last gap is at most so many times its longest other one.
const RING_GAP: f64 = 1.5;
/// With more sensors the nearest neighbour has to do.
const EXCHANGED: usize = 400;
/// Two roads that keep within so many km of each other are drawn side by side: the sensors of two directions seldom stand opposite each
/// other, so each may reach beyond the other's ends.
const BESIDE_KM: f64 = 0.35;

/// The order of a road's sensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Positions in what was given, from the western end; of a ring anticlockwise.
    pub order: Vec<usize>,
    /// Whether the last is followed by the first.
    pub ring: bool,
}

/// The course of a road through `spots`.
pub fn course(spots: &[Spot]) -> Course {
    let mut order = nearest_next(spots);
    if spots.len() <= EXCHANGED {
        exchange(spots, &mut order);
    }
    let ring = is_ring(spots, &order);
    let backwards = match (order.first(), order.last()) {
        _ if ring => area(spots, &order) < 0.0,
        (Some(&first), Some(&last)) => spots[first].west_to_east() > spots[last].west_to_east(),
        _ => false,
    };
    if backwards {
        order.reverse();
    }
    Course { order, ring }
}

/// From the spot furthest from the middle always to the nearest that is left.
fn nearest_next(spots: &[Spot]) -> Vec<usize> {
    let count = spots.len().max(1) as f64;
    let middle = Spot {
        east: spots.iter().map(|spot| spot.east).sum::<f64>() / count,
        north: spots.iter().map(|spot| spot.north).sum::<f64>() / count,
    };
    let mut left: Vec<usize> = (0..spots.len()).collect();
    let far = |at: &usize| spots[*at].distance(&middle);
    let Some(mut place) = (0..left.len()).max_by(|a, b| far(a).total_cmp(&far(b))) else {
        return Vec::new();
    };
    let mut order = vec![left.swap_remove(place)];
    while let Some(last) = order.last().filter(|_| !left.is_empty()) {
        let last = spots[*last];
        let gap = |place: &usize| spots[left[*place]].distance(&last);
        place = (0..left.len())
            .min_by(|a, b| gap(a).total_cmp(&gap(b)))
            .unwrap_or_default();
        order.push(left.swap_remove(place));
    }
    order
}

/// Turns parts of the way around as long as that makes it shorter.
fn exchange(spots: &[Spot], order: &mut [usize]) {
    let gap = |order: &[usize], a: usize, b: usize| match (order.get(a), order.get(b)) {
        (Some(&a), Some(&b)) => spots[a].distance(&spots[b]),
        _ => 0.0, // beyond an end there is nothing to shorten
    };
    let before = |from: usize| from.checked_sub(1).unwrap_or(usize::MAX);
    let mut better = true;
    while better {
        better = false;
        for from in 0..order.len() {
            for to in from + 1..order.len() {
                let now = gap(order, before(from), from) + gap(order, to, to + 1);
                let then = gap(order, before(from), to) + gap(order, from, to + 1);
                if then + 1e-9 < now {
                    order[from..=to].reverse();
                    better = true;
                }
            }
        }
    }
}

fn is_ring(spots: &[Spot], order: &[usize]) -> bool {
    let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
        return false;
    };
    let gaps = order.windows(2).map(|pair| spots[pair[0]].distance(&spots[pair[1]]));
    order.len() >= RING && spots[last].distance(&spots[first]) <= RING_GAP * gaps.fold(0.0, f64::max)
}

/// Twice the area inside, positive where the order is anticlockwise.
fn area(spots: &[Spot], order: &[usize]) -> f64 {
    let next = order.iter().cycle().skip(1);
    let cross = |(a, b): (&usize, &usize)| spots[*a].east * spots[*b].north - spots[*b].east * spots[*a].north;
    order.iter().zip(next).map(cross).sum()
}

/// On which side each of `roads` (their spots in order, and whether they are rings) is drawn: -1 and 1 for two that run side by
/// side, such as the two directions of a street, otherwise 0.
pub fn sides(roads: &[(Vec<Spot>, bool)]) -> Vec<i8> {
    let mut sides = vec![0; roads.len()];
    for (one, a) in roads.iter().enumerate() {
        if sides[one] != 0 {
            continue;
        }
        let beside = |other: &usize| {
            let b = &roads[*other];
            sides[*other] == 0 && a.1 == b.1 && keeps_to(&a.0, b) && keeps_to(&b.0, a)
        };
        if let Some(other) = (one + 1..roads.len()).find(beside) {
            (sides[one], sides[other]) = (-1, 1);
        }
    }
    sides
}

/// Whether every spot is near the line.
fn keeps_to(spots: &[Spot], (line, ring): &(Vec<Spot>, bool)) -> bool {
    let closing = line.last().zip(line.first()).filter(|_| *ring);
    let segments = || {
        let pairs = line.windows(2).map(|pair| (&pair[0], &pair[1]));
        pairs.chain(closing)
    };
    line.len() > 1
        && spots
            .iter()
            .all(|spot| segments().any(|(a, b)| spot.distance_to_line(a, b) <= BESIDE_KM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(east: f64, north: f64) -> Spot {
        Spot { east, north }
    }

    #[test]
    fn a_road_goes_from_west_to_east_however_its_sensors_are_named() {
        let spots = [spot(2.0, 0.1), spot(0.0, 0.0), spot(3.0, 0.0), spot(1.0, 0.1)];
        let found = course(&spots);
        assert_eq!((found.order, found.ring), (vec![1, 3, 0, 2], false));
    }

    #[test]
    fn a_ring_closes_and_goes_anticlockwise() {
        let spots: Vec<Spot> = [0, 3, 1, 5, 2, 4]
            .iter()
            .map(|&at| f64::from(at) * std::f64::consts::TAU / 6.0)
            .map(|angle| spot(3.0 * angle.cos(), 3.0 * angle.sin()))
            .collect();
        let found = course(&spots);
        assert!(found.ring && area(&spots, &found.order) > 0.0);
        let straight: Vec<Spot> = (0..6).map(|at| spot(f64::from(at), 0.0)).collect();
        assert!(!course(&straight).ring);
    }

    #[test]
    fn a_detour_is_exchanged_for_the_shorter_way() {
        // The nearest neighbour alone leaves out the spot at 4.9 and comes back for it.
        let spots = [
            spot(0.0, 0.0),
            spot(4.0, 0.0),
            spot(4.9, 1.2),
            spot(5.0, 0.0),
            spot(9.0, 0.0),
        ];
        let order = course(&spots).order;
        let length: f64 = order
            .windows(2)
            .map(|pair| spots[pair[0]].distance(&spots[pair[1]]))
            .sum();
        assert!(length < 11.0, "{order:?}: {length}");
    }

    #[test]
    fn two_directions_of_a_street_are_drawn_side_by_side_and_crossing_roads_are_not() {
        let there = (vec![spot(0.0, 0.0), spot(4.0, 0.0)], false);
        let back = (vec![spot(0.3, 0.05), spot(4.2, 0.05)], false);
        let crossing = (vec![spot(2.0, -2.0), spot(2.0, 2.0)], false);
        assert_eq!(sides(&[there, crossing, back]), [-1, 0, 1]);
    }

    #[test]
    fn nothing_and_one_sensor_are_roads_too() {
        assert_eq!(course(&[]).order, Vec::<usize>::new());
        assert_eq!(course(&[spot(1.0, 1.0)]).order, [0]);
    }
}

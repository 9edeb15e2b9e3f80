//! Who passes a junction in a step: merges by claim, diverges first in, first out.
//!
//! A merge shares the room behind it in proportion to claims, and what one road does not use goes to the others: for two
//! roads that is Daganzo's median rule (Transportation Research B 29, 1995). A diverge lets nobody overtake: where one
//! exit is full, those behind wait, save for a share of vehicles that reach another exit by a turning lane. That share
//! also keeps a ring of full roads from locking for ever.

/// The share of a road's vehicles that a full exit holds back although theirs is free.
pub const HELD_BACK: f64 = 0.8;
/// The claim of vehicles that enter from side streets, in vehicles a step.
pub const SOURCE_CLAIM: f64 = 1.5;
/// The most roads that enter or leave a junction, the side streets counted as one.
pub const MOST_ROADS: usize = 8;

/// One junction in one step.
#[derive(Debug, Default)]
pub struct Crossing {
    sending: [f64; MOST_ROADS],
    claims: [f64; MOST_ROADS],
    receiving: [f64; MOST_ROADS],
    incoming: usize,
    outgoing: usize,
    /// Vehicles that leave each incoming road.
    pub left: [f64; MOST_ROADS],
    /// Vehicles that enter each outgoing road.
    pub entered: [f64; MOST_ROADS],
}

impl Crossing {
    /// A road that wants to send so many vehicles.
    pub fn add_incoming(&mut self, sending: f64, claim: f64) {
        self.sending[self.incoming] = sending;
        self.claims[self.incoming] = claim;
        self.incoming += 1;
    }

    /// A road that can receive so many vehicles.
    pub fn add_outgoing(&mut self, receiving: f64) {
        self.receiving[self.outgoing] = receiving;
        self.outgoing += 1;
    }

    /// Moves the vehicles. `shares` has a row for each incoming road: the shares of its vehicles that turn into each
    /// outgoing road.
    pub fn solve(&mut self, shares: &[f64]) {
        let (rows, columns) = (self.incoming, self.outgoing);
        let mut wanted = [0.0; MOST_ROADS];
        for (row, row_shares) in shares.chunks_exact(columns).enumerate() {
            for (total, share) in wanted.iter_mut().zip(row_shares) {
                *total += share * self.sending[row];
            }
        }
        let fits = (0..columns).all(|column| wanted[column] <= self.receiving[column]);
        if fits {
            self.left = self.sending;
            self.entered = wanted;
            return;
        }
        let mut granted = [[1.0; MOST_ROADS]; MOST_ROADS];
        for (column, wish) in wanted.iter().enumerate().take(columns) {
            if *wish > self.receiving[column] {
                self.share_room(column, shares, &mut granted);
            }
        }
        for row in 0..rows {
            self.release(row, &shares[row * columns..(row + 1) * columns], &granted[row]);
        }
    }

    /// The share of its wish that each road is granted into the outgoing road `column`.
    fn share_room(&self, column: usize, shares: &[f64], granted: &mut [[f64; MOST_ROADS]; MOST_ROADS]) {
        let (rows, columns) = (self.incoming, self.outgoing);
        let wish = |row: usize| shares[row * columns + column] * self.sending[row];
        let mut open = [false; MOST_ROADS];
        for (row, flag) in open.iter_mut().enumerate().take(rows) {
            *flag = wish(row) > 0.0;
        }
        let mut room = self.receiving[column];
        loop {
            let claims: f64 = (0..rows)
                .filter(|&row| open[row])
                .map(|row| self.claims[row] * shares[row * columns + column])
                .sum();
            if claims <= 0.0 {
                return;
            }
            let level = room / claims;
            let mut settled = false;
            for row in 0..rows {
                if open[row] && wish(row) <= level * self.claims[row] * shares[row * columns + column] {
                    open[row] = false;
                    room -= wish(row);
                    settled = true;
                }
            }
            if !settled {
                for row in (0..rows).filter(|&row| open[row]) {
                    let part = level * self.claims[row] * shares[row * columns + column];
                    granted[row][column] = (part / wish(row)).clamp(0.0, 1.0);
                }
                return;
            }
        }
    }

    fn release(&mut self, row: usize, shares: &[f64], granted: &[f64; MOST_ROADS]) {
        let used = shares.iter().zip(granted).filter(|(share, _)| **share > 0.0);
        let slowest = used.map(|(_, grant)| *grant).fold(1.0, f64::min);
        for (column, share) in shares.iter().enumerate() {
            let pass = HELD_BACK * slowest + (1.0 - HELD_BACK) * granted[column];
            let moved = share * self.sending[row] * pass;
            self.left[row] += moved;
            self.entered[column] += moved;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(sending: &[f64], claims: &[f64], receiving: &[f64], shares: &[f64]) -> Crossing {
        let mut crossing = Crossing::default();
        for (send, claim) in sending.iter().zip(claims) {
            crossing.add_incoming(*send, *claim);
        }
        for receive in receiving {
            crossing.add_outgoing(*receive);
        }
        crossing.solve(shares);
        crossing
    }

    #[test]
    fn a_merge_follows_the_median_rule() {
        for (one, two, room) in [(3.0, 1.0, 2.0), (1.0, 3.0, 2.0), (0.3, 3.0, 2.0), (0.5, 0.5, 2.0)] {
            let solved = crossing(&[one, two], &[3.0, 1.0], &[room], &[1.0, 1.0]);
            let median = |send: f64, other: f64, part: f64| {
                let mut three = [send, room - other, part * room];
                three.sort_by(f64::total_cmp);
                three[1]
            };
            let (first, second) = if one + two <= room {
                (one, two)
            } else {
                (median(one, two, 0.75), median(two, one, 0.25))
            };
            assert!(
                (solved.left[0] - first).abs() < 1e-12 && (solved.left[1] - second).abs() < 1e-12,
                "{solved:?}"
            );
            assert!(solved.entered[0] <= room + 1e-12);
        }
    }

    #[test]
    fn a_full_exit_holds_back_those_who_want_another() {
        let solved = crossing(&[10.0], &[1.0], &[0.0, 100.0], &[0.5, 0.5]);
        assert!((solved.left[0] - 5.0 * (1.0 - HELD_BACK)).abs() < 1e-12);
        assert!(solved.entered[0].abs() < 1e-12);
    }

    #[test]
    fn what_leaves_enters() {
        let shares = [0.2, 0.5, 0.3, 0.6, 0.1, 0.3, 0.0, 1.0, 0.0];
        let solved = crossing(&[4.0, 6.0, 2.0], &[2.0, 1.0, 0.5], &[1.0, 3.0, f64::INFINITY], &shares);
        let (left, entered): (f64, f64) = (solved.left.iter().sum(), solved.entered.iter().sum());
        assert!((left - entered).abs() < 1e-12 && solved.entered[1] <= 3.0 + 1e-12);
    }
}

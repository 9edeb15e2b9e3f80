//! The patterns that were seen, each remembered once.

/// A bounded memory of short vectors. What is near to a remembered one is not remembered again, so that a few thousand
/// places hold a long history; once they are taken, the oldest goes.
#[derive(Debug, Clone)]
pub(super) struct Patterns<const SIZE: usize> {
    memory: Vec<[f32; SIZE]>,
    places: usize,
    oldest: usize,
}

impl<const SIZE: usize> Patterns<SIZE> {
    pub(super) fn new(places: usize) -> Self {
        Self {
            memory: Vec::new(),
            places,
            oldest: 0,
        }
    }

    /// The nearest remembered pattern and the root of the mean square difference to it.
    pub(super) fn nearest(&self, pattern: [f32; SIZE]) -> Option<(f64, [f32; SIZE])> {
        let mut least = f32::INFINITY;
        let mut nearest = None;
        for known in &self.memory {
            let mut distance = 0.0;
            for lag in 0..SIZE {
                distance += (known[lag] - pattern[lag]).powi(2);
            }
            if distance < least {
                least = distance;
                nearest = Some(*known);
            }
        }
        nearest.map(|known| ((f64::from(least) / SIZE as f64).sqrt(), known))
    }

    pub(super) fn remember(&mut self, pattern: [f32; SIZE]) {
        if self.memory.len() < self.places {
            self.memory.push(pattern);
        } else {
            self.memory[self.oldest] = pattern;
            self.oldest = (self.oldest + 1) % self.places;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pattern_goes_once_all_places_are_taken() {
        let mut patterns = Patterns::<1>::new(3);
        for value in [1.0, 2.0, 3.0, 4.0] {
            patterns.remember([value]);
        }
        assert_eq!(patterns.memory.len(), 3);
        assert_eq!(patterns.nearest([0.0]), Some((2.0, [2.0])));
    }
}

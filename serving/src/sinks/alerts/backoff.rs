//! How long to wait before a receiver that did not take an alert is asked again.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The pause after the first failure, before chance shortens it.
const FIRST: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST: Duration = Duration::from_mins(5);

/// Pauses of 1, 2, 4, ... 256 and then 300 seconds, each shortened by chance to between its half and its whole, so that many
/// senders do not come back at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    failures: u32,
    chance: ChaCha8Rng,
}

impl Backoff {
    /// Begins anew; the same seed gives the same pauses.
    pub fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            chance: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The pause after one more failure, at least what the receiver asks for in `asked`.
    pub fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures += 1;
        let pause = whole.mul_f64(self.chance.random_range(0.5..=1.0));
        pause.max(asked.unwrap_or_default())
    }

    /// The receiver took something: the next failure is the first one again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let mut backoff = Backoff::new(1);
        for whole in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0] {
            let pause = backoff.pause(None).as_secs_f64();
            assert!(pause >= whole / 2.0 && pause <= whole, "{pause} of {whole}");
        }
        backoff.succeeded();
        assert!(backoff.pause(None) <= FIRST);
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses_and_another_others() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            [(); 5].map(|()| backoff.pause(None))
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn a_receiver_that_asks_for_patience_gets_it() {
        let asked = Duration::from_secs(40);
        assert_eq!(Backoff::new(1).pause(Some(asked)), asked);
    }
}

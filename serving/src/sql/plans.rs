//! Plans that were told to a client and wait for it to fetch the rows, so that a query is planned once.
//!
//! They are few and soon forgotten, and nothing rests on them: a query whose plan is gone is planned again.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::engine::Planned;
use crate::sync::lock;

/// The most plans that wait.
const MOST: usize = 64;
/// Plans of longer queries are large themselves and do not wait. In bytes.
const LONGEST: usize = 1 << 14;
/// How long the rows of a plan are those of when it was made.
const KEPT: Duration = Duration::from_secs(30);

/// The plans, the oldest first.
#[derive(Default)]
pub(crate) struct Plans(Mutex<VecDeque<Kept>>);

struct Kept {
    /// The whole handle: numbers alone could be another replica's.
    handle: Vec<u8>,
    planned: Planned,
    since: Instant,
}

impl Plans {
    /// Keeps the plan of the query that `handle` stands for.
    pub fn keep(&self, handle: &[u8], planned: Planned) {
        if handle.len() > LONGEST {
            return;
        }
        let mut plans = lock(&self.0);
        plans.retain(|kept| kept.since.elapsed() < KEPT);
        if plans.len() == MOST {
            plans.pop_front();
        }
        plans.push_back(Kept {
            handle: handle.to_vec(),
            planned,
            since: Instant::now(),
        });
    }

    /// Takes the plan that `handle` stands for, where it is not older than `age`.
    pub fn take(&self, handle: &[u8], age: Duration) -> Option<Planned> {
        let mut plans = lock(&self.0);
        let place = plans.iter().position(|kept| kept.handle == handle)?;
        let kept = plans.remove(place)?;
        (kept.since.elapsed() < age.min(KEPT)).then_some(kept.planned)
    }
}

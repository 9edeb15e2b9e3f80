//! Keeps the threads at hand between the operations of a training step.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::Yield;

/// Runs `work` on the thread pool while the pool's other threads look for work without falling asleep.
///
/// A step is made of many pieces that take a fraction of a millisecond, with less between them that only one thread can do;
/// a thread that has fallen asleep there needs as long to wake as the piece would take. While others want the cores, the
/// waiting threads let them.
pub fn awake<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let done = AtomicBool::new(false);
    rayon::scope(|scope| {
        for _ in 1..rayon::current_num_threads() {
            scope.spawn(|_| look_for_work(&done));
        }
        let _at_the_end = Finish(&done);
        work()
    })
}

fn look_for_work(done: &AtomicBool) {
    while !done.load(Ordering::Acquire) {
        if rayon::yield_now() != Some(Yield::Executed) {
            std::thread::yield_now();
        }
    }
}

/// Says that the work is done, also when it panics.
struct Finish<'a>(&'a AtomicBool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn work_and_its_parts_come_to_an_end_at_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let sum: u64 = pool.install(|| awake(|| (0..10_000_u64).into_par_iter().sum()));
            assert_eq!(sum, 49_995_000);
        }
    }

    #[test]
    fn a_panic_of_the_work_passes_through() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let work = std::panic::AssertUnwindSafe(|| pool.install(|| awake(|| panic!("as it should"))));
        let outcome = std::panic::catch_unwind(work);
        assert!(outcome.is_err());
    }
}

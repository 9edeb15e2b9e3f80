//! What threads use again and again, without allocation.

use std::sync::{Mutex, PoisonError};

/// Values that nobody uses at the moment, the last one used on top: what is still in the caches is used again.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Pool<T> {
    /// Lends a value to `work`, a new one where all are in use. What an earlier use left in it is still there.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken in a statement of its own, so that the lock is free while the work runs.
        let taken = lock().pop();
        let mut value = taken.unwrap_or_default();
        let result = work(&mut value);
        lock().push(value);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_used_again_and_never_by_two_at_the_same_time() {
        let pool = Pool::<Vec<u32>>::default();
        pool.with(|outer| {
            outer.push(1);
            pool.with(|inner| inner.push(2));
            assert_eq!(*outer, [1]);
        });
        assert_eq!(pool.with(|value| value.clone()), [1]);
    }
}

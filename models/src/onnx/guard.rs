//! Work of tract's, which panics on some corrupt files and odd values where it should return an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use tract_onnx::prelude::TractResult;

use super::FILE;
use crate::{Error, Result};

thread_local! {
    /// Whether a panic of this thread becomes an error, so that nobody need be told of it.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`. A panic becomes an error and is not told on stderr. What it worked on is dropped then, so nothing half-done
/// is seen again.
pub(super) fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T> {
    silence();
    let before = IS_GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::malformed(FILE, format!("{error:#}"))),
        Err(panic) => Err(Error::malformed(FILE, said(panic.as_ref()))),
    }
}

/// Once for the process: panics that become errors are kept from the hook that tells of panics, all others go there as before.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                tell(panic);
            }
        }));
    });
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let found = "its operators do not fit each other or their input";
    text.map_or_else(|| found.to_owned(), |text| format!("{found}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_text_and_the_next_one_is_told_again() {
        let work = |place: usize| guarded(move || Ok([1, 2, 3][place]));
        assert_eq!(work(2).unwrap(), 3);
        let error = work(7).unwrap_err();
        assert!(error.is_refusal(), "{error}");
        assert!(error.to_string().contains("index out of bounds"), "{error}");
        assert!(!IS_GUARDED.get());
    }
}

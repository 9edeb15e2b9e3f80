//! Events become windows: exact accumulators, watermark, repeats, revisions.
//!
//! | file | what stands there |
//! |---|---|
//! | `windows` | [`Windows`]: the windows of one stream, open and closed |
//! | `table` | the accumulators of one window, one slot a key |
//! | `fixed`, `wide` | sums that do not depend on the order of their terms |
//! | `identities` | which events a window has already counted |
//! | `watermark` | how far event time has come, and who holds it |
//! | `closed` | closed windows in memory and the revisions that late records make |
//! | `shared` | events of windows that other logs have rows of |
//! | `state` | what a later revision needs, as bytes |
//! | `rows` | windows as rows of the windows table |
//!
//! # What counts
//! Within one key and window an identity counts once; the first to arrive gives the values, each later one counts as a
//! duplicate. A repeat that comes after its window closed is recognised as well, by the identities in `_state`, and makes a
//! revision in which only `duplicates` grew: so every record of a stream is counted in `events`, in `duplicates` or in the
//! quarantine, exactly once. `last`, the zone and the descriptions are those of the latest event by (time, identity).

mod closed;
mod fixed;
mod identities;
mod late;
mod layout;
mod rows;
mod shared;
mod state;
mod table;
mod watermark;
mod wide;
mod windows;

pub use fixed::{Scale, UNDECLARED_BOUND};
pub use layout::{Description, Layout};
pub use watermark::Resume;
pub use windows::{Counts, Missing, Position, TooLate, Windows};

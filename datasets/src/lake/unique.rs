//! Names that nobody else draws.

use uuid::Uuid;

/// An identifier for a file, a commit or a table: several processes write one lake at once, so no seed can give it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the lake where chance has no seed: it names things, and decides nothing"
)]
pub(super) fn unique() -> Uuid {
    Uuid::new_v4()
}

//! Where a page of alerts begins.

use serde::{Deserialize, Serialize};

/// Where a page of alerts begins that is not the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePlace {
    /// With what changed last before this sequence; with nothing where it is 0.
    pub before: u64,
    /// And, when there is nothing more of that, with what changed behind this sequence, the newest as the first page was made.
    pub since: u64,
}

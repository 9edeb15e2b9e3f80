//! The public data sets that some tests read: nobody fetches them.

use std::env;
use std::path::PathBuf;

use crate::missing::say;

/// Where they are beside the repository, where `ARTERIAL_DATA` says nothing.
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");

/// The file or folder `name` of the public data sets; none, with a line about it, where it is not here. Unlike all else that may be
/// missing, it may be so where `ARTERIAL_REQUIRE_ALL` is set.
pub fn data(name: &str) -> Option<PathBuf> {
    let root = env::var_os("ARTERIAL_DATA").map_or_else(|| PathBuf::from(BESIDE), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    let place = path.display();
    say(&format!(
        "{place} is not here; ARTERIAL_DATA names the folder of the public data sets"
    ));
    None
}

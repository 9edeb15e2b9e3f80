//! The public data sets that some tests read: nobody fetches them.

use std::env;
use std::path::PathBuf;

use crate::missing::missing;

/// Where they are beside the repository, where `ARTERIAL_DATA` says nothing.
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");

/// The file or folder `name` of the public data sets; none, with a line about it, where it is not here.
///
/// # Panics
/// As [`missing`] does, which calls them `data`.
#[track_caller]
pub fn data(name: &str) -> Option<PathBuf> {
    let root = env::var_os("ARTERIAL_DATA").map_or_else(|| PathBuf::from(BESIDE), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    let place = path.display();
    missing(
        "data",
        &format!("{place} is not here; ARTERIAL_DATA names the folder of the public data sets"),
    );
    None
}

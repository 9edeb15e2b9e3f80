//! Where programs of the system are.

use std::env;
use std::path::PathBuf;

use crate::missing::missing;

/// The program that the variable names, or the first of `names` on the path. Where there is none, a line says what to type; the first name
/// is what it is called where it may be missing.
///
/// # Panics
/// Where there is none, as [`missing`] does.
pub fn program(variable: &str, names: &[&str], hint: &str) -> Option<PathBuf> {
    let found = match env::var_os(variable) {
        Some(named) => Some(PathBuf::from(named)).filter(|path| path.is_file()),
        None => on_path(names),
    };
    if found.is_none() {
        missing(names[0], &format!("no {} here ({hint}, or set {variable})", names[0]));
    }
    found
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|path| path.is_file())
}

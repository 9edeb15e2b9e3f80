//! Where programs of the system are.

use std::env;
use std::path::PathBuf;

/// The program that the variable names, or the first of `names` on the path. Where there is none, a line says what to type;
/// with `CI` set that fails the test.
///
/// # Panics
/// In CI, where there is none.
pub fn program(variable: &str, names: &[&str], hint: &str) -> Option<PathBuf> {
    let found = match env::var_os(variable) {
        Some(named) => Some(PathBuf::from(named)).filter(|path| path.is_file()),
        None => on_path(names),
    };
    if found.is_none() {
        let lack = format!("no {} here ({hint}, or set {variable})", names[0]);
        assert!(env::var_os("CI").is_none(), "{lack}");
        eprintln!("skipped: {lack}");
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

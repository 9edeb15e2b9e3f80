//! Whether what a command makes can be written: that is said before the work, not after it.

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::Context;

use crate::outcome::Usage;

/// Checks, while there is nothing to write yet, that the file of `option` can be written; `-` is standard output.
///
/// # Errors
/// A folder in the place of the file, a folder that does not exist, one or a file that cannot be written to.
pub fn check(option: &str, path: &Path) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    let wrong = |accepted: &str| Usage(format!("`{option}` is `{}`, accepted: {accepted}", path.display()));
    let tried: std::io::Result<File> = match std::fs::metadata(path) {
        Ok(facts) if facts.is_dir() => return Err(wrong("a file, and this is a folder").into()),
        Ok(facts) if facts.is_file() => OpenOptions::new().append(true).open(path),
        // Whoever reads a pipe would take this for its end.
        Ok(_) => return Ok(()),
        Err(_) => {
            let folder = there(path.parent().unwrap_or(path));
            if !folder.is_dir() {
                return Err(wrong("a file in a folder that exists").into());
            }
            tempfile::tempfile_in(folder)
        }
    };
    tried
        .map(drop)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Checks that files can be made in the folder of `option`, or that the folder can be made.
///
/// # Errors
/// Something else in its place, or in the place of a folder above it; a folder that cannot be written to.
pub fn check_folder(option: &str, folder: &Path) -> anyhow::Result<()> {
    let mut above = folder.ancestors().map(there);
    let nearest = above.find(|place| place.exists()).unwrap_or(folder);
    if !nearest.is_dir() {
        let (value, file) = (folder.display(), nearest.display());
        let problem = format!("`{option}` is `{value}`, accepted: a folder, and `{file}` is none");
        return Err(Usage(problem).into());
    }
    let tried = tempfile::tempfile_in(nearest);
    tried
        .map(drop)
        .with_context(|| format!("cannot write into `{}`", nearest.display()))
}

/// The folder of a path that names none is the one that the command runs in.
fn there(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: anyhow::Result<()>) -> String {
        let error = result.unwrap_err();
        assert!(error.is::<Usage>(), "{error}");
        error.to_string()
    }

    #[test]
    fn a_file_is_written_into_a_folder_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("old.csv"), "kept").unwrap();
        for good in [at("new.csv"), at("old.csv"), "-".into(), "new.csv".into()] {
            check("--out", &good).unwrap();
        }
        assert_eq!(std::fs::read_to_string(at("old.csv")).unwrap(), "kept");
        assert!(!at("new.csv").exists(), "nothing is made yet");
        assert!(refused(check("--out", &at("none/new.csv"))).contains("a folder that exists"));
        assert!(refused(check("--out", folder.path())).contains("this is a folder"));
    }

    #[test]
    fn a_folder_need_not_exist_but_nothing_else_may_be_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        for good in [folder.path(), at("a/b/c").as_path(), Path::new("never-made")] {
            check_folder("--registry", good).unwrap();
        }
        assert!(!at("a").exists(), "nothing is made yet");
        for wrong in ["file", "file/below"] {
            let said = refused(check_folder("--registry", &at(wrong)));
            assert!(
                said.starts_with("`--registry` is `") && said.contains("is none"),
                "{said}"
            );
        }
    }
}

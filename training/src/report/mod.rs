//! A backtest as one HTML file: charts as inline SVG, no script, nothing fetched, light and dark by the reader's own setting.

mod chart;
mod charts;
mod sections;

use std::path::{Path, PathBuf};

use crate::backtest::Backtest;
use crate::{Error, Result};

const STYLE: &str = include_str!("style.css");

/// Checks, while there is no page yet, that one can be written to `path`.
///
/// # Errors
/// A folder in the place of the file, a folder that does not exist or cannot be written to.
pub fn check(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let accepted = match folder {
        _ if path.is_dir() => Some("a file, and this is a folder"),
        Some(folder) if !folder.is_dir() => Some("a file in a folder that exists"),
        _ => None,
    };
    if let Some(accepted) = accepted {
        return Err(Error::invalid("--report", path.display(), accepted));
    }
    let unfinished = unfinished(path);
    let tried = std::fs::write(&unfinished, "").and_then(|()| std::fs::remove_file(&unfinished));
    tried.map_err(|source| failed(path, source))
}

/// Writes the page of `backtest` to `path`; `series` are the names of the panel's series. The file appears whole or not at all.
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, backtest: &Backtest, series: &[String]) -> Result<()> {
    let page = page(backtest, series);
    let unfinished = unfinished(path);
    let written = std::fs::write(&unfinished, page).and_then(|()| std::fs::rename(&unfinished, path));
    written.map_err(|source| failed(path, source))
}

/// Where the page is written until it is whole.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        source,
    }
}

/// The page as text.
pub fn page(backtest: &Backtest, series: &[String]) -> String {
    let title = sections::title(backtest);
    let body = [
        sections::head(backtest),
        sections::scores(backtest),
        sections::areas(backtest),
        charts::samples(backtest),
        format!(
            "<div class=\"two\">{}{}</div>",
            charts::by_step(backtest),
            charts::by_hour(backtest)
        ),
        format!(
            "<div class=\"two\">{}{}</div>",
            charts::by_series(backtest),
            charts::reliability(backtest)
        ),
        charts::hardest(backtest, series),
        sections::cost(backtest),
        sections::foot(backtest),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><title>{}</title><style>\n{STYLE}</style></head><body><main>\n{}\n</main></body></html>\n",
        chart::escape(&title),
        body.join("\n")
    )
}

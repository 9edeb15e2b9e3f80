//! A backtest as one HTML file: charts as inline SVG, no script, nothing fetched, light and dark by the reader's own setting.

mod chart;
mod charts;
mod sections;

use std::path::Path;

use crate::backtest::Backtest;
use crate::{Error, Result};

const STYLE: &str = include_str!("style.css");

/// Writes the page of `backtest` to `path`; `series` are the names of the panel's series. The file appears whole or not at all.
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, backtest: &Backtest, series: &[String]) -> Result<()> {
    let page = page(backtest, series);
    let failed = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    std::fs::write(&unfinished, page).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
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

//! Detectors that learn a stream while they watch it, in a bounded memory.
//!
//! | part | what it knows |
//! |---|---|
//! | `tail`, `gate`, `line` | how rare a score is, whether it is news, how much surprise makes an alert |
//! | `scale`, `day`, `given`, `extent` | what is usual: overall, at this time of the day, where another column is as it is; how far it ever was |
//! | `patterns`, `sample`, `neighbours`, `together` | what was seen: short courses, whole rows, columns that go together |
//! | `column`, `company`, `evidence` | the questions that are asked of one column and of several, and their answers |
//! | `auto`, `knn` | the detectors |

mod auto;
mod column;
mod company;
mod day;
mod evidence;
mod extent;
mod gate;
mod given;
mod knn;
mod line;
mod neighbours;
mod patterns;
mod sample;
mod scale;
mod tail;
mod together;

pub use auto::Auto;
pub use knn::Knn;

use crate::detector::{AnomalyScore, Verdict};
use crate::{Error, Result};

/// Values beyond it are taken for it, so that no square overflows.
const LARGEST: f64 = 1e15;

/// A value that can be worked with; nothing where there is none.
fn usable(value: f64) -> Option<f64> {
    value.is_finite().then(|| value.clamp(-LARGEST, LARGEST))
}

/// Refuses a stream without columns.
fn rows_of(columns: &[String]) -> Result<()> {
    if columns.is_empty() {
        return Err(Error::invalid("columns", 0, "at least one column"));
    }
    Ok(())
}

/// The verdict on a row without any value, after `rows` that had one.
fn without_value(rows: u64, of: u64) -> Verdict {
    if rows <= of {
        return learning(rows, of);
    }
    Verdict {
        score: AnomalyScore::NONE,
        reason: String::new(),
    }
}

/// The verdict while too little is known: so far `rows` had a value.
fn learning(rows: u64, of: u64) -> Verdict {
    Verdict {
        score: AnomalyScore::NONE,
        reason: format!("learning: {rows} of {of} rows"),
    }
}

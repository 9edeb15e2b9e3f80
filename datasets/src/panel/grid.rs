//! From distinct times to evenly spaced rows.

use std::collections::HashMap;

use ndarray::Array2;

use super::clock::PanelClock;
use super::frame::{Frame, empty};
use super::options::{Gaps, PanelOptions};
use super::strays::refuse_strays;
use super::table::Table;
use crate::time::{DAY, Duration, HOUR, MINUTE, SECOND, Timestamp};
use crate::{Error, Result};

/// Evenly spaced rows.
pub(super) struct Grid {
    pub start: Timestamp,
    pub step: Duration,
    pub values: Array2<f64>,
    /// Rows that the file lacks.
    pub inserted: usize,
}

/// How the times of a file are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spacing {
    /// The most frequent distance; the smaller one of two equally frequent.
    pub usual: Option<Duration>,
    /// Rows that are absent between others.
    pub absent: usize,
    /// Rows whose distance from the row before is no multiple of the usual one.
    pub off_grid: usize,
}

/// Looks at the distances between distinct times.
pub(super) fn spacing(times: &[i64], step: Option<Duration>) -> Spacing {
    let usual = step.or_else(|| usual_distance(times));
    let mut spacing = Spacing {
        usual,
        absent: 0,
        off_grid: 0,
    };
    let Some(Duration(step)) = usual else { return spacing };
    for pair in times.windows(2) {
        let distance = pair[1] - pair[0];
        if distance % step != 0 {
            spacing.off_grid += 1;
        } else {
            spacing.absent += (distance / step - 1) as usize;
        }
    }
    spacing
}

/// The step nearest to `step` that people use and that divides a day: what uneven times are likely meant to have.
pub(super) fn even(step: Duration) -> Duration {
    let seconds = [1, 5, 10, 15, 20, 30].map(|count| count * SECOND);
    let minutes = [1, 2, 3, 5, 6, 10, 15, 20, 30].map(|count| count * MINUTE);
    let hours = [1, 2, 3, 4, 6, 8, 12].map(|count| count * HOUR);
    let steps = seconds.into_iter().chain(minutes).chain(hours).chain([DAY]);
    Duration(steps.min_by_key(|even| (even - step.0).abs()).unwrap_or(DAY))
}

fn usual_distance(times: &[i64]) -> Option<Duration> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for pair in times.windows(2) {
        *counts.entry(pair[1] - pair[0]).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|&(distance, count)| (count, std::cmp::Reverse(distance)));
    most.map(|(distance, _)| Duration(distance))
}

/// Puts a frame on its grid, or says where it does not fit.
pub(super) fn regular(table: &Table, frame: Frame, clock: &PanelClock, options: &PanelOptions) -> Result<Grid> {
    let usual = spacing(&frame.times, options.fixed_step()).usual;
    let step = usual.ok_or_else(|| {
        Error::invalid(
            "step",
            "not visible in one row",
            "`--step 5m`, or a file of at least two rows",
        )
    })?;
    if step.0 <= 0 {
        return Err(Error::invalid("step", step, "a positive duration, such as 5m"));
    }
    refuse_strays(table, &frame, step)?;
    check(table, &frame, clock, step, options.gaps)?;
    let start = frame.times[0];
    let steps = ((frame.times[frame.times.len() - 1] - start) / step.0 + 1) as usize;
    let inserted = steps - frame.times.len();
    if inserted == 0 {
        return Ok(Grid {
            start: Timestamp(start),
            step,
            values: frame.values,
            inserted,
        });
    }
    let mut values = empty(&table.path, steps, table.series.len())?;
    for (time, row) in frame.times.iter().zip(frame.values.rows()) {
        values.row_mut(((time - start) / step.0) as usize).assign(&row);
    }
    Ok(Grid {
        start: Timestamp(start),
        step,
        values,
        inserted,
    })
}

fn check(table: &Table, frame: &Frame, clock: &PanelClock, step: Duration, gaps: Gaps) -> Result<()> {
    for (place, pair) in frame.times.windows(2).enumerate() {
        let distance = Duration(pair[1] - pair[0]);
        let row = frame.rows[place + 1];
        let (before, time) = (Timestamp(pair[0]), Timestamp(pair[1]));
        if distance.0 % step.0 != 0 {
            let even = even(step);
            let hint = if (distance.0 - step.0).abs() <= HOUR {
                clock.hint()
            } else {
                ""
            };
            return Err(table.time_error(
                row,
                format!(
                    "{time} is {distance} after {before}, accepted: a whole number of steps of {step}, or --resample {even}, \
                     which takes the mean of every {even}{hint}"
                ),
            ));
        }
        if distance != step && gaps == Gaps::Refuse {
            let absent = distance.0 / step.0 - 1;
            return Err(table.time_error(
                row,
                format!(
                    "{absent} rows are absent between {before} and {time} at a step of {step}, accepted: every step, or \
                     --gaps missing{}",
                    clock.hint()
                ),
            ));
        }
    }
    Ok(())
}

//! Scores rows in their order, each by what came before it.

use arterial_datasets::panel::Rows;
use arterial_datasets::time::Timestamp;
use arterial_models::detectors::series_detector;
use jiff::tz::TimeZone;

use super::{Args, Place, Scored};

/// Scores each row of `rows` after those of `earlier`.
///
/// # Errors
/// A detector that is not known, an unknown zone.
pub fn score(args: &Args, rows: &Rows, earlier: Option<&Rows>) -> anyhow::Result<Vec<Scored>> {
    let mut watch = series_detector(&args.detector)?.start(&rows.columns, args.seed)?;
    let clock = WallClock::of(&args.timezone)?;
    for rows in earlier.into_iter().chain([rows]) {
        tell_order(rows);
    }
    if let Some(earlier) = earlier {
        for (row, time) in earlier.values.rows().into_iter().zip(&earlier.times) {
            watch.observe(clock.at(*time), &row.to_vec());
        }
    }
    let quiet = args.training_rows(rows.values.nrows());
    let each = rows.values.rows().into_iter().zip(&rows.times).zip(&rows.stamps);
    let scored = each.enumerate().map(|(number, ((row, time), stamp))| {
        let verdict = watch.observe(clock.at(*time), &row.to_vec());
        Scored {
            place: Place::Timestamp(stamp.clone()),
            score: verdict.score.into(),
            alert: verdict.score.is_alert() && number >= quiet,
            learning: verdict.is_learning(),
            reason: verdict.reason,
        }
    });
    Ok(scored.collect())
}

/// What was seen of the order of times, on stderr.
fn tell_order(rows: &Rows) {
    let (repeated, backward) = rows.repeated_and_backward();
    let seen = [
        (repeated, "rows repeat the time of the row above them"),
        (backward, "rows lie before the row above them"),
    ];
    for (count, what) in seen.into_iter().filter(|(count, _)| *count > 0) {
        eprintln!("{}: {count} {what}; they are scored in file order", rows.path);
    }
    if let Some((row, what)) = rows.stray() {
        eprintln!("{}: row {}: {what}; it is scored in file order", rows.path, row + 1);
    }
}

/// The local clock of a zone, so that the same time of day is the same in summer and winter.
struct WallClock(TimeZone);

impl WallClock {
    fn of(zone: &str) -> anyhow::Result<Self> {
        Ok(Self(TimeZone::get(zone)?))
    }

    /// What the clock shows at `instant`, as if it were UTC.
    fn at(&self, instant: Timestamp) -> Timestamp {
        let Ok(known) = instant.to_jiff() else { return instant };
        Timestamp(instant.0 + i64::from(self.0.to_offset(known).seconds()) * arterial_datasets::time::SECOND)
    }
}

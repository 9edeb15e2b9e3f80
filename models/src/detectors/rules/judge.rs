//! What a rule says of a row, given what it remembers of the key.

use arterial_datasets::time::{Duration, Timestamp};

use super::compiled::{Check, Compiled};
use super::line::Line;
use crate::alerts::{Expected, Finding, Reason};
use crate::detector::AnomalyScore;

/// A score of a rule is at most this: beyond it nothing gets worse.
pub(super) const LARGEST: f64 = 10.0;
/// So many windows tell how much a key's readings usually scatter, and after so many they count a third.
const KNOWN: f64 = 36.0;
const MEMORY: f64 = 2016.0;

/// What a rule remembers of a key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    /// Since when it has been so; none where it is not.
    since: Option<Timestamp>,
    /// The last value, or the usual one.
    value: f64,
    /// How many windows it rests on.
    count: f64,
}

/// A row and when it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub row: &'a [f64],
    pub window: Timestamp,
    pub step: Duration,
    /// Whether it follows the key's last one without a gap.
    pub follows: bool,
}

impl Moment<'_> {
    fn end(&self) -> i64 {
        self.window.0 + self.step.0
    }
}

/// What `rule` says, given what is usual where it asks for it; none where a value that it needs is missing or it may not speak.
pub(super) fn judge(
    rule: &Compiled,
    usual: Option<Expected>,
    memory: &mut Memory,
    moment: &Moment<'_>,
) -> Option<Finding> {
    if !rule.applies(moment.row) {
        *memory = Memory { since: None, ..*memory };
        return None;
    }
    let row = moment.row;
    let found = match &rule.check {
        // A window has come; of keys without one `Rules::silent` speaks.
        Check::Silence => Some(finding(0.0, Reason::Silent(Duration(0)), None)),
        Check::Stuck(columns) => stuck(rule, columns, usual, memory, moment),
        Check::Impossible { low, high, range } => impossible((row[*low], row[*high]), *range),
        Check::Jump { mean, most } => jump(row[*mean], *most, memory, moment),
        Check::Erratic { deviation, times } => erratic(rule, row[*deviation], *times, memory, moment),
        Check::OverCapacity { mean, line } => {
            let line = Line::above(*line, usual);
            let reason = Reason::OverCapacity(line.at());
            passed(rule, (row[*mean], line.strangeness(row[*mean])), reason, memory, moment)
        }
        Check::Overcrowded { largest, line } => {
            let line = Line::above(*line, usual);
            let reason = Reason::Overcrowded(line.at());
            passed(
                rule,
                (row[*largest], line.strangeness(row[*largest])),
                reason,
                memory,
                moment,
            )
        }
        Check::SevereCongestion { mean, line } => {
            let line = Line::below(*line, usual);
            let reason = Reason::SevereCongestion(line.at());
            passed(rule, (row[*mean], line.strangeness(row[*mean])), reason, memory, moment)
        }
        Check::Degraded { good, events, line } => {
            let share = 1.0 - row[*good] / row[*events];
            let percent = 100.0 * share;
            let reason = Reason::DegradedQuality(percent);
            passed(rule, (percent, share / line), reason, memory, moment)
        }
    };
    // Of what stands still it is known how much it usually changes, not where it usually stands.
    let expected = usual.filter(|_| !matches!(rule.check, Check::Stuck(_)));
    found.map(|found| Finding { expected, ..found })
}

fn finding(strangeness: f64, reason: Reason, seen: Option<f64>) -> Finding {
    Finding {
        score: AnomalyScore::clamped(strangeness.min(LARGEST)),
        reason,
        seen,
        expected: None,
    }
}

/// A line that must be passed for as long as the rule says; on the way there the score grows up to the line.
fn passed(
    rule: &Compiled,
    (seen, strangeness): (f64, f64),
    reason: Reason,
    memory: &mut Memory,
    moment: &Moment<'_>,
) -> Option<Finding> {
    if !seen.is_finite() {
        return None;
    }
    // "Above 95" leaves 95 itself below the line.
    if strangeness <= 1.0 {
        memory.since = None;
        return Some(finding(strangeness.min(1.0 - 1e-9), reason, Some(seen)));
    }
    let elapsed = elapsed(memory, moment);
    let strangeness = if elapsed >= rule.lasting {
        strangeness
    } else {
        share(elapsed, rule.lasting)
    };
    Some(finding(strangeness, reason, Some(seen)))
}

/// How long it has been so at the end of the window, which counts.
fn elapsed(memory: &mut Memory, moment: &Moment<'_>) -> Duration {
    let since = memory.since.filter(|_| moment.follows).unwrap_or(moment.window);
    memory.since = Some(since);
    Duration(moment.end() - since.0)
}

/// The part of a duration that is over, below 1.
fn share(elapsed: Duration, of: Duration) -> f64 {
    (elapsed.0 as f64 / of.0 as f64).min(1.0 - 1e-9)
}

/// Nothing changed within the window, nor since the one before. Of a rule that leaves out what is usual no time counts in which it often
/// stands still, or in which nobody knows whether it does.
fn stuck(
    rule: &Compiled,
    columns: &[(usize, usize)],
    usual: Option<Expected>,
    memory: &mut Memory,
    moment: &Moment<'_>,
) -> Option<Finding> {
    let row = moment.row;
    // What tells one row from the next: numbers that have a value, and where they stand.
    let mut known = 0;
    let mut print = 0.0;
    for (place, (low, high)) in columns.iter().enumerate() {
        let (low, high) = (row[*low], row[*high]);
        if low.is_nan() {
            continue;
        }
        if low < high {
            *memory = Memory::default();
            return Some(finding(0.0, Reason::Stuck(Duration(0)), Some(low)));
        }
        known += 1;
        print = print * 31.0 + low + place as f64;
    }
    if known == 0 {
        return None;
    }
    let seen = columns.first().map(|(low, _)| row[*low]);
    let usually_changes = usual.is_some_and(|scatter| scatter.low > 0.0);
    if rule.usual.is_some() && !usually_changes {
        *memory = Memory::default();
        return Some(finding(0.0, Reason::Stuck(Duration(0)), seen));
    }
    let still = memory.since.is_some() && memory.value.to_bits() == print.to_bits() && moment.follows;
    if !still {
        memory.since = None;
    }
    memory.value = print;
    let elapsed = elapsed(memory, moment);
    let strangeness = elapsed.0 as f64 / rule.lasting.0 as f64;
    Some(finding(strangeness, Reason::Stuck(elapsed), seen))
}

/// A reading outside of the range: the further, the higher above the line; within it nothing is strange.
fn impossible((low, high): (f64, f64), (least, most): (f64, f64)) -> Option<Finding> {
    if low.is_nan() {
        return None;
    }
    let (under, over) = (least - low, high - most);
    let outside = under.max(over);
    let strangeness = if outside > 0.0 {
        1.0 + outside / (most - least)
    } else {
        0.0
    };
    let seen = if under > over { low } else { high };
    Some(finding(strangeness, Reason::Impossible, Some(seen)))
}

/// A change since the window before.
fn jump(mean: f64, most: f64, memory: &mut Memory, moment: &Moment<'_>) -> Option<Finding> {
    if mean.is_nan() {
        memory.count = 0.0;
        return None;
    }
    let before = (memory.count > 0.0 && moment.follows).then_some(memory.value);
    *memory = Memory {
        since: None,
        value: mean,
        count: 1.0,
    };
    let strangeness = (mean - before?).abs() / most;
    let strangeness = if strangeness > 1.0 {
        strangeness
    } else {
        strangeness.min(1.0 - 1e-9)
    };
    Some(finding(strangeness, Reason::Jump, Some(mean)))
}

/// A deviation far above the key's usual one, which is learned from windows that are not themselves far above it.
fn erratic(rule: &Compiled, deviation: f64, times: f64, memory: &mut Memory, moment: &Moment<'_>) -> Option<Finding> {
    if !deviation.is_finite() {
        return None;
    }
    let usual = memory.value;
    let pace = 1.0 / (memory.count + 1.0).min(MEMORY);
    let is_known = memory.count >= KNOWN && usual > 0.0;
    let learned = if is_known {
        deviation.min(2.0 * usual)
    } else {
        deviation
    };
    memory.value += pace * (learned - memory.value);
    memory.count = (memory.count + 1.0).min(MEMORY);
    if !is_known {
        return None;
    }
    let ratio = deviation / usual;
    passed(rule, (ratio, ratio / times), Reason::Erratic(ratio), memory, moment).map(|found| Finding {
        seen: Some(deviation),
        ..found
    })
}

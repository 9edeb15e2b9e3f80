//! The free-flow speed of every key, by the rule of the table `indices`, from the windows at hand.

use std::sync::{Arc, Mutex};

use arterial_datasets::time::Timestamp;
use arterial_features::indices::{FREE_FLOW_DAYS, free_flow_speed};

use crate::live::{LiveStream, Ring};
use crate::sync::lock;

/// So many keys are looked at before commits get their turn.
const KEYS_AT_ONCE: usize = 256;

/// The free-flow speeds for a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FreeFlows {
    /// By the position of the key in live state, km/h; none for a key without windows.
    pub speeds: Vec<Option<f64>>,
    /// The UTC days that they rest on, at most 28.
    pub days: i64,
}

/// The free-flow speeds of the newest window: they hardly change within one.
#[derive(Debug, Default)]
pub struct Known(Mutex<Option<(Timestamp, Arc<FreeFlows>)>>);

impl Known {
    /// The free-flow speeds for `window`. Reads weeks of windows where nobody has asked for this one yet.
    pub fn of(&self, stream: &LiveStream, field: &str, window: Timestamp) -> Arc<FreeFlows> {
        let mut known = lock(&self.0);
        if let Some((of, speeds)) = &*known
            && *of == window
            && speeds.speeds.len() == stream.key_count()
        {
            return Arc::clone(speeds);
        }
        let speeds = Arc::new(read(stream, field, window));
        *known = Some((window, Arc::clone(&speeds)));
        speeds
    }
}

fn read(stream: &LiveStream, field: &str, window: Timestamp) -> FreeFlows {
    let mut found = FreeFlows::default();
    loop {
        let first = found.speeds.len();
        let more = stream.with(|state| {
            let ring = state.ring(field)?;
            let rows = rows(ring, window);
            found.days = days(ring, &rows, window);
            let last = state.keys().len().min(first + KEYS_AT_ONCE);
            let of = |key: usize| free_flow_speed(rows.clone().map(|row| ring.value(row, key)));
            Some((first..last).map(of).collect::<Vec<_>>())
        });
        match more {
            Some(more) if !more.is_empty() => found.speeds.extend(more),
            _ => return found,
        }
    }
}

/// The rows that count for `window`: those of its own UTC day and of the 27 before.
fn rows(ring: &Ring, window: Timestamp) -> std::ops::Range<usize> {
    let Some(oldest) = ring.oldest() else { return 0..0 };
    let row = |instant: i64| ((instant - oldest.0).max(0) / ring.step().0) as usize;
    let begin = (window.day() - FREE_FLOW_DAYS + 1) * arterial_datasets::time::DAY;
    let end = row(window.0 + ring.step().0).min(ring.len());
    row(begin).min(end)..end
}

fn days(ring: &Ring, rows: &std::ops::Range<usize>, window: Timestamp) -> i64 {
    let first = ring.oldest().filter(|_| !rows.is_empty());
    first.map_or(0, |oldest| {
        let first = Timestamp(oldest.0 + rows.start as i64 * ring.step().0);
        window.day() - first.day() + 1
    })
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::{DAY, Duration, HOUR};

    use super::*;

    #[test]
    fn the_window_s_day_and_the_27_before_count() {
        let mut ring = Ring::new(Duration(HOUR), Duration(40 * DAY));
        for hour in 0..35 * 24 {
            ring.set(0, Timestamp(hour * HOUR), 0, 50.0);
        }
        let window = Timestamp(34 * DAY + 5 * HOUR);
        let found = rows(&ring, window);
        assert_eq!(found, 7 * 24..34 * 24 + 6);
        assert_eq!(days(&ring, &found, window), 28);
        let young = rows(&ring, Timestamp(DAY));
        assert_eq!((young.clone(), days(&ring, &young, Timestamp(DAY))), (0..25, 2));
        assert!(rows(&Ring::new(Duration(HOUR), Duration(DAY)), window).is_empty());
    }
}

//! The last hour of one key: enough to tell persistence from noise and a broken sensor from a broken road.

use std::collections::VecDeque;

use arterial_datasets::time::{Duration, Timestamp};

use super::AlertBook;
use super::look::Look;
use crate::alerts::symptom::Nature;

/// So many of the last windows are looked at for spikes ...
const SPIKE_WINDOWS: usize = 6;
/// ... and so many changes between strange and normal in them are no event of a city.
const SPIKE_CHANGES: usize = 3;

/// What was said of one key in the windows of the last hour, the newest last.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    windows: VecDeque<Brief>,
}

#[derive(Debug, Clone, Copy)]
struct Brief {
    window: Timestamp,
    step: Duration,
    scores: [f64; 3],
    /// The mean speed, in km/h.
    speed: Option<f64>,
}

const NATURES: [Nature; 3] = [Nature::Event, Nature::Fault, Nature::Missing];

impl Track {
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.windows.back().map(|brief| brief.window)
    }

    pub(super) fn add(&mut self, window: Timestamp, look: &Look) {
        while self
            .windows
            .front()
            .is_some_and(|brief| window.0 - brief.window.0 >= AlertBook::MEMORY.0)
        {
            self.windows.pop_front();
        }
        self.windows.push_back(Brief {
            window,
            step: look.step,
            scores: NATURES.map(|nature| look.score(nature)),
            speed: look.speed.map(|speed| speed.seen),
        });
    }

    /// How many windows in a row were strange up to the newest, and the start of the first of them.
    pub(super) fn run(&self, nature: Nature) -> (usize, Option<Timestamp>) {
        let mut run = (0, None);
        let mut later: Option<Timestamp> = None;
        for brief in self.windows.iter().rev() {
            let gap = later.is_some_and(|later| later.0 - brief.window.0 > 2 * brief.step.0);
            if gap || !brief.is_strange(nature) {
                break;
            }
            run = (run.0 + 1, Some(brief.window));
            later = Some(brief.window);
        }
        run
    }

    /// The mean speed in the window just before `window`, in km/h; nothing where it is not known.
    pub(super) fn speed_before(&self, window: Timestamp, step: Duration) -> Option<f64> {
        let newest = self.windows.back()?;
        let follows = window.0 - newest.window.0 <= step.0;
        newest.speed.filter(|_| follows)
    }

    /// Whether it is strange again and again: in at least half of the last six windows.
    pub(super) fn is_often_strange(&self, nature: Nature) -> bool {
        let recent = self.windows.iter().rev().take(SPIKE_WINDOWS);
        2 * recent.filter(|brief| brief.is_strange(nature)).count() >= SPIKE_WINDOWS
    }

    /// Whether it goes back and forth between strange and normal.
    pub(super) fn is_spiky(&self) -> bool {
        let recent: Vec<bool> = self
            .windows
            .iter()
            .rev()
            .take(SPIKE_WINDOWS)
            .map(Brief::event)
            .collect();
        let changes = recent.windows(2).filter(|pair| pair[0] != pair[1]).count();
        changes >= SPIKE_CHANGES
    }

    /// Whether an event was strange here in a window that starts after `since`.
    pub(super) fn was_strange_after(&self, since: Timestamp) -> bool {
        self.windows.iter().any(|brief| brief.window > since && brief.event())
    }
}

impl Brief {
    fn is_strange(&self, nature: Nature) -> bool {
        let score = NATURES.iter().zip(self.scores).find(|(known, _)| **known == nature);
        score.is_some_and(|(_, score)| score >= 1.0)
    }

    fn event(&self) -> bool {
        self.is_strange(Nature::Event)
    }
}

//! Which part of a panel the wanted features are made of.

use std::ops::Range;

use arterial_datasets::Result;
use arterial_datasets::feature::Wanted;

use super::recent::RECENT_STEPS;
use crate::calendar::{Calendar, Moment};

/// Days before an origin's own that its level looks back.
const LEVEL_DAYS: usize = 28;
/// How often slots are smoothed over their neighbours on the way from values to the usual deviation.
const SMOOTHINGS: usize = 3;

/// Rows, days and slots of the day that are computed. What lies outside of them is not read by the wanted features, so that
/// these have the same bits as those of the whole panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// Rows of the frames that have one for each row of the panel.
    pub rows: Range<usize>,
    /// Days that have totals.
    pub days: Range<usize>,
    /// The furthest target.
    pub horizon: usize,
    /// The slots of the daily frames, ascending.
    pub slots: Vec<usize>,
}

impl Section {
    /// All of a panel whose rows stand at `moments`.
    pub fn whole(calendar: &Calendar, moments: &[Moment]) -> Self {
        Self {
            rows: 0..moments.len(),
            days: 0..days(moments),
            horizon: usize::MAX,
            slots: (0..calendar.slots()).collect(),
        }
    }

    /// What `wanted` needs, where a smoothing takes in `reach` slots to either side.
    pub fn of(wanted: Wanted<'_>, calendar: &Calendar, moments: &[Moment], reach: usize) -> Result<Self> {
        let known = || wanted.origins.iter().copied().filter(|origin| *origin < moments.len());
        let (Some(first), Some(last)) = (known().min(), known().max()) else {
            return Ok(Self {
                rows: 0..0,
                days: 0..0,
                horizon: wanted.horizon,
                slots: Vec::new(),
            });
        };
        let rows = first.saturating_sub(RECENT_STEPS)..last + 1;
        let mut needed = vec![false; calendar.slots()];
        for moment in &moments[rows.clone()] {
            needed[moment.slot] = true;
        }
        for origin in known() {
            for ahead in 1..=wanted.horizon.min(calendar.slots()) {
                needed[calendar.moment(origin + ahead)?.slot] = true;
            }
        }
        let margin = SMOOTHINGS * reach;
        let near = |slot: &usize| {
            let until = (slot + margin + 1).min(needed.len());
            needed[slot.saturating_sub(margin)..until].contains(&true)
        };
        Ok(Self {
            days: moments[first].day.saturating_sub(LEVEL_DAYS)..days(moments),
            rows,
            horizon: wanted.horizon,
            slots: (0..needed.len()).filter(near).collect(),
        })
    }
}

/// Local days that rows touch.
pub(super) fn days(moments: &[Moment]) -> usize {
    moments.iter().map(|moment| moment.day + 1).max().unwrap_or(0)
}

//! The best split of a leaf over all columns.

use super::gain::{Bounds, Rule, Total};
use super::numeric::{Best, Leaf, Prefix};
use super::{Split, Test, categorical};
use crate::gbdt::binning::{Binner, Borders, ColumnBins, MISSING};
use crate::gbdt::histogram::{Cell, Histogram, Sums};

/// By how much rounding may raise a score.
const ROUNDING: f64 = 1e-12;

/// Looks for splits by the rule of one tree.
pub(crate) struct Finder<'a> {
    pub(crate) binner: &'a Binner,
    pub(crate) rule: Rule,
    /// The columns that the tree looks at.
    pub(crate) columns: &'a [usize],
    /// For each column the direction that it is bound to, or empty.
    pub(crate) monotone: &'a [i8],
    pub(crate) is_monotone: bool,
}

impl Finder<'_> {
    /// The split with the highest gain; the first column and the lowest code win ties.
    pub(crate) fn best<C: Cell>(&self, histogram: &Histogram<C>, sums: Sums, bounds: Bounds) -> Option<Split> {
        let total = Total::from(sums);
        let unsplit = if self.is_monotone {
            self.rule.score_of(total, bounds.clamp(self.rule.weight(total)))
        } else {
            self.rule.score(total.first, total.second)
        };
        let mut room = Prefix::new();
        let mut best: Option<Split> = None;
        // What exceeds the unsplit score by less is rounding.
        let mut to_beat = unsplit + ROUNDING * unsplit.abs();
        for &column in self.columns {
            let leaf = Leaf {
                total,
                bounds,
                direction: self.direction(column),
                is_monotone: self.is_monotone,
            };
            let cells = &histogram[column];
            let found = match self.binner.column(column) {
                ColumnBins::Numeric(borders) => self.numeric(cells, borders, sums, &leaf, &mut room, to_beat),
                ColumnBins::Categorical(known) => {
                    categorical::best(cells, known, &self.rule, &leaf, &mut room, to_beat)
                }
            };
            if let Some((split, score)) = found {
                best = Some(Split { column, ..split });
                to_beat = score;
            }
        }
        let gain = self.rule.gain(to_beat - unsplit)?;
        best.map(|split| Split { gain, ..split })
    }

    /// The direction that a column is bound to.
    pub(crate) fn direction(&self, column: usize) -> i8 {
        self.monotone.get(column).copied().unwrap_or(0)
    }

    fn numeric<C: Cell>(
        &self,
        cells: &[C; 256],
        borders: &Borders,
        sums: Sums,
        leaf: &Leaf,
        room: &mut Prefix,
        to_beat: f64,
    ) -> Option<(Split, f64)> {
        let bins = borders.count() + 1;
        let missing = cells[usize::from(MISSING)].sums();
        room.fill(cells[..bins].iter().copied());
        // With missing values, all known ones against the missing ones is a split, too.
        let places = if missing.count > 0 { bins } else { bins - 1 };
        let nothing = Total::from(Sums::default());
        let mut found = room
            .best(&self.rule, leaf, nothing, places, to_beat)
            .map(|best| (best, false));
        if missing.count > 0 {
            let to_beat = found.map_or(to_beat, |(best, _)| best.score);
            let other = room.best(&self.rule, leaf, missing.into(), bins - 1, to_beat);
            found = other.map(|best| (best, true)).or(found);
        }
        let (Best { place, score }, mut missing_left) = found?;
        let mut left = cells[..=place]
            .iter()
            .fold(C::default(), |sum, cell| sum.plus(*cell))
            .sums();
        if missing_left {
            left = left.plus(missing);
        }
        let right = sums.minus(left);
        if missing.count == 0 {
            // What was never missing here goes with the majority should it be missing later.
            missing_left = left.count >= right.count;
        }
        let code = place as u8;
        let test = Test::Numeric {
            code,
            threshold: borders.border(code),
            missing_left,
        };
        let split = Split {
            column: 0,
            test,
            gain: 0.0,
            left,
            right,
        };
        Some((split, score))
    }
}

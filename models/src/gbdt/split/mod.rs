//! Which rows of a leaf go left and which go right.

mod categorical;
mod finder;
mod gain;
mod numeric;

pub(crate) use finder::Finder;
pub(crate) use gain::{Bounds, Rule};

use super::binning::MISSING;
use super::histogram::Sums;

/// A set of codes, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CodeSet(pub(crate) [u32; 8]);

impl CodeSet {
    /// The codes above `code`; [`MISSING`] counts as above only where it does not go left.
    pub(crate) fn above(code: u8, missing_left: bool) -> Self {
        let mut set = Self::default();
        for above in (code..MISSING).skip(1) {
            set.insert(above);
        }
        if !missing_left {
            set.insert(MISSING);
        }
        set
    }

    /// Every code but those of `codes`.
    pub(crate) fn all_but(codes: &[u8]) -> Self {
        let mut set = Self([u32::MAX; 8]);
        for code in codes {
            set.0[usize::from(code >> 5)] &= !(1 << (code & 31));
        }
        set
    }

    /// Adds a code.
    pub(crate) fn insert(&mut self, code: u8) {
        self.0[usize::from(code >> 5)] |= 1 << (code & 31);
    }

    /// Whether it holds a code.
    #[inline(always)]
    pub(crate) fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code >> 5)] >> (code & 31) & 1 == 1
    }
}

/// How the column of a split is looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// Codes up to this one go left.
    Numeric {
        /// The highest code that goes left.
        code: u8,
        /// The border above its values.
        threshold: f32,
        /// Whether missing values go left.
        missing_left: bool,
    },
    /// The codes of these categories go left, all others and missing values go right.
    Categorical {
        /// The codes, increasing.
        left: Vec<u8>,
        /// The categories, increasing.
        categories: Vec<u32>,
    },
}

/// A way to split a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    /// The column that is looked at.
    pub(crate) column: usize,
    /// How it is looked at.
    pub(crate) test: Test,
    /// By how much the loss falls, to second order and twice.
    pub(crate) gain: f64,
    /// The sums of the rows that go left.
    pub(crate) left: Sums,
    /// The sums of the rows that go right.
    pub(crate) right: Sums,
}

impl Split {
    /// The codes that go right.
    pub(crate) fn right_codes(&self) -> CodeSet {
        match &self.test {
            Test::Numeric { code, missing_left, .. } => CodeSet::above(*code, *missing_left),
            Test::Categorical { left, .. } => CodeSet::all_but(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_set_holds_what_goes_right() {
        let set = CodeSet::above(253, true);
        assert_eq!(
            [0, 253, 254, 255].map(|code| set.contains(code)),
            [false, false, true, false]
        );
        let set = CodeSet::above(254, false);
        assert_eq!([0, 254, 255].map(|code| set.contains(code)), [false, false, true]);
        let set = CodeSet::all_but(&[3, 200]);
        assert_eq!(
            [2, 3, 200, 255].map(|code| set.contains(code)),
            [true, false, false, true]
        );
    }
}

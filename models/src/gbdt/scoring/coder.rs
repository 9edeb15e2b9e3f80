//! How the values of a column become the codes that trees compare.

use crate::gbdt::binning::{BLOCK, Borders, MISSING, category};
use crate::gbdt::tree::Missing;

/// The code of categories that no split of the model knows.
pub(crate) const UNKNOWN: u8 = MISSING - 1;

/// What a code says about a value.
#[derive(Debug, Clone)]
pub(crate) enum Coder {
    /// How many borders are below it.
    Borders(Borders),
    /// Its place among categories.
    Categories(Vec<u32>),
    /// 0 for these categories, 1 for all others.
    Membership(Vec<u32>),
}

/// A column of codes: the column of values it is made of, and how.
#[derive(Debug, Clone)]
pub(crate) struct CodeColumn {
    pub(crate) source: usize,
    pub(crate) missing: Missing,
    pub(crate) coder: Coder,
}

impl CodeColumn {
    /// The code of a value.
    pub(crate) fn code(&self, value: f32) -> u8 {
        let value = self.missing.apply(value);
        if value.is_nan() {
            return MISSING;
        }
        match &self.coder {
            Coder::Borders(borders) => borders.code(value),
            Coder::Categories(known) => place(known, value).map_or(UNKNOWN, |place| place as u8),
            Coder::Membership(members) => u8::from(place(members, value).is_none()),
        }
    }

    /// The codes of a block of values.
    pub(crate) fn fill(&self, values: &mut [f32; BLOCK], codes: &mut [u8; BLOCK]) {
        match &self.coder {
            Coder::Borders(borders) => {
                if self.missing != Missing::Nan {
                    for value in values.iter_mut() {
                        *value = self.missing.apply(*value);
                    }
                }
                borders.codes(values, codes);
            }
            _ => {
                for (code, value) in codes.iter_mut().zip(values) {
                    *code = self.code(*value);
                }
            }
        }
    }
}

fn place(categories: &[u32], value: f32) -> Option<usize> {
    category(value).and_then(|category| categories.binary_search(&category).ok())
}

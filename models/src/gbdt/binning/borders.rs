//! The bins of a numeric column: borders between values, found so that the bins hold about equally many rows.

/// The code of a value that is missing.
pub const MISSING: u8 = u8::MAX;
/// The most borders of a column: codes go from 0 to 254.
pub(crate) const MOST_BORDERS: usize = 254;
const BLOCK: usize = 16;

/// Increasing borders; the code of a value is the number of borders below it.
///
/// They lie in 16 blocks of 16, padded with infinity: two comparisons of 16 numbers each find the code.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Borders {
    count: usize,
    /// The last border of each block.
    ends: [f32; BLOCK],
    blocks: Box<[[f32; BLOCK]; BLOCK]>,
}

impl Borders {
    /// Takes increasing borders, of which the first 254 are kept.
    pub(crate) fn new(borders: &[f32]) -> Self {
        let mut blocks = Box::new([[f32::INFINITY; BLOCK]; BLOCK]);
        for (place, border) in borders.iter().take(MOST_BORDERS).enumerate() {
            blocks[place / BLOCK][place % BLOCK] = *border;
        }
        Self {
            count: borders.len().min(MOST_BORDERS),
            ends: std::array::from_fn(|block| blocks[block][BLOCK - 1]),
            blocks,
        }
    }

    /// Borders that cut `sample` into at most `bins` bins (2 to 255) of about equally many rows; NaN is left out.
    pub(crate) fn of_sample(sample: Vec<f32>, bins: usize) -> Self {
        Self::new(&cut(&distinct(sample), bins))
    }

    /// How many borders there are; one bin more.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The border that values of code `code` do not exceed.
    pub(crate) fn border(&self, code: u8) -> f32 {
        self.blocks[usize::from(code) / BLOCK][usize::from(code) % BLOCK]
    }

    /// Writes the code of each value.
    pub(crate) fn codes(&self, values: &[f32], codes: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if code_all(self, values, codes) {
            return;
        }
        self.codes_one_by_one(values, codes);
    }

    fn codes_one_by_one(&self, values: &[f32], codes: &mut [u8]) {
        codes
            .iter_mut()
            .zip(values)
            .for_each(|(code, value)| *code = self.code(*value));
    }

    /// The number of borders below `value`, [`MISSING`] for NaN.
    #[inline(always)]
    pub(crate) fn code(&self, value: f32) -> u8 {
        if value.is_nan() {
            return MISSING;
        }
        let block = below(&self.ends, value);
        // Infinity ends the last block, so that there is always a block that the value does not exceed.
        let inside = below(&self.blocks[block & (BLOCK - 1)], value);
        (block * BLOCK + inside) as u8
    }
}

#[inline(always)]
fn below(borders: &[f32; BLOCK], value: f32) -> usize {
    let mut count = 0_i32;
    for border in borders {
        count += i32::from(*border < value);
    }
    count as usize
}

#[cfg(target_arch = "x86_64")]
crate::gbdt::simd::narrowed! {
    fn code_all(borders: &Borders, values: &[f32], codes: &mut [u8]) = narrow::codes;
}

#[cfg(target_arch = "x86_64")]
mod narrow {
    use std::arch::x86_64::{
        __m256, _CMP_NGE_UQ, _mm256_castps_si256, _mm256_cmp_ps, _mm256_movemask_epi8, _mm256_packs_epi32,
        _mm256_set1_ps,
    };

    use super::{BLOCK, Borders, MISSING};
    use crate::gbdt::simd::load_floats;

    /// The same, eight borders at a time.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn codes(borders: &Borders, values: &[f32], codes: &mut [u8]) {
        for (code, value) in codes.iter_mut().zip(values) {
            let value = _mm256_set1_ps(*value);
            let block = twice_below(&borders.ends, value);
            let inside = twice_below(&borders.blocks[block as usize / 2 % BLOCK], value);
            // NaN is taken for above everything, which makes a sum that no other value reaches.
            *code = (block / 2 * BLOCK as u32 + inside / 2).min(MISSING.into()) as u8;
        }
    }

    /// Twice the number of borders that `value` exceeds, all of them where it is NaN: a comparison leaves two bytes of a border.
    #[target_feature(enable = "avx2,popcnt")]
    fn twice_below(borders: &[f32; BLOCK], value: __m256) -> u32 {
        let [half, other] = *borders.as_chunks().0 else {
            return 0;
        };
        let half = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_NGE_UQ>(load_floats(&half), value));
        let other = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_NGE_UQ>(load_floats(&other), value));
        _mm256_movemask_epi8(_mm256_packs_epi32(half, other)).count_ones()
    }
}

/// The values of `sample` in order, each once, with how often it occurs.
fn distinct(mut sample: Vec<f32>) -> Vec<(f32, usize)> {
    sample.retain(|value| !value.is_nan());
    sample.sort_unstable_by(f32::total_cmp);
    let mut values: Vec<(f32, usize)> = Vec::new();
    for value in sample {
        match values.last_mut() {
            // In order, so that what is not above the last one equals it: both zeros, too.
            Some((last, count)) if *last >= value => *count += 1,
            _ => values.push((value, 1)),
        }
    }
    values
}

/// Borders between `values`: one between every two of them where there are few, otherwise such that a value that
/// fills a bin gets one of its own and the rest is shared out evenly.
fn cut(values: &[(f32, usize)], bins: usize) -> Vec<f32> {
    if values.len() <= bins {
        return values.windows(2).map(|pair| between(pair[0].0, pair[1].0)).collect();
    }
    let mut rows_left: usize = values.iter().map(|(_, count)| count).sum();
    let mut bins_left = bins;
    let mut filled = 0;
    let mut borders = Vec::with_capacity(bins - 1);
    for pair in values.windows(2) {
        let (value, count) = pair[0];
        filled += count;
        let share = rows_left as f64 / bins_left as f64;
        // A value that fills a bin by itself does not share it with the smaller ones before it, unless these are few.
        let crowded = pair[1].1 as f64 >= share && filled as f64 >= share / 2.0;
        if filled as f64 >= share || crowded {
            borders.push(between(value, pair[1].0));
            rows_left -= filled;
            bins_left -= 1;
            filled = 0;
            if bins_left == 1 {
                break;
            }
        }
    }
    borders
}

/// A number that `lower` does not exceed and `upper` does, halfway where possible.
fn between(lower: f32, upper: f32) -> f32 {
    let middle = f64::midpoint(f64::from(lower), f64::from(upper)) as f32;
    if middle >= lower && middle < upper {
        middle
    } else {
        lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_counts_the_borders_below_a_value() {
        let borders: Vec<f32> = (0..254).map(|border| border as f32).collect();
        let coded = Borders::new(&borders);
        for value in [
            -1.0,
            0.0,
            0.5,
            15.0,
            15.5,
            16.0,
            100.25,
            252.5,
            253.0,
            254.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ] {
            let expected = borders.iter().filter(|border| **border < value).count();
            assert_eq!(usize::from(coded.code(value)), expected, "{value}");
        }
        assert_eq!(coded.code(f32::NAN), MISSING);
    }

    #[test]
    fn vectors_code_every_value_as_it_is_coded_alone() {
        for count in [0, 1, 15, 16, 17, 240, 253, 254] {
            let borders: Vec<f32> = (0..count).map(|border| (border as f32 - 100.0) / 7.0).collect();
            let coded = Borders::new(&borders);
            let mut values = vec![
                f32::NAN,
                -f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                f32::MAX,
                0.0,
                -0.0,
            ];
            values.extend(
                borders
                    .iter()
                    .flat_map(|border| [border.next_down(), *border, border.next_up()]),
            );
            let (mut codes, mut one_by_one) = (vec![7; values.len()], vec![9; values.len()]);
            coded.codes(&values, &mut codes);
            coded.codes_one_by_one(&values, &mut one_by_one);
            assert_eq!(codes, one_by_one);
        }
    }

    #[test]
    fn few_distinct_values_get_a_bin_each() {
        let borders = Borders::of_sample(vec![3.0, 1.0, 1.0, f32::NAN, 2.0, 3.0], 255);
        assert_eq!(borders.count(), 2);
        assert_eq!([1.0, 2.0, 3.0].map(|value| borders.code(value)), [0, 1, 2]);
    }

    #[test]
    fn many_distinct_values_fill_the_bins_evenly() {
        let sample: Vec<f32> = (0..10_000).map(|value| (value as f32).powi(3)).collect();
        let borders = Borders::of_sample(sample.clone(), 255);
        let mut rows = [0; 256];
        for value in &sample {
            rows[usize::from(borders.code(*value))] += 1;
        }
        assert_eq!(borders.count(), 254);
        assert!(rows[..255].iter().all(|count| (38..=41).contains(count)), "{rows:?}");
    }

    #[test]
    fn a_frequent_value_shares_its_bin_with_few() {
        let mut sample: Vec<f32> = (0..1000).map(|value| value as f32).collect();
        sample.extend(vec![500.25; 5000]);
        let borders = Borders::of_sample(sample, 64);
        let code = borders.code(500.25);
        assert!(borders.code(450.0) < code && code < borders.code(502.0));
    }

    #[test]
    fn neighbouring_floats_are_told_apart() {
        let next = 1.0_f32.next_up();
        let borders = Borders::of_sample(
            vec![1.0, next, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN],
            255,
        );
        let codes = [f32::NEG_INFINITY, f32::MIN, 1.0, next, f32::MAX, f32::INFINITY].map(|value| borders.code(value));
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
    }
}

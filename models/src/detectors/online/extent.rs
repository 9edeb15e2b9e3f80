//! How far the values of a column have ever been.

/// A value that lies outside of all that was seen by this share of their range is strange, whatever else is said of it.
const FAR: f64 = 0.5;
/// The share of the range by which one value stretches it: what is far off stays so for some rows, and what lasts becomes usual.
const STRETCH: f64 = 0.1;

/// The range of what was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent(Option<(f64, f64)>);

impl Extent {
    /// The lowest and the highest value, as far as they were learned.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        self.0
    }

    /// How far outside a value lies, where 1 is strange; 0 inside, and while all values were the same.
    pub(super) fn beyond(&self, value: f64) -> f64 {
        let Some((low, high)) = self.0.filter(|(low, high)| low < high) else {
            return 0.0;
        };
        let outside = (low - value).max(value - high).max(0.0);
        outside / (FAR * (high - low))
    }

    /// Learns a value: as it is, or once the range is `settled` no more of it than stretches that a little.
    pub(super) fn learn(&mut self, value: f64, settled: bool) {
        let (low, high) = self.0.unwrap_or((value, value));
        let most = if settled && low < high {
            STRETCH * (high - low)
        } else {
            f64::INFINITY
        };
        self.0 = Some((low.min(value.max(low - most)), high.max(value.min(high + most))));
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn half_a_range_outside_is_strange_until_it_lasts() {
        let mut extent = Extent::default();
        assert_eq!(extent.beyond(5.0), 0.0);
        extent.learn(5.0, false);
        assert_eq!(extent.beyond(7.0), 0.0, "there is no range to measure by");
        extent.learn(15.0, false);
        assert_eq!(
            (extent.beyond(10.0), extent.beyond(0.0), extent.beyond(25.0)),
            (0.0, 1.0, 2.0)
        );
        let rows = (0..20).take_while(|_| {
            let far = extent.beyond(25.0) >= 1.0;
            extent.learn(25.0, true);
            far
        });
        assert_eq!(rows.count(), 4);
        assert_eq!(extent.ends().map(|(low, _)| low), Some(5.0));
    }

    #[test]
    fn a_column_that_was_constant_gets_a_range_at_once() {
        let mut extent = Extent::default();
        extent.learn(3.0, true);
        extent.learn(4.0, true);
        assert_eq!(extent.ends(), Some((3.0, 4.0)));
    }
}

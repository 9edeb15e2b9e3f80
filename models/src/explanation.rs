//! Why a forecast is what it is: what each feature moved its median by.

/// What is to be explained: a series, by its position in the panel, and a step ahead, 1 is the row behind the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The series.
    pub series: usize,
    /// The step ahead.
    pub step: usize,
}

/// What a feature moved a median by.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The feature, such as `last_deviation`.
    pub feature: String,
    /// The feature's value as the model reads it: most features are scaled to their usual spread.
    pub value: f64,
    /// What it adds to the median, in the unit of the target.
    pub amount: f64,
}

/// A median as a sum: `base` and what every feature adds to it, before the forecast is kept within what the target can be.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What the model says where no feature moves it, in the unit of the target.
    pub base: f64,
    /// What each feature adds, in the order of the model's columns.
    pub contributions: Vec<Contribution>,
}

impl Explanation {
    /// The median: base and contributions together.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.base + self.contributions.iter().map(|one| one.amount).sum::<f64>()
    }

    /// The `most` contributions of the largest size, the largest first, and the sum of all others.
    #[must_use]
    pub fn strongest(mut self, most: usize) -> (Vec<Contribution>, f64) {
        let size = |one: &Contribution| one.amount.abs();
        self.contributions
            .sort_by(|one, other| size(other).total_cmp(&size(one)));
        let others = self.contributions.split_off(most.min(self.contributions.len()));
        (self.contributions, others.iter().map(|one| one.amount).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_the_others_as_their_sum() {
        let amounts = [1.0, -8.0, 0.5, 4.0];
        let contributions = amounts.iter().enumerate().map(|(column, &amount)| Contribution {
            feature: format!("f{column}"),
            value: 0.0,
            amount,
        });
        let explanation = Explanation {
            base: 10.0,
            contributions: contributions.collect(),
        };
        assert!((explanation.median() - 7.5).abs() < 1e-12);
        let (strongest, others) = explanation.strongest(2);
        let names: Vec<&str> = strongest.iter().map(|one| one.feature.as_str()).collect();
        assert_eq!(names, ["f1", "f3"]);
        assert!((others - 1.5).abs() < 1e-12);
    }
}

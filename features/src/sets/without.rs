//! A feature set without a group of its columns, to see what those are worth.

use std::sync::Arc;

use arterial_datasets::Result;
use arterial_datasets::feature::{
    FeatureMatrix, FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, RecentColumns, Waits, Wanted,
};
use arterial_datasets::panel::Panel;
use arterial_datasets::panel::without::{CALENDAR, NEIGHBOURS};
use ndarray::Axis;

/// The columns of the clock at the target.
const CLOCK: [&str; 5] = ["hour_sin", "hour_cos", "half_day_sin", "half_day_cos", "weekend"];

/// `set` without the columns of `group`. Columns of covariates and attributes are made from the panel: a panel without
/// these has no columns of theirs.
#[must_use]
pub fn without(set: Arc<dyn FeatureSet>, group: &str) -> Arc<dyn FeatureSet> {
    Arc::new(Without {
        set,
        group: group.into(),
    })
}

struct Without {
    set: Arc<dyn FeatureSet>,
    group: String,
}

struct PreparedWithout {
    features: Box<dyn PreparedFeatures>,
    /// The places of the columns that stay.
    kept: Vec<usize>,
    columns: Vec<String>,
}

impl Without {
    fn hides(&self, column: &str) -> bool {
        match self.group.as_str() {
            CALENDAR => CLOCK.contains(&column),
            NEIGHBOURS => column.starts_with("neighbours_") || column.starts_with("network"),
            _ => false,
        }
    }
}

impl FeatureSet for Without {
    fn id(&self) -> FeatureSetId {
        let id = self.set.id();
        FeatureSetId {
            name: format!("{} without {}", id.name, self.group),
            ..id
        }
    }

    fn learn_while(&self, training: &Panel, waits: Waits<'_>) -> Result<FeatureState> {
        self.set.learn_while(training, waits)
    }

    fn prepare_while(
        &self,
        panel: &Panel,
        state: &FeatureState,
        wanted: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> Result<Box<dyn PreparedFeatures>> {
        Ok(self.hide(self.set.prepare_while(panel, state, wanted, waits)?))
    }
}

impl Without {
    /// The features without the hidden columns.
    fn hide(&self, features: Box<dyn PreparedFeatures>) -> Box<dyn PreparedFeatures> {
        let all = features.columns().iter().enumerate();
        let kept: Vec<usize> = all
            .filter(|(_, column)| !self.hides(column))
            .map(|(place, _)| place)
            .collect();
        let columns = kept.iter().map(|place| features.columns()[*place].clone()).collect();
        Box::new(PreparedWithout {
            features,
            kept,
            columns,
        })
    }
}

impl PreparedFeatures for PreparedWithout {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn recent(&self) -> RecentColumns {
        let left = |columns: Vec<usize>| -> Vec<usize> {
            let places = columns.into_iter();
            places
                .filter_map(|column| self.kept.binary_search(&column).ok())
                .collect()
        };
        let RecentColumns { own, others } = self.features.recent();
        RecentColumns {
            own: left(own),
            others: left(others),
        }
    }

    fn matrix(&self, origins: &[usize], horizon: usize) -> Result<FeatureMatrix> {
        let matrix = self.features.matrix(origins, horizon)?;
        Ok(FeatureMatrix {
            columns: self.columns.clone(),
            values: matrix.values.select(Axis(1), &self.kept),
            ..matrix
        })
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};
    use ndarray::Array3;

    use super::*;
    use crate::sets::standard::LISTS;

    #[test]
    fn every_hidden_column_is_one_of_the_standard_set() {
        let all: Vec<&str> = LISTS.iter().flat_map(|list| list.kept).copied().collect();
        assert!(CLOCK.iter().all(|column| all.contains(column)));
        let neighbours = Without {
            set: crate::sets::standard(),
            group: NEIGHBOURS.into(),
        };
        assert_eq!(all.iter().filter(|column| neighbours.hides(column)).count(), 6);
    }

    #[test]
    fn recent_columns_keep_their_names() {
        let panel = Panel::new(
            "2026-05-01T22:00:00Z".parse().unwrap(),
            "15m".parse().unwrap(),
            "Europe/Copenhagen",
            vec!["a".into()],
            vec![Channel {
                name: "y".into(),
                role: ChannelRole::Target,
            }],
            Array3::zeros((8, 1, 1)),
        )
        .unwrap();
        let names = |set: Arc<dyn FeatureSet>| {
            let features = set.prepare(&panel, &FeatureState::default()).unwrap();
            let RecentColumns { own, others } = features.recent();
            let named = |columns: Vec<usize>| -> Vec<String> {
                let names = columns.into_iter().map(|column| features.columns()[column].clone());
                names.collect()
            };
            (named(own), named(others))
        };
        let whole = names(crate::sets::standard());
        assert_eq!(names(without(crate::sets::standard(), CALENDAR)), whole);
        let (own, others) = names(without(crate::sets::standard(), NEIGHBOURS));
        assert_eq!((own, others.len()), (whole.0, 0));
    }
}

//! Panels and a small feature set for the tests of models.

use arterial_datasets::feature::{
    FeatureMatrix, FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, Waits, Wanted,
};
use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::{Clock, Timestamp};
use ndarray::{Array2, Array3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Lags of the target, and the mean of the training part as something learned.
pub struct Lags;

struct PreparedLags {
    columns: Vec<String>,
    target: Array2<f64>,
    means: Vec<f64>,
}

impl FeatureSet for Lags {
    fn id(&self) -> FeatureSetId {
        FeatureSetId {
            name: "lags".into(),
            version: 1,
            hash: "00".into(),
        }
    }

    fn learn_while(&self, training: &Panel, waits: Waits<'_>) -> arterial_datasets::Result<FeatureState> {
        waits.go_on()?;
        let mean = |column: ndarray::ArrayView1<'_, f64>| {
            let seen: Vec<f64> = column.iter().copied().filter(|value| value.is_finite()).collect();
            seen.iter().sum::<f64>() / seen.len().max(1) as f64
        };
        let means: Vec<f64> = training.target().columns().into_iter().map(mean).collect();
        Ok(FeatureState(serde_json::json!({ "means": means })))
    }

    fn prepare_while(
        &self,
        panel: &Panel,
        state: &FeatureState,
        _: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> arterial_datasets::Result<Box<dyn PreparedFeatures>> {
        waits.go_on()?;
        let means = state.0["means"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mean| mean.as_f64().unwrap())
            .collect();
        Ok(Box::new(PreparedLags {
            columns: ["lag_0", "lag_1", "lag_6", "mean_now"].map(String::from).to_vec(),
            target: panel.target().to_owned(),
            means,
        }))
    }
}

impl PreparedFeatures for PreparedLags {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn matrix(&self, origins: &[usize], _horizon: usize) -> arterial_datasets::Result<FeatureMatrix> {
        let width = self.target.ncols();
        let mut matrix = FeatureMatrix {
            columns: self.columns.clone(),
            series: Vec::new(),
            origins: Vec::new(),
            values: Array2::from_elem((origins.len() * width, 4), f32::NAN),
        };
        for (at, &origin) in origins.iter().enumerate() {
            for series in 0..width {
                matrix.series.push(series as u32);
                matrix.origins.push(origin as u32);
                let mut row = matrix.values.row_mut(at * width + series);
                for (column, lag) in [0, 1, 6].into_iter().enumerate() {
                    if origin >= lag {
                        row[column] = self.target[(origin - lag, series)] as f32;
                    }
                }
                row[3] = (self.target[(origin, series)] - self.means[series]) as f32;
            }
        }
        Ok(matrix)
    }
}

/// A clock that stands still.
pub struct Still(pub i64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.0)
    }
}

pub fn panel_of(values: Array2<f64>, step: &str) -> Panel {
    let names = (0..values.ncols()).map(|series| format!("s{series}")).collect();
    let (rows, width) = values.dim();
    let target = Channel {
        name: "value".into(),
        role: ChannelRole::Target,
    };
    let values: Array3<f64> = values.into_shape_with_order((rows, width, 1)).unwrap();
    Panel::new(
        "2026-03-20T00:00:00Z".parse().unwrap(),
        step.parse().unwrap(),
        "Europe/Copenhagen",
        names,
        vec![target],
        values,
    )
    .unwrap()
}

/// Fifteen-minute series with a daily and weekly shape, lasting disturbances, noise and gaps. The clock change of
/// 2026-03-29 lies within.
pub fn panel(rows: usize, series: usize, gaps: f64) -> Panel {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut values = Array2::zeros((rows, series));
    for column in 0..series {
        let mut disturbance = 0.0;
        for row in 0..rows {
            let hour = (row % 96) as f64 / 4.0;
            let weekend = (row / 96) % 7 >= 5;
            let shape = if weekend {
                5.0
            } else {
                20.0 * (-((hour - 8.0) / 2.0).powi(2)).exp()
            };
            disturbance = 0.9 * disturbance + random.random_range(-1.0..1.0);
            let value = 60.0 + column as f64 - shape + disturbance;
            values[(row, column)] = if random.random_bool(gaps) { f64::NAN } else { value };
        }
    }
    panel_of(values, "15m")
}

//! What the model that leads an issue knows of zones and of the city: how far their quantiles lie from their medians. The medians
//! themselves are means of what is served of their keys, whoever gave it.

use std::collections::HashMap;
use std::sync::Arc;

use arterial_models::Quantile;
use arterial_models::pipeline::Pipeline;
use ndarray::{Array3, ArrayView1, Axis, s};

use super::issue::Source;
use super::ladder::RefusalCode;
use super::said::Said;
use crate::Result;
use crate::error::chain;
use crate::model::ServedModel;

/// The intervals of areas.
#[derive(Debug)]
pub struct AreaIntervals {
    /// Who gives them.
    pub source: Arc<Source>,
    /// The least value that a forecast may have, by area.
    least: Vec<f64>,
    zones: HashMap<String, usize>,
    city: Option<usize>,
    /// Area x step ahead x quantile; NaN where the model has no forecast of any key of it.
    distances: Array3<f64>,
}

/// Why an issue has no areas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAreas {
    /// Why.
    pub code: RefusalCode,
    /// The same for people.
    pub message: String,
}

impl NoAreas {
    /// Nobody but the profile answered.
    pub fn without_model() -> Self {
        Self {
            code: RefusalCode::NoData,
            message: "no model answered, and the profiles of keys do not tell how a whole zone may turn out".into(),
        }
    }

    fn by(model: &dyn ServedModel, why: &str) -> Self {
        Self {
            code: RefusalCode::OutOfDomain,
            message: format!("`{}` {why}", model.id()),
        }
    }
}

impl AreaIntervals {
    /// What `model`, which `said` something, knows of areas.
    ///
    /// # Errors
    /// A model that knows none, or whose areas do not fit what it said.
    pub fn of(
        model: &dyn ServedModel,
        said: &Said,
        quantiles: &[Quantile],
        source: &Arc<Source>,
    ) -> Result<Self, NoAreas> {
        let Some(pipeline) = model.pipeline().filter(|pipeline| pipeline.areas().is_some()) else {
            let why = "was saved before areas were forecast: train it again";
            return Err(NoAreas::by(model, why));
        };
        let measured = Self::measure(pipeline, said, quantiles, source);
        measured.map_err(|error| NoAreas::by(model, &format!("has areas that do not fit: {}", chain(&error))))
    }

    fn measure(pipeline: &Pipeline, said: &Said, quantiles: &[Quantile], source: &Arc<Source>) -> Result<Self> {
        let mut intervals = Self {
            source: Arc::clone(source),
            least: Vec::new(),
            zones: HashMap::new(),
            city: None,
            distances: Array3::zeros((0, 0, quantiles.len())),
        };
        let (Some(areas), Some(outlook)) = (pipeline.areas(), &said.outlook) else {
            return Ok(intervals);
        };
        let panel = &said.read.panel;
        let origins = [panel.steps().saturating_sub(1)];
        let distances = areas.distances(panel, &origins, outlook, quantiles)?;
        intervals.distances = distances.index_axis_move(Axis(0), 0);
        intervals.least = pipeline.least_of_areas(panel, &origins).row(0).to_vec();
        for (at, area) in areas.list().iter().enumerate() {
            match &area.zone {
                Some(zone) => {
                    intervals.zones.insert(zone.clone(), at);
                }
                None => intervals.city = Some(at),
            }
        }
        Ok(intervals)
    }

    /// The place of a zone, or of the city; none where the model was fitted without.
    pub fn place(&self, zone: Option<&str>) -> Option<usize> {
        match zone {
            Some(zone) => self.zones.get(zone).copied(),
            None => self.city,
        }
    }

    /// The least value that a forecast of the area at `place` may have.
    pub fn least(&self, place: usize) -> f64 {
        self.least.get(place).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// How far each quantile of the issue lies from the median of the area at `place`, `ahead` steps ahead (1 is the next window);
    /// none where the model has no forecast of any key of it.
    pub fn distances(&self, place: usize, ahead: usize) -> Option<ArrayView1<'_, f64>> {
        let (areas, steps, _) = self.distances.dim();
        let is_inside = place < areas && (1..=steps).contains(&ahead);
        let row = is_inside.then(|| self.distances.slice(s![place, ahead - 1, ..]))?;
        row.iter().all(|distance| distance.is_finite()).then_some(row)
    }

    /// How many numbers it holds.
    pub fn numbers(&self) -> usize {
        self.distances.len() + self.least.len()
    }
}

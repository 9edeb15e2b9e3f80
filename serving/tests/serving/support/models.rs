//! Models that answer as they are told, and who stands for which role among them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arterial_datasets::panel::Panel;
use arterial_models::explanation::{Contribution, Explanation, Place};
use arterial_models::registry::{ModelVersion, Reference, Share, Target};
use arterial_models::scope::Scope;
use arterial_models::{Progress, Quantile};
use arterial_serving::model::{ModelSource, Role, ServedModel, Standing};
use futures::FutureExt;
use futures::future::BoxFuture;
use ndarray::Array3;

use super::{FIELD, STEP, target, version};

/// What a model says.
#[derive(Clone, Copy)]
pub enum Says {
    /// The last value of each series plus a constant, and one more for each step ahead.
    LastPlus(f64),
    /// The last value of each series, and nothing of why.
    Last,
    /// The last value of the channel beside the target.
    Covariate,
    /// No number.
    Nothing,
    /// An error.
    Error,
    /// Nothing for a minute, unless it is given up.
    NothingForLong,
}

/// A model that answers as it is told.
pub struct FakeModel {
    pub id: ModelVersion,
    pub scope: Scope,
    pub horizon: usize,
    pub says: Says,
    /// How many forecasts that take long were begun.
    pub begun: Arc<AtomicUsize>,
    /// How many of them were given up because nobody waited any more.
    pub given_up: Arc<AtomicUsize>,
    /// Whoever holds it lets the model wait.
    pub turn: Arc<Mutex<()>>,
}

impl FakeModel {
    pub fn new(number: u32, series: &[&str], horizon: usize, says: Says) -> Self {
        let scope = Scope {
            target: FIELD.into(),
            series: series.iter().map(ToString::to_string).collect(),
            step: STEP,
            timezone: "UTC".into(),
            covariates: Vec::new(),
        };
        Self {
            id: version(number),
            scope,
            horizon,
            says,
            begun: Arc::default(),
            given_up: Arc::default(),
            turn: Arc::default(),
        }
    }
}

impl ServedModel for FakeModel {
    fn id(&self) -> &ModelVersion {
        &self.id
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn horizon(&self) -> usize {
        self.horizon
    }

    fn history(&self) -> usize {
        12
    }

    fn forecast(&self, panel: &Panel, quantiles: &[Quantile]) -> arterial_serving::Result<Array3<f64>> {
        let _turn = self.turn.lock().unwrap();
        let shape = (panel.series().len(), self.horizon, quantiles.len());
        let target = panel.target();
        match self.says {
            Says::Error => Err(arterial_serving::Error::invalid(
                "model",
                "broken",
                "a model that works",
            )),
            Says::Covariate => Ok(Array3::from_elem(shape, panel.values()[[panel.steps() - 1, 0, 1]])),
            Says::Last => Ok(Array3::from_shape_fn(shape, |(series, ..)| {
                target[[panel.steps() - 1, series]]
            })),
            Says::Nothing | Says::NothingForLong => Ok(Array3::from_elem(shape, f64::NAN)),
            Says::LastPlus(add) => Ok(Array3::from_shape_fn(shape, |(series, step, quantile)| {
                let last = target[[panel.steps() - 1, series]];
                last + add + (step + 1) as f64 + 10.0 * (f64::from(quantiles[quantile]) - 0.5)
            })),
        }
    }

    fn forecast_while(
        &self,
        panel: &Panel,
        quantiles: &[Quantile],
        progress: &dyn Progress,
    ) -> arterial_serving::Result<Array3<f64>> {
        if matches!(self.says, Says::NothingForLong) {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let begun = std::time::Instant::now();
            while begun.elapsed() < std::time::Duration::from_mins(1) {
                if progress.is_cancelled() {
                    self.given_up.fetch_add(1, Ordering::SeqCst);
                    return Err(arterial_models::Error::Cancelled.into());
                }
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        }
        self.forecast(panel, quantiles)
    }

    fn explain(&self, panel: &Panel, places: &[Place]) -> arterial_serving::Result<Vec<Explanation>> {
        let Says::LastPlus(add) = self.says else {
            return Err(arterial_models::Error::Unexplained(self.id.to_string()).into());
        };
        let contribution = |feature: &str, amount| Contribution {
            feature: feature.into(),
            value: amount,
            amount,
        };
        let explain = |place: &Place| Explanation {
            base: panel.target()[[panel.steps() - 1, place.series]],
            contributions: vec![contribution("constant", add), contribution("step", place.step as f64)],
        };
        Ok(places.iter().map(explain).collect())
    }
}

/// Models in memory, promoted by hand.
#[derive(Default)]
pub struct FakeModels {
    pub models: Mutex<BTreeMap<u32, Arc<FakeModel>>>,
    pub standings: Mutex<Vec<Standing>>,
}

impl FakeModels {
    pub fn add(&self, model: FakeModel) {
        self.models.lock().unwrap().insert(model.id.version, Arc::new(model));
    }

    /// Points the champion alias at a version, which need not exist.
    pub fn promote(&self, number: u32) {
        self.point(Role::Champion, number, None);
    }

    /// Lets a version answer for a share of the keys.
    pub fn try_canary(&self, number: u32, share: f64) {
        self.point(Role::Canary, number, Some(share.try_into().unwrap()));
    }

    /// Lets a version be scored beside the champion.
    pub fn try_shadow(&self, number: u32) {
        self.point(Role::Shadow, number, None);
    }

    /// Ends a trial.
    pub fn withdraw(&self, role: Role) {
        self.standings.lock().unwrap().retain(|standing| standing.role != role);
    }

    fn point(&self, role: Role, number: u32, share: Option<Share>) {
        let mut standings = self.standings.lock().unwrap();
        let revision = 1 + standings.iter().map(|standing| standing.revision).max().unwrap_or(0);
        let old = standings.iter().position(|standing| standing.role == role);
        let old = old.map(|at| standings.remove(at));
        standings.push(Standing {
            target: target(),
            role,
            model: version(number),
            revision,
            former: old.map(|old| old.model),
            share,
        });
    }
}

impl ModelSource for FakeModels {
    fn standings(&self) -> BoxFuture<'_, arterial_serving::Result<Vec<Standing>>> {
        let standings = self.standings.lock().unwrap().clone();
        async move { Ok(standings) }.boxed()
    }

    fn load<'a>(&'a self, id: &'a ModelVersion) -> BoxFuture<'a, arterial_serving::Result<Arc<dyn ServedModel>>> {
        let found = self.models.lock().unwrap().get(&id.version).cloned();
        async move {
            match found {
                Some(model) => Ok(model as Arc<dyn ServedModel>),
                None => Err(arterial_serving::Error::Unknown {
                    what: "model",
                    name: id.to_string(),
                    known: "none".into(),
                }),
            }
        }
        .boxed()
    }

    fn resolve<'a>(
        &'a self,
        reference: &'a Reference,
        _: &'a Target,
    ) -> BoxFuture<'a, arterial_serving::Result<ModelVersion>> {
        async move {
            match reference {
                Reference::Version(id) => Ok(id.clone()),
                other => Err(arterial_serving::Error::Unknown {
                    what: "model",
                    name: other.to_string(),
                    known: "constant@N".into(),
                }),
            }
        }
        .boxed()
    }
}

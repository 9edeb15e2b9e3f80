//! Which model is in charge of each target: swapped as a whole, so that no call is dropped and none sees half a change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use arterial_datasets::time::{Clock, Duration, MINUTE, Timestamp};
use arterial_models::registry::{ModelVersion, Target};
use futures::future::BoxFuture;
use tokio::sync::{Mutex, watch};

use super::{ModelSource, Role, ServedModel, Standing, Trial};
use crate::error::chain;
use crate::metrics::{Metric, Metrics};
use crate::{Error, Result};

/// A model that did not load is tried again after so long.
const TRY_AGAIN: Duration = Duration(MINUTE);

/// The models of one target.
#[derive(Clone)]
pub struct InCharge {
    /// Counts the moves of the alias.
    pub revision: u64,
    /// What the alias points to.
    pub wanted: ModelVersion,
    /// That model; none where it does not load.
    pub champion: Option<Arc<dyn ServedModel>>,
    /// The model that answered before.
    pub last_good: Option<Arc<dyn ServedModel>>,
    /// Why the champion does not load.
    pub failure: Option<String>,
    /// Who answers for a share of the keys.
    pub canary: Option<Trial>,
    /// Who is scored beside the champion and never served.
    pub shadow: Option<Trial>,
    tried_at: Timestamp,
}

/// Whose forecasts are served: it differs wherever another model took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edition {
    champion: u64,
    canary: u64,
}

impl InCharge {
    /// The most steps ahead that any of the models reaches; 0 without any.
    pub fn horizon(&self) -> usize {
        let first = self.champion.as_ref().or(self.last_good.as_ref());
        first.map_or(0, |model| model.horizon())
    }

    /// Whose forecasts are served.
    pub fn edition(&self) -> Edition {
        Edition {
            champion: self.revision,
            canary: self.canary.as_ref().map_or(0, |canary| canary.revision),
        }
    }

    /// Whether the model of that version answers for any key now.
    pub fn answers_by(&self, id: &ModelVersion) -> bool {
        let leader = self.champion.as_ref().or(self.last_good.as_ref());
        let canary = self.canary.as_ref().and_then(|trial| trial.model.as_ref().ok());
        leader.into_iter().chain(canary).any(|model| model.id() == id)
    }

    /// The model of that version, where it is loaded already.
    pub fn loaded(&self, id: &ModelVersion) -> Option<Arc<dyn ServedModel>> {
        let trials = [&self.canary, &self.shadow];
        let trials = trials
            .into_iter()
            .flatten()
            .filter_map(|trial| trial.model.as_ref().ok());
        let models = self.champion.iter().chain(&self.last_good).chain(trials);
        models.into_iter().find(|model| model.id() == id).cloned()
    }
}

/// Where the aliases of one target point.
struct Standings<'a> {
    champion: &'a Standing,
    canary: Option<&'a Standing>,
    shadow: Option<&'a Standing>,
}

impl<'a> Standings<'a> {
    /// Those of the target of `champion`. A trial of the champion itself is none.
    fn around(champion: &'a Standing, all: &'a [Standing]) -> Self {
        let trial = |role| {
            all.iter().find(|standing| {
                standing.role == role && standing.target == champion.target && standing.model != champion.model
            })
        };
        Self {
            champion,
            canary: trial(Role::Canary),
            shadow: trial(Role::Shadow),
        }
    }
}

type Table = BTreeMap<Target, Arc<InCharge>>;

/// Fetches what a model needs before it may answer for a target; an error says what speaks against it.
pub type Prepare<'a> = dyn Fn(Target, Arc<dyn ServedModel>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'a;

/// The models in charge, followed in the registry.
pub struct Champions {
    source: Option<Arc<dyn ModelSource>>,
    table: ArcSwap<Table>,
    /// Whether the registry was read once.
    is_read: AtomicBool,
    /// One looks at the registry at a time: what was read earlier never replaces what was read later.
    looking: Mutex<()>,
    changes: watch::Sender<u64>,
}

impl Champions {
    /// Nobody in charge yet; without a source that stays so.
    pub fn new(source: Option<Arc<dyn ModelSource>>) -> Self {
        Self {
            source,
            table: ArcSwap::default(),
            is_read: AtomicBool::new(false),
            looking: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// The models of `target`.
    pub fn get(&self, target: &Target) -> Option<Arc<InCharge>> {
        self.table.load().get(target).cloned()
    }

    /// All targets with a champion, and their models.
    pub fn all(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Whether there is a registry that was not read yet, so that nobody can say which targets have a champion.
    pub fn are_unknown(&self) -> bool {
        self.source.is_some() && !self.is_read.load(Ordering::Acquire)
    }

    /// Where the models come from.
    ///
    /// # Errors
    /// No registry is configured.
    pub fn source(&self) -> Result<&Arc<dyn ModelSource>> {
        self.source
            .as_ref()
            .ok_or_else(|| Error::NotKept("this service has no model registry".into()))
    }

    /// Reports each swap.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whose forecasts of `target` are served; the default where nobody is in charge.
    pub fn edition(&self, target: &Target) -> Edition {
        self.get(target)
            .map_or_else(Edition::default, |in_charge| in_charge.edition())
    }

    /// Looks at the registry once: loads what was promoted and puts it in charge. `prepare` fetches what a model needs for
    /// a target, or says what speaks against it. A champion that does not load leaves the one before in charge; a canary
    /// that does not load leaves its keys to the champion.
    ///
    /// # Errors
    /// A registry that cannot be reached; everything stays as it is.
    pub async fn poll(&self, clock: &dyn Clock, metrics: &Metrics, prepare: &Prepare<'_>) -> Result<()> {
        let Some(source) = &self.source else { return Ok(()) };
        let _turn = self.looking.lock().await;
        let standings = source.standings().await?;
        let mut table = Table::clone(&self.table.load());
        let mut changed = false;
        for champion in standings.iter().filter(|standing| standing.role == Role::Champion) {
            let standings = Standings::around(champion, &standings);
            let current = table.get(&champion.target).cloned();
            let load = Load {
                source: source.as_ref(),
                current: current.as_deref(),
                prepare,
                now: clock.now(),
            };
            if let Some(next) = load.next(&standings, metrics).await {
                table.insert(champion.target.clone(), Arc::new(next));
                changed = true;
            }
        }
        if changed {
            self.table.store(Arc::new(table));
            self.changes.send_modify(|count| *count += 1);
        }
        self.is_read.store(true, Ordering::Release);
        Ok(())
    }
}

/// What it takes to load the models of one target.
struct Load<'a, 'b> {
    source: &'a dyn ModelSource,
    current: Option<&'a InCharge>,
    prepare: &'a Prepare<'b>,
    now: Timestamp,
}

impl Load<'_, '_> {
    /// The models as `standings` want them; none where they stand so already.
    async fn next(&self, standings: &Standings<'_>, metrics: &Metrics) -> Option<InCharge> {
        let current = self.current;
        let champion = current.map(|current| (current.revision, current.failure.is_some(), current.tried_at));
        let canary = current.and_then(|current| current.canary.as_ref());
        let shadow = current.and_then(|current| current.shadow.as_ref());
        let new_champion = self.is_due(Some(standings.champion), champion);
        let new_canary = self.is_due(standings.canary, canary.map(seat));
        let new_shadow = self.is_due(standings.shadow, shadow.map(seat));
        let mut next = match current {
            Some(current) if !new_champion => current.clone(),
            _ => {
                let next = self.champion(standings.champion).await;
                report(standings.champion, next.failure.as_deref(), metrics);
                next
            }
        };
        if new_canary {
            next.canary = self.trial(standings.canary, metrics).await;
        }
        if new_shadow {
            next.shadow = self.trial(standings.shadow, metrics).await;
        }
        if new_canary || new_champion {
            let share = next.canary.as_ref().and_then(|canary| canary.share);
            let target = standings.champion.target.to_string();
            metrics.set_by(Metric::CanaryShare, "target", &target, share.map_or(0.0, f64::from));
        }
        (new_champion || new_canary || new_shadow).then_some(next)
    }

    /// Whether a model has to be loaded or dropped: it is another one, or it did not load and enough time has passed. `current`
    /// is the revision that stands, whether it failed, and when it was tried.
    fn is_due(&self, standing: Option<&Standing>, current: Option<(u64, bool, Timestamp)>) -> bool {
        match (standing, current) {
            (None, None) => false,
            (Some(standing), Some((revision, failed, tried_at))) => {
                revision != standing.revision || failed && self.now.0 - tried_at.0 >= TRY_AGAIN.0
            }
            _ => true,
        }
    }

    async fn champion(&self, standing: &Standing) -> InCharge {
        let (champion, failure) = match self.load(standing, &standing.model).await {
            Ok(model) => (Some(model), None),
            Err(error) => (None, Some(chain(&error))),
        };
        let current = self.current;
        let before = current.and_then(|current| current.champion.clone().or_else(|| current.last_good.clone()));
        let mut last_good = before.filter(|model| *model.id() != standing.model);
        if last_good.is_none()
            && let Some(former) = &standing.former
        {
            last_good = self.load(standing, former).await.ok();
        }
        InCharge {
            revision: standing.revision,
            wanted: standing.model.clone(),
            champion,
            last_good,
            failure,
            canary: current.and_then(|current| current.canary.clone()),
            shadow: current.and_then(|current| current.shadow.clone()),
            tried_at: self.now,
        }
    }

    async fn trial(&self, standing: Option<&Standing>, metrics: &Metrics) -> Option<Trial> {
        let standing = standing?;
        let model = self
            .load(standing, &standing.model)
            .await
            .map_err(|error| chain(&error));
        report(standing, model.as_ref().err().map(String::as_str), metrics);
        Some(Trial::new(standing, model, self.now))
    }

    /// The model of that version for the target of `standing`; one that is loaded already is that one.
    async fn load(&self, standing: &Standing, id: &ModelVersion) -> Result<Arc<dyn ServedModel>> {
        if let Some(model) = self.current.and_then(|current| current.loaded(id)) {
            return Ok(model);
        }
        let model = self.source.load(id).await?;
        (self.prepare)(standing.target.clone(), Arc::clone(&model)).await?;
        Ok(model)
    }
}

fn seat(trial: &Trial) -> (u64, bool, Timestamp) {
    (trial.revision, trial.model.is_err(), trial.tried_at)
}

fn report(standing: &Standing, failure: Option<&str>, metrics: &Metrics) {
    let target = standing.target.to_string();
    let (alias, model) = (standing.role.alias(), &standing.model);
    match failure {
        None => {
            if standing.role == Role::Champion {
                metrics.count_by(Metric::ModelSwaps, "target", &target, 1);
            }
            metrics.count_by(Metric::AliasSwaps, "alias", alias, 1);
            tracing::info!(target_name = target, alias, %model, "model put in charge");
        }
        Some(reason) => {
            metrics.count_by(Metric::ModelFailures, "target", &target, 1);
            metrics.count_by(Metric::AliasFailures, "alias", alias, 1);
            tracing::error!(target_name = target, alias, %model, reason, "model does not load");
        }
    }
}

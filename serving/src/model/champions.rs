//! Which model is in charge of each target: swapped as a whole, so that no call is dropped and none sees half a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use arterial_datasets::time::{Clock, Duration, MINUTE, Timestamp};
use arterial_models::registry::{ModelVersion, Target};
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{ModelSource, ServedModel, Standing};
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
    tried_at: Timestamp,
}

impl InCharge {
    /// The most steps ahead that any of the models reaches; 0 without any.
    pub fn horizon(&self) -> usize {
        let first = self.champion.as_ref().or(self.last_good.as_ref());
        first.map_or(0, |model| model.horizon())
    }
}

type Table = BTreeMap<Target, Arc<InCharge>>;

/// Fetches what a model needs before it may answer for a target; an error says what speaks against it.
pub type Prepare<'a> = dyn Fn(Target, Arc<dyn ServedModel>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'a;

/// The models in charge, followed in the registry.
pub struct Champions {
    source: Option<Arc<dyn ModelSource>>,
    table: ArcSwap<Table>,
    changes: watch::Sender<u64>,
}

impl Champions {
    /// Nobody in charge yet; without a source that stays so.
    pub fn new(source: Option<Arc<dyn ModelSource>>) -> Self {
        Self {
            source,
            table: ArcSwap::default(),
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

    /// Looks at the registry once: loads what was promoted and puts it in charge. `prepare` fetches what a model needs for
    /// a target, or says what speaks against it. A champion that does not load leaves the one before in charge.
    ///
    /// # Errors
    /// A registry that cannot be reached; everything stays as it is.
    pub async fn poll(&self, clock: &dyn Clock, metrics: &Metrics, prepare: &Prepare<'_>) -> Result<()> {
        let Some(source) = &self.source else { return Ok(()) };
        let standings = source.champions().await?;
        let mut table = Table::clone(&self.table.load());
        let mut changed = false;
        for standing in standings {
            let current = table.get(&standing.target).cloned();
            if !is_due(current.as_deref(), &standing, clock.now()) {
                continue;
            }
            let next = self
                .put_in_charge(source.as_ref(), &standing, current.as_deref(), clock, prepare)
                .await;
            report(&standing, &next, metrics);
            table.insert(standing.target, Arc::new(next));
            changed = true;
        }
        if changed {
            self.table.store(Arc::new(table));
            self.changes.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    async fn put_in_charge(
        &self,
        source: &dyn ModelSource,
        standing: &Standing,
        current: Option<&InCharge>,
        clock: &dyn Clock,
        prepare: &Prepare<'_>,
    ) -> InCharge {
        let load = async |id: &ModelVersion| {
            let model = source.load(id).await?;
            prepare(standing.target.clone(), Arc::clone(&model)).await?;
            Ok::<_, Error>(model)
        };
        let (champion, failure) = match load(&standing.model).await {
            Ok(model) => (Some(model), None),
            Err(error) => (None, Some(chain(&error))),
        };
        let before = current.and_then(|current| current.champion.clone().or_else(|| current.last_good.clone()));
        let mut last_good = before.filter(|model| *model.id() != standing.model);
        if last_good.is_none()
            && let Some(former) = &standing.former
        {
            last_good = load(former).await.ok();
        }
        let tried_at = clock.now();
        InCharge {
            revision: standing.revision,
            wanted: standing.model.clone(),
            champion,
            last_good,
            failure,
            tried_at,
        }
    }
}

/// Whether the champion has to be loaded: it is another one, or it did not load and enough time has passed.
fn is_due(current: Option<&InCharge>, standing: &Standing, now: Timestamp) -> bool {
    match current {
        None => true,
        Some(current) if current.revision != standing.revision => true,
        Some(current) => current.failure.is_some() && now.0 - current.tried_at.0 >= TRY_AGAIN.0,
    }
}

fn report(standing: &Standing, next: &InCharge, metrics: &Metrics) {
    let target = standing.target.to_string();
    match &next.failure {
        None => {
            metrics.count_by(Metric::ModelSwaps, "target", &target, 1);
            tracing::info!(target_name = target, model = %next.wanted, "model put in charge");
        }
        Some(reason) => {
            metrics.count_by(Metric::ModelFailures, "target", &target, 1);
            let instead = next.last_good.as_ref().map(|model| model.id().to_string());
            tracing::error!(target_name = target, model = %next.wanted, reason, instead, "champion does not load");
        }
    }
}

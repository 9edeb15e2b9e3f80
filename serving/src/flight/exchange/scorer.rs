//! Scores what a client sent, by the same ladder as live windows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::panel::Covariate;
use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::registry::{Reference, Target};

use super::windows::Windows;
use super::{Asked, answer};
use crate::live::{Live, Maker, target_column};
use crate::model::ServedModel;
use crate::score::{self, LadderStep};
use crate::state::AppState;
use crate::{Error, Result};

/// The most values that are held: keys times windows.
const MOST_VALUES: usize = 20_000_000;

/// The windows of one client, and who forecasts from them.
pub(super) struct Scorer {
    state: Arc<AppState>,
    live: Arc<Live>,
    target: Target,
    step: Duration,
    models: Vec<(LadderStep, Arc<dyn ServedModel>)>,
    profile: bool,
    covariates: Vec<Covariate>,
    /// The steps ahead that are wanted.
    steps: BTreeSet<usize>,
    history: Duration,
    /// The first and the last window that came.
    range: Option<(Timestamp, Timestamp)>,
}

impl Scorer {
    /// For what is asked, without any window yet.
    ///
    /// # Errors
    /// A topic, target, model or horizon that is not there.
    pub async fn new(state: &Arc<AppState>, asked: &Asked) -> Result<Self> {
        let target = asked.target();
        let stream = state.live.stream(&target.topic)?;
        let step = stream.definition().window;
        let order = score::order(state, &target, &state.grid);
        let (mut models, mut profile) = (order.models, order.profile);
        if let Some(name) = &asked.model {
            let reference: Reference = name.parse()?;
            let source = state.champions.source()?;
            let model = source.load(&source.resolve(&reference, &target).await?).await?;
            score::check_fit(stream, &target, model.as_ref())?;
            (models, profile) = (vec![(LadderStep::Model, model)], false);
        }
        let leader = models.first().map(|(_, model)| model);
        let horizon = leader.map_or(order.profile_horizon, |model| model.horizon());
        let covariates = leader.map_or_else(|| Ok(Vec::new()), |model| score::covariates(model.as_ref()))?;
        let longest = models.iter().map(|(_, model)| model.history() as i64 * step.0).max();
        let history = Duration(
            longest
                .unwrap_or(0)
                .max(if profile { state.config.history.0 } else { 0 }),
        );
        let live = Live::new(&state.catalog, history, usize::MAX);
        live.stream(&target.topic)?.serve(&target.field)?;
        for (_, model) in &models {
            for covariate in score::covariates(model.as_ref())? {
                live.stream(&covariate.topic)?.serve(&covariate.field)?;
            }
        }
        Ok(Self {
            state: Arc::clone(state),
            live: Arc::new(live),
            steps: steps(asked.horizons_minutes.as_deref(), step, horizon)?,
            target,
            step,
            models,
            profile,
            covariates,
            history,
            range: None,
        })
    }

    /// Takes a batch of windows; one that came before is replaced.
    ///
    /// # Errors
    /// A batch that does not read, more windows than may be held.
    pub fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let windows = Windows::read(batch, self.step)?;
        self.check_covariates(batch)?;
        self.make_room(&windows)?;
        let stream = self.live.stream(&self.target.topic)?;
        stream.take(&windows.batch(&column(stream, &self.target.field)?)?, Maker::Past)?;
        for covariate in &self.covariates {
            let stream = self.live.stream(&covariate.topic)?;
            let means = windows.covariate(batch, covariate, &column(stream, &covariate.field)?)?;
            stream.take(&means, Maker::Past)?;
        }
        Ok(())
    }

    /// Checks that every covariate of the model has a column, and names all that have none.
    fn check_covariates(&self, batch: &RecordBatch) -> Result<()> {
        let names = self.covariates.iter().map(ToString::to_string);
        let missing: Vec<String> = names.filter(|name| batch.column_by_name(name).is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let accepted = "columns of numbers, null where they are not known, as the model was fitted with them";
        Err(Error::missing(missing.join("`, `"), accepted))
    }

    /// Checks that there is room for these windows.
    fn make_room(&mut self, windows: &Windows) -> Result<()> {
        let Some((first, last)) = windows.range() else {
            return Ok(());
        };
        let (first, last) = self
            .range
            .map_or((first, last), |(low, high)| (low.min(first), high.max(last)));
        let span = last.0.saturating_sub(first.0).min(self.history.0) / self.step.0 + 1;
        let stream = self.live.stream(&self.target.topic)?;
        let keys = stream.key_count() + windows.new_keys(stream);
        if keys.saturating_mul(usize::try_from(span).unwrap_or(usize::MAX)) > MOST_VALUES {
            let found = format!("{keys} keys x {span} windows");
            return Err(Error::invalid(
                "windows",
                found,
                format!("at most {MOST_VALUES} values"),
            ));
        }
        self.range = Some((first, last));
        Ok(())
    }

    /// The forecasts from the newest window. Whoever drops this stops the work, which keeps its turn until it has stopped.
    ///
    /// # Errors
    /// Work that stopped.
    pub async fn score(&self) -> Result<RecordBatch> {
        let mut order = score::order(&self.state, &self.target, &self.state.grid);
        order.models.clone_from(&self.models);
        order.profile = self.profile;
        order.canary = order.canary.filter(|_| self.profile);
        let turn = self.state.turns.request().await?;
        let _unwanted = order.unwanted.0.clone().drop_guard();
        let live = Arc::clone(&self.live);
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            score::compute(&live, &order)
        });
        let computed = work.await.map_err(|error| Error::Background(error.to_string()))??;
        let Some(computed) = computed else {
            return Ok(RecordBatch::new_empty(answer::schema()));
        };
        for (_, failure) in &computed.failures {
            tracing::debug!(target_name = %self.target, failure, "a model did not answer for windows that a client sent");
        }
        answer::rows(&computed.issue, &self.steps)
    }
}

/// The windows column of a field.
fn column(stream: &crate::live::LiveStream, field: &str) -> Result<String> {
    let accepted = || crate::live::target_fields(stream.definition()).join(", ");
    target_column(stream.definition(), field).ok_or_else(|| Error::invalid("target", field, accepted()))
}

/// The steps ahead that horizons mean; all where none is named.
fn steps(minutes: Option<&[u32]>, step: Duration, horizon: usize) -> Result<BTreeSet<usize>> {
    let Some(minutes) = minutes else {
        return Ok((1..=horizon).collect());
    };
    let ahead = |minutes: &u32| {
        let length = i64::from(*minutes) * MINUTE;
        let ahead = usize::try_from(length / step.0).unwrap_or(0);
        if length % step.0 == 0 && (1..=horizon).contains(&ahead) {
            return Ok(ahead);
        }
        let longest = Duration(step.0 * horizon as i64);
        Err(Error::invalid(
            "horizons_minutes",
            minutes,
            format!("multiples of {step} up to {longest}"),
        ))
    };
    minutes.iter().map(ahead).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horizons_are_steps_within_reach() {
        let step = Duration(5 * MINUTE);
        assert_eq!(steps(None, step, 3).unwrap(), BTreeSet::from([1, 2, 3]));
        assert_eq!(steps(Some(&[15, 5]), step, 3).unwrap(), BTreeSet::from([1, 3]));
        for wrong in [0, 7, 20] {
            let error = steps(Some(&[wrong]), step, 3).unwrap_err().to_string();
            assert!(error.contains("multiples of 5m up to 15m"), "{error}");
        }
    }
}

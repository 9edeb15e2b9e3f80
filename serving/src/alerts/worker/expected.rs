//! What was expected of a window, and what is usual at its time of the week.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::lake::Lake;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{HOUR, MINUTE, Timestamp};
use arterial_models::registry::Target;
use arterial_models::season::LocalClock;

use super::progress::{at_length, newest_closed};
use crate::Result;
use crate::live::LiveStream;
use crate::score::{self, Outlook};
use crate::state::AppState;

/// A window further behind the newest than this is held against its key's usual week where no forecast of it is at hand: to ask the
/// model again takes too long for many.
const FURTHEST_ASKED: i64 = HOUR;
/// What is usual is the central 80 % and the middle of what there was ...
const USUAL: [f64; 3] = [0.1, 0.5, 0.9];
/// ... so long before and after this time of the week.
const ABOUT: i64 = 30 * MINUTE;

/// What is expected of the numbers that are watched.
pub(super) struct Expectations {
    state: Arc<AppState>,
    clocks: BTreeMap<String, LocalClock>,
}

impl Expectations {
    pub(super) fn new(state: &Arc<AppState>) -> Self {
        Self {
            state: Arc::clone(state),
            clocks: BTreeMap::new(),
        }
    }

    /// Holds the recent windows of `fields` of a stream, which what is usual is known by.
    pub(super) async fn hold(&mut self, lake: &Lake, stream: &LiveStream, fields: &[String]) -> Result<()> {
        let (state, definition) = (&self.state, stream.definition());
        let clock = LocalClock::new(&state.config.timezone, definition.window)?.with_holidays(&state.config.holidays);
        self.clocks.insert(definition.name.clone(), clock);
        let mut fresh = Vec::new();
        for field in fields {
            if stream.serve(field)? {
                fresh.push(field.clone());
            }
        }
        if !fresh.is_empty() {
            stream.rebuild(lake, &fresh, state.config.history).await?;
        }
        Ok(())
    }

    /// What was expected of `target` in `window`: as it was forecast an hour before, or as its model forecasts it now from the same
    /// windows; without model, as its usual week is.
    pub(super) async fn outlook(&self, target: &Target, window: Timestamp) -> Result<Option<Outlook>> {
        let state = &self.state;
        let has_model = state.champions.get(target).is_some();
        if has_model && let Some(scores) = state.scores.get(target) {
            if let Some(outlook) = scores.outlooks.on(window) {
                return Ok(Some(outlook));
            }
            if let Some(outlook) = self.asked_again(target, window).await? {
                return self.completed(outlook, target).map(Some);
            }
        }
        self.usual_week(target, window)
    }

    /// `outlook`, with the usual week of those keys that it says nothing of.
    fn completed(&self, mut outlook: Outlook, target: &Target) -> Result<Outlook> {
        let silent = |key: usize| outlook.values.row(key).iter().any(|value| !value.is_finite());
        let missing: Vec<usize> = (0..outlook.values.nrows()).filter(|key| silent(*key)).collect();
        if missing.is_empty() {
            return Ok(outlook);
        }
        if let Some(usual) = self.usual_week(target, outlook.window)? {
            for key in missing.into_iter().filter(|key| *key < usual.values.nrows()) {
                outlook.values.row_mut(key).assign(&usual.values.row(key));
            }
        }
        Ok(outlook)
    }

    async fn asked_again(&self, target: &Target, window: Timestamp) -> Result<Option<Outlook>> {
        let state = &self.state;
        let stream = state.live.stream(&target.topic)?;
        let step = stream.definition().window;
        let newest = newest_closed(stream).unwrap_or(window);
        if newest.0 - window.0 > FURTHEST_ASKED {
            return Ok(None);
        }
        let mut order = score::order(state, target, &state.grid);
        let reach = order.models.first().map_or(0, |(_, model)| model.horizon());
        let ahead = score::steps_ahead(step).min(reach) as i64;
        order.origin = Some(Timestamp(window.0 - ahead * step.0));
        order.profile = false;
        let turn = state.turns.own().await?;
        let computed = score::run(state, order, Some(turn)).await?;
        let outlook = computed.and_then(|computed| Outlook::of(&computed.issue));
        Ok(outlook.filter(|outlook| outlook.window == window && outlook.values.iter().any(|value| value.is_finite())))
    }

    fn usual_week(&self, target: &Target, window: Timestamp) -> Result<Option<Outlook>> {
        let quantiles = self.state.grid.iter().map(|one| f64::from(*one)).collect();
        self.usual(&target.topic, (&target.field, 1), window, quantiles)
    }

    /// What is usual of each of `fields` about the time of `window`, whatever was forecast for it.
    pub(super) fn usual_about(
        &self,
        stream: &StreamDefinition,
        fields: &[String],
        window: Timestamp,
    ) -> Result<Vec<Option<Outlook>>> {
        let reach = usize::try_from(ABOUT / stream.window.0.max(1)).unwrap_or(1).max(1);
        let usual = |field: &String| self.usual(&stream.name, (field, reach), window, USUAL.to_vec());
        fields.iter().map(usual).collect()
    }

    fn usual(
        &self,
        topic: &str,
        (field, reach): (&str, usize),
        window: Timestamp,
        quantiles: Vec<f64>,
    ) -> Result<Option<Outlook>> {
        let Some(clock) = self.clocks.get(topic) else {
            return Ok(None);
        };
        let stream = self.state.live.stream(topic)?;
        let usual = |state: &crate::live::State| {
            let (ring, keys) = (state.ring(field)?, state.keys().len());
            Some(score::around_window(ring, keys, (clock, reach), window, &quantiles))
        };
        let values = at_length(|| stream.with(usual));
        let outlook = |values| Outlook {
            window,
            quantiles,
            values,
        };
        Ok(values.transpose()?.map(outlook))
    }
}

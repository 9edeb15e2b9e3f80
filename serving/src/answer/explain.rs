//! What moved the forecasts of an answer, said by the models that gave them from the same data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_models::explanation::{Explanation, Place};
use arterial_models::registry::ModelVersion;

use super::Asker;
use super::question::{Checked, MOST_EXPLAINED};
use super::reply::{Answer, Forecast};
use crate::live;
use crate::model::ServedModel;
use crate::score::{self, LadderStep, Source, Unwanted};
use crate::state::AppState;
use crate::{Error, Result};

/// Puts an explanation, or why there is none, beside each forecast of `answer`.
///
/// # Errors
/// More forecasts than are explained at a time, more calls than wait at a time; [`arterial_models::Error::Unexplained`] where no model of
/// the answer can say.
pub(super) async fn explain(
    asker: Asker,
    state: &Arc<AppState>,
    checked: &Checked<'_>,
    answer: &mut Answer,
) -> Result<()> {
    if answer.forecasts.len() > MOST_EXPLAINED {
        let accepted = format!("at most {MOST_EXPLAINED} forecasts together with `explain`: name keys and horizons");
        return Err(Error::invalid(
            "explain",
            format!("{} forecasts", answer.forecasts.len()),
            accepted,
        ));
    }
    let _place = asker.place(state).await?;
    let mut silent = None;
    for (source, places) in by_source(&answer.forecasts) {
        match ask(state, checked, &source, &answer.forecasts, &places).await {
            Ok(explanations) => {
                for (at, explanation) in places.into_iter().zip(explanations) {
                    answer.forecasts[at].explanation = Some(explanation);
                }
            }
            Err(error @ Error::Models(arterial_models::Error::Unexplained(_))) => {
                for at in places {
                    answer.forecasts[at].explanation = Some(Err(error.to_string()));
                }
                silent = Some(error);
            }
            Err(other) => return Err(other),
        }
    }
    let said = answer
        .forecasts
        .iter()
        .any(|one| matches!(one.explanation, Some(Ok(_))));
    match silent {
        Some(error) if !said => Err(error),
        _ => Ok(()),
    }
}

/// A step of the ladder, and name and version of the model behind it.
type Giver<'a> = (LadderStep, &'a str, &'a str);

/// The places of the forecasts that each model gave.
fn by_source(forecasts: &[Forecast]) -> Vec<(Arc<Source>, Vec<usize>)> {
    let mut found: BTreeMap<Giver<'_>, (Arc<Source>, Vec<usize>)> = BTreeMap::new();
    for (at, one) in forecasts.iter().enumerate() {
        let name = (one.rung, one.source.model.as_str(), one.source.version.as_str());
        let entry = found
            .entry(name)
            .or_insert_with(|| (Arc::clone(&one.source), Vec::new()));
        entry.1.push(at);
    }
    found.into_values().collect()
}

/// Asks the model behind `source` about the forecasts at `places`, which are of one origin.
async fn ask(
    state: &Arc<AppState>,
    checked: &Checked<'_>,
    source: &Arc<Source>,
    forecasts: &[Forecast],
    places: &[usize],
) -> Result<Vec<Result<Explanation, String>>> {
    if source.model == score::PROFILE_NAME {
        let reason = "the profile gave it: what this key did at that time of its own recent weeks";
        return Ok(places.iter().map(|_| Err(reason.to_owned())).collect());
    }
    let Some(first) = places.first().map(|&at| &forecasts[at]) else {
        return Ok(Vec::new());
    };
    let order = Order {
        model: model(state, checked, source).await?,
        origin: first.origin,
        target: checked.target.clone(),
        source: Arc::clone(source),
        wanted: places.iter().map(|&at| wanted(&forecasts[at])).collect(),
    };
    let turn = state.turns.request().await?;
    let unwanted = Unwanted::default();
    let _unwanted = unwanted.0.clone().drop_guard();
    let state = Arc::clone(state);
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        order.explain(&state, &unwanted)
    });
    work.await.map_err(|error| Error::Background(error.to_string()))?
}

/// The model that gave a forecast: in charge now, or before.
async fn model(state: &AppState, checked: &Checked<'_>, source: &Source) -> Result<Arc<dyn ServedModel>> {
    let id: ModelVersion = format!("{}@{}", source.model, source.version).parse()?;
    match at_hand(state, checked, &id) {
        Some(model) => Ok(model),
        None => state.champions.source()?.load(&id).await,
    }
}

fn at_hand(state: &AppState, checked: &Checked<'_>, id: &ModelVersion) -> Option<Arc<dyn ServedModel>> {
    let in_charge = state.champions.get(&checked.target)?;
    in_charge.loaded(id)
}

/// The key of a forecast and how many minutes ahead it is.
fn wanted(forecast: &Forecast) -> (String, i64) {
    let ahead = forecast.target_time.0 - forecast.origin.0;
    (forecast.key.to_string(), ahead)
}

/// What is to be explained, for a thread that may take its time.
struct Order {
    model: Arc<dyn ServedModel>,
    origin: arterial_datasets::time::Timestamp,
    target: arterial_models::registry::Target,
    source: Arc<Source>,
    /// Keys, and how far ahead in microseconds.
    wanted: Vec<(String, i64)>,
}

impl Order {
    fn explain(&self, state: &AppState, unwanted: &Unwanted) -> Result<Vec<Result<Explanation, String>>> {
        let refuse = |reason: &str| Ok(self.wanted.iter().map(|_| Err(reason.to_owned())).collect());
        let step = self.model.scope().step;
        let holidays = &state.config.holidays;
        let read = score::read(
            &state.live,
            &self.target,
            self.model.as_ref(),
            holidays,
            self.origin,
            step,
        )?;
        unwanted.check()?;
        let Some(read) = read.filter(|read| live::digest(&read.panel) == self.source.digest) else {
            return refuse("its data have been revised since, or are no longer in memory: ask after the next window");
        };
        unwanted.check()?;
        let place = |(key, ahead): &(String, i64)| {
            let series = read.panel.series().iter().position(|name| name == key);
            series.map(|series| Place {
                series,
                step: (ahead / step.0) as usize,
            })
        };
        let Some(places) = self.wanted.iter().map(place).collect::<Option<Vec<Place>>>() else {
            return refuse("its model was not fitted for this key");
        };
        Ok(self.model.explain(&read.panel, &places)?.into_iter().map(Ok).collect())
    }
}

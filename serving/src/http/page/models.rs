//! `GET /page/data/models`: which model is in charge of each target, and the scorecard that it was promoted with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arterial_datasets::time::MINUTE;
use arterial_models::registry::{Manifest, ModelVersion, Registry, Target};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Page, frame};
use crate::error::chain;
use crate::model::InCharge;
use crate::score::tally;
use crate::state::AppState;
use crate::sync::lock;

/// The scores that a card shows, by their names in the backtest's JSON.
const SCORES: [&str; 8] = [
    "step",
    "minutes",
    "mae",
    "rmse",
    "skill",
    "coverage_80",
    "width_80",
    "forecasts",
];
/// Cards that are kept; with more, all are read again.
const MOST_CARDS: usize = 64;

/// The cards that were read: a version never changes.
#[derive(Default)]
pub struct Cards(Mutex<BTreeMap<ModelVersion, Arc<Value>>>);

impl Cards {
    /// The card of a version; none where there is no registry or it cannot be read, which the log then says.
    async fn of(&self, registry: Option<&Registry>, id: &ModelVersion) -> Option<Arc<Value>> {
        if let Some(known) = lock(&self.0).get(id) {
            return Some(Arc::clone(known));
        }
        let manifest = match registry?.manifest(id).await {
            Ok(manifest) => manifest,
            Err(error) => {
                tracing::warn!(model = %id, error = chain(&error), "a model's card cannot be read");
                return None;
            }
        };
        let card = Arc::new(card(&manifest));
        let mut known = lock(&self.0);
        if known.len() >= MOST_CARDS {
            known.clear();
        }
        known.insert(id.clone(), Arc::clone(&card));
        Some(card)
    }
}

/// The models in charge with their cards.
pub async fn show(State(page): State<Arc<Page>>) -> Json<Value> {
    let mut models = Vec::new();
    for target in targets(&page.app) {
        let in_charge = page.app.champions.get(&target);
        let mut model = standing(&page.app, &target, in_charge.as_deref());
        let answering = in_charge.as_deref().and_then(answering);
        if let Some(id) = answering {
            model["card"] = json!(page.cards.of(page.app.registry.as_ref(), &id).await.as_deref());
        }
        model["forecasts"] = forecasts(&page.app, &target);
        models.push(model);
    }
    Json(json!({"models": models}))
}

/// Who stands behind the answers for every target, as the data of an event.
pub fn data(state: &AppState) -> frame::Data {
    let models: Vec<Value> = targets(state)
        .iter()
        .map(|target| standing(state, target, state.champions.get(target).as_deref()))
        .collect();
    frame::Data::new(&json!({"models": models}).to_string())
}

/// What is served or has a champion.
pub fn targets(state: &AppState) -> BTreeSet<Target> {
    let champions = state.champions.all();
    state
        .scores
        .targets()
        .into_iter()
        .chain(champions.keys().cloned())
        .collect()
}

/// The model that answers.
fn answering(in_charge: &InCharge) -> Option<ModelVersion> {
    let model = in_charge.champion.as_ref().or(in_charge.last_good.as_ref());
    model.map(|model| model.id().clone())
}

fn standing(state: &AppState, target: &Target, in_charge: Option<&InCharge>) -> Value {
    let unit = state.catalog.get(&target.topic).ok().and_then(|stream| {
        let mut fields = stream.value_fields();
        fields.find(|field| field.column() == target.field)?.unit.clone()
    });
    json!({
        "topic": target.topic,
        "target": target.field,
        "unit": unit,
        "champion": in_charge.map(|models| models.wanted.to_string()),
        "answering": in_charge.and_then(answering).map(|id| id.to_string()),
        "failure": in_charge.and_then(|models| models.failure.clone()),
    })
}

/// How many forecasts of the newest issue each step of the ladder gave; none before the first issue.
fn forecasts(state: &AppState, target: &Target) -> Value {
    let issue = state.scores.get(target).and_then(|scores| scores.newest());
    issue.map_or(Value::Null, |issue| {
        let counts: BTreeMap<&str, usize> = tally(&issue)
            .iter()
            .map(|(step, count)| (step.name(), *count))
            .collect();
        json!({"origin": issue.origin.to_string(), "issued_at": issue.issued_at.to_string(), "given_by": counts})
    })
}

fn card(manifest: &Manifest) -> Value {
    json!({
        "kind": manifest.kind,
        "created_at": manifest.created_at.to_string(),
        "trained_from": manifest.data.from.to_string(),
        "trained_until": manifest.data.until.to_string(),
        "synthetic": manifest.data.synthetic,
        "series": manifest.series,
        "horizon_minutes": manifest.horizon as i64 * manifest.step.0 / MINUTE,
        "scores": manifest.scores.as_array().map(|rows| rows.iter().map(score).collect::<Vec<_>>()),
    })
}

fn score(row: &Value) -> Value {
    let mut short = json!({"model": row["model"]});
    for name in SCORES {
        short[name] = row[name].clone();
    }
    short
}

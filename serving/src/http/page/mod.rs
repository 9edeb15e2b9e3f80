//! The page for people: a map of the city that lives, what is wrong in it, which model is in charge, how fresh the data are.
//!
//! | file | what stands there |
//! |---|---|
//! | `index`, `summary` | the page as it is without scripts: every number that it opens with |
//! | `assets`, `texts` | its files, which stand in the program, and its words in three languages |
//! | `city`, `roads`, `zones` | where everything is: keys, roads as lines through their sensors, zones as what their keys span |
//! | `now` | speed and congestion of every key, now and at each horizon |
//! | `history`, `earlier` | one key's past, what was forecast of it an hour before, and its forecast |
//! | `models`, `status` | who is in charge and how well it did; what is fresh |
//! | `resolved` | the alerts that were resolved lately |
//! | `events`, `cursor`, `frame` | `GET /v1/events`: all of this as it changes |
//!
//! What stands under `/page/` belongs to the page and changes with it: programs use `/v1/`.

mod assets;
mod city;
mod cursor;
mod earlier;
pub(super) mod events;
mod frame;
mod history;
mod index;
mod models;
mod now;
mod plane;
mod resolved;
mod roads;
mod status;
mod summary;
mod texts;

use std::sync::Arc;

use arterial_models::registry::Target;
use axum::Router;
use tokio::sync::Semaphore;

use super::only_get;
use crate::answer::{DEFAULT_TARGET, DEFAULT_TOPIC};
use crate::state::AppState;

/// What the page's routes share.
pub(super) struct Page {
    app: Arc<AppState>,
    /// Where everything is, made once for everybody.
    city: city::Cache,
    /// The words and numbers of now, made once for everybody.
    now: now::Cache,
    cards: models::Cards,
    /// A place for each of those who follow the events.
    places: Arc<Semaphore>,
}

/// The page, its files, its data and its events, which `followers` may follow at the same time; for a router of any state.
pub fn routes<S: Clone + Send + Sync + 'static>(state: &Arc<AppState>, followers: usize) -> Router<S> {
    let page = Page {
        app: Arc::clone(state),
        city: city::Cache::default(),
        now: now::Cache::default(),
        cards: models::Cards::default(),
        places: Arc::new(Semaphore::new(followers.min(Semaphore::MAX_PERMITS))),
    };
    Router::new()
        .route("/", only_get(index::show))
        .route("/page/{name}", only_get(assets::file))
        .route("/page/data/city", only_get(city::show))
        .route("/page/data/history", only_get(history::show))
        .route("/page/data/models", only_get(models::show))
        .route("/v1/events", only_get(events::follow))
        .with_state(Arc::new(page))
}

/// What the map shows.
fn target() -> Target {
    Target {
        topic: DEFAULT_TOPIC.into(),
        field: DEFAULT_TARGET.into(),
    }
}

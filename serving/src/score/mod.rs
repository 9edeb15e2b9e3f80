//! Scoring: each closed window is forecast by the champion of its target, and what it gave is kept at hand.

mod areas;
mod compute;
mod issue;
mod ladder;
mod outlook;
mod profile;
mod rows;
mod said;
mod scores;
mod shadow;
mod turns;
mod worker;

pub use areas::{AreaIntervals, NoAreas};
pub use compute::{Computed, Order, Read, Unwanted, check_fit, compute, covariates, read, tally};
pub use issue::{Issue, Source, Stamp};
pub use ladder::{LadderStep, RefusalCode};
pub use outlook::{Outlook, Outlooks, steps_ahead};
pub use profile::{PROFILE_NAME, PROFILE_VERSION, around_window, needs, of_window};
pub use rows::{rows, rows_fresh, rows_where};
pub use scores::{Scores, TargetScores, Wanted};
pub use shadow::{ShadowQueue, queue, shadow_forever};
pub(crate) use turns::Turns;
pub(crate) use worker::run;
pub use worker::{Occasion, order, reach, score_forever, score_once};

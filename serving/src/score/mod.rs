//! Scoring: each closed window is forecast by the champion of its target, and what it gave is kept at hand.

mod compute;
mod issue;
mod ladder;
mod outlook;
mod profile;
mod rows;
mod scores;
mod worker;

pub use compute::{Computed, Order, check_fit, compute, covariates, tally};
pub use issue::{Issue, Source};
pub use ladder::{LadderStep, RefusalCode};
pub use outlook::{Outlook, Outlooks, steps_ahead};
pub use profile::{PROFILE_NAME, PROFILE_VERSION, around_window, of_window};
pub use rows::rows;
pub use scores::{Scores, TargetScores, Wanted};
pub(crate) use worker::run;
pub use worker::{order, score_forever, score_once};

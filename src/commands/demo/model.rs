//! Trains the demonstration's model on its own lake, and lets it serve if it passes the gate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use arterial_datasets::panel::Holidays;
use arterial_features::sets;
use arterial_models::Progress;
use arterial_models::forecasters;
use arterial_models::registry::{CHAMPION, Manifest, Target};
use arterial_training::backtest::SEASONAL_NAIVE;
use arterial_training::choice::choose;
use arterial_training::document::Document;
use arterial_training::evidence;
use arterial_training::gate::{self, Order};
use arterial_training::promotion::Evidence;
use arterial_training::protocol::Protocol;
use arterial_training::train::{Plan, train as fit};
use arterial_training::windows::{self, Wanted};
use indicatif::ProgressBar;
use serde::Serialize;

use super::city::{FIELD, TOPIC};
use super::interrupt::Interrupt;
use super::summary::Words;
use crate::commands::lake_panel::{Join, covariates};
use crate::commands::progress;
use crate::commands::reading::data_block;
use crate::service::Foundation;

/// The kinds that are trained, both within a minute. The one that errs less is to serve.
const KINDS: [&str; 2] = ["gbdt", "linear"];

/// What was trained.
#[derive(Debug, Clone, Serialize)]
pub struct Trained {
    /// The kind.
    pub name: String,
    /// Its version in the registry.
    pub version: String,
    /// The MAE on the test part over all steps, km/h.
    pub mae: Option<f64>,
    /// The MAE of seasonal naive on the same windows, km/h.
    pub seasonal_naive_mae: Option<f64>,
    /// The MAE of each kind that was trained or measured beside it, on the same windows, km/h.
    pub beside: BTreeMap<String, Option<f64>>,
    /// Whether it passed the gate and serves.
    pub promoted: bool,
}

impl Trained {
    /// A sentence for people.
    pub fn words(&self) -> String {
        let measured = match (self.mae, self.seasonal_naive_mae) {
            (Some(mae), Some(naive)) => {
                format!(
                    "mean error {mae:.2} km/h over the next hour, seasonal naive {naive:.2}, on the same windows of the last days"
                )
            }
            _ => "it could not be measured".into(),
        };
        let gate = if self.promoted {
            "it serves"
        } else {
            "it did not pass the gate; the profile answers"
        };
        format!("{}@{}: {measured}; {gate}", self.name, self.version)
    }
}

/// Trains on every window so far, measures on the last of them, and promotes what beats seasonal naive.
///
/// # Errors
/// A lake that cannot be read, data that cannot be fitted on, an interrupt.
pub async fn train(foundation: &Foundation, seed: u64, said: &Words, interrupt: &Interrupt) -> anyhow::Result<Trained> {
    let target: Target = format!("{TOPIC}.{FIELD}").parse()?;
    let covariates = covariates(&foundation.lake, &foundation.catalog, TOPIC, &Join::Auto).await?;
    let wanted = Wanted {
        topic: TOPIC,
        field: FIELD,
        timezone: &foundation.config.site.timezone,
        holidays: &Holidays::default(),
        covariates: &covariates,
        versions: &BTreeMap::new(),
    };
    let found = windows::panel(&foundation.lake, &wanted).await?;
    let version = found.versions.get(&found.table).copied().unwrap_or_default();
    let data = data_block(&found.panel, format!("{}@{version}", found.table), found.sha256.clone());
    let protocol = Protocol {
        seed,
        stride: 6,
        ..Protocol::default()
    };
    let list = forecasters::list(sets::standard());
    let kinds = choose(&list, &KINDS.map(str::to_owned), "--model")?;
    let plan = Plan {
        panel: &found.panel,
        data: &data,
        reading: &serde_json::Value::Null,
        synthetic: true,
        target: &target,
        list: &list,
        kinds: &kinds,
        protocol: &protocol,
        resume: false,
    };
    let clock = foundation.clock.as_ref();
    let spoken = Spoken::on(said, interrupt);
    let outcome = fit(&foundation.registry, &plan, clock, &spoken).await;
    spoken.shown.finish_and_clear();
    let outcome = outcome?;
    let best = outcome
        .challenger
        .ok_or_else(|| anyhow::anyhow!("no model was published"))?;
    let id = best.parse()?;
    let manifest = foundation.registry.verify(&id).await?;
    let measured = evidence::from_manifest(&manifest, None);
    let promoted = match &measured {
        Some(evidence) => passed(foundation, &manifest, evidence).await?,
        None => false,
    };
    Ok(Trained {
        name: id.name.clone(),
        version: id.version.to_string(),
        mae: measured.as_ref().and_then(|evidence| evidence.mae),
        seasonal_naive_mae: measured.as_ref().and_then(|evidence| evidence.seasonal_naive_mae),
        beside: outcome.scorecard.as_ref().map(errors).unwrap_or_default(),
        promoted,
    })
}

/// Says which model is trained and which is measured, each once, and shows under that how far it is: nobody is to wait before a screen
/// that stands still. The work ends at Ctrl-C.
struct Spoken<'a> {
    words: &'a Words,
    interrupt: &'a Interrupt,
    told: Mutex<BTreeSet<String>>,
    shown: ProgressBar,
}

impl<'a> Spoken<'a> {
    fn on(words: &'a Words, interrupt: &'a Interrupt) -> Self {
        Self {
            words,
            interrupt,
            told: Mutex::default(),
            shown: if words.quiet {
                ProgressBar::hidden()
            } else {
                progress::empty()
            },
        }
    }

    /// The line for a report, none where it was told or is a detail: the name of a model comes first as it is fitted, and then as
    /// it forecasts what it is measured on.
    fn line(&self, message: &str) -> Option<String> {
        let is_trained = KINDS.contains(&message);
        if !is_trained && message != SEASONAL_NAIVE {
            return None;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let training = format!("training {message}");
        if is_trained && told.insert(training.clone()) {
            return Some(training);
        }
        let measuring = format!("measuring {message}");
        told.insert(measuring.clone()).then_some(measuring)
    }
}

impl Progress for Spoken<'_> {
    fn report(&self, done: u64, total: u64, message: &str) {
        if let Some(line) = self.line(message) {
            self.shown.suspend(|| self.words.say(&line));
        }
        if self.shown.length() != Some(total) {
            self.shown.set_length(total);
        }
        self.shown.set_position(done);
        self.shown.set_message(message.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        self.interrupt.was_pressed()
    }
}

/// The MAE of each model over all steps.
fn errors(scorecard: &Document) -> BTreeMap<String, Option<f64>> {
    let last = scorecard.protocol.report_at.last();
    let whole = scorecard.scores.iter().filter(|score| Some(&score.step) == last);
    whole.map(|score| (score.model.clone(), score.mae_through)).collect()
}

/// Moves the champion's alias if the gate lets it; says whether it did.
async fn passed(foundation: &Foundation, manifest: &Manifest, evidence: &Evidence) -> anyhow::Result<bool> {
    let order = Order {
        alias: CHAMPION.into(),
        ..Order::default()
    };
    let clock = foundation.clock.as_ref();
    match gate::promote(&foundation.registry, manifest, None, evidence, &order, clock).await {
        Ok(_) => Ok(true),
        Err(arterial_training::Error::Refused(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_is_told_to_end_at_an_interrupt() {
        let words = Words { quiet: true };
        let (press, interrupt) = Interrupt::by_hand();
        let spoken = Spoken::on(&words, &interrupt);
        spoken.report(1, 2, "growing trees");
        assert!(!spoken.is_cancelled());
        press.send_replace(true);
        assert!(spoken.is_cancelled());
    }

    #[test]
    fn each_model_is_said_to_be_trained_and_to_be_measured_once() {
        let words = Words { quiet: true };
        let (_press, interrupt) = Interrupt::by_hand();
        let spoken = Spoken::on(&words, &interrupt);
        let reports = [
            "gbdt",
            "growing trees",
            "linear",
            "gbdt",
            "gbdt",
            "linear",
            SEASONAL_NAIVE,
            "scored",
        ];
        let lines: Vec<String> = reports.iter().filter_map(|message| spoken.line(message)).collect();
        assert_eq!(
            lines,
            [
                "training gbdt",
                "training linear",
                "measuring gbdt",
                "measuring linear",
                "measuring seasonal-naive"
            ]
        );
    }
}

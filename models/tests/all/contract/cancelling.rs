//! Work that nobody waits for any more ends soon, and leaves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arterial_datasets::feature::{FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, Waits, Wanted};
use arterial_datasets::panel::Panel;
use arterial_models::forecasters::{by_name, list};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Error, Progress};

use super::small::{FITTED, HORIZON, small};
use super::task;
use crate::support::Lags;

/// How often work may ask once it was told to stop: the parts of it that run beside the one that was told ask, too.
fn few() -> usize {
    24 + 2 * rayon::current_num_threads()
}

/// Says that it waits so many times, and counts how often it is asked.
struct Patience {
    most: usize,
    asked: AtomicUsize,
}

impl Patience {
    fn of(most: usize) -> Self {
        Self {
            most,
            asked: AtomicUsize::new(0),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Progress for Patience {
    fn report(&self, _: u64, _: u64, _: &str) {}

    fn is_cancelled(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) >= self.most
    }
}

fn is_cancelled<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Cancelled))
}

#[test]
fn a_fit_that_is_told_to_stop_ends_within_a_few_questions_and_leaves_nothing() {
    let small = small();
    let training = small.training();
    for (kind, known) in small.kinds.iter().zip(&small.pipelines) {
        let fit = |most: usize| {
            let patience = Patience::of(most);
            let result = Pipeline::fit(kind.as_ref(), &training, 0, &task(HORIZON), &patience);
            (result, patience.asked())
        };
        let stop = |most: usize| {
            let (result, asked) = fit(most);
            assert!(is_cancelled(&result), "{} after {most} questions", kind.name());
            let more = asked - most;
            assert!(more <= few(), "{} asked {more} times more", kind.name());
        };
        stop(0);
        stop(1);
        let (whole, asked) = fit(usize::MAX);
        let files = whole.unwrap().files().unwrap();
        let same = files == known.files().unwrap();
        assert!(same, "{}: what was stopped left something", kind.name());
        stop(asked / 2);
    }
}

#[test]
fn the_kinds_that_learn_for_long_ask_by_themselves() {
    let small = small();
    let quick = ["persistence", "seasonal-naive", "network", "trees"];
    for kind in &small.kinds {
        let fitted = kind.fit(&small.training(), &task(HORIZON), &Patience::of(0));
        assert_eq!(is_cancelled(&fitted), !quick.contains(&kind.name()), "{}", kind.name());
    }
}

#[test]
fn a_forecast_that_nobody_waits_for_is_given_up() {
    let small = small();
    for pipeline in &small.pipelines {
        let given_up = pipeline.outlook_while(&small.panel, &[FITTED], &Patience::of(0));
        assert!(is_cancelled(&given_up), "{}", pipeline.name());
    }
}

#[test]
fn a_forecast_that_takes_long_is_given_up_on_the_way() {
    let small = small();
    let quick = ["persistence", "seasonal-naive", "weekly-profile"];
    // More than any kind forecasts at once.
    let origins = vec![FITTED; 4500];
    for pipeline in &small.pipelines {
        let patience = Patience::of(1);
        let given_up = is_cancelled(&pipeline.outlook_while(&small.panel, &origins, &patience));
        assert_eq!(given_up, !quick.contains(&pipeline.name()), "{}", pipeline.name());
        assert!(patience.asked() <= 1 + few(), "{}", pipeline.name());
    }
}

/// Features that are never done with one of their parts. That it has begun ends the patience of whoever waits.
struct Endless {
    learns: bool,
    has_begun: Arc<AtomicBool>,
}

impl Endless {
    fn go_on(&self, waits: Waits<'_>) -> arterial_datasets::Error {
        self.has_begun.store(true, Ordering::Relaxed);
        loop {
            if let Err(error) = waits.go_on() {
                return error;
            }
        }
    }
}

impl FeatureSet for Endless {
    fn id(&self) -> FeatureSetId {
        Lags.id()
    }

    fn learn_while(&self, training: &Panel, waits: Waits<'_>) -> arterial_datasets::Result<FeatureState> {
        if self.learns {
            return Err(self.go_on(waits));
        }
        Lags.learn_while(training, waits)
    }

    fn prepare_while(
        &self,
        _: &Panel,
        _: &FeatureState,
        _: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> arterial_datasets::Result<Box<dyn PreparedFeatures>> {
        Err(self.go_on(waits))
    }
}

/// Waits until the flag is set.
struct Until(Arc<AtomicBool>);

impl Progress for Until {
    fn report(&self, _: u64, _: u64, _: &str) {}

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_fit_that_is_told_to_stop_gives_up_its_features_on_the_way() {
    let training = small().training();
    for name in ["linear", "gbdt", "forest"] {
        for learns in [true, false] {
            let has_begun = Arc::new(AtomicBool::new(false));
            let kinds = list(Arc::new(Endless {
                learns,
                has_begun: Arc::clone(&has_begun),
            }));
            let kind = by_name(&kinds, name).unwrap();
            let fitted = kind.fit(&training, &task(HORIZON), &Until(has_begun));
            assert!(is_cancelled(&fitted), "{name}");
        }
    }
}

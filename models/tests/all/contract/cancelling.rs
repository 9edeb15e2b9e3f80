//! Work that nobody waits for any more ends soon, and leaves nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use arterial_models::pipeline::Pipeline;
use arterial_models::{Error, Progress};

use super::small::{FITTED, HORIZON, small};
use super::task;

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

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array3;

use super::*;
use crate::neural::tests::{batch, kinds, shape};
use crate::neural::{Batch, Batches, Kind, Network};
use crate::{Error, Result};

/// Batches whose targets can be learnt from their context.
struct Lesson {
    batches: usize,
    seed: u64,
}

impl Batches for Lesson {
    fn len(&self) -> usize {
        self.batches
    }

    fn batch(&self, epoch: u64, index: usize) -> Result<Batch> {
        let mut batch = batch(&shape(3), 8, self.seed + epoch * 1000 + index as u64);
        let context = &batch.context;
        let learnable = |(window, series, step): (usize, usize, usize)| {
            context[(window, series, 4, 0)] - context[(window, series, step, 2)] + series as f32
        };
        batch.target = Array3::from_shape_fn((8, 3, 4), learnable);
        batch.base.fill(0.0);
        batch.target[(1, 1, 1)] = f32::NAN;
        Ok(batch)
    }
}

const TRAINING: Lesson = Lesson { batches: 5, seed: 1 };
const VALIDATION: Lesson = Lesson {
    batches: 2,
    seed: 1_000_000,
};

/// Keeps the last state in memory.
#[derive(Default)]
struct Kept(Mutex<Option<Snapshot>>);

impl Checkpoint for Kept {
    fn load(&self) -> Result<Option<Snapshot>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn save(&self, snapshot: &Snapshot) -> Result<()> {
        *self.0.lock().unwrap() = Some(snapshot.clone());
        Ok(())
    }
}

/// Stops after so many batches.
struct StopAfter {
    batches: usize,
    seen: AtomicUsize,
}

impl StopAfter {
    fn new(batches: usize) -> Self {
        Self {
            batches,
            seen: AtomicUsize::new(0),
        }
    }
}

impl Observer for StopAfter {
    fn report(&self, _progress: &Progress) {
        self.seen.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.batches
    }
}

fn settings() -> TrainingSettings {
    TrainingSettings {
        epochs: 4,
        learning_rate: 1e-2,
        checkpoint_every: 2,
        ..TrainingSettings::default()
    }
}

fn network(kind: Kind) -> Network {
    Network::new(kind, shape(3), 3).unwrap()
}

fn run(
    kind: Kind,
    settings: &TrainingSettings,
    observer: &dyn Observer,
    checkpoint: Option<&dyn Checkpoint>,
) -> Result<Trained> {
    train(
        &network(kind),
        &TRAINING,
        Some(&VALIDATION),
        settings,
        observer,
        checkpoint,
    )
}

#[test]
fn what_can_be_learnt_is_learnt() {
    for kind in kinds() {
        let settings = TrainingSettings {
            epochs: 30,
            ..settings()
        };
        let trained = run(kind, &settings, &Unobserved, None).unwrap();
        let (first, best) = (trained.losses[0], trained.losses[trained.best_epoch as usize - 1]);
        assert!(
            best.validation.unwrap() < 0.5 * first.validation.unwrap(),
            "{kind:?}: {first:?} to {best:?}"
        );
    }
}

#[test]
fn an_interrupted_training_ends_bit_for_bit_like_one_that_was_not() {
    for kind in kinds() {
        let whole = run(kind, &settings(), &Unobserved, None).unwrap();
        let kept = Kept::default();
        // In the first epoch before any checkpoint, in the midst of one, and right at the end of one.
        for batches in [1, 3, 5, 4, 5] {
            let stopped = run(kind, &settings(), &StopAfter::new(batches), Some(&kept));
            assert!(matches!(stopped, Err(Error::Cancelled)));
        }
        let resumed = run(kind, &settings(), &Unobserved, Some(&kept)).unwrap();
        assert_eq!(resumed.losses, whole.losses);
        assert_eq!(resumed.best_epoch, whole.best_epoch);
        assert_eq!(resumed.network.parameters(), whole.network.parameters());
    }
}

#[test]
fn training_is_the_same_at_any_number_of_threads() {
    for kind in kinds() {
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let trained = pool.install(|| run(kind, &settings(), &Unobserved, None)).unwrap();
            trained.network.parameters().to_vec()
        });
        assert!(results[0] == results[1] && results[0] == results[2]);
    }
}

#[test]
fn a_finished_training_that_is_taken_up_again_gives_its_result() {
    let kept = Kept::default();
    let trained = run(kinds()[0], &settings(), &Unobserved, Some(&kept)).unwrap();
    let again = run(kinds()[0], &settings(), &StopAfter::new(0), Some(&kept)).unwrap();
    assert_eq!(again.network.parameters(), trained.network.parameters());
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let kept = Kept::default();
    run(kinds()[0], &settings(), &Unobserved, Some(&kept)).unwrap();
    let other = TrainingSettings {
        learning_rate: 2e-2,
        ..settings()
    };
    let error = run(kinds()[0], &other, &Unobserved, Some(&kept)).unwrap_err();
    assert!(error.to_string().starts_with("`checkpoint` is `"));
}

/// The lessons under another digest.
struct Others;

impl Batches for Others {
    fn len(&self) -> usize {
        TRAINING.len()
    }

    fn digest(&self) -> String {
        "others".into()
    }

    fn batch(&self, epoch: u64, index: usize) -> Result<Batch> {
        TRAINING.batch(epoch, index)
    }
}

#[test]
fn a_checkpoint_of_other_data_is_refused_by_their_digest() {
    let (kept, network) = (Kept::default(), network(kinds()[0]));
    run(kinds()[0], &settings(), &Unobserved, Some(&kept)).unwrap();
    let settings = settings();
    let others = train(
        &network,
        &Others,
        Some(&VALIDATION),
        &settings,
        &Unobserved,
        Some(&kept),
    );
    let said = others.unwrap_err().to_string();
    assert!(
        said.starts_with("`data of the checkpoint` is `") && said.contains("accepted: others"),
        "{said}"
    );
}

/// Breaks after the first epoch.
struct Broken;

impl Batches for Broken {
    fn len(&self) -> usize {
        TRAINING.batches
    }

    fn batch(&self, epoch: u64, index: usize) -> Result<Batch> {
        let mut batch = TRAINING.batch(epoch, index)?;
        if epoch == 1 {
            batch.context[(0, 0, 0, 0)] = f32::NAN;
        }
        Ok(batch)
    }
}

#[test]
fn a_loss_that_is_not_a_number_stops_the_training_and_the_best_weights_stay() {
    for kind in kinds() {
        let (kept, network) = (Kept::default(), network(kind));
        let error = train(
            &network,
            &Broken,
            Some(&VALIDATION),
            &settings(),
            &Unobserved,
            Some(&kept),
        )
        .unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("the loss is not a number in batch 1 of epoch 2: "),
            "{said}"
        );
        assert!(said.contains("those of epoch 1, are kept"), "{said}");
        let best = kept.load().unwrap().unwrap().best;
        assert!(best.iter().all(|number| number.is_finite()));
        assert_ne!(best, network.parameters());
        let ended = train(
            &network,
            &Broken,
            Some(&VALIDATION),
            &settings(),
            &StopAfter::new(0),
            Some(&kept),
        )
        .unwrap();
        assert_eq!((ended.diverged, ended.epochs, ended.best_epoch), (Some(2), 1, 1));
        assert_eq!(ended.network.parameters(), best);
    }
}

#[test]
fn a_training_without_a_checkpoint_that_diverges_promises_no_weights() {
    let network = network(kinds()[0]);
    let error = train(&network, &Broken, Some(&VALIDATION), &settings(), &Unobserved, None).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("of epoch 2: ") && said.ends_with("or check the inputs"),
        "{said}"
    );
}

/// Targets that have nothing to do with the context.
struct Noise;

impl Batches for Noise {
    fn len(&self) -> usize {
        1
    }

    fn batch(&self, epoch: u64, index: usize) -> Result<Batch> {
        Ok(batch(&shape(3), 4, epoch + index as u64))
    }
}

#[test]
fn training_ends_when_the_validation_part_gains_no_more() {
    let settings = TrainingSettings {
        epochs: 50,
        learning_rate: 1e-9,
        patience: 3,
        ..settings()
    };
    let network = network(kinds()[0]);
    let trained = train(&network, &Noise, Some(&Noise), &settings, &Unobserved, None).unwrap();
    assert!(trained.epochs < 50);
    assert_eq!(trained.epochs, trained.best_epoch + 3);
}

#[test]
fn progress_tells_losses_and_time_left() {
    struct Last(Mutex<Vec<Progress>>);
    impl Observer for Last {
        fn report(&self, progress: &Progress) {
            self.0.lock().unwrap().push(*progress);
        }
    }
    let last = Last(Mutex::default());
    run(kinds()[0], &settings(), &last, None).unwrap();
    let reports = last.0.into_inner().unwrap();
    assert_eq!(reports.len(), 4 * 5);
    assert!(reports[0].best.is_none() && reports[0].left > std::time::Duration::ZERO);
    let end = reports[19];
    assert_eq!((end.epoch, end.epochs, end.batch, end.batches), (4, 4, 5, 5));
    assert!(end.best.is_some() && end.loss.is_finite() && end.left.is_zero());
}

#[test]
fn impossible_settings_are_refused_before_anything_is_trained() {
    let message = |settings: TrainingSettings| run(kinds()[0], &settings, &Unobserved, None).unwrap_err().to_string();
    let found = message(TrainingSettings {
        learning_rate: 0.0,
        ..settings()
    });
    assert_eq!(found, "`learning_rate` is `0`, accepted: above 0");
    let found = message(TrainingSettings {
        clip: f32::NAN,
        ..settings()
    });
    assert_eq!(found, "`max_norm` is `NaN`, accepted: above 0");
    let found = message(TrainingSettings {
        patience: 0,
        ..settings()
    });
    assert_eq!(found, "`patience` is `0`, accepted: 1 and more");
}

//! A network whose training diverged, taken up again: it ends with its best weights, and says so wherever it goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use arterial_models::forecasters::Neural;
use arterial_models::neural::training::{Checkpoint, CheckpointFile, Snapshot};
use arterial_models::neural::{Kind, Stid};
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::{DataOrigin, Description, open};
use arterial_models::{Error, Progress, Task};
use serde_json::Value;

use crate::support::{Still, panel};

const ROWS: usize = 14 * 96;

/// A fit that keeps its state in a folder, and may be stopped in an epoch.
struct Watch<'a> {
    folder: &'a Path,
    last: Option<&'a str>,
    is_over: AtomicBool,
}

impl<'a> Watch<'a> {
    fn new(folder: &'a Path, last: Option<&'a str>) -> Self {
        Self {
            folder,
            last,
            is_over: AtomicBool::new(false),
        }
    }
}

impl Progress for Watch<'_> {
    fn report(&self, _done: u64, _total: u64, message: &str) {
        if self.last.is_some_and(|last| message.starts_with(last)) {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn workplace(&self) -> Option<&Path> {
        Some(self.folder)
    }
}

fn fit(watch: &Watch<'_>) -> Result<Pipeline, Error> {
    let kind = Neural::new("stid", Kind::Stid(Stid::default()), 4, 3000);
    let task = Task {
        context: 12,
        horizon: 4,
        seed: 1,
    };
    Pipeline::fit(&kind, &panel(ROWS, 2, 0.0), 0, &task, watch)
}

/// The one checkpoint in `folder`.
fn checkpoint(folder: &Path) -> CheckpointFile {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    CheckpointFile::new(&paths[0])
}

fn description() -> Description {
    Description {
        name: "stid".into(),
        target: "waves.y".parse().unwrap(),
        data: DataOrigin {
            path: "waves.csv".into(),
            sha256: "ab".repeat(32),
            rows: ROWS,
            from: "2026-03-20T00:00:00Z".parse().unwrap(),
            until: "2026-04-03T00:00:00Z".parse().unwrap(),
            synthetic: true,
        },
        protocol: Value::Null,
        scores: Value::Null,
        seed: 1,
    }
}

#[tokio::test]
async fn a_network_that_diverged_ends_with_its_best_weights_and_its_card_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let stopped = fit(&Watch::new(&work, Some("epoch 3:"))).err().unwrap();
    assert!(matches!(stopped, Error::Cancelled), "{stopped}");
    // As if the loss had been no number in the third epoch.
    let file = checkpoint(&work);
    let snapshot = file.load().unwrap().unwrap();
    assert_eq!(snapshot.epoch, 2);
    let diverged = Snapshot {
        diverged: Some(3),
        ..snapshot
    };
    file.save(&diverged).unwrap();

    let pipeline = fit(&Watch::new(&work, None)).unwrap();
    let notes = pipeline.notes();
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].contains("`stid` diverged") && notes[0].contains("in epoch 3"),
        "{notes:?}"
    );
    let again = Pipeline::load_as(&pipeline.files().unwrap(), &Neural::stid()).unwrap();
    assert_eq!(again.notes(), notes);

    let place = folder.path().join("registry");
    let registry = open(place.to_str().unwrap(), &BTreeMap::new()).unwrap();
    let published = registry.publish(&pipeline, description(), &Still(0)).await.unwrap();
    assert_eq!(registry.verify(&published.id()).await.unwrap().notes, notes);
    let card = registry.card(&published.id()).await.unwrap();
    assert!(card.contains(&notes[0]), "{card}");
}

#[test]
fn a_network_that_did_not_diverge_has_nothing_to_say_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = fit(&Watch::new(folder.path(), None)).unwrap();
    assert!(pipeline.notes().is_empty());
}

//! A progress bar on stderr, silent where stderr is no terminal; and Ctrl-C, which ends the work that it shows.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arterial_models::Progress;
use arterial_models::neural::training::CheckpointFile;
use arterial_training::kept;
use indicatif::{ProgressBar, ProgressStyle};

use super::again;
use crate::outcome::INTERRUPTED;

/// What is kept of a training that was interrupted behind its first checkpoint.
const CHECKPOINT: &str = "a checkpoint is kept";
/// What is of one that had no checkpoint yet, but had fitted some of its models.
const FITTED: &str = "what was fitted is kept";
/// What a training is told by that goes on from there.
const RESUME: &str = "--resume";
/// How long the work has to end by itself once it is told to.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how far the work has come.
pub struct Bar {
    shown: ProgressBar,
    total: AtomicU64,
    work: Arc<Work>,
}

/// What whoever hears Ctrl-C knows of the work.
#[derive(Default)]
struct Work {
    is_cancelled: AtomicBool,
    /// Where long fits keep their state.
    place: OnceLock<PathBuf>,
}

impl Bar {
    /// A bar that shows nothing before its first report, over work that ends at Ctrl-C: by itself, or else after a
    /// second. Versions and reports appear whole or not at all, so that nothing half-written stays behind.
    pub fn new() -> Self {
        let work = Arc::<Work>::default();
        let told = Arc::clone(&work);
        std::thread::spawn(move || {
            // Where Ctrl-C cannot be heard it ends the process as usual.
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(end_at_interrupt(&told));
            }
        });
        Self {
            shown: empty(),
            total: AtomicU64::new(0),
            work,
        }
    }

    /// The same, where long fits keep their state in `folder`.
    pub fn with_workplace(self, folder: PathBuf) -> Self {
        self.work.place.get_or_init(|| folder);
        self
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        self.shown.finish_and_clear();
    }
}

/// The bar itself before its first report.
pub fn empty() -> ProgressBar {
    let bar = ProgressBar::no_length();
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Tells the work to end at Ctrl-C, and ends the process if it does not.
async fn end_at_interrupt(work: &Work) {
    if tokio::signal::ctrl_c().await.is_ok() {
        work.is_cancelled.store(true, Ordering::Relaxed);
        tokio::time::sleep(PATIENCE).await;
        eprintln!("interrupted");
        if let Some(how) = work.place.get().and_then(|place| how_to_go_on(place)) {
            eprintln!("{how}");
        }
        std::process::exit(INTERRUPTED.into());
    }
}

/// How to go on with the work whose state was kept in `folder`; nothing where none was finished there.
pub fn how_to_go_on(folder: &Path) -> Option<String> {
    let checkpoint = CheckpointFile::is_in(folder).then_some(CHECKPOINT);
    let what = checkpoint.or_else(|| kept::is_in(folder).then_some(FITTED))?;
    Some(format!("{what}; to go on from there: {}", again::with(RESUME)))
}

impl Progress for Bar {
    fn report(&self, done: u64, total: u64, message: &str) {
        if self.total.swap(total, Ordering::Relaxed) != total {
            self.shown.set_length(total);
        }
        self.shown.set_position(done);
        self.shown.set_message(message.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        self.work.is_cancelled.load(Ordering::Relaxed)
    }

    fn workplace(&self) -> Option<&Path> {
        self.work.place.get().map(PathBuf::as_path)
    }
}

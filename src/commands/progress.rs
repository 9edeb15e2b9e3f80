//! A progress bar on stderr, silent where stderr is no terminal; and Ctrl-C, which ends the work that it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arterial_models::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::outcome::INTERRUPTED;

/// How long the work has to end by itself once it is told to.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how far the work has come.
pub struct Bar {
    shown: ProgressBar,
    total: AtomicU64,
    is_cancelled: Arc<AtomicBool>,
    workplace: Option<PathBuf>,
}

impl Bar {
    /// A bar that shows nothing before its first report, over work that ends at Ctrl-C: by itself, or else after a
    /// second. Versions and reports appear whole or not at all, so that nothing half-written stays behind.
    pub fn new() -> Self {
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_cancelled);
        std::thread::spawn(move || {
            // Where Ctrl-C cannot be heard it ends the process as usual.
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(end_at_interrupt(&told));
            }
        });
        Self {
            shown: empty(),
            total: AtomicU64::new(0),
            is_cancelled,
            workplace: None,
        }
    }

    /// The same, where long fits keep their state in `folder`.
    pub fn with_workplace(self, folder: PathBuf) -> Self {
        Self {
            workplace: Some(folder),
            ..self
        }
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
async fn end_at_interrupt(told: &AtomicBool) {
    if tokio::signal::ctrl_c().await.is_ok() {
        told.store(true, Ordering::Relaxed);
        tokio::time::sleep(PATIENCE).await;
        eprintln!("interrupted");
        std::process::exit(INTERRUPTED.into());
    }
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
        self.is_cancelled.load(Ordering::Relaxed)
    }

    fn workplace(&self) -> Option<&Path> {
        self.workplace.as_deref()
    }
}

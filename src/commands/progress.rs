//! A progress bar on stderr; silent where stderr is no terminal.

use std::sync::atomic::{AtomicU64, Ordering};

use arterial_models::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far the work has come.
pub struct Bar {
    bar: ProgressBar,
    total: AtomicU64,
}

impl Bar {
    /// A bar that shows nothing before its first report.
    pub fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{elapsed_precise} {bar:32} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            total: AtomicU64::new(0),
        }
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn report(&self, done: u64, total: u64, message: &str) {
        if self.total.swap(total, Ordering::Relaxed) != total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
        self.bar.set_message(message.to_owned());
    }
}

//! Options that say what a backtest measures.

use arterial_training::protocol::{Level, Partition, Protocol, default_report_at};
use arterial_training::shares::Shares;

/// The protocol options of `backtest` and `train`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Protocol")]
pub struct ProtocolArgs {
    /// Rows that a network reads; persistence looks for its last value there
    #[arg(long, default_value_t = 12)]
    pub context: usize,
    /// Steps ahead, all at once
    #[arg(long, default_value_t = 12)]
    pub horizon: usize,
    /// Steps that are reported, counted from 1 [default: 3,6,12 as far as the horizon reaches, and the horizon]
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    pub report_at: Vec<usize>,
    /// Chronological shares of training, validation and test in percent
    #[arg(long, default_value = "70/10/20", value_name = "SHARES")]
    pub split: Shares,
    /// Rolling origin instead of a split: how often the models are fitted anew
    #[arg(long, value_name = "N", requires = "fold_steps", conflicts_with = "split")]
    pub folds: Option<usize>,
    /// Rows of the test part of each fold
    #[arg(long, value_name = "M", requires = "folds")]
    pub fold_steps: Option<usize>,
    /// The row of the first test target, counted from 0
    #[arg(long, value_name = "ROW")]
    pub test_start: Option<usize>,
    /// Rows between the origins that are scored
    #[arg(long, default_value_t = 1, value_name = "ROWS")]
    pub stride: usize,
    /// Let a test window read context rows from the part before it
    #[arg(long)]
    pub context_across: bool,
    /// Central intervals that are measured, in percent
    #[arg(long, value_delimiter = ',', default_value = "80", value_name = "PERCENT")]
    pub levels: Vec<Level>,
    /// Where every random choice starts
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl ProtocolArgs {
    /// The protocol, checked.
    ///
    /// # Errors
    /// An option that is out of its range.
    pub fn protocol(&self) -> anyhow::Result<Protocol> {
        let partition = match (self.folds, self.fold_steps) {
            (Some(folds), Some(fold_steps)) => Partition::Rolling { folds, fold_steps },
            _ => Partition::Split(self.split),
        };
        let mut levels = self.levels.clone();
        levels.sort_unstable();
        levels.dedup();
        let mut report_at = self.report_at.clone();
        if report_at.is_empty() {
            report_at = default_report_at(self.horizon);
        }
        report_at.sort_unstable();
        report_at.dedup();
        let protocol = Protocol {
            context: self.context,
            horizon: self.horizon,
            report_at,
            partition,
            test_start: self.test_start,
            stride: self.stride,
            context_across: self.context_across,
            levels,
            seed: self.seed,
        };
        protocol.check()?;
        Ok(protocol)
    }
}

//! Windows that another log has put rows of into the table: a history those of the live stream, or the other way round.
//!
//! Their events wait until the window closes here. Then they are added to what the table holds, as late events are, so that a
//! window is made of all its events whoever brought them, and an identity counts once.

use super::late::copy_row;
use crate::event::EventBatch;

/// The events of such windows.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Windows that end at or before may have rows of other logs.
    pub through: Option<i64>,
    /// Of windows that are open.
    open: EventBatch,
    /// The end of the window of each.
    ends: Vec<i64>,
    /// Of windows that closed: they can be settled.
    pub closed: EventBatch,
}

impl Shared {
    /// Keeps an event whose window ends at `end`.
    pub(super) fn push(&mut self, batch: &EventBatch, row: usize, end: i64) {
        copy_row(batch, row, &mut self.open);
        self.ends.push(end);
    }

    /// Closes the windows that end at or before `through`. Gives how many events they have.
    pub(super) fn close(&mut self, through: Option<i64>) -> usize {
        let before = self.closed.len();
        if self.ends.iter().any(|&end| Some(end) <= through) {
            let open = std::mem::take(&mut self.open);
            for (row, end) in std::mem::take(&mut self.ends).into_iter().enumerate() {
                if Some(end) <= through {
                    copy_row(&open, row, &mut self.closed);
                } else {
                    self.push(&open, row, end);
                }
            }
        }
        self.closed.len() - before
    }

    /// The end of the newest open window.
    pub(super) fn newest_end(&self) -> Option<i64> {
        self.ends.iter().copied().max()
    }

    /// The lowest offset of `partition` among the events of open windows.
    pub(super) fn lowest(&self, partition: i32) -> Option<i64> {
        let places = self.open.partitions.iter().zip(&self.open.offsets);
        places
            .filter(|(number, _)| **number == partition)
            .map(|(_, offset)| *offset)
            .min()
    }
}

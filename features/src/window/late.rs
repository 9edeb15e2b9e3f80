//! Single rows of event batches, kept for later.

use crate::event::EventBatch;

/// Copies row `row` of `from` to the end of `to`, the archive's columns apart.
pub(super) fn copy_row(from: &EventBatch, row: usize, to: &mut EventBatch) {
    to.partitions.push(from.partitions[row]);
    to.offsets.push(from.offsets[row]);
    to.times.push(from.times[row]);
    to.keys.push(from.keys[row]);
    to.zones.push(from.zones[row]);
    to.identities.push(from.identities[row]);
    to.good.push(from.good[row]);
    to.values.resize_with(from.values.len(), Vec::new);
    to.categories.resize_with(from.categories.len(), Vec::new);
    to.descriptions.resize_with(from.descriptions.len(), Vec::new);
    for (column, values) in to.descriptions.iter_mut().zip(&from.descriptions) {
        column.push(values[row]);
    }
    for (column, values) in to.values.iter_mut().zip(&from.values) {
        column.push(values[row]);
    }
    for (column, values) in to.categories.iter_mut().zip(&from.categories) {
        column.push(values[row]);
    }
}

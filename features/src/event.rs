//! Decoded events, column by column: what the decoder writes and the windows read.

use arrow::array::RecordBatch;

/// The absence of a category, or a text that is not among its declared values.
pub const NO_CATEGORY: u8 = u8::MAX;
/// The absence of a zone.
pub const NO_ZONE: u32 = u32::MAX;

/// The absence of a description.
pub const NO_DESCRIPTION: u64 = u64::MAX;

/// Decoded events of one stream, in the order of arrival. Buffers are reused from batch to batch.
///
/// # Shapes
/// Every column has one entry an event. `values` and `categories` follow the declared order of the stream's value and
/// category fields, `descriptions` that of the places and attributes of which windows keep the last.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// The source's partition.
    pub partitions: Vec<i32>,
    /// The source's offset.
    pub offsets: Vec<i64>,
    /// Event time, UTC microseconds.
    pub times: Vec<i64>,
    /// The key, interned by [`Interner`](crate::intern::Interner).
    pub keys: Vec<u32>,
    /// The zone, interned beside the keys; [`NO_ZONE`] where absent.
    pub zones: Vec<u32>,
    /// The 128-bit hash of the identity fields, keyed by the service's secret.
    pub identities: Vec<u128>,
    /// 1 where the reading is undisturbed, 0 where the source calls it degraded.
    pub good: Vec<u8>,
    /// One column a value field; NaN where absent.
    pub values: Vec<Vec<f64>>,
    /// One column a category field; [`NO_CATEGORY`] where absent.
    pub categories: Vec<Vec<u8>>,
    /// One column a kept place or attribute: of a text its number, interned beside the keys, of a number the bits of its
    /// float; [`NO_DESCRIPTION`] where absent.
    pub descriptions: Vec<Vec<u64>>,
    /// The same events under the schema of `<topic>_events`, where the stream is archived.
    pub archive: Option<RecordBatch>,
    /// The rows, in order, that are so old that they may turn out to be too late, and what of their payload may stand in
    /// the quarantine.
    pub old_payloads: Vec<(usize, Vec<u8>)>,
}

impl EventBatch {
    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Drops the events and keeps the memory.
    pub fn clear(&mut self) {
        self.partitions.clear();
        self.offsets.clear();
        self.times.clear();
        self.keys.clear();
        self.zones.clear();
        self.identities.clear();
        self.good.clear();
        self.values.iter_mut().for_each(Vec::clear);
        self.categories.iter_mut().for_each(Vec::clear);
        self.descriptions.iter_mut().for_each(Vec::clear);
        self.archive = None;
        self.old_payloads.clear();
    }
}

//! What was read of data files and stays in memory. A data file never changes, so nothing of it can grow old; a snapshot
//! names its files, so nothing of a file that left the table is found.
//!
//! The columns of a row group are kept from its second reading on: what is read once, such as an export, does not push out
//! what dashboards read again and again. No more row groups are remembered than fit into memory, so that an export that does
//! not fit is forgotten before it comes again.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::column::Column;
use super::recent::Recent;

/// Footers get the memory's n-th part, columns the rest.
const FOOTERS: usize = 8;
/// How many row groups can be decoded for the cache at once.
const TURNS: usize = 64;
/// What an entry weighs beside its value, in bytes.
const ENTRY: usize = 256;

/// A row group of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RowGroup {
    /// The file, relative to the lake.
    pub path: Arc<str>,
    /// The row group's place in the file.
    pub index: usize,
}

/// What a lake that keeps what it reads has in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// How many row groups were read from memory alone.
    pub hits: u64,
    /// The bytes of the columns and footers that are kept.
    pub bytes: usize,
}

/// Footers and columns by the paths of their files. No lock is held while anything is read or decoded.
pub(crate) struct Cache {
    footers: Mutex<Recent<Arc<str>, ArrowReaderMetadata>>,
    /// By the column's place among the roots of the file's schema.
    columns: Mutex<Recent<(RowGroup, usize), Arc<Column>>>,
    /// Row groups that were read, with the bytes that their columns may have.
    read: Mutex<Recent<RowGroup, ()>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
    hits: AtomicU64,
}

impl Cache {
    /// An empty cache for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let footers = bytes / FOOTERS;
        let columns = bytes - footers;
        Self {
            footers: Mutex::new(Recent::new(footers)),
            columns: Mutex::new(Recent::new(columns)),
            read: Mutex::new(Recent::new(columns)),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hits: AtomicU64::new(0),
        }
    }

    /// The footer of a file, where it is kept.
    pub(super) fn footer(&self, path: &Arc<str>) -> Option<ArrowReaderMetadata> {
        lock(&self.footers).get(path)
    }

    /// Keeps the footer of a file.
    pub(super) fn keep_footer(&self, path: &Arc<str>, footer: &ArrowReaderMetadata) {
        let weight = footer.metadata().memory_size() + ENTRY;
        lock(&self.footers).put(Arc::clone(path), footer.clone(), weight);
    }

    /// Whether the row group was read before, not too long ago; from here on it was. `bytes` is what its columns may have.
    pub(super) fn was_read(&self, group: &RowGroup, bytes: usize) -> bool {
        let mut read = lock(&self.read);
        let before = read.get(group).is_some();
        if !before {
            read.put(group.clone(), (), bytes + ENTRY);
        }
        before
    }

    /// These columns of a row group, if all of them are kept.
    pub(super) fn columns(&self, group: &RowGroup, roots: &[usize]) -> Option<Vec<Arc<Column>>> {
        let mut columns = lock(&self.columns);
        let found = roots.iter().map(|root| columns.get(&(group.clone(), *root)));
        let found: Option<Vec<Arc<Column>>> = found.collect();
        self.hits.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    /// One column of a row group, where it is kept.
    pub(super) fn column(&self, group: &RowGroup, root: usize) -> Option<Arc<Column>> {
        lock(&self.columns).get(&(group.clone(), root))
    }

    /// Keeps a column of a row group.
    pub(super) fn keep_column(&self, group: &RowGroup, root: usize, column: &Arc<Column>) {
        let weight = column.bytes() + ENTRY;
        lock(&self.columns).put((group.clone(), root), Arc::clone(column), weight);
    }

    /// Waits until nobody else decodes the row group, so that several who want it do not each do the same work.
    pub(super) async fn turn(&self, group: &RowGroup) -> tokio::sync::MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        group.hash(&mut hasher);
        self.turns[hasher.finish() as usize % TURNS].lock().await
    }

    /// What is kept, and of how much use it was.
    pub(super) fn usage(&self) -> CacheUse {
        CacheUse {
            hits: self.hits.load(Ordering::Relaxed),
            bytes: lock(&self.footers).weight() + lock(&self.columns).weight(),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Cache").field(&self.usage()).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever held it left no half change behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

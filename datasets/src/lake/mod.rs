//! The lake: Delta tables in a local folder or an object store, written exactly once.
//!
//! A table's rows and how far its sources were read stand in the same commit. A commit exists from the moment at which
//! its log entry does, and that entry is put only where none of its version was there before; so of two writers one
//! wins, and the other reads what the winner did before it tries again or gives up.
//!
//! ```text
//! rows -> data files (named by chance, nobody sees them) -> log entry N, put if absent -> commit N
//!                                                            {add files, txn next / resume_from / watermark / epoch}
//! ```
//!
//! | file | what stands there |
//! |---|---|
//! | `table` | handles: read, acquire, commit, append |
//! | `commit` | the conditional put, lost replies, rebasing on other writers' commits |
//! | `progress` | offsets, watermark and epoch as Delta `txn` actions |
//! | `scan`, `filter`, `pages`, `opened`, `reader`, `travel` | projection, keys, times, versions |
//! | `appended`, `days` | what other writers have added since an earlier look; the days that a table has, and that commits brought |
//! | `cache`, `kept`, `column`, `recent` | what was read and stays in memory, where it is asked for |
//! | `maintain` | compaction, finalisation, retention, vacuum, log clean-up |
//! | `place`, `fsync`, `store` | addresses, durable files, object stores |
//! | `log`, `snapshot`, `action`, `checkpoint`, `schema`, `stats`, `files` | the Delta format |
//! | `fault`, `unique` | where tests make a step fail, names by chance |

mod action;
mod appended;
mod cache;
mod checkpoint;
mod column;
mod commit;
mod compact;
mod days;
mod fault;
mod files;
mod filter;
mod finalise;
mod fsync;
mod kept;
mod log;
mod maintain;
mod opened;
mod pages;
mod place;
mod progress;
mod reader;
mod recent;
mod retention;
mod rewrite;
mod scan;
mod schema;
mod snapshot;
mod stats;
mod store;
mod table;
mod travel;
mod unique;
mod vacuum;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use object_store::ObjectStore;

pub use cache::CacheUse;
pub use fault::{Fault, Point, Step, When};
pub use maintain::{MaintainPlan, TableReport, TableRule, WindowRule, maintain};
pub use place::Place;
pub use progress::{NOTHING_READ, PartitionProgress, Progress, TopicPartition};
pub use scan::Scan;
pub use table::{Table, TableSpec};

use crate::time::{Clock, SystemClock};
use crate::{Error, Result};
use cache::Cache;
use fault::Faults;
use store::Store;

/// How a lake is opened.
#[derive(Clone)]
pub struct LakeOptions {
    /// Options of the object store by their usual names (`aws_endpoint`, `aws_region`, `aws_allow_http`, ...).
    pub store: BTreeMap<String, String>,
    /// Whether a local folder is written with fsync (default: yes). Without it a power cut can lose commits.
    pub fsync: bool,
    /// A checkpoint of the log is written every so many commits (default 50, at least 1).
    pub checkpoint_every: i64,
    /// Memory in bytes for what [`Lake::keeping`] keeps of data files (default 256 MiB; 0 keeps nothing).
    pub cache_bytes: usize,
    /// Where commit times come from.
    pub clock: Arc<dyn Clock>,
    /// A hook at each step of a commit, for tests; none in production.
    pub fault: Option<Arc<dyn Fault>>,
}

impl Default for LakeOptions {
    fn default() -> Self {
        Self {
            store: BTreeMap::new(),
            fsync: true,
            checkpoint_every: 50,
            cache_bytes: 256 << 20,
            clock: Arc::new(SystemClock),
            fault: None,
        }
    }
}

impl fmt::Debug for LakeOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The store's options hold secrets: their names are enough.
        formatter
            .debug_struct("LakeOptions")
            .field("store", &self.store.keys().collect::<Vec<_>>())
            .field("fsync", &self.fsync)
            .field("checkpoint_every", &self.checkpoint_every)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}

/// What the tables of one lake share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub store: Store,
    pub options: LakeOptions,
    /// What was read of data files; none where nothing is kept.
    pub cache: Option<Arc<Cache>>,
}

/// A folder of Delta tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lake {
    shared: Arc<Shared>,
}

impl Lake {
    /// Opens a lake: a local path (created where absent), `file:///path` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address or an option that is not understood; [`Error::Io`] for a folder that cannot be
    /// made; [`Error::Store`] where the client cannot be set up.
    #[expect(
        clippy::unused_async,
        reason = "stores may have to be asked at opening; callers need not change then"
    )]
    pub async fn open(url: &str, options: LakeOptions) -> Result<Self> {
        let faults = Faults(options.fault.clone());
        let store = Store::open(url, &options.store, options.fsync, faults)?;
        Self::with(store, options)
    }

    /// Opens a lake that is there already, as whoever only reads or keeps one wants it: nothing is made.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a local folder is missing; otherwise as [`open`](Self::open).
    pub async fn open_existing(url: &str, options: LakeOptions) -> Result<Self> {
        if Store::is_absent(url, &options.store)? {
            return Err(Error::invalid(
                "lake",
                url,
                "a folder that exists, or s3://bucket/prefix",
            ));
        }
        Self::open(url, options).await
    }

    /// A lake below `root` of a store that the caller made.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad option.
    pub fn over(objects: Arc<dyn ObjectStore>, root: &str, options: LakeOptions) -> Result<Self> {
        let store = Store::of(objects, root, Faults(options.fault.clone()));
        Self::with(store, options)
    }

    fn with(store: Store, options: LakeOptions) -> Result<Self> {
        if options.checkpoint_every < 1 {
            return Err(Error::invalid(
                "lake.checkpoint_every",
                options.checkpoint_every,
                "1 or more commits",
            ));
        }
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                options,
                cache: None,
            }),
        })
    }

    /// The same lake for those who ask again and again: what its scans read twice stays in memory, up to
    /// [`LakeOptions::cache_bytes`]. Its clones and tables share that memory. Upkeep and ingest, which read everything once,
    /// are better off without.
    #[must_use]
    pub fn keeping(&self) -> Self {
        let (store, options) = (self.shared.store.clone(), self.shared.options.clone());
        let cache = Some(Arc::new(Cache::new(options.cache_bytes)));
        Self {
            shared: Arc::new(Shared { store, options, cache }),
        }
    }

    /// What is in memory of the lake's data files: nothing, unless this lake is [`keeping`](Self::keeping) it.
    #[must_use]
    pub fn cache_use(&self) -> CacheUse {
        let cache = self.shared.cache.as_ref();
        cache.map(|cache| cache.usage()).unwrap_or_default()
    }

    /// Opens a table: creates it where absent, and adds the columns that `spec` has more, as nullable ones.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a column has another type in the table; [`Error::Log`] where the log is not understood;
    /// the store's errors.
    pub async fn table(&self, spec: &TableSpec) -> Result<Table> {
        Table::open_or_create(Arc::clone(&self.shared), spec).await
    }

    /// Opens a table that is there already.
    ///
    /// # Errors
    /// [`Error::Log`] where the log is not understood; the store's errors.
    pub async fn existing(&self, name: &str) -> Result<Option<Table>> {
        Table::open(Arc::clone(&self.shared), name).await
    }

    /// The names of all tables, sorted.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for name in self.shared.store.folders().await? {
            let found = self.shared.store.list(&log::folder(&name))?.next().await.transpose()?;
            if found.is_some() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

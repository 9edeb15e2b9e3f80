//! What is a query's own: its memory, and its part of the disk that queries spill to. Whoever asks for too much fails alone.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use super::limits::SqlConfig;
use crate::error::chain;
use crate::{Error, Result};

/// What each query gets, and what all of them have in common.
pub(super) struct Share {
    common: Arc<RuntimeEnv>,
    memory: usize,
    disk: DiskManagerBuilder,
}

impl Share {
    /// What these limits give.
    ///
    /// # Errors
    /// A folder for spilling that cannot be used.
    pub fn new(limits: &SqlConfig) -> Result<Self> {
        let most = limits.query_spill_bytes();
        let mode = match limits.spill_folder.as_str() {
            _ if most == 0 => DiskManagerMode::Disabled,
            "" => DiskManagerMode::OsTmpDirectory,
            folder => DiskManagerMode::Directories(vec![folder.into()]),
        };
        let disk = DiskManager::builder()
            .with_mode(mode)
            .with_max_temp_directory_size(most);
        let common = RuntimeEnvBuilder::new().with_disk_manager_builder(disk.clone());
        Ok(Self {
            common: common.build_arc().map_err(|error| unusable(&error))?,
            memory: limits.query_memory_bytes,
            disk,
        })
    }

    /// What planning needs, which takes neither memory nor disk of a query.
    pub fn common(&self) -> &Arc<RuntimeEnv> {
        &self.common
    }

    /// What one query runs in. Its folder for spilling, where it makes one, goes with it.
    ///
    /// # Errors
    /// A folder for spilling that cannot be used any more.
    pub fn of_query(&self) -> Result<Arc<RuntimeEnv>> {
        Ok(Arc::new(RuntimeEnv {
            memory_pool: Arc::new(FairSpillPool::new(self.memory)),
            disk_manager: Arc::new(self.disk.clone().build().map_err(|error| unusable(&error))?),
            ..RuntimeEnv::clone(&self.common)
        }))
    }
}

fn unusable(error: &DataFusionError) -> Error {
    Error::Background(chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_has_disk_of_its_own_and_an_equal_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let limits = SqlConfig {
            spill_bytes: 1_000,
            concurrent_queries: 4,
            spill_folder: folder.path().to_str().unwrap().to_owned(),
            ..SqlConfig::default()
        };
        let share = Share::new(&limits).unwrap();
        let (one, other) = (share.of_query().unwrap(), share.of_query().unwrap());
        assert!(!Arc::ptr_eq(&one.disk_manager, &other.disk_manager));
        assert_eq!(one.disk_manager.max_temp_directory_size(), 250);
        let folders = || std::fs::read_dir(folder.path()).unwrap().count();
        let before = folders();
        drop(one);
        assert_eq!(folders(), before - 1, "what a query spilled goes with it");
    }

    #[test]
    fn without_disk_nothing_is_spilled_and_a_folder_that_cannot_be_made_is_said_at_the_start() {
        let none = SqlConfig {
            spill_bytes: 0,
            spill_folder: "/no/such/folder".to_owned(),
            ..SqlConfig::default()
        };
        let query = Share::new(&none).unwrap().of_query().unwrap();
        assert!(!query.disk_manager.tmp_files_enabled());
        let some = SqlConfig {
            spill_bytes: 1 << 20,
            ..none
        };
        assert!(Share::new(&some).is_err());
    }
}

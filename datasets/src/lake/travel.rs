//! A table as it stood earlier: by version, or by the instant at which that version was the newest.

use super::log::{self, Entry};
use super::table::Table;
use crate::time::Timestamp;
use crate::{Error, Result};

impl Table {
    /// A handle that stands at `version`: its columns, its progress and its rows are those of then. Not for writing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a version that never was or is kept no more; the store's errors.
    pub async fn at_version(&self, version: i64) -> Result<Self> {
        let accepted = format!(
            "a kept version of table `{}`, the newest is {}",
            self.name,
            self.version()
        );
        if version < 0 || version > self.version() {
            return Err(Error::invalid("version", version, accepted));
        }
        Ok(Self {
            snapshot: self.at(version).await?,
            ..self.clone()
        })
    }

    /// The newest version that had been committed at `instant`, by the commits' own times.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an instant before the oldest version that is kept; the store's errors.
    pub async fn version_at(&self, instant: Timestamp) -> Result<i64> {
        if self
            .committed_at(self.version())
            .await?
            .is_some_and(|newest| newest <= instant)
        {
            return Ok(self.version());
        }
        let kept = self.kept_versions().await?;
        // Commits are in the order of their times, as far as the writers' clocks agree.
        let (mut low, mut high) = (0, kept.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let earlier = self.committed_at(kept[middle]).await?.is_none_or(|at| at <= instant);
            (low, high) = if earlier { (middle + 1, high) } else { (low, middle) };
        }
        let found = low.checked_sub(1).map(|place| kept[place]);
        found.ok_or_else(|| {
            let accepted = format!(
                "an instant at which table `{}` had a version that is still kept",
                self.name
            );
            Error::invalid("as_of", instant, accepted)
        })
    }

    /// The versions that can still be read, ascending.
    async fn kept_versions(&self) -> Result<Vec<i64>> {
        let entries = log::list(&self.shared.store, &self.name).await?;
        let checkpoints = entries.iter().filter_map(|entry| match entry {
            Entry::Checkpoint(version) => Some(*version),
            Entry::Commit(_) => None,
        });
        let first = if entries.contains(&Entry::Commit(0)) {
            Some(0)
        } else {
            checkpoints.min()
        };
        let kept = |entry: &Entry| match entry {
            Entry::Commit(version) => (first <= Some(*version) && *version <= self.version()).then_some(*version),
            Entry::Checkpoint(_) => None,
        };
        let mut versions: Vec<i64> = entries.iter().filter_map(kept).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// When a version was committed, as its writer says; none where it does not say or its entry is gone.
    async fn committed_at(&self, version: i64) -> Result<Option<Timestamp>> {
        let lines = log::read_entry(&self.shared.store, &self.name, version).await?;
        let said = lines
            .into_iter()
            .flatten()
            .find_map(|line| Some(line.commit_info?.timestamp));
        Ok(said.map(|milliseconds| Timestamp(milliseconds.saturating_mul(1_000))))
    }
}

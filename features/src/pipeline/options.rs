//! How a pipeline runs.

use std::time::Duration;

use arterial_datasets::lake::LakeOptions;

use crate::decode::{DecodeLimits, IdentityKey};
use crate::{Error, Result};

/// Where the tables are, and how to open them again after a failure.
#[derive(Debug, Clone)]
pub struct LakeAddress {
    /// A local path, `file:///path` or `s3://bucket/prefix`.
    pub url: String,
    /// How it is opened.
    pub options: LakeOptions,
}

/// What happens to a topic that was deleted and made again under its name, or whose end lies below what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRecreatedTopic {
    /// Its stream stops until a person has looked at it.
    #[default]
    Stop,
    /// It is read from its beginning; its events are added to the windows that are there, each identity once. Only where the
    /// broker names another topic id: an end below what was read stops the stream in any case.
    Restart,
}

/// How a pipeline runs; everything has a default but the secret.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// Keys the hashes of identities and personal fields.
    pub secret: IdentityKey,
    /// What records are refused by size alone.
    pub limits: DecodeLimits,
    /// The longest wait for records (default 50 ms).
    pub poll_timeout: Duration,
    /// The most records between two looks at the watermark (default 16,384).
    pub poll_records: usize,
    /// How long late and refused records may wait for others before they are committed (default 5 s).
    pub commit_interval: Duration,
    /// Windows that close wait until there are so many rows (default 1: they are committed at once). History that is there
    /// already makes fewer and larger files with more.
    pub commit_rows: usize,
    /// How long offsets may go uncommitted where there are no rows to commit (default 5 min).
    pub progress_interval: Duration,
    /// Archived events are committed when there are so many (default 200,000)...
    pub archive_rows: usize,
    /// ... or the first of them is so old (default 1 min).
    pub archive_interval: Duration,
    /// The most bytes of closed windows that each stream keeps for late records (default 64 MiB).
    pub closed_bytes: usize,
    /// The first wait after a failure of the lake or the broker (default 250 ms); it doubles.
    pub retry_least: Duration,
    /// The longest wait (default 30 s).
    pub retry_most: Duration,
    /// What happens to a topic that was made anew (default: stop).
    pub on_recreated_topic: OnRecreatedTopic,
}

impl PipelineOptions {
    /// The defaults with this secret.
    #[must_use]
    pub fn new(secret: IdentityKey) -> Self {
        Self {
            secret,
            limits: DecodeLimits::default(),
            poll_timeout: Duration::from_millis(50),
            poll_records: 16_384,
            commit_interval: Duration::from_secs(5),
            commit_rows: 1,
            progress_interval: Duration::from_mins(5),
            archive_rows: 200_000,
            archive_interval: Duration::from_mins(1),
            closed_bytes: 64 << 20,
            retry_least: Duration::from_millis(250),
            retry_most: Duration::from_secs(30),
            on_recreated_topic: OnRecreatedTopic::Stop,
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// A number outside its range.
    pub fn check(&self) -> Result<()> {
        self.limits.check()?;
        if self.poll_records == 0 {
            return Err(Error::invalid("poll_records", 0, "1 or more"));
        }
        if self.archive_rows == 0 {
            return Err(Error::invalid("archive_rows", 0, "1 or more"));
        }
        if self.retry_least.is_zero() || self.retry_least > self.retry_most {
            let least = format!("{:?}", self.retry_least);
            return Err(Error::invalid(
                "retry_least",
                least,
                format!("more than 0, at most {:?}", self.retry_most),
            ));
        }
        Ok(())
    }
}

//! Where alerts go, beside those who ask.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::revision::AlertRevision;

/// For how long a revision is tried, unless the sink says otherwise.
const PATIENCE: Duration = Duration::from_hours(24);

/// Somewhere that alerts go.
///
/// Each sink has its own place in the sequence of revisions and goes on from it after a restart. One that is down holds up nobody
/// else; what it has not taken yet stands in the table `alerts`, so that nothing is lost and nothing piles up in memory.
pub trait AlertSink: Send + Sync {
    /// Its name in metrics, and in the lake, which remembers by it how far the sink is: always the same for the same receiver,
    /// such as `webhook/control-room`.
    fn name(&self) -> &str;

    /// Whether it is to be told of this revision; what it does not want counts as delivered.
    fn wants(&self, revision: &AlertRevision) -> bool;

    /// Delivers a revision; the receiver has it when this returns. Revisions come in order, one at a time. One that failed, or
    /// was delivered right before the process ended, comes again: the receiver tells by alert and revision.
    ///
    /// # Errors
    /// [`Undelivered::Later`] where it is worth another try; [`Undelivered::Never`] where it is not: the revision is put on the
    /// list of dead letters then, and the next one follows.
    fn deliver<'a>(&'a self, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>>;

    /// For how long a revision is tried before it becomes a dead letter.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Whether an old revision is of use where a newer one of the same alert was delivered: to a log it is, to somebody who is told
    /// how things stand it is not.
    fn keeps_history(&self) -> bool {
        true
    }

    /// Told whenever this service begins to deliver, as it does anew after another one did: the alerts that go on, as the sink was
    /// told of them last. What it knew before counts no more.
    fn resume(&self, _told: &[Arc<AlertRevision>]) {}

    /// How often the receiver has to be reminded of what goes on; never, by default.
    fn remind_every(&self) -> Option<Duration> {
        None
    }

    /// Reminds the receiver of what goes on.
    ///
    /// # Errors
    /// As a delivery. Nothing is lost: the next reminder follows.
    fn remind(&self) -> BoxFuture<'_, Result<(), Undelivered>> {
        futures::future::ready(Ok(())).boxed()
    }
}

/// Why a receiver did not take a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// It cannot take it now: it is tried again, after at least the time that it asks for.
    Later {
        /// What it said.
        reason: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
        /// Whether it answered: then it may be this very revision that it cannot take.
        answered: bool,
    },
    /// It will never take this revision.
    Never {
        /// What it said.
        reason: String,
    },
}

impl Undelivered {
    /// Not now, as nobody answered.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later {
            reason: reason.into(),
            after: None,
            answered: false,
        }
    }

    /// Not now and not later.
    #[expect(clippy::needless_pass_by_value, reason = "texts and errors alike")]
    pub fn never(reason: impl ToString) -> Self {
        let reason = reason.to_string();
        Self::Never { reason }
    }

    /// What the receiver said.
    pub fn reason(&self) -> &str {
        match self {
            Self::Later { reason, .. } | Self::Never { reason } => reason,
        }
    }

    /// Whether the receiver answered, rather than nobody.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Later { answered, .. } => *answered,
            Self::Never { .. } => true,
        }
    }

    /// How long the receiver asks to be left alone.
    pub fn asked(&self) -> Option<Duration> {
        match self {
            Self::Later { after, .. } => *after,
            Self::Never { .. } => None,
        }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

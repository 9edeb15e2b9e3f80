//! What people do about alerts. The worker does it between two windows, so that the table has one writer.

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Alert, AlertBook, Verdict};
use tokio::sync::oneshot;

use super::revision::AlertRevision;
use super::{Alerts, store};
use crate::{Error, Result};

/// The longest name of a person.
const LONGEST_NAME: usize = 200;

/// What somebody does about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Takes it on.
    Acknowledge,
    /// Says what it was worth.
    Judge(Verdict),
}

/// A deed on its way to the worker.
#[derive(Debug)]
pub(super) struct Command {
    pub alert_id: String,
    pub deed: Deed,
    pub by: String,
    pub reply: oneshot::Sender<Result<AlertRevision>>,
}

impl Command {
    /// Does it in the book.
    pub fn act(&self, book: &mut AlertBook, now: Timestamp) -> Result<Alert> {
        let known = book.get(&self.alert_id).ok_or_else(|| store::unknown(&self.alert_id))?;
        match self.deed {
            Deed::Acknowledge if !known.is_live() => Err(Error::NotLive(format!(
                "the alert `{}` is {} already, accepted: one that goes on",
                self.alert_id, known.state
            ))),
            Deed::Acknowledge => Ok(book.acknowledge(&self.alert_id, &self.by, now)?),
            Deed::Judge(verdict) => Ok(book.judge(&self.alert_id, verdict, &self.by, now)?),
        }
    }
}

impl Alerts {
    /// Does `deed` in the name of `by`; the revision that it made is durable when this returns.
    ///
    /// # Errors
    /// No such alert, one that is over where it has to go on, a name that is missing or too long, a lake that cannot be written.
    pub async fn act(&self, alert_id: &str, deed: Deed, by: &str) -> Result<AlertRevision> {
        let by = by.trim();
        let accepted = format!("a name of up to {LONGEST_NAME} characters");
        if by.is_empty() {
            return Err(Error::missing("by", accepted));
        }
        if by.chars().count() > LONGEST_NAME {
            return Err(Error::invalid(
                "by",
                format!("{} characters", by.chars().count()),
                accepted,
            ));
        }
        self.store.get(alert_id)?;
        let (reply, answer) = oneshot::channel();
        let command = Command {
            alert_id: alert_id.into(),
            deed,
            by: by.into(),
            reply,
        };
        let gone = || Error::NotReady("the service is shutting down".into());
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

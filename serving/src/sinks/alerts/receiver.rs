//! What receivers of all kinds have in common: which revisions they are told of, and that they were told.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::choice::Choice;
use crate::alerts::{AlertRevision, AlertSink, Undelivered};

/// One kind of receiver: how a revision gets there.
pub trait Receiver: Send + Sync {
    /// Sends a revision in the words of `choice`; the receiver has it when this returns.
    ///
    /// # Errors
    /// As [`AlertSink::deliver`].
    fn send<'a>(&'a self, choice: &'a Choice, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>>;

    /// As [`AlertSink::keeps_history`].
    fn keeps_history(&self) -> bool {
        true
    }

    /// As [`AlertSink::resume`].
    fn resume(&self, _choice: &Choice, _told: &[Arc<AlertRevision>]) {}

    /// As [`AlertSink::remind_every`].
    fn remind_every(&self) -> Option<Duration> {
        None
    }

    /// As [`AlertSink::remind`].
    ///
    /// # Errors
    /// As a delivery.
    fn remind(&self) -> BoxFuture<'_, Result<(), Undelivered>> {
        futures::future::ready(Ok(())).boxed()
    }
}

/// A receiver with the choice of what it is told.
pub struct Chosen<R> {
    /// What it is told.
    pub choice: Choice,
    /// How it gets there.
    pub receiver: R,
}

impl<R: Receiver> AlertSink for Chosen<R> {
    fn name(&self) -> &str {
        &self.choice.name
    }

    fn wants(&self, revision: &AlertRevision) -> bool {
        self.choice.takes(revision)
    }

    fn deliver<'a>(&'a self, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            self.receiver.send(&self.choice, revision).await?;
            self.choice.told(revision);
            Ok(())
        }
        .boxed()
    }

    fn patience(&self) -> Duration {
        self.choice.patience
    }

    fn keeps_history(&self) -> bool {
        self.receiver.keeps_history()
    }

    fn resume(&self, told: &[Arc<AlertRevision>]) {
        self.choice.forget();
        for revision in told {
            self.choice.told(revision);
        }
        self.receiver.resume(&self.choice, told);
    }

    fn remind_every(&self) -> Option<Duration> {
        self.receiver.remind_every()
    }

    fn remind(&self) -> BoxFuture<'_, Result<(), Undelivered>> {
        self.receiver.remind()
    }
}

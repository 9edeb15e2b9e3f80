//! From an empty lake to a service that answers: the history is read, a model trained on it, live state rebuilt.

use std::time::Instant;

use arterial_datasets::city::City;
use arterial_datasets::time::Timestamp;
use arterial_serving::readiness::Reason;
use tokio::sync::{oneshot, watch};

use super::interrupt::Interrupt;
use super::{Args, city, model, summary, wait_for};
use crate::service::{Foundation, Ingest, Service};

/// What makes the service ready.
pub(super) struct Preparation<'a> {
    pub(super) args: &'a Args,
    pub(super) began: Instant,
    pub(super) foundation: &'a Foundation,
    pub(super) service: &'a Service,
    pub(super) said: &'a summary::Words,
    pub(super) interrupt: &'a Interrupt,
    pub(super) live_from: Timestamp,
}

/// What there is once it is.
pub(super) struct Prepared {
    pub(super) city: City,
    pub(super) trained: model::Trained,
    /// Seconds from the start.
    pub(super) first_forecast: f64,
}

impl Preparation<'_> {
    /// Waits for the history, trains on it, and opens the service.
    ///
    /// # Errors
    /// A history that was not read, a training that failed or was interrupted.
    pub(super) async fn make(
        &self,
        city: oneshot::Receiver<City>,
        windows: watch::Receiver<Option<Timestamp>>,
        ingest: &mut Ingest,
    ) -> anyhow::Result<Prepared> {
        self.not_ready("the simulated history is being read");
        let city = tokio::select! {
            city = city => city?,
            ended = ingest.failed() => return Err(ended.err().unwrap_or_else(|| anyhow::anyhow!("the history was not read"))),
        };
        wait_for(windows, city::last_closed(self.live_from)).await?;
        self.said.say(&format!(
            "the history became windows in {:.1} s; training",
            self.began.elapsed().as_secs_f64()
        ));

        self.not_ready("a model is being trained on the history");
        let trained = model::train(self.foundation, self.args.seed, self.said, self.interrupt).await?;
        self.said.say(&trained.words());
        self.not_ready("live state is being rebuilt from the lake");
        self.service.open().await?;
        // Whoever is invited to look at alerts finds them read.
        self.service.state.alerts.until_loaded(&self.service.state).await;
        let first_forecast = self.began.elapsed().as_secs_f64();
        self.service.announce(self.args.ready_file.as_deref())?;
        Ok(Prepared {
            city,
            trained,
            first_forecast,
        })
    }

    /// Says what calls are told to wait for.
    fn not_ready(&self, why: &str) {
        self.service.state.readiness.raise(Reason::Rebuilding, why);
    }
}

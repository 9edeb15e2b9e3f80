//! How a target begins to be served: what its answers need of the past is read, then its windows are scored.

use std::collections::BTreeSet;
use std::sync::Arc;

use arterial_datasets::time::{DAY, Duration};
use arterial_models::registry::Target;
use arterial_models::season::LocalClock;

use super::AppState;
use crate::Result;
use crate::readiness::Reason;
use crate::score::{self, Occasion};

/// Where there is more history than so many days, what the profile needs of them is read first: it finds two days of each kind.
const FIRST_DAYS: i64 = 8;

impl AppState {
    /// The configured targets and those that have a champion.
    pub(super) fn wanted(&self) -> BTreeSet<Target> {
        let known = |target: &&Target| {
            self.live
                .stream(&target.topic)
                .is_ok_and(|stream| crate::live::target_column(stream.definition(), &target.field).is_some())
        };
        let champions = self.champions.all();
        self.config
            .targets
            .iter()
            .chain(champions.keys())
            .filter(known)
            .cloned()
            .collect()
    }

    /// Begins to serve every target that is wanted. Where all of them can answer from the newest days, the service is ready before the
    /// rest of their history is read.
    pub(super) async fn open_all(self: &Arc<Self>) -> Result<()> {
        let wanted = self.wanted();
        let mut soon = self.config.history > Duration(FIRST_DAYS * DAY);
        for target in &wanted {
            soon = soon && self.open_soon(target).await?;
        }
        if soon && !wanted.is_empty() {
            self.readiness.clear(Reason::Rebuilding);
        }
        for target in &wanted {
            self.open(target).await?;
        }
        Ok(())
    }

    /// Lets the profile answer from what it needs of the newest days; false where there is nothing but those, so that all is read at once.
    async fn open_soon(self: &Arc<Self>, target: &Target) -> Result<bool> {
        let Some(lake) = &self.lake else { return Ok(false) };
        let stream = self.live.stream(&target.topic)?;
        stream.serve(&target.field)?;
        let days = Duration(FIRST_DAYS * DAY);
        let Some(end) = stream.reaches_beyond(lake, days, self.config.history).await? else {
            return Ok(false);
        };
        let step = stream.definition().window;
        let reach = Duration(score::reach(self, target) as i64 * step.0);
        let clock = LocalClock::new(&self.config.timezone, step)?.with_holidays(&self.config.holidays);
        let mut rows = 0;
        for ages in score::needs(&clock, end, reach, step, FIRST_DAYS)? {
            rows += stream
                .read_history(lake, std::slice::from_ref(&target.field), ages)
                .await?;
        }
        tracing::info!(target_name = %target, rows, "what the profile needs is read from the lake");
        self.scores.open(target);
        if let Some(issue) = score::score_once(self, target).await? {
            self.deliver(issue).await;
        }
        Ok(true)
    }

    /// Begins to serve a target: its history is read, then its windows are scored.
    pub(super) async fn open(self: &Arc<Self>, target: &Target) -> Result<()> {
        let stream = self.live.stream(&target.topic)?;
        stream.serve(&target.field)?;
        if self.scores.get(target).is_some_and(|scores| scores.is_whole()) {
            return Ok(());
        }
        if let Some(lake) = &self.lake {
            let fields = std::slice::from_ref(&target.field);
            let rows = stream.rebuild(lake, fields, self.config.history).await?;
            tracing::info!(target_name = %target, rows, "live state rebuilt from the lake");
        }
        self.scores.open(target).complete();
        let (shadow, served) = score::queue();
        let occasion = Occasion::now(self, target);
        let first = score::score_once(self, target).await?;
        // What came meanwhile is scored once more, unless it made the window that was.
        let scored = first.as_ref().and_then(|issue| {
            let origin = issue.origin;
            occasion.map(|occasion| Occasion { origin, ..occasion })
        });
        if let Some(issue) = first {
            self.deliver(Arc::clone(&issue)).await;
            shadow.offer(self, issue);
        }
        self.tasks
            .spawn(score::score_forever(Arc::clone(self), target.clone(), scored, shadow));
        self.tasks
            .spawn(score::shadow_forever(Arc::clone(self), target.clone(), served));
        Ok(())
    }
}

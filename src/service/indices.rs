//! Keeps the table `indices` up with the windows of traffic sensors.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_features::indices::IndexTable;
use arterial_features::pipeline::{CommitObserver, WindowCommit};
use arterial_serving::readiness::Reason;
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until};

use super::{Foundation, Service};

/// The stream whose windows the indices are of.
const TRAFFIC: &str = "traffic-sensors";

/// How long after an error of the lake it is read again.
const AGAIN: Duration = Duration::from_secs(10);

/// Hands the commits of traffic windows on.
pub struct IndexObserver(mpsc::UnboundedSender<WindowCommit>);

impl CommitObserver for IndexObserver {
    fn committed(&self, commit: &WindowCommit) {
        if commit.stream.name == TRAFFIC {
            // Nobody listens any more where the service ends.
            let _ = self.0.send(commit.clone());
        }
    }
}

/// What keeps the service from answering.
type Reasons = BTreeMap<Reason, String>;

/// An observer, and the task that follows it once `service` answers.
pub fn start(foundation: Arc<Foundation>, service: &Service) -> Arc<IndexObserver> {
    let (commits, mut follow) = mpsc::unbounded_channel();
    let mut readiness = service.state.readiness.subscribe();
    tokio::spawn(async move {
        // To derive what is missing takes processor time, which the start needs for itself.
        if !answers(&mut readiness, &mut follow).await {
            return;
        }
        while let Err(error) = keep(&foundation, &mut follow).await {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                "the indices of zones are not kept for a while; then the lake is read again"
            );
            if !pause(&mut follow).await {
                return;
            }
        }
    });
    Arc::new(IndexObserver(commits))
}

/// Waits until calls are answered; `false` where it never came to that. What is committed meanwhile is let go: it is durable, so
/// that opening the table finds it in the lake.
async fn answers<T>(readiness: &mut watch::Receiver<Reasons>, commits: &mut mpsc::UnboundedReceiver<T>) -> bool {
    loop {
        let starts = readiness.borrow_and_update().contains_key(&Reason::Rebuilding);
        if !starts {
            return true;
        }
        tokio::select! {
            changed = readiness.changed() => if changed.is_err() { return false },
            commit = commits.recv() => if commit.is_none() { return false },
        }
    }
}

/// Lets go for a while what is committed, which opening the table finds in the lake; `false` where nothing is committed any more.
async fn pause<T>(commits: &mut mpsc::UnboundedReceiver<T>) -> bool {
    let until = Instant::now() + AGAIN;
    loop {
        tokio::select! {
            () = sleep_until(until) => return true,
            commit = commits.recv() => if commit.is_none() { return false },
        }
    }
}

/// Follows the commits until there are no more.
async fn keep(foundation: &Foundation, commits: &mut mpsc::UnboundedReceiver<WindowCommit>) -> anyhow::Result<()> {
    let Ok(traffic) = foundation.catalog.get(TRAFFIC) else {
        return Ok(());
    };
    let clock = Arc::clone(&foundation.clock);
    let mut table = IndexTable::open(&foundation.lake, traffic, Arc::clone(&clock)).await?;
    tracing::debug!(days = table.derived().len(), "the indices of zones are derived");
    // What was committed while opening read waits here, and is passed over where it was read.
    while let Some(commit) = commits.recv().await {
        table.take(&commit).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn commits_are_let_go_until_calls_are_answered_and_wait_from_then_on() {
        let rebuilding = Reasons::from([(Reason::Rebuilding, "a model is being trained".to_owned())]);
        let (reasons, mut readiness) = watch::channel(rebuilding);
        let (tell, mut commits) = mpsc::unbounded_channel();
        for commit in 0..3 {
            tell.send(commit).unwrap();
        }
        assert_eq!(answers(&mut readiness, &mut commits).now_or_never(), None);
        assert!(commits.is_empty());
        reasons.send_replace(Reasons::from([(Reason::BrokerUnreachable, "no broker".to_owned())]));
        tell.send(3).unwrap();
        assert_eq!(answers(&mut readiness, &mut commits).now_or_never(), Some(true));
        assert_eq!(commits.len(), 1);
    }

    #[tokio::test]
    async fn what_is_committed_in_a_pause_is_let_go_and_the_pause_ends_with_the_service() {
        let (tell, mut commits) = mpsc::unbounded_channel();
        tell.send(1).unwrap();
        assert_eq!(pause(&mut commits).now_or_never(), None);
        assert!(commits.is_empty());
        drop(tell);
        assert!(!pause(&mut commits).await);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_service_that_ends_before_it_answers() {
        let rebuilding = Reasons::from([(Reason::Rebuilding, "live state is being rebuilt".to_owned())]);
        let (reasons, mut readiness) = watch::channel(rebuilding);
        let (tell, mut commits) = mpsc::unbounded_channel::<u8>();
        drop(tell);
        assert!(!answers(&mut readiness, &mut commits).await);
        let (_tell, mut commits) = mpsc::unbounded_channel::<u8>();
        drop(reasons);
        assert!(!answers(&mut readiness, &mut commits).await);
    }
}

//! A lake that fails while alerts are made.

use std::io;

use arterial_datasets::lake::{Fault, Point, Step, When};

use super::*;

/// Makes steps on the table `alerts` fail while it is switched on.
#[derive(Default)]
struct Trouble {
    on: AtomicBool,
    /// Fails so many times after the commit exists, so that the answer is lost.
    lost: AtomicUsize,
}

impl Fault for Trouble {
    fn at(&self, point: Point<'_>) -> io::Result<()> {
        if point.path != "alerts" && !point.path.starts_with("alerts/") {
            return Ok(());
        }
        let take = |left: usize| left.checked_sub(1);
        let lost = || self.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        if point.step == Step::Reply && point.when == When::After && lost() {
            return Err(io::Error::other("the answer was lost"));
        }
        if point.step == Step::LogEntry && point.when == When::Before && self.on.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is away"));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_neither_repeated_nor_left_untold() {
    let (trouble, sink) = (Arc::new(Trouble::default()), Arc::new(Memory::default()));
    let service = over_past(Order {
        fault: Some(Arc::clone(&trouble) as Arc<dyn Fault>),
        ..telling(&sink)
    })
    .await;
    close(&service, PAST, USUAL).await;
    trouble.lost.store(1, Ordering::SeqCst);
    let next = jam(&service, PAST + 1).await;
    calm(&service, next, CALM).await;
    assert_eq!(trouble.lost.load(Ordering::SeqCst), 0);
    let alerts = list(&service).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let rows = sequences(&service).await;
    eventually("the sink has every revision, in order and once", async || {
        sink.sequences() == rows
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_that_fails_is_reported_and_the_watch_goes_on_where_it_was() {
    let trouble = Arc::new(Trouble::default());
    let service = over_past(Order {
        fault: Some(Arc::clone(&trouble) as Arc<dyn Fault>),
        ..Order::default()
    })
    .await;
    trouble.on.store(true, Ordering::SeqCst);
    for number in PAST..PAST + 4 {
        commit(&service, number, [3.0, USUAL[1]]).await;
    }
    let reported = || {
        service
            .state
            .readiness
            .reasons()
            .values()
            .any(|text| text.contains("the disk is away"))
    };
    eventually("the failure is reported", async || reported()).await;
    assert_eq!(list(&service).await, [], "what is not in the lake is told to nobody");
    trouble.on.store(false, Ordering::SeqCst);
    until_looked_at(&service, PAST + 3).await;
    assert_eq!(list(&service).await.len(), 1);
    assert!(!reported());
}

//! Who waits for whom where something has to be computed.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{FIELD, Service, TOPIC, ready, target};
use arterial_serving::answer::{Answer, Page, Question, answer, answer_watching};
use arterial_serving::score::Wanted;
use arterial_serving::{AppState, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

const ALL: Page = Page {
    from: 0,
    most: usize::MAX,
};

/// A quantile that is computed when somebody asks for it.
fn question(quantile: f64) -> Question {
    Question {
        topic: TOPIC.into(),
        target: FIELD.into(),
        quantiles: vec![quantile],
        ..Question::default()
    }
}

fn calling(state: &Arc<AppState>, quantile: f64) -> BoxFuture<'static, Result<Answer>> {
    let (state, question) = (Arc::clone(state), question(quantile));
    async move { answer(&state, &question).await }.boxed()
}

fn watching(state: &Arc<AppState>, quantile: f64) -> BoxFuture<'static, Result<Answer>> {
    let (state, question) = (Arc::clone(state), question(quantile));
    async move { answer_watching(&state, &question, ALL).await }.boxed()
}

/// Something is computed on request until what is given back is dropped.
async fn busy(service: &Service) -> oneshot::Sender<()> {
    let scores = service.state.scores.get(&target()).unwrap();
    let wanted = Wanted {
        model: None,
        edition: service.state.champions.edition(&target()),
        quantiles: vec![0.2],
    };
    let (begin, begun) = oneshot::channel::<()>();
    let (end, ended) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let compute = async || {
            let _ = begin.send(());
            let _ = ended.await;
            Ok::<_, ()>(None)
        };
        scores.asked(wanted, compute).await
    });
    begun.await.unwrap();
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_waits_for_one_of_those_who_watch_however_many_they_are() {
    let service = ready(24).await;
    let busy = busy(&service).await;
    let quantiles = (1..=20).map(|number| 0.5 + f64::from(number) / 100.0);
    let mut watchers: Vec<_> = quantiles.map(|one| watching(&service.state, one)).collect();
    for watcher in &mut watchers {
        assert!(watcher.now_or_never().is_none(), "it waits");
    }
    let mut call = calling(&service.state, 0.3);
    assert!((&mut call).now_or_never().is_none(), "it waits, too");
    drop(busy);
    watchers.remove(0).await.unwrap();
    // The other watchers stand still meanwhile: whoever had to wait for one of them would wait for ever.
    let answer = tokio::time::timeout(Duration::from_mins(1), call).await;
    assert_eq!(answer.expect("nobody else is before it").unwrap().quantiles, [0.3]);
    for watcher in watchers {
        watcher.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_computed_already_is_had_at_once_while_something_else_is_computed() {
    let service = ready(24).await;
    let first = calling(&service.state, 0.3).await.unwrap();
    let busy = busy(&service).await;
    for again in [calling(&service.state, 0.3), watching(&service.state, 0.3)] {
        let again = again.now_or_never().expect("it waits for nobody").unwrap();
        assert_eq!(again.forecasts.len(), first.forecasts.len());
    }
    assert!(calling(&service.state, 0.31).now_or_never().is_none(), "others wait");
    drop(busy);
}

//! The stream of `WatchForecasts`.
//!
//! An answer is made when the connection has room for it and not before, from the newest issue of then: for whoever is slow no queue
//! waits, but his request, the place where he stands, which issue he was told of, and the answer that he has not taken yet, which
//! `backpressure.rs` bounds.

use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tonic::Status;

use super::convert::{Asked, response};
use crate::answer::{Answer, KeyPage, MOST_KEYS, Page, answer_watching};
use crate::score::{Issue, Stamp};
use crate::state::AppState;
use crate::watchers::Place;
use crate::{Error, Result};

/// Keys in an answer, where the request does not say.
const KEYS: i32 = 1_000;

/// Somebody who watches forecasts.
pub struct ForecastWatch {
    state: Arc<AppState>,
    asked: Asked,
    /// None where the target is not served.
    issues: Option<watch::Receiver<Option<Arc<Issue>>>>,
    round: Round,
    /// Keys in an answer.
    most: usize,
    _place: Place,
}

/// How far the telling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Round {
    /// The issue that is being told; none before the first.
    issue: Option<Stamp>,
    /// The key that comes next, in the order of the answer.
    next: usize,
    /// How many keys are to come, from the next one round to where the issue was begun; none while nobody knows.
    left: Option<usize>,
}

impl Round {
    /// Whether there is nothing to tell until there is another issue than `issue`.
    fn is_over(self, issue: Option<Stamp>) -> bool {
        self.left == Some(0) && self.issue == issue
    }

    /// Goes on with `issue` from the key where it is.
    fn turn_to(&mut self, issue: Option<Stamp>) {
        if self.issue != issue || self.left == Some(0) {
            (self.issue, self.left) = (issue, None);
        }
    }

    /// The next keys, at most `most`.
    fn page(self, most: usize) -> Page {
        Page {
            from: self.next,
            most: self.left.map_or(most, |left| left.min(most)),
        }
    }

    /// `keys` of `of_keys` were told.
    fn told(&mut self, keys: usize, of_keys: usize) {
        let left = self.left.unwrap_or(of_keys).min(of_keys);
        // An answer without keys ends the round: there is nothing to tell.
        self.left = Some(if keys == 0 { 0 } else { left.saturating_sub(keys) });
        self.next = if self.next + keys >= of_keys {
            0
        } else {
            self.next + keys
        };
    }
}

impl ForecastWatch {
    /// Checks the request.
    ///
    /// # Errors
    /// A wrong request, or one that only `Forecast` takes.
    pub fn begin(state: &Arc<AppState>, request: v1::ForecastRequest, place: Place) -> Result<Self> {
        let accepted = "nothing: whoever watches wants the newest";
        if let Some(as_of) = request.as_of {
            return Err(Error::invalid("as_of", Timestamp(as_of), accepted));
        }
        if request.explain {
            return Err(Error::invalid("explain", true, "false: Forecast explains"));
        }
        if !request.page_token.is_empty() {
            return Err(Error::invalid("page_token", &request.page_token, accepted));
        }
        let size = if request.page_size == 0 {
            KEYS
        } else {
            request.page_size
        };
        let most = KeyPage::read(size, "", MOST_KEYS)?.most;
        let told = read_token(&request.resume_after)?;
        let asked = Asked::read(request)?;
        let target = asked.question.check(state)?.target;
        Ok(Self {
            state: Arc::clone(state),
            asked,
            issues: state.scores.get(&target).map(|scores| scores.subscribe()),
            round: Round {
                issue: told,
                next: 0,
                left: told.map(|_| 0),
            },
            most,
            _place: place,
        })
    }

    /// The next answer, as soon as there is one; none where there will not be another.
    async fn next(&mut self) -> Result<Option<v1::ForecastResponse>> {
        let newest = |issues: &mut watch::Receiver<Option<Arc<Issue>>>| {
            issues.borrow_and_update().as_ref().map(|issue| issue.stamp())
        };
        let mut issue = None;
        if let Some(issues) = &mut self.issues {
            issue = newest(issues);
            while self.round.is_over(issue) {
                let changed = tokio::select! {
                    () = self.state.stop.cancelled() => return Err(Error::NotReady("the service is shutting down".into())),
                    changed = issues.changed() => changed,
                };
                changed.map_err(|error| Error::Background(error.to_string()))?;
                issue = newest(issues);
            }
        } else if self.round.left == Some(0) {
            return Ok(None);
        }
        self.round.turn_to(issue);
        let answered = self.answer().await?;
        self.round.told(answered.keys, answered.of_keys);
        let resume_after = match issue {
            Some(issue) if self.round.left == Some(0) => token(issue),
            _ => String::new(),
        };
        Ok(Some(v1::ForecastResponse {
            resume_after,
            ..response(&self.asked, answered)
        }))
    }

    /// What comes next. In memory of its own, so that whoever waits holds none for it.
    fn answer(&self) -> BoxFuture<'_, Result<Answer>> {
        answer_watching(&self.state, &self.asked.question, self.round.page(self.most)).boxed()
    }
}

/// The answers, from the first one on. The first is made at once, so that what is wrong is said by the call itself; whoever resumes
/// and has missed nothing waits within the stream.
///
/// # Errors
/// A request that cannot be answered.
pub async fn stream(mut watch: ForecastWatch) -> Result<BoxStream<'static, Result<v1::ForecastResponse, Status>>> {
    if let Some(reason) = watch.state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let first = match watch.round.issue {
        None => watch.next().await?,
        Some(_) => None,
    };
    let later = stream::unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(Some(answer)) => Some((Ok(answer), Some(watch))),
            Ok(None) => None,
            Err(error) => Some((Err(Status::from(error)), None)),
        }
    });
    Ok(stream::iter(first.map(Ok)).chain(later).boxed())
}

/// Where to resume after `issue`.
fn token(issue: Stamp) -> String {
    format!("{}.{}", issue.origin.0, issue.issued_at.0)
}

fn read_token(text: &str) -> Result<Option<Stamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (origin, issued_at) = text.split_once('.')?;
        Some(Stamp {
            origin: Timestamp(origin.parse().ok()?),
            issued_at: Timestamp(issued_at.parse().ok()?),
        })
    };
    let accepted = "`resume_after` of an answer before";
    read()
        .map(Some)
        .ok_or_else(|| Error::invalid("resume_after", text, accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(number: i64) -> Stamp {
        Stamp {
            origin: Timestamp(number),
            issued_at: Timestamp(10 * number),
        }
    }

    fn start() -> Round {
        Round {
            issue: None,
            next: 0,
            left: None,
        }
    }

    /// The keys that are told in one step of a round over `keys` keys, two at a time.
    fn step(round: &mut Round, newest: i64, keys: usize) -> Vec<usize> {
        round.turn_to(Some(issue(newest)));
        let all: Vec<usize> = (0..keys).collect();
        let told = round.page(2).of(&all).to_vec();
        round.told(told.len(), keys);
        told
    }

    #[test]
    fn an_issue_is_told_part_by_part_and_then_there_is_nothing_to_tell() {
        let mut round = start();
        assert_eq!([step(&mut round, 1, 3), step(&mut round, 1, 3)], [vec![0, 1], vec![2]]);
        assert!(round.is_over(Some(issue(1))) && !round.is_over(Some(issue(2))));
    }

    #[test]
    fn a_newer_issue_amid_the_parts_goes_on_from_there_round_to_where_it_began() {
        let mut round = start();
        assert_eq!(step(&mut round, 1, 5), [0, 1]);
        let rest: Vec<Vec<usize>> = (0..3).map(|_| step(&mut round, 2, 5)).collect();
        assert_eq!(rest, [vec![2, 3], vec![4], vec![0, 1]]);
        assert!(round.is_over(Some(issue(2))), "{round:?}");
    }

    #[test]
    fn whoever_is_always_too_slow_is_told_of_every_key_in_turn() {
        let mut round = start();
        let told: Vec<usize> = (0..5).flat_map(|newest| step(&mut round, newest, 5)).collect();
        assert_eq!(told, [0, 1, 2, 3, 4, 0, 1, 2, 3]);
    }

    #[test]
    fn without_keys_there_is_one_answer_an_issue() {
        let mut round = start();
        assert!(step(&mut round, 1, 0).is_empty() && round.is_over(Some(issue(1))));
    }

    #[test]
    fn a_token_comes_back_as_it_was_given_and_another_is_refused() {
        let stamp = issue(7);
        assert_eq!(read_token(&token(stamp)).unwrap(), Some(stamp));
        assert_eq!(read_token("").unwrap(), None);
        for bad in ["7", "7.x", ".", "a.b"] {
            let error = read_token(bad).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`resume_after` is `{bad}`")), "{error}");
        }
    }
}

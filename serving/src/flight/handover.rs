//! Handing over: whoever makes batches gives them away one by one and waits for each to be taken, so that a client that takes nothing, goes
//! on for ever or left keeps neither its place nor what was made for it.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::Code;

use super::Batches;
use crate::sync::lock;
use crate::{Error, Result};

/// Batches that are ready and not yet taken.
const WAITING: usize = 2;
/// A client that takes nothing for so long has left.
const PATIENCE: Duration = Duration::from_secs(10);

/// What waits to be taken, and how it ended.
#[derive(Default)]
struct Shelf {
    batches: VecDeque<RecordBatch>,
    ended: Option<Result<()>>,
}

/// The side that makes batches.
pub(crate) struct Giver {
    /// One message for each batch on the shelf: the channel wakes both sides, and the shelf can be cleared by this one.
    rooms: mpsc::Sender<()>,
    shelf: Arc<Mutex<Shelf>>,
    patience: Duration,
}

/// Both sides: who makes batches, and what the client takes them from. An error is the last thing that comes out of it.
pub(crate) fn hand_over() -> (Giver, Batches) {
    with_patience(PATIENCE)
}

fn with_patience(patience: Duration) -> (Giver, Batches) {
    let (rooms, full) = mpsc::channel(WAITING);
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let giver = Giver {
        rooms,
        shelf: Arc::clone(&shelf),
        patience,
    };
    // The first batch may already be the end, after which it is asked once more.
    (giver, taken(full, shelf).fuse().boxed())
}

/// The same batches, made by a task of its own. It keeps `place` until all were taken, the client takes nothing more or left, or
/// `longest` has passed.
pub(super) fn handed(place: OwnedSemaphorePermit, longest: Duration, batches: Batches) -> Batches {
    let (giver, taken) = hand_over();
    tokio::spawn(async move {
        let ended = giver.run(Instant::now(), longest, giver.give_all(batches)).await;
        // Whoever has seen the end finds the place free.
        drop(place);
        giver.end(ended);
    });
    taken
}

impl Giver {
    /// Gives a batch away, once there is room for it.
    ///
    /// # Errors
    /// A client that took nothing for too long, or left.
    pub async fn give(&self, batch: RecordBatch) -> Result<()> {
        let Ok(room) = timeout(self.patience, self.rooms.reserve()).await else {
            return Err(Error::took_nothing(self.patience));
        };
        let room = room.map_err(|_| left())?;
        lock(&self.shelf).batches.push_back(batch);
        room.send(());
        Ok(())
    }

    async fn give_all(&self, mut batches: Batches) -> Result<()> {
        while let Some(batch) = batches.try_next().await? {
            self.give(batch).await?;
        }
        Ok(())
    }

    /// Does `work`, which gives batches away, until it is done, the client leaves, or it is `longest` since it was `begun`.
    ///
    /// # Errors
    /// What went wrong with the work, a client that left, a time that passed.
    pub async fn run<T>(&self, begun: Instant, longest: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let work = AssertUnwindSafe(work).catch_unwind();
        tokio::select! {
            ended = work => ended.unwrap_or_else(|_| Err(Error::Background("an answer panicked".to_owned()))),
            () = self.rooms.closed() => Err(left()),
            () = sleep_until(begun + longest) => Err(Error::Deadline(longest)),
        }
    }

    /// Says how it ended. What was not taken in time is let go at once, as a client that is stuck may never come for it.
    pub fn end(self, ended: Result<()>) {
        let mut shelf = lock(&self.shelf);
        if ended
            .as_ref()
            .is_err_and(|error| error.code() == Code::DeadlineExceeded)
        {
            shelf.batches.clear();
        }
        // It is said before the channel closes, which tells the other side to look.
        shelf.ended = Some(ended);
    }
}

/// The batches of a shelf, and after them the error that ended it, if one did.
fn taken(full: mpsc::Receiver<()>, shelf: Arc<Mutex<Shelf>>) -> impl Stream<Item = Result<RecordBatch>> + Send {
    stream::unfold(Some((full, shelf)), |left| async {
        let (mut full, shelf) = left?;
        let is_there = full.recv().await.is_some();
        let batch = is_there.then(|| lock(&shelf).batches.pop_front()).flatten();
        if let Some(batch) = batch {
            return Some((Ok(batch), Some((full, shelf))));
        }
        let ended = lock(&shelf).ended.take();
        let cut = || Err(Error::NotReady("the answer was cut off".to_owned()));
        ended.unwrap_or_else(cut).err().map(|error| (Err(error), None))
    })
}

fn left() -> Error {
    stopped("the client left")
}

/// An answer that somebody stopped.
pub(crate) fn stopped(why: &str) -> Error {
    Error::Query {
        code: Code::Cancelled,
        message: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int32Array};

    use super::*;
    use crate::admission::Crowd;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_mins(10);

    fn batch() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    }

    fn endless() -> Batches {
        stream::repeat_with(|| Ok(batch())).boxed()
    }

    /// Each batch as its rows, each error as its code.
    async fn all(taken: Batches) -> Vec<Result<usize, Code>> {
        let told = taken.map(|batch| batch.map(|batch| batch.num_rows()).map_err(|error| error.code()));
        told.collect().await
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up_and_nothing_is_kept_for_it() {
        let (giver, taken) = with_patience(SOON);
        let shelf = Arc::clone(&giver.shelf);
        let ended = giver.run(Instant::now(), LATE, giver.give_all(endless())).await;
        assert_eq!(lock(&shelf).batches.len(), WAITING);
        assert!(
            ended
                .as_ref()
                .is_err_and(|error| error.to_string().contains("took nothing"))
        );
        giver.end(ended);
        assert!(lock(&shelf).batches.is_empty());
        assert_eq!(all(taken).await, [Err(Code::DeadlineExceeded)]);
    }

    #[tokio::test]
    async fn an_answer_that_goes_on_for_too_long_is_ended() {
        let (giver, taken) = with_patience(LATE);
        let batches = stream::iter([Ok(batch())]).chain(stream::pending()).boxed();
        let giving = async {
            let ended = giver.run(Instant::now(), SOON, giver.give_all(batches)).await;
            giver.end(ended);
        };
        let ((), found) = tokio::join!(giving, all(taken));
        assert_eq!(found, [Ok(1), Err(Code::DeadlineExceeded)]);
    }

    #[tokio::test]
    async fn the_work_ends_with_a_client_that_leaves() {
        let (giver, taken) = with_patience(LATE);
        drop(taken);
        let work = std::future::pending::<Result<()>>();
        let ended = giver.run(Instant::now(), LATE, work).await;
        assert!(ended.is_err_and(|error| error.code() == Code::Cancelled));
    }

    #[tokio::test]
    async fn an_error_comes_after_all_that_was_given_before_it() {
        let failed = || Err(Error::Background("the disk is gone".to_owned()));
        let places = Crowd::new("readers", 1);
        let batches = stream::iter([Ok(batch()), failed()]).boxed();
        let found = all(handed(places.enter().unwrap(), LATE, batches)).await;
        assert_eq!(found, [Ok(1), Err(Code::Internal)]);
        let batches = stream::iter([Ok(batch()), Ok(batch())]).boxed();
        let found = all(handed(places.enter().unwrap(), LATE, batches)).await;
        assert_eq!(found, [Ok::<usize, Code>(1), Ok(1)]);
    }
}

//! The body of an answer, at the pace of its client.
//!
//! Short frames are handed on as they are: nothing is counted for them and nobody keeps the time. A long frame waits on a shelf, from which a
//! watchdog takes it, and the answer with it, where the client takes nothing: HTTP/2 itself asks for nothing before the client does.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body as HttpBody, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::PollSemaphore;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use super::Bounds;
use crate::Error;
use crate::bodies::end;
use crate::sync::lock;

/// Frames of up to so many bytes are short.
pub(super) const SHORT: usize = 64 << 10;
/// A long one goes in pieces of so many bytes, each a frame of HTTP/2. They are copied: of a slice, HTTP/2 would keep the whole frame.
pub(super) const PIECE: usize = 16 << 10;

/// An answer on its way. The next frame is made when the one before was taken.
pub(super) struct Paced {
    shelf: Arc<Mutex<Shelf>>,
    room: PollSemaphore,
    budget: u32,
    patience: Duration,
    /// The bytes of its longest frame so far; 0 while none was long.
    longest: u32,
    /// Runs while a long frame waits.
    pub(super) watchdog: Option<AbortOnDropHandle<()>>,
}

/// What waits to be taken.
struct Shelf {
    /// The answer, with all that it holds; none once it is over.
    body: Option<Body>,
    /// The frame that is being taken, until the next one is asked for.
    long: Option<Long>,
    /// Whether the client was given up, and has not been told.
    given_up: bool,
}

/// What is left of a long frame.
struct Long {
    rest: Bytes,
    room: OwnedSemaphorePermit,
    /// When the last piece was taken.
    taken: Instant,
}

impl Paced {
    pub(super) fn new(body: Body, bounds: Bounds) -> Self {
        let shelf = Shelf {
            body: Some(body),
            long: None,
            given_up: false,
        };
        Self {
            shelf: Arc::new(Mutex::new(shelf)),
            room: PollSemaphore::new(bounds.room),
            budget: bounds.budget,
            patience: bounds.patience,
            longest: 0,
            watchdog: None,
        }
    }

    /// Room for `wanted` bytes, of which `has` may be a part. Whoever has some goes on with it where there is no more: of one client, an
    /// answer is about as long as the one before.
    fn room_for(&self, wanted: u32, has: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
        let had = has.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = wanted.saturating_sub(had as u32);
        let more = self.room.clone_inner().try_acquire_many_owned(missing).ok();
        match (has, more) {
            (Some(mut has), Some(more)) => {
                has.merge(more);
                Some(has)
            }
            (has, more) => has.or(more),
        }
    }

    /// Lets the next frame wait, and hands its first piece on; the answer ends where there is no room.
    fn begin(&mut self, frame: Bytes, has: Option<OwnedSemaphorePermit>) -> Result<Frame<Bytes>, Status> {
        let wanted = u32::try_from(frame.len()).map_or(self.budget, |length| length.min(self.budget));
        self.longest = self.longest.max(wanted);
        let Some(room) = self.room_for(wanted, has) else {
            lock(&self.shelf).body = None;
            return end(&Status::from(Error::TooMany {
                what: "bytes of answers that wait for their clients",
                most: self.budget as usize,
            }));
        };
        let mut long = Long {
            rest: frame,
            room,
            taken: Instant::now(),
        };
        let first = long.piece().unwrap_or_default();
        lock(&self.shelf).long = Some(long);
        let watching = watch(Arc::downgrade(&self.shelf), self.patience);
        self.watchdog = Some(AbortOnDropHandle::new(tokio::spawn(watching)));
        Ok(Frame::data(first))
    }

    /// The next frame of the answer itself, and the room that was kept for it.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<(Option<Next>, Option<OwnedSemaphorePermit>)> {
        let mut shelf = lock(&self.shelf);
        // All of the frame before was taken; its room is kept until it is known what comes next.
        let mut room = shelf.long.take().map(|long| long.room);
        // There was nothing to say after it: now the next one waits for room before it is made, as it may be as long.
        let is_over = shelf.body.as_ref().is_none_or(HttpBody::is_end_stream);
        if room.is_none() && self.longest > 0 && !is_over {
            room = ready!(self.room.poll_acquire_many(context, self.longest));
        }
        let Some(body) = &mut shelf.body else {
            return Poll::Ready((None, None));
        };
        let next = ready!(Pin::new(body).poll_frame(context));
        Poll::Ready((next, room))
    }
}

/// What a body gives.
type Next = Result<Frame<Bytes>, Status>;

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Next>> {
        let paced = self.get_mut();
        if let Some(waiting) = lock(&paced.shelf).waiting(paced.patience) {
            return Poll::Ready(Some(waiting));
        }
        paced.watchdog = None;
        let (next, room) = ready!(paced.poll_body(context));
        let frame = match next {
            Some(Ok(frame)) if frame.data_ref().is_some_and(|data| data.len() > SHORT) => frame,
            next => return Poll::Ready(next),
        };
        let next = frame.into_data().map_or_else(Ok, |data| paced.begin(data, room));
        Poll::Ready(Some(next))
    }

    fn is_end_stream(&self) -> bool {
        let shelf = lock(&self.shelf);
        shelf.long.is_none() && !shelf.given_up && shelf.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }
}

impl Shelf {
    /// The next piece of what waits, or the end of a client that was given up after `patience`.
    fn waiting(&mut self, patience: Duration) -> Option<Next> {
        if mem::take(&mut self.given_up) {
            return Some(end(&Status::from(Error::took_nothing(patience))));
        }
        let piece = self.long.as_mut()?.piece()?;
        Some(Ok(Frame::data(piece)))
    }
}

impl Long {
    fn piece(&mut self) -> Option<Bytes> {
        self.taken = Instant::now();
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        (!piece.is_empty()).then(|| Bytes::copy_from_slice(&piece))
    }
}

/// Gives the client up once it takes nothing for as long as `patience`, unless the answer is over before.
async fn watch(shelf: Weak<Mutex<Shelf>>, patience: Duration) {
    while let Some(until) = shelf.upgrade().and_then(|shelf| look(&shelf, patience)) {
        sleep_until(until).await;
    }
}

/// When to look again; none where nothing waits any more.
fn look(shelf: &Mutex<Shelf>, patience: Duration) -> Option<Instant> {
    let mut shelf = lock(shelf);
    let until = shelf.long.as_ref()?.taken + patience;
    if Instant::now() < until {
        return Some(until);
    }
    shelf.given_up = true;
    let left = (shelf.long.take(), shelf.body.take());
    // Others need not wait until all that it holds is let go.
    drop(shelf);
    drop(left);
    None
}

//! The body of an answer with rows.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use http_body::{Body, Frame};
use prost::bytes::Bytes;
use tonic::Status;

use super::encoder::Encoder;
use super::parts::split;
use crate::Result;
use crate::bodies::end;
use crate::flight::Batches;

/// A stream of batches as messages of gRPC, with the status behind them. The next batch is taken when the one before was.
pub(in crate::flight) struct Rows {
    batches: Batches,
    encoder: Encoder,
    /// What is left of the batch that was taken.
    parts: VecDeque<RecordBatch>,
    /// What is left of the message that was made.
    pieces: VecDeque<Bytes>,
    ended: bool,
}

impl Rows {
    /// The rows of `batches` under `schema`, in messages of at most `most` bytes.
    ///
    /// # Errors
    /// A schema that cannot be sent.
    pub fn new(schema: SchemaRef, batches: Batches, most: usize) -> Result<Self> {
        let encoder = Encoder::new(schema, most)?;
        let pieces = encoder.schema()?.into();
        Ok(Self {
            batches,
            encoder,
            parts: VecDeque::new(),
            pieces,
            ended: false,
        })
    }

    /// Goes one step on towards the next piece; false at the end.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        if let Some(part) = self.parts.pop_front() {
            self.pieces = self.encoder.rows(&part)?.into();
            return Poll::Ready(Ok(true));
        }
        let Some(batch) = ready!(self.batches.poll_next_unpin(context)) else {
            return Poll::Ready(Ok(false));
        };
        self.parts = split(&self.encoder.checked(&batch?)?);
        Poll::Ready(Ok(true))
    }

    /// How it ended, as the last frame.
    fn end(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.ended = true;
        end(status)
    }
}

impl Body for Rows {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let rows = self.get_mut();
        loop {
            if rows.ended {
                return Poll::Ready(None);
            }
            if let Some(piece) = rows.pieces.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let status = match ready!(rows.poll_more(context)) {
                Ok(true) => continue,
                Ok(false) => Status::ok(""),
                Err(error) => Status::from(error),
            };
            return Poll::Ready(Some(rows.end(&status)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

//! A schema and batches as the messages that carry them.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_flight::{FlightData, SchemaAsIpc};
use prost::bytes::Bytes;

use super::framed::messages;
use super::pieces::pieces;
use crate::Result;

/// What makes the messages of one answer, and knows which dictionaries were sent.
pub(super) struct Encoder {
    schema: SchemaRef,
    stream: StreamEncoder,
    most: usize,
}

impl Encoder {
    /// For batches of `schema` in messages of at most `most` bytes.
    ///
    /// # Errors
    /// A dictionary whose values are in a dictionary, which Arrow does not send.
    pub fn new(schema: SchemaRef, most: usize) -> Result<Self> {
        let stream = StreamEncoder::try_new(&schema)?;
        Ok(Self { schema, stream, most })
    }

    /// The message that comes first, with or without rows after it.
    ///
    /// # Errors
    /// A schema that does not go into a message.
    pub fn schema(&self) -> Result<Vec<Bytes>> {
        let options = IpcWriteOptions::default();
        let message = FlightData::from(SchemaAsIpc::new(&self.schema, &options));
        pieces(message.data_header, &[], self.most)
    }

    /// The same rows under the schema that was sent.
    ///
    /// # Errors
    /// Columns of other types, a null where there is none under the schema.
    pub fn checked(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            batch.columns().to_vec(),
            &options,
        )?)
    }

    /// The message of a batch, and before it those of the dictionaries that the client does not have yet.
    ///
    /// # Errors
    /// Rows that do not go into a message.
    pub fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>> {
        let mut sent = Vec::new();
        for message in messages(self.stream.encode(batch)?)? {
            // The first batch brings the schema along, which has gone ahead.
            if !message.is_schema {
                sent.extend(pieces(message.header.into(), &message.body, self.most)?);
            }
        }
        Ok(sent)
    }
}

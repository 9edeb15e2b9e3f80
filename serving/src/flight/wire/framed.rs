//! The messages of Arrow in the buffers of its stream format, which is the one that Arrow writes without copying.

use std::collections::VecDeque;

use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::{MessageHeader, root_as_message};

/// What stands before the header of a message: a marker and the length of the header, of four bytes each.
const PREFIX: usize = 8;

/// A message in the two parts that Flight carries.
pub(super) struct Message {
    /// Whether it tells the schema.
    pub is_schema: bool,
    /// Where each buffer begins in the body, and how long it is.
    pub header: Vec<u8>,
    /// The buffers of the columns with the padding between them, one after the other.
    pub body: Vec<Buffer>,
}

/// The messages that `buffers` hold from the first to the last byte.
///
/// # Errors
/// None in practice: Arrow wrote them.
pub(super) fn messages(buffers: Vec<Buffer>) -> Result<Vec<Message>, ArrowError> {
    let mut rest = Rest(buffers.into_iter().filter(|buffer| !buffer.is_empty()).collect());
    let mut messages = Vec::new();
    while !rest.0.is_empty() {
        messages.push(rest.message()?);
    }
    Ok(messages)
}

/// What was not taken yet, without empty buffers.
struct Rest(VecDeque<Buffer>);

impl Rest {
    fn message(&mut self) -> Result<Message, ArrowError> {
        let prefix = joined(&self.take(PREFIX)?);
        let length = prefix.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length));
        let header = joined(&self.take(length as usize)?);
        let message = root_as_message(&header).map_err(|error| ArrowError::IpcError(error.to_string()))?;
        let is_schema = message.header_type() == MessageHeader::Schema;
        let body = self.take(message.bodyLength() as usize)?;
        Ok(Message {
            is_schema,
            header,
            body,
        })
    }

    /// The next `length` bytes, which are shared, not copied.
    fn take(&mut self, length: usize) -> Result<Vec<Buffer>, ArrowError> {
        let mut taken = Vec::new();
        let mut missing = length;
        while missing > 0 {
            let Some(buffer) = self.0.pop_front() else {
                return Err(ArrowError::IpcError(format!(
                    "{missing} bytes of a message are missing"
                )));
            };
            let first = buffer.slice_with_length(0, missing.min(buffer.len()));
            if first.len() < buffer.len() {
                self.0.push_front(buffer.slice(missing));
            }
            missing -= first.len();
            taken.push(first);
        }
        Ok(taken)
    }
}

fn joined(buffers: &[Buffer]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(buffers.iter().map(Buffer::len).sum());
    for buffer in buffers {
        bytes.extend_from_slice(buffer);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, RecordBatch};
    use arrow::ipc::writer::StreamEncoder;
    use std::sync::Arc;

    fn written() -> Vec<Buffer> {
        let numbers = Arc::new(Int64Array::from(vec![Some(7), None, Some(9)]));
        let batch = RecordBatch::try_from_iter([("numbers", numbers as _)]).unwrap();
        let mut encoder = StreamEncoder::try_new(&batch.schema()).unwrap();
        encoder.encode(&batch).unwrap()
    }

    #[test]
    fn messages_are_found_wherever_the_buffers_are_cut() {
        let written = written();
        let whole = Buffer::from(joined(&written));
        let single: Vec<Buffer> = (0..whole.len()).map(|at| whole.slice_with_length(at, 1)).collect();
        for buffers in [written, vec![whole], single] {
            let found = messages(buffers).unwrap();
            let told: Vec<(bool, usize)> = found
                .iter()
                .map(|message| (message.is_schema, joined(&message.body).len()))
                .collect();
            // Validity and numbers, each padded to 64 bytes.
            assert_eq!(told, [(true, 0), (false, 128)]);
        }
    }

    #[test]
    fn a_message_that_is_cut_off_is_an_error() {
        let mut written = written();
        written.pop();
        let refused = messages(written).err().unwrap().to_string();
        assert!(refused.contains("bytes of a message are missing"), "{refused}");
    }
}

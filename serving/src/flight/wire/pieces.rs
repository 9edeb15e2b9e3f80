//! Messages of Flight as messages of gRPC, in pieces of which the long ones are the buffers of columns themselves.

use arrow::buffer::Buffer;
use arrow_flight::FlightData;
use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint};
use tonic::Code;

use crate::{Error, Result};

/// The number of `data_body` among the fields of `FlightData`, the last of them.
const BODY: u32 = 1000;
/// Shorter buffers are copied next to what stands around them: each piece begins a frame of HTTP/2, which holds so many bytes.
const SHORT: usize = 16_384;

/// One message: `header` and, where it has any, the bytes of `body`. At most `most` bytes are sent.
///
/// # Errors
/// A longer message.
pub(super) fn pieces(header: Bytes, body: &[Buffer], most: usize) -> Result<Vec<Bytes>> {
    let body_length: usize = body.iter().map(Buffer::len).sum();
    let mut head = FlightData::new().with_data_header(header).encode_to_vec();
    if body_length > 0 {
        encode_key(BODY, WireType::LengthDelimited, &mut head);
        encode_varint(body_length as u64, &mut head);
    }
    let length = head.len() + body_length;
    let fits = u32::try_from(length).ok().filter(|_| length <= most);
    let Some(prefix) = fits else {
        let message = format!("rows take {length} bytes of a message, accepted: {most} (`server.max_message_bytes`)");
        return Err(Error::Query {
            code: Code::OutOfRange,
            message,
        });
    };
    let mut pieces = Pieces::default();
    // It is not compressed.
    pieces.open.put_u8(0);
    pieces.open.put_u32(prefix);
    pieces.open.put_slice(&head);
    for buffer in body {
        pieces.put(buffer);
    }
    pieces.close();
    Ok(pieces.closed)
}

/// The pieces of a message.
#[derive(Default)]
struct Pieces {
    closed: Vec<Bytes>,
    /// What is copied, up to the next long buffer.
    open: BytesMut,
}

impl Pieces {
    fn put(&mut self, buffer: &Buffer) {
        if buffer.len() < SHORT {
            self.open.put_slice(buffer);
            return;
        }
        self.close();
        self.closed.push(Bytes::from_owner(Shared(buffer.clone())));
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.closed.push(self.open.split().freeze());
        }
    }
}

/// A buffer that is kept as long as it is being sent.
struct Shared(Buffer);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    fn buffer(length: usize) -> Buffer {
        Buffer::from(vec![7_u8; length])
    }

    #[test]
    fn long_buffers_are_pieces_of_their_own_and_short_ones_are_joined() {
        let body = [buffer(8), buffer(SHORT), buffer(8), buffer(56), buffer(2 * SHORT)];
        let found = pieces(Bytes::from_static(b"header"), &body, MOST).unwrap();
        let places: Vec<*const u8> = found.iter().map(|piece| piece.as_ptr()).collect();
        assert_eq!(found.len(), 4);
        assert_eq!((places[1], places[3]), (body[1].as_ptr(), body[4].as_ptr()));
        assert_eq!(found[2].len(), 64);
    }

    #[test]
    fn the_bytes_are_those_of_the_usual_way() {
        for lengths in [vec![], vec![8, 56], vec![SHORT, 64]] {
            let body: Vec<Buffer> = lengths.into_iter().map(buffer).collect();
            let joined: Vec<u8> = body.iter().flat_map(|buffer| buffer.to_vec()).collect();
            let header = Bytes::from_static(b"header");
            let usual = FlightData::new()
                .with_data_header(header.clone())
                .with_data_body(joined)
                .encode_to_vec();
            let found: Vec<u8> = pieces(header, &body, MOST).unwrap().concat();
            assert_eq!(found[0], 0);
            assert_eq!(found[1..5], u32::try_from(usual.len()).unwrap().to_be_bytes());
            assert_eq!(found[5..], usual);
        }
    }

    #[test]
    fn a_message_above_the_limit_is_refused() {
        let refused = pieces(Bytes::new(), &[buffer(2000)], 1024).unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange);
        assert!(refused.to_string().contains("server.max_message_bytes"), "{refused}");
    }
}

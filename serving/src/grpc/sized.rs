//! Answers, compressed where that pays.

use arterial_proto::Message;
use tonic::Response;

/// Smaller answers are not compressed, whatever their client accepts: most clients accept gzip without asking for it, and the
/// work would cost more than the bytes.
const WORTH_IT: usize = 8 << 10;

/// The answer `message`; large ones are compressed for clients that accept it.
pub fn sized<M: Message>(message: M) -> Response<M> {
    let is_small = is_small(message.encoded_len());
    let mut response = Response::new(message);
    if is_small {
        response.disable_compression();
    }
    response
}

/// Whether an answer of so many bytes is sent as it is.
pub fn is_small(bytes: usize) -> bool {
    bytes < WORTH_IT
}

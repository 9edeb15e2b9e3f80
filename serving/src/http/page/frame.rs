//! The text of server-sent events (WHATWG HTML, "Server-sent events"): what is the same for everybody is made once.

use std::fmt::Write;

use axum::body::Bytes;
use sha2::{Digest, Sha256};

/// A line that says nothing, so that neither end nor anything between takes the connection for dead.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b": \n\n");
/// How soon a client that was cut off is to come back, in milliseconds.
pub const RETRY: Bytes = Bytes::from_static(b"retry: 2000\n\n");

/// The data of an event, ready to be sent to any number of clients, and what tells them apart from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// `data: JSON` and the empty line that ends the event.
    line: Bytes,
    /// The first digits of the SHA-256 of the JSON.
    pub digest: String,
}

impl Data {
    /// From JSON in one line.
    pub fn new(json: &str) -> Self {
        let mut digest = String::with_capacity(12);
        for byte in Sha256::digest(json).iter().take(6) {
            let _ = write!(digest, "{byte:02x}");
        }
        let line = ["data: ", json, "\n\n"].concat();
        Self {
            line: line.into(),
            digest,
        }
    }

    /// The event called `name`, whose id is `id`, as the two pieces to send.
    pub fn event(&self, name: &str, id: &str) -> [Bytes; 2] {
        [format!("event: {name}\nid: {id}\n").into(), self.line.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_name_its_id_and_its_data() {
        let data = Data::new("{\"a\":1}");
        let text: Vec<u8> = data.event("now", "7").concat();
        assert_eq!(text, b"event: now\nid: 7\ndata: {\"a\":1}\n\n");
        assert_eq!(data.digest, Data::new("{\"a\":1}").digest);
        assert_ne!(data.digest, Data::new("{\"a\":2}").digest);
    }
}

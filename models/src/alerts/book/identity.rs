//! Ids that are the same whoever finds the event, however often.

use arterial_datasets::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::alerts::alert::Kind;

/// The id of an alert: 20 hexadecimal digits of SHA-256 over its kind, stream, first key and first window.
pub(super) fn alert_id(kind: Kind, topic: &str, key: &str, window: Timestamp) -> String {
    let mut digest = Sha256::new();
    for part in [kind.name(), topic, key] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.update(window.0.to_le_bytes());
    format!("{:x}", digest.finalize())[..20].to_string()
}

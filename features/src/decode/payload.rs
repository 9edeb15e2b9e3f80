//! The bytes of a record: what is taken for text, and what of a refused record may be kept.

use super::field::{Refusal, Texts, shown};
use super::json::Flaw;
use super::tree::{Raw, Slot};
use super::{DecodeLimits, Decoder};
use crate::quarantine::Reason;
use crate::record::RecordRef;

/// The text of a record, without byte order mark.
///
/// # Errors
/// No bytes, too many, or none that are UTF-8.
#[inline]
pub(super) fn record_text<'a>(record: RecordRef<'a>, limits: &DecodeLimits) -> Result<&'a str, Refusal> {
    let bytes = record.payload.unwrap_or_default();
    if bytes.len() > limits.record_bytes {
        let detail = format!(
            "the record has {} bytes, accepted: up to {}",
            bytes.len(),
            limits.record_bytes
        );
        return Err(Refusal {
            reason: Reason::TooLarge,
            detail,
        });
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let what = if record.payload.is_none() {
            "a tombstone"
        } else {
            "blank"
        };
        let detail = format!("the record is {what}, accepted: one JSON object");
        return Err(Refusal {
            reason: Reason::Empty,
            detail,
        });
    }
    simdutf8::basic::from_utf8(bytes).map_err(|_| not_utf8(bytes))
}

#[cold]
fn not_utf8(bytes: &[u8]) -> Refusal {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    Refusal {
        reason: Reason::NotUtf8,
        detail: format!("byte {at} of the record is no UTF-8, accepted: UTF-8"),
    }
}

#[cold]
pub(super) fn no_object(texts: &Texts<'_>, root: Slot) -> Refusal {
    let detail = format!(
        "the record is `{}`, accepted: one JSON object",
        shown(texts.record, root)
    );
    Refusal {
        reason: Reason::WrongType,
        detail,
    }
}

impl Flaw {
    #[cold]
    pub(super) fn refusal(self, text: &str, most_deep: usize) -> Refusal {
        match self {
            Self::Depth => Refusal {
                reason: Reason::TooDeep,
                detail: format!("the record nests deeper than {most_deep}, accepted: up to {most_deep}"),
            },
            Self::Syntax(at, what) => {
                let found = match text.get(at..).and_then(|rest| rest.chars().next()) {
                    Some(letter) => format!("is `{}`", letter.escape_debug()),
                    None => "is behind the end".into(),
                };
                Refusal {
                    reason: Reason::NotJson,
                    detail: format!("byte {at} of the record {found}, accepted: {what}"),
                }
            }
        }
    }
}

impl Decoder {
    /// What of the record may stand in the quarantine: all of it up to the limit, personal fields replaced by their
    /// keyed hash. Where a stream has personal fields and the record is no JSON object whose fields can be told apart,
    /// nothing of it.
    #[cold]
    pub(super) fn payload_to_keep(&self, record: RecordRef<'_>, reason: Reason) -> Vec<u8> {
        let bytes = record.payload.unwrap_or_default();
        let limit = self.limits.kept_bytes;
        let personal = || self.plan.fields.iter().filter(|field| field.personal);
        if personal().next().is_none() {
            return bytes[..bytes.len().min(limit)].to_vec();
        }
        let unread = matches!(
            reason,
            Reason::Empty | Reason::TooLarge | Reason::NotUtf8 | Reason::NotJson | Reason::TooDeep
        );
        if unread || self.room.repeated || self.room.slots[0].raw != Raw::Object {
            return Vec::new();
        }
        let mut slots: Vec<Slot> = personal().map(|field| self.room.slots[field.node]).collect();
        slots.retain(|slot| !matches!(slot.raw, Raw::Absent | Raw::Null));
        slots.sort_by_key(|slot| slot.start);
        slots.dedup();
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut kept = Vec::with_capacity(bytes.len() + 32 * slots.len());
        let mut at = 0;
        for slot in slots {
            let (start, end) = (slot.start as usize, slot.end as usize);
            if start < at {
                continue;
            }
            kept.extend_from_slice(&bytes[at..start]);
            let hash = self.secret.pseudonym(&String::from_utf8_lossy(&bytes[start..end]));
            let quote = if bytes.get(start.wrapping_sub(1)) == Some(&b'"') && bytes.get(end) == Some(&b'"') {
                ""
            } else {
                "\""
            };
            kept.extend_from_slice(format!("{quote}{hash}{quote}").as_bytes());
            at = end;
        }
        kept.extend_from_slice(&bytes[at..]);
        kept.truncate(limit);
        kept
    }
}

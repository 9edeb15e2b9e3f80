//! A message of the client, given as a record.

use rdkafka::message::{Headers, Message};

use super::places::Places;
use crate::record::RecordRef;
use crate::source::Change;

/// Gives one record to `each`, unless its partition is halted; tells whether it did. `traces` says whether its headers
/// are read.
pub(super) fn give(
    places: &mut Places,
    message: &impl Message,
    traces: bool,
    changes: &mut Vec<Change>,
    each: &mut dyn FnMut(&str, RecordRef<'_>),
) -> bool {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    let Some(place) = places.of_record(topic, partition) else {
        return false;
    };
    changes.extend(place.step(offset));
    if place.halted {
        return false;
    }
    each(
        topic,
        RecordRef {
            partition,
            offset,
            payload: message.payload(),
            trace: traces.then(|| traceparent(message)).flatten(),
        },
    );
    true
}

/// The header that says where in a trace a record was sent, where its trace is kept: `00-<trace>-<span>-<flags>` with the flag set.
fn traceparent(message: &impl Message) -> Option<&str> {
    let header = message.headers()?.iter().find(|header| header.key == "traceparent")?;
    let text = std::str::from_utf8(header.value?).ok()?;
    let flags = text.get(53..).filter(|_| text.len() == 55)?;
    let is_kept = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    is_kept.then_some(text)
}

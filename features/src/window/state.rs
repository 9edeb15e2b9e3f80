//! What a later revision of a closed window needs, as bytes: the hidden column `_state`.
//!
//! ```text
//! version u8 = 1 | layout fingerprint u64 | last_time i64 | last_identity u64 | degraded u32
//! | per value field: sum i128, squares i128, min f64, max f64, last f64, missing u32
//! | per category value: count u32
//! | number of identities u32 | identities u128
//! ```
//! All little endian, no padding. Distinct events are as many as identities; `duplicates`, the zone, the
//! descriptions and the revision stand in the row's own columns.

use super::layout::Layout;
use super::table::{Moments, WindowTable};
use crate::{Error, Result};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 8 + 8 + 8 + 4;
const VALUE: usize = 16 + 16 + 8 + 8 + 8 + 4;

/// Appends the state of `slot` to `bytes`.
pub(super) fn write(bytes: &mut Vec<u8>, table: &WindowTable, slot: u32, identities: &[u128], layout: &Layout) {
    let place = slot as usize;
    let head = &table.heads[place];
    bytes.reserve(HEADER + VALUE * layout.values() + 4 * layout.counts() + 4 + 16 * identities.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&layout.fingerprint.to_le_bytes());
    bytes.extend_from_slice(&head.last_time.to_le_bytes());
    bytes.extend_from_slice(&head.last_identity.to_le_bytes());
    bytes.extend_from_slice(&head.degraded.to_le_bytes());
    for value in place * layout.values()..(place + 1) * layout.values() {
        let moments = table.moments[value];
        bytes.extend_from_slice(&{ moments.sum }.to_le_bytes());
        bytes.extend_from_slice(&{ moments.squares }.to_le_bytes());
        bytes.extend_from_slice(&moments.min.to_le_bytes());
        bytes.extend_from_slice(&moments.max.to_le_bytes());
        bytes.extend_from_slice(&moments.last.to_le_bytes());
        bytes.extend_from_slice(&table.missing.get(value).to_le_bytes());
    }
    for count in &table.categories[place * layout.counts()..(place + 1) * layout.counts()] {
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    bytes.extend_from_slice(&(identities.len() as u32).to_le_bytes());
    for identity in identities {
        bytes.extend_from_slice(&identity.to_le_bytes());
    }
}

/// Reads a state into the fresh slot of `key`, whose `zone` and `duplicates` stand in the row.
///
/// # Errors
/// Bytes of another version, of another shape of the stream, or of a wrong length; the slot is then not made.
pub(super) fn read(
    bytes: &[u8],
    table: &mut WindowTable,
    key: u32,
    zone: u32,
    duplicates: u32,
    layout: &Layout,
) -> Result<u32> {
    let mut reader = Reader(check(bytes, layout)?);
    let slot = table.slot(key, layout);
    let place = slot as usize;
    let head = &mut table.heads[place];
    head.zone = zone;
    head.last_time = i64::from_le_bytes(reader.take());
    head.last_identity = u64::from_le_bytes(reader.take());
    head.degraded = u32::from_le_bytes(reader.take());
    for value in place * layout.values()..(place + 1) * layout.values() {
        table.moments[value] = Moments {
            sum: i128::from_le_bytes(reader.take()),
            squares: i128::from_le_bytes(reader.take()),
            min: f64::from_le_bytes(reader.take()),
            max: f64::from_le_bytes(reader.take()),
            last: f64::from_le_bytes(reader.take()),
        };
        table.missing.add(value, u32::from_le_bytes(reader.take()));
    }
    for count in &mut table.categories[place * layout.counts()..(place + 1) * layout.counts()] {
        *count = u32::from_le_bytes(reader.take());
    }
    let count = u32::from_le_bytes(reader.take());
    table.heads[place].events = count;
    table.duplicates.add(place, duplicates);
    table.restore_identities(slot, (0..count).map(|_| u128::from_le_bytes(reader.take())));
    Ok(slot)
}

/// Checks everything that could be wrong, and returns what follows version and fingerprint.
fn check<'a>(bytes: &'a [u8], layout: &Layout) -> Result<&'a [u8]> {
    let refuse = |what: &str, accepted: String| Err(Error::invalid(format!("_state: {what}"), bytes.len(), accepted));
    if bytes.first() != Some(&VERSION) {
        return refuse("version", format!("a state of version {VERSION}"));
    }
    if bytes.get(1..9) != Some(&layout.fingerprint.to_le_bytes()) {
        return refuse(
            "fields",
            "a state written under the stream's present fields and window length".into(),
        );
    }
    let fixed = HEADER + VALUE * layout.values() + 4 * layout.counts();
    let count = bytes
        .get(fixed..fixed + 4)
        .and_then(|four| four.try_into().ok())
        .map(u32::from_le_bytes);
    let expected = count.map(|count| fixed + 4 + 16 * count as usize);
    if expected != Some(bytes.len()) {
        return refuse(
            "bytes",
            expected.map_or(format!("more than {fixed}"), |length| length.to_string()),
        );
    }
    Ok(&bytes[9..])
}

/// Takes numbers from the front of bytes whose length was checked.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((first, rest)) = self.0.split_first_chunk::<N>() else {
            return [0; N];
        };
        self.0 = rest;
        *first
    }
}

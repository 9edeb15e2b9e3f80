//! One record as its source gives it.

/// A record that is borrowed from its source's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// The source's partition.
    pub partition: i32,
    /// The source's offset.
    pub offset: i64,
    /// The bytes; none is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// The header `traceparent` of W3C, where the source was asked for it and the record belongs to a trace that is kept.
    pub trace: Option<&'a str>,
}

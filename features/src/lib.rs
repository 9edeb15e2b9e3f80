//! From events to feature rows.
//!
//! | room | what stands there |
//! |---|---|
//! | [`source`] | where records come from: Kafka, a replay, a list in memory |
//! | [`decode`] | JSON records straight into columns, by the stream's definition |
//! | [`event`] | the columns that decoding fills |
//! | [`intern`] | keys and zones as small numbers |
//! | [`quarantine`] | records that could not be taken, and why |
//! | [`window`] | exact accumulators by key and window, watermark, repeats, revisions |
//! | [`pipeline`] | all of it driven by one thread, into the lake, exactly once |
//! | [`sets`] | feature sets: named, versioned, hashed Polars expressions |
//! | [`indices`] | congestion, jam factor and mobility per zone |
//! | [`calendar`] | the local clock |
//! | [`window`] | exact accumulators by key and window, watermark, repeats, revisions |
//! | [`pipeline`] | all of it driven by one thread, into the lake, exactly once |
//!
//! A record travels source -> decode -> window -> feature. This crate knows nothing of models or wire types.

pub mod calendar;
pub mod decode;
pub mod error;
pub mod event;
pub mod indices;
pub mod intern;
pub mod pipeline;
pub mod quarantine;
pub mod record;
pub mod sets;
pub mod source;
pub mod window;

pub use error::{Error, Result};

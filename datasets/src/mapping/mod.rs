//! History from files: how the columns of a CSV, Parquet or JSON lines file become the events of a stream.
//!
//! A [`Mapping`] is a TOML file: which layout, which columns, in which units, on whose clock. Mappings of well-known public
//! data sets are compiled in; the data are not. A [`Replay`] reads the files and gives records in order of time, which then
//! go the same way as events from Kafka.
//!
//! | file | what stands there |
//! |---|---|
//! | `definition` | the mapping file and its checks |
//! | `shipped` | the mappings that are compiled in |
//! | `table` | CSV, Parquet and JSON lines as columns |
//! | `clock` | times without offset, and hours in a column of their own |
//! | `record` | one event as JSON |
//! | `long`, `wide`, `lines`, `replay` | from table to records in order of time |
//! | `digest` | what makes one history another than that one |
//! | `speed` | how fast history passes |

mod clock;
mod definition;
mod digest;
mod lines;
mod long;
mod record;
mod replay;
mod shipped;
mod speed;
mod table;
mod wide;

pub use definition::{Ambiguous, Derived, Hold, KeyRule, Layout, Lookup, MappedField, Mapping, Sign, TimeRule, Times};
pub use replay::{Replay, ReplayRecord};
pub use speed::{Pace, Speed};

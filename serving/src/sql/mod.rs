//! Queries over every table: SQL in, record batches out, within limits, and nothing but queries.
//!
//! | file | what stands there |
//! |---|---|
//! | `statement`, `tables` | text to statement: queries only, `?` for `$1`, time travel |
//! | `names` | which table a name means; `views`, `shadow`, `catalog`: those that are not datasets |
//! | `table`, `pushdown` | a dataset as DataFusion reads it: columns, keys, times and days are chosen by the lake |
//! | `functions`, `operators` | the functions that are allowed, those of this field, and what operators call |
//! | `engine`, `answer` | planning; running on threads of its own, within memory, disk, rows and time |
//! | `simple` | queries of the simplest shape, which are optimised in less time |
//! | `parameters` | the types of placeholders, and values for them |
//! | `patterns` | regular expressions, which are the same for all rows |
//! | `share` | the memory and the disk that are a query's own |
//! | `guard` | the memory that DataFusion does not count |
//! | `plans` | plans between being told to a client and being run |
//! | `problem`, `suggest` | errors with their place in the text, and what may have been meant |
//! | `limits` | what can be configured |

mod answer;
mod catalog;
mod engine;
mod functions;
mod guard;
mod limits;
mod names;
mod operators;
mod parameters;
mod patterns;
mod plain;
mod plans;
mod problem;
mod pushdown;
mod shadow;
mod share;
mod simple;
mod statement;
mod suggest;
mod table;
mod tables;
mod views;

pub use answer::Answer;
pub use engine::{Planned, Sql};
pub use limits::SqlConfig;
pub(crate) use names::{CATALOG, SCHEMA};
pub(crate) use plans::Plans;
pub(crate) use statement::LONGEST_QUERY;
pub(crate) use suggest::nearest;
pub(crate) use tables::{MOST_COLUMNS, MOST_TABLES, MOST_TEXT};
pub(crate) use views::{ALL as VIEWS, time as view_time};

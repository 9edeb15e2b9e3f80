//! Rows on their way to a client: every long buffer of a column is sent as it lies in memory.
//!
//! The usual way copies it twice, into the body of a message of Arrow and into a message of gRPC. Here a stream of batches becomes a body of
//! HTTP at once ([`Rows`]), whose pieces are those buffers and, between them, what Arrow, Flight and gRPC say of them.

mod encoder;
mod framed;
mod parts;
mod pieces;
mod rows;
#[cfg(test)]
mod tests;

pub(super) use rows::Rows;

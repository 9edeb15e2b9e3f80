//! What a ticket or a prepared statement says: the query, its parameters and its clock.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use prost::Message;

use crate::seal::{Purpose, Seal};
use crate::{Error, Result};

/// The most bytes of a row of parameters: they travel in the handle, there and back.
pub(in crate::flight) const MOST_PARAMETERS: usize = 1 << 20;

/// Parameters of so many `bytes` are too many.
pub(in crate::flight) fn large_parameters(bytes: usize) -> Error {
    let accepted = format!("at most {MOST_PARAMETERS} bytes");
    Error::invalid("parameters", format!("{bytes} bytes long"), accepted)
}

/// A query that was asked.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Question {
    /// Its text.
    #[prost(string, tag = "1")]
    pub sql: String,
    /// One row of parameters as an IPC stream; empty where there are none.
    #[prost(bytes = "vec", tag = "2")]
    pub parameters: Vec<u8>,
    /// The zone of the session; empty means the site's.
    #[prost(string, tag = "3")]
    pub zone: String,
    /// By what it is cancelled.
    #[prost(uint64, tag = "4")]
    pub number: u64,
}

impl Question {
    /// The handle that says all of it.
    pub fn close(&self, seal: &Seal, purpose: Purpose) -> Vec<u8> {
        seal.close(purpose, &self.encode_to_vec())
    }

    /// Opens a handle.
    ///
    /// # Errors
    /// [`Error::Foreign`] where it is not ours.
    pub fn open(seal: &Seal, purpose: Purpose, handle: &[u8]) -> Result<Self> {
        let content = seal.open(purpose, handle)?;
        Self::decode(content).map_err(|error| Error::Background(error.to_string()))
    }

    /// The same as it was prepared, without parameters and number.
    pub fn unbound(&self) -> Self {
        Self {
            parameters: Vec::new(),
            number: 0,
            ..self.clone()
        }
    }

    /// Sets one row of parameters; no batch takes them away.
    ///
    /// # Errors
    /// Another number of rows than one, a row that is too large.
    pub fn set_parameters(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let Some(first) = batches.first() else {
            self.parameters.clear();
            return Ok(());
        };
        let row = concat_batches(&first.schema(), batches)?;
        if row.num_rows() != 1 {
            let found = format!("{} rows", row.num_rows());
            return Err(Error::invalid("parameters", found, "one row of values"));
        }
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &row.schema())?;
        writer.write(&row)?;
        writer.finish()?;
        drop(writer);
        // What came compressed is larger now.
        if bytes.len() > MOST_PARAMETERS {
            return Err(large_parameters(bytes.len()));
        }
        self.parameters = bytes;
        Ok(())
    }

    /// The row of parameters, where there is one.
    ///
    /// # Errors
    /// None in practice: it was written here.
    pub fn parameters(&self) -> Result<Option<RecordBatch>> {
        if self.parameters.is_empty() {
            return Ok(None);
        }
        let mut reader = StreamReader::try_new(self.parameters.as_slice(), None)?;
        Ok(reader.next().transpose()?)
    }
}

//! Batches of clients are decoded only where their buffers are not compressed.
//!
//! A compressed buffer says itself how long it becomes, and the decoder makes room for that before it looks further: a message of
//! a hundred bytes could ask for all memory there is. Large messages are limited by gRPC, which may compress them, too.

use arrow::ipc::root_as_message;
use arrow_flight::FlightData;
use arrow_flight::error::FlightError;

/// Checks one message before it is decoded.
///
/// # Errors
/// A batch with compressed buffers.
pub fn check_plain(part: &FlightData) -> Result<(), FlightError> {
    // What is no message at all is refused by the decoder.
    let Ok(message) = root_as_message(&part.data_header) else {
        return Ok(());
    };
    let batch = message.header_as_record_batch();
    let values = message
        .header_as_dictionary_batch()
        .and_then(|dictionary| dictionary.data());
    if batch.or(values).is_some_and(|batch| batch.compression().is_some()) {
        let refusal = "the buffers are compressed; send them as they are";
        return Err(FlightError::DecodeError(refusal.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::IpcWriteOptions;
    use arrow_flight::encode::FlightDataEncoderBuilder;
    use futures::{TryStreamExt, stream};

    use super::*;

    async fn checked(compression: Option<CompressionType>) -> Result<(), FlightError> {
        let numbers = Arc::new(Int64Array::from(vec![7; 1000]));
        let batch = RecordBatch::try_from_iter([("numbers", numbers as _)]).unwrap();
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let parts: Vec<FlightData> = FlightDataEncoderBuilder::new()
            .with_options(options)
            .build(stream::iter([Ok(batch)]))
            .try_collect()
            .await
            .unwrap();
        assert!(parts.len() > 1);
        parts.iter().try_for_each(check_plain)
    }

    #[tokio::test]
    async fn a_batch_with_compressed_buffers_is_refused_before_it_is_decoded() {
        assert!(checked(None).await.is_ok());
        let refused = checked(Some(CompressionType::ZSTD)).await.unwrap_err().to_string();
        assert!(refused.contains("compressed"), "{refused}");
        let nonsense = FlightData {
            data_header: vec![255; 40].into(),
            ..FlightData::default()
        };
        assert!(check_plain(&nonsense).is_ok());
    }
}

//! What a client receives, read by the decoder of `arrow-flight` and held against its encoder.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, FixedSizeListArray, Int64Array, LargeStringArray, ListArray,
    NullArray, RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use futures::{StreamExt, TryStreamExt, stream};
use http_body::{Body, Frame};
use prost::Message;
use prost::bytes::{Buf, Bytes};
use tonic::Status;
use tonic::codegen::http::HeaderMap;

use super::Rows;
use crate::{Error, Result};

/// The rows of [`every_kind`]: more than fit into two bytes of a bitmap.
const ROWS: i64 = 20;
const MOST: usize = 16 << 20;

fn text(row: i64) -> Option<String> {
    (row % 4 != 0).then(|| format!("row {row}{}", "!".repeat((row % 7) as usize)))
}

fn texts(rows: i64) -> ArrayRef {
    Arc::new((0..rows).map(text).collect::<StringArray>())
}

fn lists() -> [ArrayRef; 3] {
    let numbers = |row: i64| (0..(row % 4) as i32).map(Some).collect::<Vec<_>>();
    let some = (0..ROWS).map(|row| (row % 5 != 1).then(|| numbers(row)));
    let pairs = (0..ROWS).map(|row| (row % 5 != 2).then_some([Some(row as i32), None]));
    let lengths = (0..ROWS).map(|row| (row % 3) as usize);
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let of_texts = ListArray::new(item, OffsetBuffer::from_lengths(lengths), texts(19), None);
    [
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(some)),
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(pairs, 2)),
        Arc::new(of_texts),
    ]
}

fn structure(numbers: &Int64Array) -> StructArray {
    let fields = Fields::from(vec![
        Field::new("number", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ]);
    let nulls = NullBuffer::from((0..ROWS).map(|row| row % 6 != 0).collect::<Vec<bool>>());
    StructArray::new(fields, vec![Arc::new(numbers.clone()), texts(ROWS)], Some(nulls))
}

/// A column of every kind, with and without nulls.
fn every_kind() -> RecordBatch {
    let numbers: Int64Array = (0..ROWS).map(|row| (row % 3 != 0).then_some(row)).collect();
    let flags: BooleanArray = (0..ROWS).map(|row| (row % 5 != 0).then_some(row % 2 == 0)).collect();
    let times = TimestampMicrosecondArray::from_iter_values(0..ROWS).with_timezone("UTC");
    let side = |row: i64| (row % 4 != 0).then_some(if row % 3 == 0 { "north" } else { "south" });
    let [some, pairs, of_texts] = lists();
    let columns: [(&str, ArrayRef); 14] = [
        ("structure", Arc::new(structure(&numbers))),
        ("numbers", Arc::new(numbers)),
        ("whole", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("flags", Arc::new(flags)),
        ("times", Arc::new(times)),
        ("texts", texts(ROWS)),
        ("large", Arc::new((0..ROWS).map(text).collect::<LargeStringArray>())),
        ("bytes", Arc::new((0..ROWS).map(text).collect::<BinaryArray>())),
        ("views", Arc::new((0..ROWS).map(text).collect::<StringViewArray>())),
        (
            "dictionary",
            Arc::new((0..ROWS).map(side).collect::<DictionaryArray<Int32Type>>()),
        ),
        ("nothing", Arc::new(NullArray::new(ROWS as usize))),
        ("lists", some),
        ("pairs", pairs),
        ("of_texts", of_texts),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn numbers(rows: i64) -> RecordBatch {
    let numbers = Arc::new(Int64Array::from_iter_values(0..rows));
    RecordBatch::try_from_iter([("numbers", numbers as ArrayRef)]).unwrap()
}

fn sides(texts: &[&str]) -> RecordBatch {
    let texts: DictionaryArray<Int32Type> = texts.iter().copied().collect();
    RecordBatch::try_from_iter([("side", Arc::new(texts) as ArrayRef)]).unwrap()
}

fn rows(schema: SchemaRef, batches: Vec<Result<RecordBatch>>) -> Rows {
    Rows::new(schema, stream::iter(batches).boxed(), MOST).unwrap()
}

async fn next(rows: &mut Rows) -> Option<Result<Frame<Bytes>, Status>> {
    poll_fn(|context| Pin::new(&mut *rows).poll_frame(context)).await
}

/// All pieces, and the trailers behind them.
async fn sent(mut rows: Rows) -> (Vec<Bytes>, HeaderMap) {
    let mut pieces = Vec::new();
    loop {
        match next(&mut rows).await.unwrap().unwrap().into_data() {
            Ok(piece) => pieces.push(piece),
            Err(last) => {
                assert!(rows.is_end_stream() && next(&mut rows).await.is_none());
                return (pieces, last.into_trailers().unwrap());
            }
        }
    }
}

fn messages(pieces: &[Bytes]) -> Vec<FlightData> {
    let joined: Vec<u8> = pieces.concat();
    let mut bytes = Bytes::from(joined);
    let mut messages = Vec::new();
    while bytes.has_remaining() {
        assert_eq!(bytes.get_u8(), 0, "it is not compressed");
        let length = bytes.get_u32() as usize;
        messages.push(FlightData::decode(bytes.split_to(length)).unwrap());
    }
    messages
}

async fn read(messages: Vec<FlightData>) -> Vec<RecordBatch> {
    let messages = stream::iter(messages.into_iter().map(Ok));
    let batches = FlightRecordBatchStream::new_from_flight_data(messages);
    batches.try_collect().await.unwrap()
}

/// The messages of these batches, whose answer ends well.
async fn received(batches: &[RecordBatch]) -> Vec<FlightData> {
    let given = batches.iter().cloned().map(Ok).collect();
    let (pieces, trailers) = sent(rows(batches[0].schema(), given)).await;
    assert_eq!(trailers["grpc-status"], "0");
    messages(&pieces)
}

/// The messages of the encoder of `arrow-flight`.
async fn usual(batch: &RecordBatch) -> Vec<FlightData> {
    let encoder = FlightDataEncoderBuilder::new()
        .with_schema(batch.schema())
        .with_dictionary_handling(DictionaryHandling::Resend)
        .build(stream::iter([Ok(batch.clone())]));
    encoder.try_collect().await.unwrap()
}

#[tokio::test]
async fn every_slice_of_every_kind_of_column_comes_back_as_it_was() {
    let batch = every_kind();
    for start in 0..batch.num_rows() {
        for length in 1..=batch.num_rows() - start {
            let slice = batch.slice(start, length);
            let found = read(received(std::slice::from_ref(&slice)).await).await;
            assert_eq!(found, [slice], "{length} rows from {start}");
        }
    }
}

#[tokio::test]
async fn the_messages_are_those_of_the_usual_encoder() {
    for slice in [every_kind(), every_kind().slice(3, 11)] {
        let (found, usual) = (received(std::slice::from_ref(&slice)).await, usual(&slice).await);
        assert_eq!(found.len(), usual.len());
        for (found, usual) in found.iter().zip(&usual) {
            assert_eq!(found.data_body, usual.data_body);
        }
        // Ours are padded.
        for (found, usual) in found.iter().zip(&usual).skip(1) {
            assert!(found.data_header.starts_with(&usual.data_header));
        }
    }
}

#[tokio::test]
async fn a_dictionary_is_sent_again_where_it_is_another_one() {
    let batches = [
        sides(&["north", "south"]),
        sides(&["north", "south"]),
        sides(&["east", "north"]),
    ];
    let messages = received(&batches).await;
    // The schema, two dictionaries, three batches.
    assert_eq!(messages.len(), 6);
    assert_eq!(read(messages).await, batches);
}

#[tokio::test]
async fn long_columns_are_not_copied() {
    let column = Int64Array::from_iter_values(0..10_000);
    let place = column.values().inner().as_ptr();
    let batch = RecordBatch::try_from_iter([("numbers", Arc::new(column) as ArrayRef)]).unwrap();
    let (pieces, _) = sent(rows(batch.schema(), vec![Ok(batch)])).await;
    assert!(pieces.iter().any(|piece| piece.as_ptr() == place));
}

#[tokio::test]
async fn a_long_batch_comes_in_messages_that_every_client_takes() {
    let batch = numbers(1_000_000);
    let messages = received(std::slice::from_ref(&batch)).await;
    assert_eq!(messages.len(), 5);
    assert!(messages.iter().all(|message| message.encoded_len() < 4 << 20));
    assert_eq!(concat_batches(&batch.schema(), &read(messages).await).unwrap(), batch);
}

#[tokio::test]
async fn an_answer_without_rows_is_its_schema() {
    let batch = every_kind();
    let empty = RecordBatch::new_empty(batch.schema());
    for batches in [vec![], vec![Ok(empty)]] {
        let (pieces, trailers) = sent(rows(batch.schema(), batches)).await;
        assert_eq!(messages(&pieces).len(), 1);
        assert_eq!(trailers["grpc-status"], "0");
    }
}

#[tokio::test]
async fn an_error_comes_after_the_rows_before_it_with_its_details() {
    let failed = Err(Error::invalid("speed", "-1", "0 and more"));
    let (pieces, trailers) = sent(rows(numbers(3).schema(), vec![Ok(numbers(3)), failed])).await;
    assert_eq!(messages(&pieces).len(), 2);
    assert_eq!(trailers["grpc-status"], "3");
    assert!(trailers.contains_key("grpc-message") && trailers.contains_key("grpc-status-details-bin"));
}

#[tokio::test]
async fn rows_that_are_not_those_of_the_schema_end_the_answer() {
    let (pieces, trailers) = sent(rows(numbers(3).schema(), vec![Ok(sides(&["north"]))])).await;
    assert_eq!(messages(&pieces).len(), 1);
    assert_eq!(trailers["grpc-status"], "13");
}

#[tokio::test]
async fn a_message_above_the_limit_ends_the_answer() {
    let batches = stream::iter([Ok(numbers(1000))]).boxed();
    let rows = Rows::new(numbers(1).schema(), batches, 1024).unwrap();
    let (pieces, trailers) = sent(rows).await;
    assert_eq!(messages(&pieces).len(), 1);
    assert_eq!(trailers["grpc-status"], "11");
}

#[tokio::test]
async fn a_batch_is_taken_only_when_it_is_asked_for() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let endless = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(numbers(3))
    });
    let mut rows = Rows::new(numbers(3).schema(), endless.boxed(), MOST).unwrap();
    // The schema comes first, and needs none.
    for expected in 0..4 {
        next(&mut rows).await.unwrap().unwrap();
        assert_eq!(taken.load(Ordering::Relaxed), expected);
    }
}

//! Forecasts from windows that a client sends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::support::{FakeModel, STEP, Says, Service, eventually, ready, version, window};
use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::{FlightClient, FlightDescriptor};
use arterial_datasets::panel::{Channel, ChannelRole};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::oneshot;
use tonic::Code;

/// Windows as a client sends them: key, window, value.
fn sent(rows: &[(&str, i64, f64)]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>());
    let starts: Vec<i64> = rows.iter().map(|row| window(row.1).0).collect();
    let starts: ArrayRef = Arc::new(TimestampMicrosecondArray::from(starts).with_timezone("UTC"));
    let values: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Float64Array>());
    RecordBatch::try_from_iter([("key", keys), ("window_start", starts), ("value", values)]).unwrap()
}

fn path() -> FlightDescriptor {
    FlightDescriptor::new_path(vec!["traffic-sensors".into(), "speed_kmh".into()])
}

/// Sends batches, those of `more` marked so; gives what comes back.
async fn exchange(
    service: &Service,
    descriptor: FlightDescriptor,
    batches: Vec<RecordBatch>,
    more: usize,
) -> Result<Vec<RecordBatch>, tonic::Status> {
    let encoded = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor))
        .build(stream::iter(batches.into_iter().map(Ok)));
    let mut left = more;
    let marked = encoded.map_ok(move |mut part| {
        // The first message is the schema.
        if part.flight_descriptor.is_none() && left > 0 {
            left -= 1;
            part.app_metadata = b"more".to_vec().into();
        }
        part
    });
    let mut client = FlightClient::new(service.channel().await);
    let answers = client.do_exchange(marked).await.map_err(status)?;
    answers.try_collect().await.map_err(status)
}

fn status(error: FlightError) -> tonic::Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => panic!("{other}"),
    }
}

/// An exchange that goes on.
struct Held {
    _client: FlightClient,
    _answers: FlightRecordBatchStream,
    /// Ends it where it is dropped.
    _hold: oneshot::Sender<()>,
}

/// Begins an exchange that sends one batch and then nothing for as long as it is held.
async fn hold(service: &Service) -> Result<Held, tonic::Status> {
    let (hold, held) = oneshot::channel::<()>();
    let end = stream::once(held).filter_map(|_| std::future::ready(None));
    let batches = stream::iter([Ok(sent(&[("a", 100, 60.0)]))]).chain(end);
    let encoded = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(path()))
        .build(batches);
    let mut client = FlightClient::new(service.channel().await);
    let answers = client.do_exchange(encoded).await.map_err(status)?;
    Ok(Held {
        _client: client,
        _answers: answers,
        _hold: hold,
    })
}

/// The median 5 minutes ahead, by key, or the status of the key.
fn told(batch: &RecordBatch) -> BTreeMap<String, String> {
    let minutes = batch["horizon_minutes"].as_primitive::<Int32Type>();
    let medians = batch["p50"].as_primitive::<Float64Type>();
    let (keys, status) = (batch["key"].as_string::<i32>(), batch["status"].as_string::<i32>());
    (0..batch.num_rows())
        .filter(|&row| status.value(row) != "OK" || minutes.value(row) == 5)
        .map(|row| {
            let said = match status.value(row) {
                "OK" => medians.value(row).to_string(),
                code => code.to_owned(),
            };
            (keys.value(row).to_owned(), said)
        })
        .collect()
}

fn expected<const N: usize>(rows: [(&str, &str); N]) -> BTreeMap<String, String> {
    rows.map(|(key, said)| (key.to_owned(), said.to_owned())).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_come_back_after_each_batch_and_nothing_is_kept() {
    let service = ready(24).await;
    let first = sent(&[("a", 100, 60.0), ("b", 100, 70.0), ("nobody", 100, 1.0)]);
    let second = sent(&[("a", 101, 65.0)]);
    let answers = exchange(&service, path(), vec![first, second], 0).await.unwrap();
    assert_eq!(answers.len(), 2);
    // The model adds 1, and 1 for each step ahead.
    assert_eq!(
        told(&answers[0]),
        expected([("a", "62"), ("b", "72"), ("nobody", "OUT_OF_DOMAIN")])
    );
    assert_eq!(told(&answers[1])["a"], "67");
    assert_eq!(answers[0].num_rows(), 2 * 12 + 1);
    let origins = answers[1]["origin"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(origins.value(0), window(101).0);
    assert_eq!(answers[0]["model"].as_string::<i32>().value(0), "constant");
    assert!(!service.state.live.stream("traffic-sensors").unwrap().knows("nobody"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_says_more_waits_for_the_next() {
    let service = ready(24).await;
    let batches = vec![sent(&[("a", 100, 60.0)]), sent(&[("b", 100, 70.0)])];
    let answers = exchange(&service, path(), batches, 1).await.unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(told(&answers[0]), expected([("a", "62"), ("b", "72")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_chooses_model_and_horizons() {
    let service = ready(24).await;
    service.models.add(FakeModel::new(2, &["a"], 6, Says::LastPlus(100.0)));
    let command = r#"{"topic":"traffic-sensors","target":"speed_kmh","model":"constant@2","horizons_minutes":[5,30]}"#;
    let batches = vec![sent(&[("a", 100, 60.0)])];
    let answers = exchange(&service, FlightDescriptor::new_cmd(command), batches.clone(), 0)
        .await
        .unwrap();
    assert_eq!(answers[0].num_rows(), 2);
    assert_eq!(told(&answers[0]), expected([("a", "161")]));
    for (wrong, said) in [
        (command.replace("30", "35"), "up to 30m"),
        (command.replace("constant@2", "constant@9"), "constant"),
        (command.replace("speed_kmh", "height"), "vehicle_flow"),
        (command.replace("traffic-sensors", "trains"), "parking"),
    ] {
        let status = exchange(&service, FlightDescriptor::new_cmd(wrong.clone()), batches.clone(), 0)
            .await
            .unwrap_err();
        assert!(status.message().contains(said), "{wrong}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_covariate_of_the_model_is_asked_for_and_used() {
    let service = ready(24).await;
    let mut model = FakeModel::new(2, &["a"], 12, Says::Covariate);
    model.scope.covariates = vec![Channel {
        name: "weather.precipitation_mm".into(),
        role: ChannelRole::Observed,
    }];
    service.models.add(model);
    let command = r#"{"topic":"traffic-sensors","target":"speed_kmh","model":"constant@2"}"#;
    let descriptor = || FlightDescriptor::new_cmd(command);
    let plain = sent(&[("a", 99, 50.0), ("a", 100, 60.0)]);
    let status = exchange(&service, descriptor(), vec![plain.clone()], 0)
        .await
        .unwrap_err();
    assert!(
        status.message().contains("`weather.precipitation_mm` is missing"),
        "{status}"
    );
    let rain: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.5), None]));
    let schema = plain.schema();
    let columns = schema.fields().iter().zip(plain.columns());
    let columns = columns.map(|(field, column)| (field.name().clone(), Arc::clone(column)));
    let columns = columns.chain([("weather.precipitation_mm".to_owned(), rain)]);
    let with = RecordBatch::try_from_iter(columns).unwrap();
    let answers = exchange(&service, descriptor(), vec![with], 0).await.unwrap();
    // The rain of a window is known once the window has ended.
    assert_eq!(told(&answers[0]), expected([("a", "2.5")]));
    assert_eq!(
        answers[0]["model_version"].as_string::<i32>().value(0),
        version(2).version.to_string()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_that_do_not_read_or_do_not_fit_are_refused() {
    let service = ready(3).await;
    let off = RecordBatch::try_from_iter([
        ("key", Arc::new(StringArray::from(vec!["a"])) as ArrayRef),
        (
            "window_start",
            Arc::new(TimestampMicrosecondArray::from(vec![STEP.0 + 1])),
        ),
        ("value", Arc::new(Float64Array::from(vec![1.0]))),
    ])
    .unwrap();
    let keys: Vec<String> = (0..10_000).map(|key| format!("k{key}")).collect();
    let many: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), 100, 1.0))
        .chain([("a", 9_000, 1.0)])
        .collect();
    for (batch, said) in [
        (sent(&[("a", 1, 1.0)]).project(&[0, 1]).unwrap(), "`value` is missing"),
        (off, "the start of a window of 5m"),
        (sent(&many), "at most 20000000 values"),
    ] {
        let status = exchange(&service, path(), vec![batch], 0).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(said), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_place_is_refused_until_another_exchange_ends() {
    let service = ready(24).await;
    let mut places = Vec::new();
    for _ in 0..4 {
        places.push(hold(&service).await.unwrap());
    }
    let refused = hold(&service).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("4 exchanges"), "{refused}");
    places.pop();
    eventually("a place is free", async || hold(&service).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_computed_stops_when_the_client_leaves() {
    let service = ready(24).await;
    let model = FakeModel::new(2, &["a"], 12, Says::NothingForLong);
    let (begun, given_up) = (Arc::clone(&model.begun), Arc::clone(&model.given_up));
    service.models.add(model);
    let command = r#"{"topic":"traffic-sensors","target":"speed_kmh","model":"constant@2"}"#;
    let batches = vec![sent(&[("a", 100, 60.0)])];
    tokio::select! {
        answers = exchange(&service, FlightDescriptor::new_cmd(command), batches.clone(), 0) => panic!("{answers:?}"),
        () = eventually("it is computed", async || begun.load(Ordering::SeqCst) == 1) => {}
    }
    eventually("it is given up", async || given_up.load(Ordering::SeqCst) == 1).await;
    // Nobody waits for the turn of those who left.
    let answers = exchange(&service, path(), batches, 0).await.unwrap();
    assert_eq!(told(&answers[0]), expected([("a", "62")]));
}

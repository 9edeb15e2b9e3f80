//! How long a service takes from its start to its first answer, and until it is in full charge, with much history in the lake.
//!
//! ```text
//! cargo run --release -p arterial-serving --example start -- FOLDER 10000 28
//! ```
//!
//! Where the folder is empty a lake is made there: so many traffic sensors, so many days of five-minute windows up to now, sorted by key
//! and time within each day as maintenance leaves them. Then a service begins over it, three times. Its champion repeats the last
//! value of each sensor: what is measured is the reading of the history, and not a model.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use arterial_datasets::lake::{Lake, LakeOptions, TableSpec, TopicPartition};
use arterial_datasets::panel::Panel;
use arterial_datasets::schema;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::{Clock, DAY, Duration, SystemClock, Timestamp};
use arterial_models::Quantile;
use arterial_models::registry::{ModelVersion, Reference, Target};
use arterial_models::scope::Scope;
use arterial_serving::alerts::AlertsConfig;
use arterial_serving::answer::{Question, answer};
use arterial_serving::model::{ModelSource, Role, ServedModel, Standing};
use arterial_serving::{AppState, Parts, ServingConfig};
use futures::FutureExt;
use futures::future::BoxFuture;
use ndarray::Array3;

const TOPIC: &str = "traffic-sensors";
const FIELD: &str = "speed_kmh";
/// Sensors in one file.
const FILE: usize = 1000;
const STARTS: usize = 3;

fn key(sensor: usize) -> String {
    format!("TS-{sensor:05}")
}

/// A number between 0 and 1 that looks like chance, the same for the same place.
fn chance(sensor: usize, window: i64) -> f64 {
    let mut mixed =
        (sensor as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (window as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// The windows of one day of some sensors, by sensor and time.
fn windows(stream: &StreamDefinition, sensors: Range<usize>, day: i64) -> RecordBatch {
    let count = DAY / stream.window.0;
    let places = || {
        sensors
            .clone()
            .flat_map(move |sensor| (0..count).map(move |window| (sensor, window)))
    };
    let start = |window: i64| day * DAY + window * stream.window.0;
    let rows = sensors.len() * count as usize;
    let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        let all: Vec<String> = places().map(|(sensor, _)| of(sensor)).collect();
        Arc::new(StringArray::from(all))
    };
    let numbers = |of: &dyn Fn(usize, i64) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            places().map(|(sensor, window)| of(sensor, window)),
        ))
    };
    let schema = schema::windows(stream);
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        match name {
            "key" => texts(&key),
            "zone_id" => texts(&|sensor| format!("Z{:02}", sensor / 500)),
            "road_id_last" => texts(&|sensor| format!("R{:04}", sensor / 10)),
            "lat_last" => numbers(&|sensor, _| 56.0 + (sensor / 100) as f64 * 0.01),
            "lon_last" => numbers(&|sensor, _| 10.0 + (sensor % 100) as f64 * 0.01),
            "window_start" | "committed_at" => {
                let starts = places().map(|(_, window)| start(window));
                Arc::new(TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC"))
            }
            "revision" => Arc::new(Int32Array::from(vec![0; rows])),
            "day" => Arc::new(Date32Array::from(vec![day as i32; rows])),
            "quality" => Arc::new(Float64Array::from(vec![1.0; rows])),
            "speed_kmh_mean" => numbers(&|sensor, window| {
                let rush = (window as f64 / count as f64 * std::f64::consts::TAU * 2.0).sin();
                (500.0 + 100.0 * rush + 100.0 * chance(sensor, start(window))).round() / 10.0
            }),
            _ => match kind {
                DataType::Int64 => Arc::new(Int64Array::from(vec![60; rows])),
                DataType::Boolean => Arc::new(BooleanArray::from(vec![true; rows])),
                other => new_null_array(other, rows),
            },
        }
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("the columns fit the schema")
}

/// Writes the days before today's midnight.
async fn fill(lake: &Lake, stream: &StreamDefinition, sensors: usize, days: i64) -> Result<(), Box<dyn Error>> {
    let spec = TableSpec::new(stream.windows_table(), schema::windows(stream));
    let mut table = lake.table(&spec).await?;
    let partition = TopicPartition::new(TOPIC, 0);
    table.acquire(std::slice::from_ref(&partition)).await?;
    let today = SystemClock.now().day();
    let mut progress = table.progress().clone();
    for day in today - days..today {
        for first in (0..sensors).step_by(FILE) {
            let batch = windows(stream, first..sensors.min(first + FILE), day);
            let entry = progress.partitions.entry(partition.clone()).or_default();
            entry.next = entry.next.max(0) + batch.num_rows() as i64;
            entry.resume_from = entry.next;
            entry.watermark = Some(Timestamp((day + 1) * DAY));
            table.commit(&[batch], &progress).await?;
        }
    }
    Ok(())
}

/// Repeats the last value of each sensor.
struct Last {
    id: ModelVersion,
    scope: Scope,
}

impl ServedModel for Last {
    fn id(&self) -> &ModelVersion {
        &self.id
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn horizon(&self) -> usize {
        12
    }

    fn history(&self) -> usize {
        1
    }

    fn forecast(&self, panel: &Panel, quantiles: &[Quantile]) -> arterial_serving::Result<Array3<f64>> {
        let last = panel.steps() - 1;
        let shape = (panel.series().len(), self.horizon(), quantiles.len());
        Ok(Array3::from_shape_fn(shape, |(series, _, quantile)| {
            panel.target()[[last, series]] + f64::from(quantiles[quantile])
        }))
    }
}

/// One champion.
struct Source(Arc<Last>);

impl ModelSource for Source {
    fn standings(&self) -> BoxFuture<'_, arterial_serving::Result<Vec<Standing>>> {
        let standing = Standing {
            target: target(),
            role: Role::Champion,
            model: self.0.id.clone(),
            revision: 1,
            former: None,
            share: None,
        };
        async move { Ok(vec![standing]) }.boxed()
    }

    fn load<'a>(&'a self, _: &'a ModelVersion) -> BoxFuture<'a, arterial_serving::Result<Arc<dyn ServedModel>>> {
        async { Ok(Arc::clone(&self.0) as Arc<dyn ServedModel>) }.boxed()
    }

    fn resolve<'a>(&'a self, _: &'a Reference, _: &'a Target) -> BoxFuture<'a, arterial_serving::Result<ModelVersion>> {
        async { Ok(self.0.id.clone()) }.boxed()
    }
}

fn target() -> Target {
    Target {
        topic: TOPIC.into(),
        field: FIELD.into(),
    }
}

/// Begins a service and asks it until the champion answers.
async fn start(lake: &Lake, catalog: &Arc<StreamCatalog>, model: &Arc<Last>) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let state = AppState::new(Parts {
        config: ServingConfig {
            stale_after: Duration(365 * DAY),
            ..ServingConfig::default()
        },
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        catalog: Arc::clone(catalog),
        lake: Some(lake.clone()),
        registry: None,
        models: Some(Arc::new(Source(Arc::clone(model)))),
        sinks: Vec::new(),
        alerts: AlertsConfig::default(),
        alert_sinks: Vec::new(),
        synthetic: true,
    })?;
    let starting = tokio::spawn({
        let state = Arc::clone(&state);
        async move { state.start().await }
    });
    let question = Question {
        topic: TOPIC.into(),
        target: FIELD.into(),
        keys: (0..10).map(key).collect(),
        ..Question::default()
    };
    let mut seen = Vec::new();
    while !starting.is_finished() || seen.last().is_none_or(|step| *step != "model") {
        if let Ok(answered) = answer(&state, &question).await
            && let Some(forecast) = answered.forecasts.first()
            && seen.last().is_none_or(|step| *step != forecast.rung.name())
        {
            seen.push(forecast.rung.name());
            println!(
                "{:>8}: first answer after {:.2} s",
                forecast.rung.name(),
                began.elapsed().as_secs_f64()
            );
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    starting.await??;
    state.stop().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, sensors, days] = arguments.as_slice() else {
        return Err("three arguments are accepted: FOLDER SENSORS DAYS, such as /tmp/month 10000 28".into());
    };
    let (sensors, days): (usize, i64) = (sensors.parse()?, days.parse()?);
    let options = LakeOptions {
        fsync: false,
        ..LakeOptions::default()
    };
    let lake = Lake::open(folder, options).await?;
    let catalog = Arc::new(StreamCatalog::built_in()?);
    let stream = Arc::clone(catalog.get(TOPIC)?);
    if lake.existing(&stream.windows_table()).await?.is_none() {
        let began = Instant::now();
        fill(&lake, &stream, sensors, days).await?;
        println!(
            "made a lake of {sensors} sensors and {days} days in {:.0} s",
            began.elapsed().as_secs_f64()
        );
    }
    let model = Arc::new(Last {
        id: ModelVersion {
            name: "last".into(),
            version: 1,
        },
        scope: Scope {
            target: FIELD.into(),
            series: (0..sensors).map(key).collect(),
            step: stream.window,
            timezone: "UTC".into(),
            covariates: Vec::new(),
        },
    });
    for _ in 0..STARTS {
        start(&lake, &catalog, &model).await?;
    }
    Ok(())
}

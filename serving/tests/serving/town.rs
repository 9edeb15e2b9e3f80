//! A town of two roads and a ring for the tests of the page: sensors with places, a usual past, a jam with its accident.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, MINUTE, Timestamp};
use arterial_serving::alerts::AlertsConfig;

pub use crate::support::watched::PAST;
use crate::support::watched::{noise, until_looked_at};
use crate::support::{FakeModel, FakeModels, Order, Says, Service, WindowRow, batch, target, window};

/// Sensors: key, zone, road, degrees north and east, usual speed. Those of the high street are not named in their order along it.
pub const SENSORS: [(&str, &str, &str, f64, f64, f64); 11] = [
    ("H-2", "west", "High street", 50.00, 10.03, 50.0),
    ("H-4", "east", "High street", 50.00, 10.01, 50.0),
    ("H-1", "west", "High street", 50.00, 10.00, 50.0),
    ("H-3", "east", "High street", 50.00, 10.02, 50.0),
    ("M-1", "west", "Mill road", 50.02, 10.00, 60.0),
    ("M-2", "east", "Mill road", 50.02, 10.02, 60.0),
    ("M-3", "east", "Mill road", 50.02, 10.04, 60.0),
    ("R-1", "west", "Ring", 50.03, 10.015, 80.0),
    ("R-2", "east", "Ring", 50.01, 10.045, 80.0),
    ("R-3", "east", "Ring", 49.99, 10.015, 80.0),
    ("R-4", "west", "Ring", 50.01, 9.985, 80.0),
];

/// The windows `numbers` with speeds as usual times `share`, which may be other than one for some sensors.
pub fn windows(numbers: std::ops::Range<i64>, share: impl Fn(&str) -> f64) -> RecordBatch {
    let row = |number: i64, at: usize| -> WindowRow<'static> {
        let (key, zone, _, _, _, usual) = SENSORS[at];
        (
            key,
            zone,
            number,
            0,
            Some((usual + noise(number + 37 * at as i64)) * share(key)),
        )
    };
    let rows: Vec<WindowRow<'_>> = numbers
        .flat_map(|number| (0..SENSORS.len()).map(move |at| row(number, at)))
        .collect();
    let plain = batch(&rows);
    let places: Vec<_> = rows
        .iter()
        .map(|row| SENSORS.iter().find(|sensor| sensor.0 == row.0).unwrap())
        .collect();
    let schema = plain.schema();
    let columns = schema
        .fields()
        .iter()
        .zip(plain.columns())
        .map(|(field, column)| -> ArrayRef {
            match field.name().as_str() {
                "road_id_last" | "road_name_last" => {
                    Arc::new(places.iter().map(|place| Some(place.2)).collect::<StringArray>())
                }
                "lat_last" => Arc::new(places.iter().map(|place| Some(place.3)).collect::<Float64Array>()),
                "lon_last" => Arc::new(places.iter().map(|place| Some(place.4)).collect::<Float64Array>()),
                _ => Arc::clone(column),
            }
        });
    RecordBatch::try_new(plain.schema(), columns.collect()).unwrap()
}

/// The town with a champion, its past looked at, at the end of the last window.
pub async fn town() -> Service {
    let models = Arc::new(FakeModels::default());
    let keys = SENSORS.map(|sensor| sensor.0);
    for version in [1, 2] {
        models.add(FakeModel::new(version, &keys, 12, Says::LastPlus(1.0)));
    }
    models.promote(1);
    let order = Order {
        history: Some(windows(0..PAST, |_| 1.0)),
        alerts: AlertsConfig {
            watch: vec![target()],
            ..AlertsConfig::default()
        },
        ..Order::default()
    };
    let service = order.start(models, PAST).await;
    until_looked_at(&service, PAST - 1).await;
    service
}

/// Closes one more window in lake and live state, and waits until it was scored and looked at.
pub async fn close(service: &Service, number: i64, share: impl Fn(&str) -> f64) {
    service.commit(windows(number..number + 1, share), number + 1).await;
    service.until_scored(number).await;
    until_looked_at(service, number).await;
}

/// An accident on the high street, and four windows in which it stands still.
pub async fn jam(service: &Service, from: i64) -> i64 {
    service.state.take_events("incidents", &[accident(window(from))]);
    for number in from..from + 4 {
        close(service, number, |key| if key.starts_with('H') { 0.06 } else { 1.0 }).await;
    }
    from + 4
}

/// One event of an accident on the high street.
fn accident(at: Timestamp) -> RecordBatch {
    let catalog = StreamCatalog::built_in().unwrap();
    let schema = schema::events(catalog.get("incidents").unwrap());
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let number = |number: f64| Arc::new(Float64Array::from(vec![number])) as ArrayRef;
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "incident_id" => text("INC-7"),
            "event_time" => Arc::new(TimestampMicrosecondArray::from(vec![at.0 + MINUTE]).with_timezone("UTC")),
            "partition" => Arc::new(Int32Array::from(vec![0])),
            "offset" => Arc::new(Int64Array::from(vec![0])),
            "affected_lanes" => Arc::new(Int64Array::from(vec![2])),
            "estimated_duration_min" => number(60.0),
            "lat" => number(50.0),
            "lon" => number(10.012),
            "type" => text("accident"),
            "severity" => text("high"),
            "status" => text("active"),
            "road_id" | "road_name" => text("High street"),
            "key" | "zone_id" => text("west"),
            "day" => Arc::new(Date32Array::from(vec![at.0.div_euclid(DAY) as i32])),
            _ => new_null_array(field.data_type(), 1),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

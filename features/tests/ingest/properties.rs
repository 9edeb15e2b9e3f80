//! The windows table equals a batch recomputation, bit for bit, whatever happens on the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{MINUTE, SECOND, Timestamp};
use arterial_features::event::{EventBatch, NO_CATEGORY, NO_DESCRIPTION, NO_ZONE};
use arterial_features::intern::Interner;
use arterial_features::window::{Position, Resume, TooLate, Windows};
use proptest::prelude::*;

use crate::support::{self, latest, noise};

/// One event, apart from where it stands in the log.
#[derive(Debug, Clone)]
struct Event {
    key: u32,
    time: i64,
    identity: u128,
    zone: u32,
    good: bool,
    decibel: f64,
    cars: f64,
    state: u8,
    street: u64,
    lat: u64,
}

/// A log of partitions, each a list of events; the offset is the place in the list.
type Log = Vec<Vec<Event>>;

const KEYS: u32 = 4;

fn names() -> Interner {
    let mut names = Interner::default();
    for name in ["k0", "k1", "k2", "k3", "centre", "harbour"] {
        names.intern(name).unwrap();
    }
    names
}

fn event() -> impl Strategy<Value = Event> {
    let level = prop_oneof![
        Just(f64::NAN),
        Just(0.0),
        Just(-0.0),
        Just(61.3),
        -50.0..200.0,
        -1e-9..1e-9
    ];
    let cars = prop_oneof![Just(f64::NAN), Just(3.0), 0.0..2.68e8];
    let zone = prop_oneof![Just(NO_ZONE), Just(4u32), Just(5u32)];
    let state = prop_oneof![Just(NO_CATEGORY), Just(0u8), Just(1u8)];
    let street = prop_oneof![Just(NO_DESCRIPTION), Just(4u64), Just(5u64)];
    let lat = prop_oneof![Just(NO_DESCRIPTION), (-90.0..90.0f64).prop_map(f64::to_bits)];
    (
        0..KEYS,
        0..3600i64,
        any::<u64>(),
        zone,
        any::<bool>(),
        level,
        cars,
        (state, street, lat),
    )
        .prop_map(|(key, second, salt, zone, good, decibel, cars, (state, street, lat))| {
            // Few distinct times, so that the latest event is often decided by the identity.
            let time = (second / 20) * 20 * SECOND;
            let identity = (u128::from(salt % 50) << 64) | (time as u128) << 8 | u128::from(key);
            // Equal identities have equal contents, as in a real repeat.
            let fixed = (salt % 50) as f64;
            let decibel = if decibel.is_nan() { decibel } else { decibel + fixed };
            Event {
                key,
                time,
                identity,
                zone,
                good,
                decibel,
                cars,
                state,
                street,
                lat,
            }
        })
}

/// Events with repeats, spread over partitions in any order.
fn log() -> impl Strategy<Value = Log> {
    let events = proptest::collection::vec((event(), 1..4usize, 0..3usize), 1..160);
    (events, any::<u64>()).prop_map(|(events, seed)| {
        let mut known: HashMap<u128, Event> = HashMap::new();
        let mut copies: Vec<(u64, usize, Event)> = Vec::new();
        for (number, (event, repeats, partition)) in events.into_iter().enumerate() {
            let event = known.entry(event.identity).or_insert(event).clone();
            for repeat in 0..repeats {
                let order = seed
                    .wrapping_mul(number as u64 * 31 + repeat as u64 * 17 + 7)
                    .rotate_left(17);
                copies.push((order, (partition + repeat) % 3, event.clone()));
            }
        }
        copies.sort_by_key(|(order, ..)| *order);
        let mut log = vec![Vec::new(); 3];
        for (_, partition, event) in copies {
            log[partition].push(event);
        }
        log
    })
}

fn batch(events: &[(i32, i64, &Event)]) -> EventBatch {
    let mut batch = EventBatch {
        values: vec![Vec::new(); 2],
        categories: vec![Vec::new()],
        descriptions: vec![Vec::new(); 2],
        ..EventBatch::default()
    };
    for &(partition, offset, event) in events {
        batch.partitions.push(partition);
        batch.offsets.push(offset);
        batch.times.push(event.time);
        batch.keys.push(event.key);
        batch.zones.push(event.zone);
        batch.identities.push(event.identity);
        batch.good.push(u8::from(event.good));
        batch.values[0].push(event.decibel);
        batch.values[1].push(event.cars);
        batch.categories[0].push(event.state);
        batch.descriptions[0].push(event.street);
        batch.descriptions[1].push(event.lat);
    }
    batch
}

/// A windows table as the lake keeps it: rows and positions, committed together.
#[derive(Default, Clone)]
struct Table {
    rows: Vec<RecordBatch>,
    positions: BTreeMap<i32, Position>,
    too_late: BTreeSet<(i32, i64)>,
}

impl Table {
    fn reopen(&self, definition: &Arc<StreamDefinition>, partitions: usize, most_bytes: usize) -> (Windows, Vec<i64>) {
        let mut windows = Windows::new(definition.clone(), most_bytes);
        let mut next = Vec::new();
        for number in 0..partitions as i32 {
            let position = self.positions.get(&number);
            let refused = self
                .too_late
                .iter()
                .filter(|(partition, _)| *partition == number)
                .map(|&(_, offset)| offset);
            let resume = Resume {
                next: position.map_or(0, |position| position.next),
                read_from: position.map_or(0, |position| position.resume_from),
                closed_through: position.and_then(|position| position.closed_through),
                refused: refused.collect(),
            };
            windows.assign(number, resume, Timestamp(0));
            next.push(position.map_or(0, |position| position.resume_from));
        }
        (windows, next)
    }

    fn commit(&mut self, windows: &mut Windows, names: &mut Interner) {
        let asked = windows.missing();
        windows.restore(&asked, &self.rows, names).unwrap();
        assert!(windows.missing().is_empty());
        let too_late = windows.settle();
        self.refuse(&too_late);
        let rows = windows.rows(names, Timestamp(7)).unwrap();
        if rows.num_rows() > 0 {
            self.rows.push(rows);
        }
        self.positions = windows.positions();
        windows.committed();
    }

    fn refuse(&mut self, too_late: &[TooLate]) {
        self.too_late
            .extend(too_late.iter().map(|one| (one.partition, one.offset)));
    }
}

/// Everything in one go, in the order of the partitions.
fn recomputed(log: &Log) -> Table {
    let definition = noise();
    let (mut table, mut names) = (Table::default(), names());
    let (mut windows, _) = table.reopen(&definition, log.len(), usize::MAX);
    for (number, events) in log.iter().enumerate() {
        let events: Vec<_> = events
            .iter()
            .enumerate()
            .map(|(offset, event)| (number as i32, offset as i64, event))
            .collect();
        table.refuse(&windows.ingest(&batch(&events), Timestamp(0)));
    }
    windows.finish(&|_| false);
    table.commit(&mut windows, &mut names);
    table
}

#[derive(Debug, Clone)]
enum Step {
    Read {
        partition: usize,
        count: usize,
    },
    Commit,
    Crash,
    /// Crash after part of the next commit: the refused offsets are in, the rows are not.
    CrashBetweenTables,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3usize, 1..40usize).prop_map(|(partition, count)| Step::Read { partition, count }),
        3 => Just(Step::Commit),
        1 => Just(Step::Crash),
        1 => Just(Step::CrashBetweenTables),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Reads the log in steps, with crashes; then to its end.
fn streamed(log: &Log, steps: &[Step], most_bytes: usize) -> Table {
    let definition = noise();
    let (mut table, mut names) = (Table::default(), names());
    let (mut windows, mut next) = table.reopen(&definition, log.len(), most_bytes);
    let rest = (0..log.len()).map(|partition| Step::Read {
        partition,
        count: usize::MAX,
    });
    for step in steps.iter().cloned().chain(rest) {
        match step {
            Step::Read { partition, count } => {
                let from = next[partition] as usize;
                let events: Vec<_> = (from..log[partition].len().min(from.saturating_add(count)))
                    .map(|offset| (partition as i32, offset as i64, &log[partition][offset]))
                    .collect();
                next[partition] += events.len() as i64;
                table.refuse(&windows.ingest(&batch(&events), Timestamp(0)));
                // Every partition is taken as awake while it has unread records, idle at once when it has none.
                let ended: Vec<bool> = log
                    .iter()
                    .zip(&next)
                    .map(|(events, next)| *next >= events.len() as i64)
                    .collect();
                windows.advance(Timestamp(1_000_000_000_000), &|number| !ended[number as usize]);
            }
            Step::Commit => table.commit(&mut windows, &mut names),
            Step::Crash => (windows, next) = table.reopen(&definition, log.len(), most_bytes),
            Step::CrashBetweenTables => {
                let mut lost = table.clone();
                lost.commit(&mut windows, &mut names);
                table.too_late = lost.too_late;
                (windows, next) = table.reopen(&definition, log.len(), most_bytes);
            }
        }
    }
    windows.finish(&|_| false);
    table.commit(&mut windows, &mut names);
    table
}

fn total(table: &Table, column: &str) -> i64 {
    support::total(&table.rows, column)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_final_table_equals_a_batch_recomputation(log in log(), steps in steps(), forget in any::<bool>()) {
        let most_bytes = if forget { 0 } else { 1 << 20 };
        let (expected, found) = (recomputed(&log), streamed(&log, &steps, most_bytes));
        prop_assert!(found.too_late.is_empty(), "nothing lies a day behind");
        prop_assert_eq!(latest(&expected.rows), latest(&found.rows));
        let records: usize = log.iter().map(Vec::len).sum();
        prop_assert_eq!(total(&found, "events") + total(&found, "duplicates"), records as i64);
    }

    #[test]
    fn catching_up_from_the_earliest_offset_makes_nothing_late(seconds in proptest::collection::vec(0..25i64, 1..200), split in 1..40usize) {
        // Each partition is out of order by less than the allowed lateness, and a day long.
        let mut log: Log = vec![Vec::new(); 3];
        for (number, jitter) in seconds.iter().enumerate() {
            let time = (number as i64 * 400 - jitter) * SECOND;
            let event = Event { key: number as u32 % KEYS, time, identity: number as u128, zone: NO_ZONE, good: true, decibel: 1.0, cars: 1.0, state: 0, street: NO_DESCRIPTION, lat: NO_DESCRIPTION };
            log[number % 3].push(event);
        }
        let reads: Vec<Step> = (0..200).map(|turn| Step::Read { partition: turn * turn % 3, count: split }).collect();
        let table = streamed(&log, &reads, 1 << 20);
        let revised = table.rows.iter().any(|rows| rows["revision"].as_primitive::<Int32Type>().values().iter().any(|&revision| revision > 0));
        prop_assert!(!revised && table.too_late.is_empty());
    }
}

#[test]
fn an_event_behind_the_revision_horizon_is_too_late_and_counted_once() {
    let definition = noise();
    let day = 24 * 60 * MINUTE;
    let at = |time: i64, identity: u128| Event {
        key: 0,
        time,
        identity,
        zone: NO_ZONE,
        good: true,
        decibel: 1.0,
        cars: 2.0,
        state: 0,
        street: NO_DESCRIPTION,
        lat: NO_DESCRIPTION,
    };
    let log: Log = vec![vec![
        at(0, 1),
        at(3 * day, 2),
        at(0, 3),
        at(2 * day + 10 * MINUTE, 4),
        at(0, 5),
        at(3 * day, 2),
    ]];
    let (mut table, mut names) = (Table::default(), names());
    let (mut windows, _) = table.reopen(&definition, 1, 0);
    for (offset, event) in log[0].iter().enumerate() {
        table.refuse(&windows.ingest(&batch(&[(0, offset as i64, event)]), Timestamp(0)));
        windows.advance(Timestamp(0), &|_| true);
        table.commit(&mut windows, &mut names);
    }
    windows.finish(&|_| false);
    table.commit(&mut windows, &mut names);
    assert_eq!(table.too_late, [(0, 2), (0, 4)].into());
    assert_eq!((total(&table, "events"), total(&table, "duplicates")), (3, 1));
    // The first window was already behind the horizon when it closed: it is final, and needs no state.
    let first = &table.rows[0];
    assert!(first["is_final"].as_boolean().value(0) && first["_state"].is_null(0));
}

#[test]
fn numbers_agree_with_plain_formulas() {
    let definition = noise();
    let levels = [61.5, 58.25, 70.0, f64::NAN, 64.0];
    let log: Log = vec![
        levels
            .iter()
            .enumerate()
            .map(|(number, &decibel)| Event {
                key: 1,
                time: number as i64 * MINUTE,
                identity: number as u128,
                zone: if number == 4 { 5 } else { 4 },
                good: number != 0,
                decibel,
                cars: 7.0,
                state: u8::from(number == 0),
                street: if number == 4 { 5 } else { 4 },
                lat: if number == 4 {
                    56.25f64.to_bits()
                } else {
                    NO_DESCRIPTION
                },
            })
            .collect(),
    ];
    let table = recomputed(&log);
    let rows = &table.rows[0];
    let number = |name: &str| rows[name].as_primitive::<Float64Type>().value(0);
    let seen = [61.5, 58.25, 70.0, 64.0];
    let mean = seen.iter().sum::<f64>() / 4.0;
    let deviation = (seen.iter().map(|level| (level - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
    assert_eq!(
        (
            number("decibel_mean"),
            number("decibel_min"),
            number("decibel_max"),
            number("decibel_last")
        ),
        (mean, 58.25, 70.0, 64.0)
    );
    assert!((number("decibel_std") - deviation).abs() < 1e-12);
    assert_eq!((number("cars_std"), number("quality")), (0.0, 0.8));
    assert_eq!(rows["zone_id"].as_string::<i32>().value(0), "harbour");
    assert_eq!(rows["street_last"].as_string::<i32>().value(0), "harbour");
    assert!((number("lat_last") - 56.25).abs() < 1e-12);
    assert_eq!(rows["state_degraded_count"].as_primitive::<Int64Type>().value(0), 1);
    assert_eq!(rows.schema(), arterial_datasets::schema::windows(&definition));
}

#[test]
fn a_key_and_window_costs_180_bytes_and_28_an_identity() {
    let mut windows = Windows::new(noise(), 0);
    let keys = 100_000u32;
    for window in 0..2i64 {
        let events: Vec<Event> = (0..keys)
            .map(|key| {
                let identity = u128::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) + window as u128;
                Event {
                    key,
                    time: window * 5 * MINUTE,
                    identity,
                    zone: 4,
                    good: true,
                    decibel: 50.0,
                    cars: 1.0,
                    state: 0,
                    street: 4,
                    lat: 0,
                }
            })
            .collect();
        let events: Vec<_> = events
            .iter()
            .enumerate()
            .map(|(offset, event)| (0, offset as i64, event))
            .collect();
        windows.ingest(&batch(&events), Timestamp(0));
    }
    let (of_keys, of_identities, _) = windows.memory();
    let places = f64::from(2 * keys);
    // 36 bytes, 56 for each of two values, 4 for each of two categories, 8 for each of two descriptions; the first window grew
    // by eighths.
    assert!(
        of_keys as f64 / places < 187.0,
        "{} bytes a key",
        of_keys as f64 / places
    );
    assert!(
        (of_identities as f64 / places) < 32.0,
        "{} bytes an identity",
        of_identities as f64 / places
    );
}

//! The table `alert_signals`: what detectors said of windows that were strange or not far from it. Judgements are previewed on it.
//!
//! | progress of | what it says |
//! |---|---|
//! | partition 0 of a stream | `next`: the start of the first window that is not kept yet; `resume_from`: that of the first one ever kept |
//!
//! Signals are gathered for an hour and written together. Of an hour that a killed process had gathered the next one hears again
//! while its detectors learn.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow::array::{PrimitiveArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, PartitionProgress, Progress, Scan, Table, TableSpec, TopicPartition};
use arterial_datasets::schema;
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::alerts::{Expected, FAINTEST, Signal, Symptom};
use arterial_models::detector::AnomalyScore;
use arterial_models::detectors::{residual, rules};
use futures::TryStreamExt;

use crate::sync::lock;
use crate::{Error, Result};

/// The name of the table.
pub const SIGNALS: &str = "alert_signals";
/// Windows of all streams that are gathered before they are written.
const GATHERED: usize = 12;
/// Signals that are written at once, however few windows they are of.
const MOST: usize = 50_000;

/// Signals that the lake does not hold yet.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Vec<Signal>>);

/// The writer of the table.
pub struct SignalLog {
    table: Table,
    owned: Vec<TopicPartition>,
    /// The first window of each stream that was gathered and is not written, and the one behind the last.
    gathered: BTreeMap<String, (Timestamp, Timestamp)>,
    windows: usize,
}

impl SignalLog {
    /// Opens the table, made where it is absent, and takes `topics` over from whoever wrote them.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn open(lake: &Lake, topics: &[&str], recent: &Recent) -> Result<Self> {
        let mut table = table(lake).await?;
        let owned: Vec<TopicPartition> = topics.iter().map(|topic| TopicPartition::new(*topic, 0)).collect();
        table.acquire(&owned).await?;
        lock(&recent.0).clear();
        Ok(Self {
            table,
            owned,
            gathered: BTreeMap::new(),
            windows: 0,
        })
    }

    /// Gathers what was said of the window of `topic` that starts at `window`, unless the table has it.
    pub fn gather(&mut self, topic: &str, (window, step): (Timestamp, Duration), signals: &[Signal], recent: &Recent) {
        let known = self.table.progress().partitions.get(&TopicPartition::new(topic, 0));
        if known.is_some_and(|known| known.has_read() && window.0 < known.next) {
            return;
        }
        let end = Timestamp(window.0 + step.0);
        self.gathered.entry(topic.into()).or_insert((window, end)).1 = end;
        self.windows += 1;
        let loud = signals.iter().filter(|signal| f64::from(signal.score) >= FAINTEST);
        lock(&recent.0).extend(loud.cloned());
    }

    /// Writes what was gathered where it is enough; durable when it returns.
    ///
    /// # Errors
    /// A lake that cannot be written, or another service that has taken the watch over.
    pub async fn write_if_due(&mut self, recent: &Recent) -> Result<()> {
        if self.windows >= GATHERED || lock(&recent.0).len() >= MOST {
            self.write(recent).await?;
        }
        Ok(())
    }

    /// Writes what was gathered; durable when it returns.
    ///
    /// # Errors
    /// As [`write_if_due`](Self::write_if_due).
    pub async fn write(&mut self, recent: &Recent) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let signals = lock(&recent.0).clone();
        let batches = if signals.is_empty() {
            Vec::new()
        } else {
            vec![rows(&signals)?]
        };
        self.table.commit(&batches, &self.progress()).await?;
        self.gathered.clear();
        self.windows = 0;
        lock(&recent.0).clear();
        Ok(())
    }

    fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for place in &self.owned {
            let mut known = self.table.progress().partitions.get(place).copied().unwrap_or_default();
            if let Some((first, next)) = self.gathered.get(&place.topic) {
                if !known.has_read() {
                    known.resume_from = first.0;
                }
                known.next = next.0;
            }
            progress.partitions.insert(place.clone(), known);
        }
        progress
    }
}

/// What was kept of a stream.
#[derive(Debug, Default)]
pub struct Kept {
    /// The first window that was kept; none where nothing was kept yet.
    pub from: Option<Timestamp>,
    /// In order of time.
    pub signals: Vec<Signal>,
}

/// What was kept of `keys` of a stream since `since`, of all keys where none is named; `step` is the length of its windows.
///
/// # Errors
/// A lake that cannot be read.
pub async fn kept(
    lake: &Lake,
    recent: &Recent,
    (topic, step): (&str, Duration),
    since: Timestamp,
    keys: &BTreeSet<String>,
) -> Result<Kept> {
    let wanted = |signal: &Signal| {
        &*signal.topic == topic && signal.window >= since && (keys.is_empty() || keys.contains(&*signal.key))
    };
    // What is written meanwhile is found in both places.
    let fresh: Vec<Signal> = lock(&recent.0).iter().filter(|one| wanted(one)).cloned().collect();
    let table = table(lake).await?;
    let scan = Scan {
        keys: (!keys.is_empty()).then(|| keys.iter().cloned().collect()),
        time_column: Some("window_start".into()),
        from: Some(since),
        ..Scan::default()
    };
    let mut found = BTreeMap::new();
    let mut enter = |signal: Signal| {
        let name = (
            signal.window,
            signal.key.clone(),
            signal.target.clone(),
            signal.detector,
        );
        let symptom = Symptom::of(signal.reason).0;
        found.insert((name, symptom), signal);
    };
    let mut batches = table.stream(&scan).await?;
    while let Some(batch) = batches.try_next().await? {
        signals(&batch, step)?.into_iter().filter(wanted).for_each(&mut enter);
    }
    let first_fresh = fresh.first().map(|signal| signal.window);
    fresh.into_iter().for_each(&mut enter);
    let known = table.progress().partitions.get(&TopicPartition::new(topic, 0)).copied();
    let first = known
        .filter(PartitionProgress::has_read)
        .map(|known| Timestamp(known.resume_from));
    Ok(Kept {
        from: first.or(first_fresh).map(|first| first.max(since)),
        signals: found.into_values().collect(),
    })
}

async fn table(lake: &Lake) -> Result<Table> {
    let spec = TableSpec::new(SIGNALS, schema::alert_signals());
    Ok(lake.table(&spec).await?)
}

fn rows(signals: &[Signal]) -> Result<RecordBatch> {
    let text =
        |of: fn(&Signal) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(signals.iter().map(of))) };
    let number = |of: &dyn Fn(&Signal) -> Option<f64>| -> ArrayRef {
        Arc::new(signals.iter().map(of).collect::<Float64Array>())
    };
    let expected = |of: fn(Expected) -> f64| number(&|one| one.expected.map(of));
    let times = TimestampMicrosecondArray::from_iter_values(signals.iter().map(|one| one.window.0));
    let zones: StringArray = signals.iter().map(|one| one.zone.as_deref()).collect();
    let columns: Vec<ArrayRef> = vec![
        text(|one| &one.topic),
        text(|one| &one.key),
        Arc::new(zones),
        Arc::new(times.with_timezone("UTC")),
        text(|one| one.detector),
        text(|one| &one.target),
        number(&|one| Some(one.score.into())),
        text(|one| Symptom::of(one.reason).0.name()),
        number(&|one| Symptom::of(one.reason).1),
        number(&|one| one.seen),
        expected(|one| one.low),
        expected(|one| one.middle),
        expected(|one| one.high),
        Arc::new(Date32Array::from_iter_values(
            signals.iter().map(|one| one.window.day() as i32),
        )),
    ];
    Ok(RecordBatch::try_new(schema::alert_signals(), columns)?)
}

/// The signals of a batch; rows that name a reason that there is none of are left out.
fn signals(batch: &RecordBatch, step: Duration) -> Result<Vec<Signal>> {
    let wrong = |name: &str| Error::invalid("signals batch", name, "a column of the table `alert_signals`");
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
    let text = |name: &str| -> Result<&StringArray> { column(name)?.as_string_opt().ok_or_else(|| wrong(name)) };
    let number = |name: &str| -> Result<&PrimitiveArray<Float64Type>> {
        column(name)?.as_primitive_opt().ok_or_else(|| wrong(name))
    };
    let (topics, keys, zones) = (text("topic")?, text("key")?, text("zone_id")?);
    let (detectors, targets, reasons) = (text("detector")?, text("target")?, text("reason")?);
    let windows: &PrimitiveArray<TimestampMicrosecondType> = column("window_start")?
        .as_primitive_opt()
        .ok_or_else(|| wrong("window_start"))?;
    let (scores, values, seen) = (number("score")?, number("reason_value")?, number("seen")?);
    let (low, middle) = (number("expected_low")?, number("expected_middle")?);
    let high = number("expected_high")?;
    let value = |column: &PrimitiveArray<Float64Type>, row: usize| (!column.is_null(row)).then(|| column.value(row));
    let mut found = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let symptom = Symptom::from_str(reasons.value(row)).ok();
        let Some(reason) = symptom.and_then(|symptom| symptom.reason(value(values, row))) else {
            continue;
        };
        let expected = |low, middle, high| Expected { low, middle, high };
        let central = value(low, row).zip(value(middle, row)).zip(value(high, row));
        found.push(Signal {
            topic: topics.value(row).into(),
            target: targets.value(row).into(),
            key: keys.value(row).into(),
            zone: (!zones.is_null(row)).then(|| zones.value(row).into()),
            window: Timestamp(windows.value(row)),
            step,
            detector: detector(detectors.value(row)),
            score: AnomalyScore::clamped(scores.value(row)),
            reason,
            seen: value(seen, row),
            expected: central.map(|((low, middle), high)| expected(low, middle, high)),
        });
    }
    Ok(found)
}

/// The detector of that name: the book takes the word of rules at once.
fn detector(name: &str) -> &'static str {
    if name == rules::NAME {
        rules::NAME
    } else {
        residual::NAME
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::lake::LakeOptions;
    use arterial_datasets::time::MINUTE;
    use arterial_models::alerts::Reason;

    use super::*;

    const STEP: Duration = Duration(5 * MINUTE);

    fn signal(window: i64, score: f64, reason: Reason) -> Signal {
        Signal {
            topic: "parking".into(),
            target: "occupancy_rate".into(),
            key: "P-1".into(),
            zone: (window == 0).then(|| "Z01".into()),
            window: Timestamp(window * STEP.0),
            step: STEP,
            detector: rules::NAME,
            score: AnomalyScore::clamped(score),
            reason,
            seen: Some(97.0),
            expected: (window > 0).then_some(Expected {
                low: 20.0,
                middle: 50.0,
                high: 80.0,
            }),
        }
    }

    #[tokio::test]
    async fn what_was_said_is_kept_over_restarts_and_what_was_calm_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_string_lossy();
        let lake = Lake::open(&place, LakeOptions::default()).await.unwrap();
        let recent = Recent::default();
        let mut log = SignalLog::open(&lake, &["parking"], &recent).await.unwrap();
        let said = [
            signal(0, 1.5, Reason::OverCapacity(95.0)),
            signal(1, 0.6, Reason::Stuck(STEP)),
            signal(2, 0.1, Reason::Lower),
        ];
        for one in &said {
            log.gather("parking", (one.window, STEP), std::slice::from_ref(one), &recent);
        }
        let all = BTreeSet::new();
        let found = kept(&lake, &recent, ("parking", STEP), Timestamp(0), &all)
            .await
            .unwrap();
        assert_eq!(found.signals, said[..2], "what is not written yet is there, too");
        log.write(&recent).await.unwrap();

        let recent = Recent::default();
        let mut log = SignalLog::open(&lake, &["parking"], &recent).await.unwrap();
        for one in &said {
            log.gather("parking", (one.window, STEP), std::slice::from_ref(one), &recent);
        }
        let found = kept(&lake, &recent, ("parking", STEP), Timestamp(0), &all)
            .await
            .unwrap();
        assert_eq!((found.from, found.signals.as_slice()), (Some(Timestamp(0)), &said[..2]));
        let others = ["P-2".to_owned()].into();
        let found = kept(&lake, &recent, ("parking", STEP), Timestamp(0), &others)
            .await
            .unwrap();
        assert!(found.signals.is_empty());
    }
}

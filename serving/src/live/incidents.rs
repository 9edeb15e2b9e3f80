//! The incidents that are known, from the archived events of their stream.
//!
//! Events may come in any order and more than once: what is known is what the archive holds, and a restart reads the same from the
//! table. What the archive's retention has let go of is forgotten here, too.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{Array, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arterial_datasets::lake::{Lake, Scan};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{Duration, HOUR, MINUTE, Timestamp};
use futures::TryStreamExt;

use super::columns::{number, text};
use super::follow::Reading;
use crate::sync::{read, write};
use crate::{Error, Result};

/// An incident that nobody tells of any more has ended after so long, unless it was said to last longer.
const SILENCE: i64 = HOUR;
/// The status of what is over.
const RESOLVED: &str = "resolved";

/// One incident, as the newest event of its identity tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its identity, such as `INC-000001`.
    pub incident_id: String,
    /// What it is: accident, breakdown, roadwork, event, demonstration, flooding or `power_outage`; empty where not told.
    pub kind: String,
    /// low, medium, high or critical; empty where not told.
    pub severity: String,
    /// The road that it is on.
    pub road_id: Option<String>,
    /// The road's name.
    pub road_name: Option<String>,
    /// The zone that it is in.
    pub zone_id: Option<String>,
    /// Latitude, degrees.
    pub lat: Option<f64>,
    /// Longitude, degrees.
    pub lon: Option<f64>,
    /// When it was first told of.
    pub reported_at: Timestamp,
    /// The time of its newest event.
    pub updated_at: Timestamp,
    /// The time of the newest event by which it was not over.
    pub active_until: Timestamp,
    /// How long it was thought to last, minutes from its first event.
    pub estimated_duration_min: Option<f64>,
    /// Lanes that it takes.
    pub affected_lanes: Option<i64>,
    /// active or resolved; empty where not told, which counts as active.
    pub status: String,
    /// What people said of it.
    pub description: Option<String>,
}

impl Incident {
    /// Whether it was going on at `now`: told of by then, and by then neither over nor silent for longer than an hour and than it
    /// was said to last.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        let heard = now >= self.reported_at;
        heard && (now <= self.active_until || (self.status != RESOLVED && now <= self.lapses_at()))
    }

    /// Until when it counts as going on if nobody tells of it any more. It is no guess at its end, which is not expected later than this.
    #[must_use]
    pub fn lapses_at(&self) -> Timestamp {
        let estimated = self.estimated_duration_min.unwrap_or(0.0) * MINUTE as f64;
        let estimated = self.reported_at.0.saturating_add(estimated as i64);
        Timestamp(estimated.max(self.updated_at.0.saturating_add(SILENCE)))
    }
}

/// Which of two events of one incident is the newer one: time, and of equal times the first in the log.
type Rank = (i64, Reverse<(i32, i64)>);

/// Every incident that the archive holds.
#[derive(Debug)]
pub struct Incidents {
    stream: Option<Arc<StreamDefinition>>,
    known: RwLock<BTreeMap<String, (Rank, Incident)>>,
    /// How far the archive is read.
    reading: Reading,
}

impl Incidents {
    /// None yet; `stream` is the one of incidents, without which there never is any.
    pub fn new(stream: Option<Arc<StreamDefinition>>) -> Self {
        Self {
            stream,
            known: RwLock::default(),
            reading: Reading::default(),
        }
    }

    /// The incidents that were going on at `now`, by identity.
    pub fn active(&self, now: Timestamp) -> Vec<Incident> {
        let known = read(&self.known);
        let active = known.values().filter(|(_, incident)| incident.is_active(now));
        active.map(|(_, incident)| incident.clone()).collect()
    }

    /// The incidents that had been told of by `now` and were not over before `from`, by identity.
    pub fn since(&self, from: Timestamp, now: Timestamp) -> Vec<Incident> {
        let known = read(&self.known);
        let lasted = |one: &Incident| one.reported_at <= now && (one.updated_at >= from || one.is_active(now));
        let found = known.values().filter(|(_, incident)| lasted(incident));
        found.map(|(_, incident)| incident.clone()).collect()
    }

    /// One incident by its identity, active or not.
    pub fn get(&self, incident_id: &str) -> Option<Incident> {
        read(&self.known).get(incident_id).map(|(_, incident)| incident.clone())
    }

    /// How many are known, active or not.
    pub fn len(&self) -> usize {
        read(&self.known).len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes archived events of `topic`, in any order; those of other streams tell of no incident.
    ///
    /// # Errors
    /// A batch that lacks a column of the archive.
    pub fn take(&self, topic: &str, batch: &RecordBatch) -> Result<()> {
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.name == topic) else {
            return Ok(());
        };
        let events = EventColumns::of(batch)?;
        let mut known = write(&self.known);
        for row in (0..batch.num_rows()).filter(|row| !events.ids.is_null(*row)) {
            note(&mut known, events.rank(row), events.incident(row));
        }
        forget(&mut known, stream.archive_retention);
        Ok(())
    }

    /// Reads what the archive holds; commits may be taken meanwhile. Returns the events read, 0 where there is no archive.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn rebuild(&self, lake: &Lake) -> Result<u64> {
        let Some(stream) = &self.stream else { return Ok(0) };
        let Some(table) = lake.existing(&stream.events_table()).await? else {
            return Ok(0);
        };
        self.reading.begin(&table);
        let mut batches = table.stream(&Scan::default()).await?;
        let mut rows = 0;
        while let Some(batch) = batches.try_next().await? {
            self.take(&stream.name, &batch)?;
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    }

    /// Notes that this instance committed a version of the archive of `topic`, whose events it takes by itself.
    pub fn note_own(&self, topic: &str, version: i64) {
        if self.stream.as_ref().is_some_and(|stream| stream.name == topic) {
            self.reading.note_own(version);
        }
    }

    /// Takes what other instances have archived since the last look. Returns the events read.
    ///
    /// # Errors
    /// A lake that cannot be read; the next look goes on from where the last one did.
    pub async fn follow(&self, lake: &Lake) -> Result<u64> {
        let Some(stream) = &self.stream else { return Ok(0) };
        let Some(look) = self.reading.look(lake, &stream.events_table()).await? else {
            return Ok(0);
        };
        let mut rows = 0;
        match look.others(&Scan::default()).await? {
            Some(mut others) => {
                while let Some(batch) = others.try_next().await? {
                    self.take(&stream.name, &batch)?;
                    rows += batch.num_rows() as u64;
                }
            }
            None => rows = self.rebuild(lake).await?,
        }
        self.reading.done(look);
        Ok(rows)
    }
}

/// Adds what one event tells.
fn note(known: &mut BTreeMap<String, (Rank, Incident)>, rank: Rank, told: Incident) {
    let Some((newest, incident)) = known.get_mut(&told.incident_id) else {
        known.insert(told.incident_id.clone(), (rank, told));
        return;
    };
    let reported_at = incident.reported_at.min(told.reported_at);
    let active_until = incident.active_until.max(told.active_until);
    if rank > *newest {
        (*newest, *incident) = (rank, told);
    }
    incident.reported_at = reported_at;
    incident.active_until = active_until;
}

/// Drops the incidents that the archive no longer holds by its retention.
fn forget(known: &mut BTreeMap<String, (Rank, Incident)>, retention: Duration) {
    let newest = known.values().map(|(_, incident)| incident.updated_at).max();
    let oldest = newest.map_or(i64::MIN, |newest| newest.0.saturating_sub(retention.0));
    known.retain(|_, (_, incident)| incident.updated_at.0 >= oldest);
}

/// The columns of archived incidents. What a definition of one's own leaves out is not known.
struct EventColumns<'a> {
    ids: &'a StringArray,
    times: &'a TimestampMicrosecondArray,
    partitions: &'a Int32Array,
    offsets: &'a Int64Array,
    texts: [Option<&'a StringArray>; 7],
    numbers: [Option<&'a Float64Array>; 3],
    lanes: Option<&'a Int64Array>,
}

impl<'a> EventColumns<'a> {
    const TEXTS: [&'static str; 7] = [
        "type",
        "severity",
        "road_id",
        "road_name",
        "zone_id",
        "status",
        "description",
    ];
    const NUMBERS: [&'static str; 3] = ["lat", "lon", "estimated_duration_min"];

    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let missing = |name: &str| Error::invalid("events batch", name, "a column of the archive of incidents");
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
        let optional = |name: &str| batch.column_by_name(name);
        Ok(Self {
            ids: column("incident_id")?
                .as_string_opt()
                .ok_or_else(|| missing("incident_id"))?,
            times: column("event_time")?
                .as_primitive_opt()
                .ok_or_else(|| missing("event_time"))?,
            partitions: column("partition")?
                .as_primitive_opt()
                .ok_or_else(|| missing("partition"))?,
            offsets: column("offset")?.as_primitive_opt().ok_or_else(|| missing("offset"))?,
            texts: Self::TEXTS.map(|name| optional(name).and_then(|column| column.as_string_opt())),
            numbers: Self::NUMBERS.map(|name| optional(name).and_then(|column| column.as_primitive_opt())),
            lanes: optional("affected_lanes").and_then(|column| column.as_primitive_opt()),
        })
    }

    fn rank(&self, row: usize) -> Rank {
        let place = (self.partitions.value(row), self.offsets.value(row));
        (self.times.value(row), Reverse(place))
    }

    fn incident(&self, row: usize) -> Incident {
        let [kind, severity, road_id, road_name, zone_id, status, description] =
            self.texts.map(|column| text(column, row).map(str::to_owned));
        let [lat, lon, estimated_duration_min] = self.numbers.map(|column| number(column, row));
        let time = Timestamp(self.times.value(row));
        let status = status.unwrap_or_default();
        Incident {
            incident_id: self.ids.value(row).to_owned(),
            kind: kind.unwrap_or_default(),
            severity: severity.unwrap_or_default(),
            road_id,
            road_name,
            zone_id,
            lat,
            lon,
            reported_at: time,
            updated_at: time,
            active_until: if status == RESOLVED { Timestamp(i64::MIN) } else { time },
            estimated_duration_min,
            affected_lanes: self
                .lanes
                .filter(|lanes| !lanes.is_null(row))
                .map(|lanes| lanes.value(row)),
            status,
            description,
        }
    }
}

//! The last look at the hot spots of a kind: in memory, and in the table `hot_spots` of the lake, so that names last longer than a process and
//! are the same on all replicas.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use arterial_datasets::lake::{Lake, Scan, Table, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::time::{MINUTE, SECOND, Timestamp};
use arterial_models::spatial::{self, Dbscan, FeatureCollection, Point};

use super::HotSpotKind;
use crate::error::chain;
use crate::{Error, Result};

/// The name of the table.
const TABLE: &str = "hot_spots";
/// A look in which none came or went is written again after so long, as hot spots move.
const RENEWED: i64 = 15 * MINUTE;

/// The former look, by which names last.
#[derive(Debug, Default)]
pub struct Kept {
    look: Option<Look>,
    /// The names that the table has, and when they were seen.
    written: Option<(Vec<String>, Timestamp)>,
    table: Option<Table>,
    /// The version of the table that was read last.
    read: Option<i64>,
}

#[derive(Debug)]
struct Look {
    spots: spatial::HotSpots,
    at: Timestamp,
}

impl Kept {
    /// Looks at `points` at `at`, by a clock that shows `now`. A lake that cannot be read or written keeps no names, and hinders no answer.
    ///
    /// # Errors
    /// A weight that is negative or not finite.
    pub(super) async fn look(
        &mut self,
        lake: Option<&Lake>,
        kind: HotSpotKind,
        (at, now): (Timestamp, Timestamp),
        points: &[Point],
    ) -> Result<spatial::HotSpots> {
        let first = first_number(now);
        if let Some(lake) = lake
            && let Err(error) = self.follow(lake, kind, at, first).await
        {
            tracing::warn!(error = chain(&error), %kind, "the former hot spots cannot be read");
        }
        let former = self.look.as_ref().filter(|look| look.at <= at);
        let mut spots = match former {
            Some(look) => look.spots.clone(),
            None => spatial::HotSpots::beginning_at(dbscan(kind)?, first),
        };
        spots.look(at, points)?;
        let seen = spots.clone();
        self.look = Some(Look { spots, at });
        if let Some(lake) = lake
            && let Err(error) = self.keep(lake, kind).await
        {
            tracing::warn!(error = chain(&error), %kind, "the names of hot spots cannot be kept");
        }
        Ok(seen)
    }

    /// Takes the newest look that the table has up to `at`, where none here is as new: that of an earlier process or of another replica.
    async fn follow(&mut self, lake: &Lake, kind: HotSpotKind, at: Timestamp, first: u64) -> Result<()> {
        match &mut self.table {
            Some(table) => table.refresh().await?,
            None => self.table = lake.existing(TABLE).await?,
        }
        let Some(table) = &self.table else { return Ok(()) };
        let version = Some(table.version());
        if self.read == version {
            return Ok(());
        }
        let newest = newest(table, kind, at).await?;
        self.read = version;
        if let Some((at, geojson)) = newest {
            let spots = resumed(kind, &geojson, first)?;
            self.written = Some((names(&spots), at));
            if self.look.as_ref().is_none_or(|known| known.at < at) {
                self.look = Some(Look { spots, at });
            }
        }
        Ok(())
    }

    /// Writes the last look where names came or went since the one in the table, or where that is old.
    async fn keep(&mut self, lake: &Lake, kind: HotSpotKind) -> Result<()> {
        let Some(look) = &self.look else { return Ok(()) };
        let names = names(&look.spots);
        let is_due = match &self.written {
            None => !names.is_empty(),
            Some((known, _)) if *known != names => true,
            Some((_, at)) => !names.is_empty() && look.at.0 - at.0 >= RENEWED,
        };
        if !is_due {
            return Ok(());
        }
        let row = row(kind, look)?;
        // Noted whatever becomes of it: a lake that takes nothing is not asked again at every look.
        self.written = Some((names, look.at));
        if self.table.is_none() {
            let spec = TableSpec::new(TABLE, schema::hot_spots());
            self.table = Some(lake.table(&spec).await?);
        }
        if let Some(table) = &mut self.table {
            table.append(&[row]).await?;
        }
        Ok(())
    }
}

fn dbscan(kind: HotSpotKind) -> Result<Dbscan> {
    let (radius_km, least_weight) = kind.density();
    Ok(Dbscan::new(radius_km, least_weight)?)
}

/// The number of the first hot spot of a process that begins at `now`: the seconds since 1970. No earlier process came so far, as new hot
/// spots are rarer than seconds.
fn first_number(now: Timestamp) -> u64 {
    u64::try_from(now.0 / SECOND).unwrap_or(0).max(1)
}

fn names(spots: &spatial::HotSpots) -> Vec<String> {
    let mut names: Vec<String> = spots.current().iter().map(|spot| spot.id.clone()).collect();
    names.sort_unstable();
    names
}

/// The hot spots as the table has them. Names that were told and could not be written are not given again: new ones begin at `first`.
fn resumed(kind: HotSpotKind, geojson: &str, first: u64) -> Result<spatial::HotSpots> {
    let refuse = |error: serde_json::Error| Error::invalid("geojson of `hot_spots`", error, "a FeatureCollection");
    let mut before: FeatureCollection = serde_json::from_str(geojson).map_err(refuse)?;
    before.next = before.next.max(Some(first));
    Ok(spatial::HotSpots::resume(dbscan(kind)?, &before)?)
}

fn row(kind: HotSpotKind, look: &Look) -> Result<RecordBatch> {
    let geojson = serde_json::to_string(&look.spots.to_geojson())?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![kind.name()])),
        Arc::new(TimestampMicrosecondArray::from(vec![look.at.0]).with_timezone("UTC")),
        Arc::new(StringArray::from(vec![geojson])),
        Arc::new(Date32Array::from(vec![look.at.day() as i32])),
    ];
    Ok(RecordBatch::try_new(schema::hot_spots(), columns)?)
}

/// The newest look at that kind up to `at`: when it was, and the GeoJSON of it.
async fn newest(table: &Table, kind: HotSpotKind, at: Timestamp) -> Result<Option<(Timestamp, String)>> {
    let wrong = |name: &str| Error::invalid("hot_spots batch", name, "a column of the table `hot_spots`");
    let scan = Scan {
        columns: Some(["kind", "looked_at", "geojson"].map(String::from).to_vec()),
        ..Scan::default()
    };
    let mut newest: Option<(Timestamp, String)> = None;
    for batch in table.scan(&scan).await? {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
        let text = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| wrong(name));
        let (kinds, texts) = (text("kind")?, text("geojson")?);
        let times = column("looked_at")?.as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or_else(|| wrong("looked_at"))?;
        for row in (0..batch.num_rows()).filter(|row| kinds.value(*row) == kind.name()) {
            let looked = Timestamp(times.value(row));
            let is_newest = newest.as_ref().is_none_or(|(known, _)| *known <= looked);
            if looked <= at && is_newest {
                newest = Some((looked, texts.value(row).to_owned()));
            }
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use arterial_datasets::lake::LakeOptions;
    use arterial_models::spatial::Position;

    use super::*;

    const KIND: HotSpotKind = HotSpotKind::Incidents;

    async fn lake(folder: &tempfile::TempDir) -> Lake {
        let place = folder.path().to_string_lossy();
        Lake::open(&place, LakeOptions::default()).await.unwrap()
    }

    /// Three incidents near each other at each of these latitudes.
    fn incidents(lats: &[f64]) -> Vec<Point> {
        let near = |lat: &f64| {
            [0.0, 0.001, 0.002].map(|east| Point {
                position: Position::new(*lat, 10.0 + east).unwrap(),
                weight: 1.0,
            })
        };
        lats.iter().flat_map(near).collect()
    }

    /// The names at each of these latitudes, as a process sees them in that minute; the service began a thousand seconds after 1970.
    async fn names_at(kept: &mut Kept, lake: Option<&Lake>, minute: i64, lats: &[f64]) -> Vec<String> {
        let at = Timestamp(minute * MINUTE);
        let now = Timestamp(1000 * SECOND);
        let spots = kept.look(lake, KIND, (at, now), &incidents(lats)).await.unwrap();
        let name = |lat: &f64| {
            let mut current = spots.current().iter();
            let spot = current.find(|spot| (spot.centre.lat() - lat).abs() < 0.01).unwrap();
            spot.id.clone()
        };
        lats.iter().map(name).collect()
    }

    #[tokio::test]
    async fn names_last_over_a_restart_and_are_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut process = Kept::default();
        let before = names_at(&mut process, Some(&lake), 0, &[50.0, 51.0]).await;
        assert_eq!(names_at(&mut process, Some(&lake), 1, &[51.0]).await, before[1..]);
        let mut next = Kept::default();
        let after = names_at(&mut next, Some(&lake), 2, &[50.0, 51.0, 52.0]).await;
        assert_eq!(after[1], before[1]);
        assert!(!before.contains(&after[0]) && !before.contains(&after[2]), "{after:?}");
    }

    #[tokio::test]
    async fn replicas_agree_on_the_names_of_what_one_of_them_saw_first() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let (mut one, mut other) = (Kept::default(), Kept::default());
        names_at(&mut other, Some(&lake), 0, &[]).await;
        let named = names_at(&mut one, Some(&lake), 1, &[50.0]).await;
        assert_eq!(names_at(&mut other, Some(&lake), 1, &[50.0]).await, named);
        assert_eq!(names_at(&mut other, Some(&lake), 2, &[50.0]).await, named);
    }

    #[tokio::test]
    async fn a_look_is_written_where_names_change_and_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut kept = Kept::default();
        names_at(&mut kept, Some(&lake), 0, &[]).await;
        assert!(
            lake.existing(TABLE).await.unwrap().is_none(),
            "there was nothing to name"
        );
        let mut written = Vec::new();
        for minute in 1..40 {
            names_at(&mut kept, Some(&lake), minute, &[50.0]).await;
            let table = lake.existing(TABLE).await.unwrap().unwrap();
            written.push(table.files().0);
        }
        assert_eq!((written[0], written[14], written[15]), (1, 1, 2));
        assert_eq!(written.last(), Some(&3));
    }

    #[tokio::test]
    async fn without_a_lake_names_last_as_long_as_the_process() {
        let mut kept = Kept::default();
        let named = names_at(&mut kept, None, 10, &[50.0]).await;
        assert_eq!(named, ["hot-spot-1000"]);
        assert_eq!(names_at(&mut kept, None, 11, &[50.0]).await, named);
    }
}

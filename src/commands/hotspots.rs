//! `arterial hotspots`: where incidents cluster.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_datasets::panel::{RowOptions, Rows, read_rows};
use arterial_datasets::time::{Clock, SystemClock};
use arterial_models::spatial::{Dbscan, FeatureCollection, HotSpots, Point, Position};
use arterial_training::table::Table;

use crate::outcome::Usage;

/// Places where incidents of a file cluster (DBSCAN with great-circle distances)
#[derive(Debug, clap::Args)]
pub struct Args {
    /// CSV, .csv.gz or Parquet, one incident a row
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Incidents within so many kilometres of each other are neighbours
    #[arg(long, value_name = "KM")]
    eps_km: f64,
    /// So many neighbours, itself included, make a place part of a hot spot's core
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    min_points: f64,
    /// The column of latitudes, degrees
    #[arg(long, value_name = "COLUMN", default_value = "lat")]
    lat: String,
    /// The column of longitudes, degrees
    #[arg(long, value_name = "COLUMN", default_value = "lon")]
    lon: String,
    /// A column that says for how many incidents a row counts
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// The hot spots of before (what --json printed): those that are still there keep their names, and no name is
    /// given again
    #[arg(long, value_name = "FILE.geojson")]
    previous: Option<PathBuf>,
    /// Write the number of each row's cluster there, from 0, -1 for none
    #[arg(long, value_name = "FILE.csv")]
    labels: Option<PathBuf>,
    /// Print GeoJSON (RFC 7946)
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let radius_km = positive("--eps-km", args.eps_km)?;
    let least = positive("--min-points", args.min_points)?;
    let dbscan = Dbscan::new(radius_km, least)?;
    let columns = [Some(&args.lat), Some(&args.lon), args.weight.as_ref()];
    let rows = read_rows(
        &args.data,
        &RowOptions {
            timed: false,
            only: columns.into_iter().flatten().cloned().collect(),
            ..RowOptions::default()
        },
    )?;
    let points = points(&rows)?;
    let missing = points.iter().filter(|point| point.is_none()).count();
    if missing > 0 {
        eprintln!("{missing} of {} rows have no place or no weight", points.len());
    }
    if let Some(path) = &args.labels {
        write_labels(path, &dbscan, &points)?;
    }
    let mut hot_spots = match &args.previous {
        Some(path) => HotSpots::resume(dbscan, &read_previous(path)?)?,
        None => HotSpots::new(dbscan),
    };
    let known: Vec<Point> = points.into_iter().flatten().collect();
    hot_spots.look(SystemClock.now(), &known)?;
    if args.json {
        return super::print_json(&hot_spots.to_geojson());
    }
    print!("{}", table(&hot_spots).render());
    Ok(())
}

fn positive(option: &str, value: f64) -> Result<f64, Usage> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Usage(format!(
        "`{option}` is `{value}`, accepted: a finite number above 0"
    )))
}

/// The place and weight of each row; none where one of them is missing.
fn points(rows: &Rows) -> anyhow::Result<Vec<Option<Point>>> {
    let point = |(number, row): (usize, ndarray::ArrayView1<'_, f64>)| {
        if row.iter().any(|value| value.is_nan()) {
            return Ok(None);
        }
        let position = Position::new(row[0], row[1]).with_context(|| format!("row {}", number + 1))?;
        let weight = row.get(2).copied().unwrap_or(1.0);
        Ok(Some(Point { position, weight }))
    };
    rows.values.outer_iter().enumerate().map(point).collect()
}

fn read_previous(path: &Path) -> anyhow::Result<FeatureCollection> {
    let wrong = |value: String| {
        Usage(format!(
            "`previous` is `{value}`, accepted: GeoJSON that `arterial hotspots --json` printed"
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    Ok(serde_json::from_str(&text).map_err(|error| wrong(format!("{}: {error}", path.display())))?)
}

fn write_labels(path: &Path, dbscan: &Dbscan, points: &[Option<Point>]) -> anyhow::Result<()> {
    let known: Vec<Point> = points.iter().flatten().copied().collect();
    let places: Vec<Position> = known.iter().map(|point| point.position).collect();
    let weights: Vec<f64> = known.iter().map(|point| point.weight).collect();
    let mut labels = dbscan.labels(&places, &weights)?.into_iter();
    let file = std::fs::File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    let mut file = std::io::BufWriter::new(file);
    writeln!(file, "row,label")?;
    for (row, point) in points.iter().enumerate() {
        match point.and_then(|_| labels.next().flatten()) {
            Some(label) => writeln!(file, "{row},{label}")?,
            None => writeln!(file, "{row},-1")?,
        }
    }
    Ok(file.flush()?)
}

fn table(hot_spots: &HotSpots) -> Table {
    let mut table = Table::new(["hot spot", "incidents", "weight", "latitude", "longitude"]);
    for one in hot_spots.current() {
        table.push([
            one.id.clone(),
            one.points.to_string(),
            format!("{:.6}", one.weight)
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned(),
            format!("{:.5}", one.centre.lat()),
            format!("{:.5}", one.centre.lon()),
        ]);
    }
    table
}

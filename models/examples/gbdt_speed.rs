//! Fits and predicts a table for `benches/gbdt/compare.py`, and prints seconds and predictions.
//!
//! Usage: `gbdt_speed FOLDER COLUMNS SETTINGS`: the folder holds `train_x.f32`, `train_y.f32` and `test_x.f32`, little
//! endian and row by row; the settings are those of `GbdtParameters` as JSON. Predictions go to `arterial.f32`.

use std::path::Path;
use std::time::Instant;

use arterial_models::gbdt::{Binning, Dataset, Examples, Gbdt, GbdtParameters};
use ndarray::Array2;

fn read(path: &Path, columns: usize) -> Result<Array2<f32>, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    Ok(Array2::from_shape_vec((values.len() / columns, columns), values)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, columns, settings] = arguments.as_slice() else {
        return Err("FOLDER COLUMNS SETTINGS".into());
    };
    let (folder, columns) = (Path::new(folder), columns.parse()?);
    let parameters: GbdtParameters = serde_json::from_str(settings)?;
    let rows = read(&folder.join("train_x.f32"), columns)?;
    let targets = std::fs::metadata(folder.join("train_y.f32"))?.len() as usize / 4 / rows.nrows();
    let labels = read(&folder.join("train_y.f32"), targets)?;
    let test = read(&folder.join("test_x.f32"), columns)?;

    let started = Instant::now();
    let dataset = Dataset::of(rows.view(), &Binning::default())?;
    let binned = started.elapsed().as_secs_f64();
    let model = Gbdt::new(parameters)?.fit(&Examples::new(&dataset, labels.view()), None, &())?;
    let fitted = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let predictions = model.predict(test.view(), None)?;
    let predicted = started.elapsed().as_secs_f64();
    let started = Instant::now();
    for row in test.rows().into_iter().take(1000) {
        std::hint::black_box(model.predict_row(row.as_slice().unwrap_or_default(), &[])?);
    }
    let one_row = started.elapsed().as_secs_f64() / 1000.0;
    let bytes: Vec<u8> = predictions.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join("arterial.f32"), bytes)?;
    println!(r#"{{"bin": {binned}, "fit": {fitted}, "predict": {predicted}, "row": {one_row}}}"#);
    Ok(())
}

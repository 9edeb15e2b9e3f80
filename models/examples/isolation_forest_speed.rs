//! Fits and scores a table for `benches/anomaly/forest_speed.py`: one line of seconds and AUROC a request.
//!
//! Usage: `isolation_forest_speed FILE COLUMNS EXTENSION`: the file holds 64-bit floats, little endian and row by row. Each line
//! on stdin is a seed; the answer is the seconds of fitting and of scoring, and the scores go to `FILE.scores`.

use std::io::{BufRead, Write};
use std::time::Instant;

use arterial_models::isolation_forest::{Forest, ForestParameters};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, columns, extension] = arguments.as_slice() else {
        return Err("FILE COLUMNS EXTENSION".into());
    };
    let columns: usize = columns.parse()?;
    let parameters = ForestParameters {
        extension: extension.parse()?,
        ..ForestParameters::default()
    };
    let bytes = std::fs::read(file)?;
    let values: Vec<f64> = bytes
        .chunks_exact(8)
        .map(|bytes| f64::from_bits(bytes.iter().rev().fold(0, |bits, byte| (bits << 8) | u64::from(*byte))))
        .collect();
    let table = Array2::from_shape_vec((values.len() / columns, columns), values)?;
    for seed in std::io::stdin().lock().lines() {
        let seed: u64 = seed?.trim().parse()?;
        let started = Instant::now();
        let forest = Forest::fit(parameters, table.view(), seed)?;
        let fitted = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let scores = forest.score(table.view())?;
        let scored = started.elapsed().as_secs_f64();
        let bytes: Vec<u8> = scores.iter().flat_map(|score| score.to_le_bytes()).collect();
        std::fs::write(format!("{file}.scores"), bytes)?;
        println!(r#"{{"fit": {fitted}, "score": {scored}}}"#);
        std::io::stdout().flush()?;
    }
    Ok(())
}

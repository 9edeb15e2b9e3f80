//! Predicts rows with an imported model for `benches/gbdt/imports.py`.
//!
//! Usage: `gbdt_import MODEL ROWS COLUMNS PREDICTIONS [CONTRIBUTIONS]`: a model of LightGBM where its name ends with `.txt`, otherwise
//! of XGBoost; rows as little-endian 32-bit floats, row by row. Contributions (`TreeSHAP`) are written as 64-bit floats.

use std::path::Path;

use arterial_models::gbdt::{FittedGbdt, Rounds};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rows, columns, predictions, contributions @ ..] = arguments.as_slice() else {
        return Err("MODEL ROWS COLUMNS PREDICTIONS [CONTRIBUTIONS]".into());
    };
    let file = std::fs::read(model)?;
    let is_lightgbm = Path::new(model).extension().is_some_and(|extension| extension == "txt");
    let model = if is_lightgbm {
        FittedGbdt::from_lightgbm(&file)?
    } else {
        FittedGbdt::from_xgboost(&file, Rounds::All)?
    };
    let bytes = std::fs::read(rows)?;
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    let columns: usize = columns.parse()?;
    let rows = Array2::from_shape_vec((values.len() / columns, columns), values)?;
    let predicted: Vec<u8> = model
        .predict(rows.view(), None)?
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    std::fs::write(predictions, predicted)?;
    if let [contributions] = contributions {
        let values: Vec<u8> = model
            .shap(rows.view())?
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        std::fs::write(contributions, values)?;
    }
    Ok(())
}

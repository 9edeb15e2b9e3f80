//! What a promotion rests on: the figures of a scorecard, or a new measurement on the same windows.

use arterial_datasets::panel::Panel;
use arterial_models::Forecaster;
use arterial_models::forecaster::Progress;
use arterial_models::registry::{Manifest, ModelVersion};
use serde_json::Value;

use crate::backtest::{Backtest, Request, SEASONAL_NAIVE, run};
use crate::document::{DataBlock, Document, ProtocolBlock};
use crate::promotion::{Champion, Evidence};
use crate::protocol::Protocol;
use crate::train::naive;
use crate::veteran::Veteran;
use crate::{Error, Result};

/// The evidence in the scorecard of the training that `candidate` came from; the champion's row bears its version.
pub fn from_scores(candidate: &ModelVersion, document: &Document, champion: Option<&ModelVersion>) -> Evidence {
    let error = |model: &str| {
        let mut rows = document
            .scores
            .iter()
            .filter(|score| score.model == model && score.step == document.protocol.horizon);
        rows.find_map(|score| score.mae_common_through)
    };
    Evidence {
        candidate: candidate.to_string(),
        data_sha256: document.data.sha256.clone(),
        windows: document.protocol.test_windows,
        mae: error(&candidate.name),
        seasonal_naive_mae: error(SEASONAL_NAIVE),
        champion: champion.map(|id| Champion {
            model: id.to_string(),
            mae: error(&id.to_string()),
        }),
    }
}

/// The evidence that stands in a manifest; none where the champion was not measured on the same windows then.
pub fn from_manifest(manifest: &Manifest, champion: Option<&ModelVersion>) -> Option<Evidence> {
    let horizon = manifest.protocol.get("horizon")?.as_u64()?;
    let rows = manifest.scores.as_array()?;
    let error = |model: &str| {
        let row = rows.iter().find(|row| {
            row.get("model").and_then(Value::as_str) == Some(model)
                && row.get("step").and_then(Value::as_u64) == Some(horizon)
        });
        row.and_then(|row| row.get("mae_common_through"))
            .and_then(Value::as_f64)
    };
    let id = manifest.id();
    let champion = match champion {
        Some(champion) if *champion == id => Some(Champion {
            model: id.to_string(),
            mae: error(&id.name),
        }),
        Some(champion) => Some(Champion {
            model: champion.to_string(),
            mae: Some(error(&champion.to_string())?),
        }),
        None => None,
    };
    Some(Evidence {
        data_sha256: manifest.data.sha256.clone(),
        windows: manifest
            .protocol
            .get("test_windows")
            .and_then(Value::as_u64)
            .unwrap_or(0) as usize,
        mae: error(&id.name),
        seasonal_naive_mae: error(SEASONAL_NAIVE),
        candidate: id.to_string(),
        champion,
    })
}

/// The protocol that `manifest` was measured by.
///
/// # Errors
/// A manifest whose protocol is of another shape.
pub fn protocol_of(manifest: &Manifest) -> Result<Protocol> {
    let block: ProtocolBlock = serde_json::from_value(manifest.protocol.clone()).map_err(|source| Error::Json {
        what: format!("protocol of {}", manifest.id()),
        source,
    })?;
    block.to_protocol()
}

/// Published models and seasonal naive, measured on the same windows of `panel`.
///
/// # Errors
/// A protocol that does not fit the panel.
pub fn measure(
    models: &[Veteran<'_>],
    list: &[Box<dyn Forecaster>],
    panel: &Panel,
    data: DataBlock,
    protocol: &Protocol,
    progress: &dyn Progress,
) -> Result<Backtest> {
    let naive = naive(list)?;
    let request = Request {
        panel,
        kinds: &[naive],
        naive,
        veterans: models,
        protocol,
        for_report: false,
    };
    run(&request, data, progress)
}

/// The evidence of a new measurement.
pub fn from_measurement(candidate: &ModelVersion, backtest: &Backtest, champion: Option<&ModelVersion>) -> Evidence {
    let mut evidence = from_scores(candidate, &backtest.document, champion);
    let own = candidate.to_string();
    let rows = &backtest.document.scores;
    evidence.mae = rows
        .iter()
        .filter(|score| score.model == own && score.step == backtest.document.protocol.horizon)
        .find_map(|score| score.mae_common_through);
    evidence
}

//! Which models there are, and the tensors that they take and give.

use std::sync::Arc;

use arterial_models::registry::Target;
use arterial_proto::inference as oip;
use oip::model_metadata_response::TensorMetadata;
use oip::repository_index_response::ModelIndex;

use crate::model::InCharge;
use crate::state::AppState;
use crate::{Error, Result};

/// The name of the server and the platform of its models.
pub const PLATFORM: &str = "arterial";
/// Name, type and shape of each input; the last one is optional.
pub const INPUTS: [(&str, &str, [i64; 1]); 4] = [
    ("keys", "BYTES", [-1]),
    ("horizons_minutes", "INT32", [-1]),
    ("quantiles", "FP32", [-1]),
    ("origin", "INT64", [1]),
];
/// Name, type and shape of each output.
pub const OUTPUTS: [(&str, &str, &[i64]); 3] = [
    ("forecast", "FP32", &[-1, -1, -1]),
    ("target_time", "INT64", &[-1]),
    ("status", "BYTES", &[-1]),
];

/// Whether forecasts may be asked for.
pub fn is_serving(state: &AppState) -> bool {
    state.readiness.not_serving().is_none()
}

/// A target with a champion.
pub struct Model {
    /// The target.
    pub target: Target,
    /// Who is in charge of it.
    pub in_charge: Arc<InCharge>,
}

/// The model of that name, `topic.target`.
///
/// # Errors
/// A service that is starting, or has not reached its registry yet: which models there are is not known. No such target with a champion;
/// the error names those that exist.
pub fn find(state: &AppState, name: &str) -> Result<Model> {
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let champions = state.champions.all();
    let found = champions.iter().find(|(target, _)| target.to_string() == name);
    let Some((target, in_charge)) = found else {
        if state.champions.are_unknown() {
            return Err(Error::NotReady("the model registry was not read yet".into()));
        }
        let known: Vec<String> = champions.keys().map(ToString::to_string).collect();
        return Err(Error::Unknown {
            what: "model",
            name: name.into(),
            known: known.join(", "),
        });
    };
    Ok(Model {
        target: target.clone(),
        in_charge: Arc::clone(in_charge),
    })
}

impl Model {
    /// The champion, `NAME@VERSION`.
    pub fn version(&self) -> String {
        self.in_charge.wanted.to_string()
    }

    /// Whether it answers, as that version where one is named.
    pub fn is_ready(&self, version: &str) -> bool {
        self.in_charge.failure.is_none() && (version.is_empty() || version == self.version())
    }

    /// The tensors that it takes and gives.
    ///
    /// # Errors
    /// A version that is not in charge.
    pub fn metadata(&self, version: &str) -> Result<oip::ModelMetadataResponse> {
        let champion = self.version();
        if !version.is_empty() && version != champion {
            return Err(Error::Unknown {
                what: "version in charge",
                name: version.into(),
                known: champion,
            });
        }
        let tensor = |name: &str, datatype: &str, shape: &[i64]| TensorMetadata {
            name: name.into(),
            datatype: datatype.into(),
            shape: shape.to_vec(),
        };
        Ok(oip::ModelMetadataResponse {
            name: self.target.to_string(),
            versions: vec![champion],
            platform: PLATFORM.into(),
            inputs: INPUTS
                .iter()
                .map(|(name, kind, shape)| tensor(name, kind, shape))
                .collect(),
            outputs: OUTPUTS
                .iter()
                .map(|(name, kind, shape)| tensor(name, kind, shape))
                .collect(),
        })
    }
}

/// Every model by name, those that answer now alone where `ready`.
pub fn index(state: &AppState, ready: bool) -> Vec<ModelIndex> {
    let entry = |(target, in_charge): (&Target, &Arc<InCharge>)| {
        let reason = in_charge.failure.clone().or_else(|| state.readiness.not_serving());
        ModelIndex {
            name: target.to_string(),
            version: in_charge.wanted.to_string(),
            state: if reason.is_none() { "READY" } else { "UNAVAILABLE" }.into(),
            reason: reason.unwrap_or_default(),
        }
    };
    let champions = state.champions.all();
    let entries = champions.iter().map(entry);
    entries.filter(|entry| !ready || entry.reason.is_empty()).collect()
}

//! Parts as files and back, with limits and digests.

use std::collections::BTreeMap;
use std::fmt::Write;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::parts::{Parts, Tensor};
use crate::{Error, Result};

/// The file of kind and settings.
pub const PARAMETERS_FILE: &str = "parameters.json";
/// The file of arrays.
pub const TENSORS_FILE: &str = "tensors.safetensors";
const PARAMETERS_LIMIT: u64 = 64 << 20;
const TENSORS_LIMIT: u64 = 1 << 30;

/// Size and digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// The number of bytes.
    pub bytes: u64,
}

impl FileDigest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            let _ = write!(sha256, "{byte:02x}");
        }
        Self {
            sha256,
            bytes: bytes.len() as u64,
        }
    }

    /// Checks that `bytes` are the ones this digest was made of.
    ///
    /// # Errors
    /// Another digest.
    pub fn check(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let got = Self::of(bytes);
        if got == *self {
            return Ok(());
        }
        Err(Error::Digest {
            file: file.into(),
            expected: self.sha256.clone(),
            got: got.sha256,
        })
    }
}

/// One digest, hexadecimal, of several pieces in this order.
pub(crate) fn digest_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let digests: String = pieces.into_iter().map(|piece| FileDigest::of(piece).sha256).collect();
    FileDigest::of(digests.as_bytes()).sha256
}

/// The files of one model, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParametersFile {
    format: u32,
    kind: String,
    parameters: serde_json::Value,
}

impl Files {
    /// The most bytes that are read of the file `name`; nothing where a model has no such file.
    #[must_use]
    pub fn limit(name: &str) -> u64 {
        match name {
            PARAMETERS_FILE => PARAMETERS_LIMIT,
            TENSORS_FILE => TENSORS_LIMIT,
            _ => 0,
        }
    }

    /// The files of `parts`.
    ///
    /// # Errors
    /// Parts that are larger than a model may be.
    pub fn of(parts: &Parts) -> Result<Self> {
        let parameters = ParametersFile {
            format: 1,
            kind: parts.kind.clone(),
            parameters: parts.parameters.clone(),
        };
        let files = Self(BTreeMap::from([
            (PARAMETERS_FILE.into(), serde_json::to_vec_pretty(&parameters)?),
            (TENSORS_FILE.into(), write_tensors(&parts.tensors)?),
        ]));
        files.check_sizes()?;
        Ok(files)
    }

    /// The parts that these files hold.
    ///
    /// # Errors
    /// A missing, malformed or too large file.
    pub fn parts(&self) -> Result<Parts> {
        self.check_sizes()?;
        let parameters: ParametersFile = serde_json::from_slice(self.file(PARAMETERS_FILE)?)
            .map_err(|error| Error::malformed(PARAMETERS_FILE, error.to_string()))?;
        if parameters.format != 1 {
            let message = format!("the format is {}, this version reads 1", parameters.format);
            return Err(Error::malformed(PARAMETERS_FILE, message));
        }
        Ok(Parts {
            kind: parameters.kind,
            parameters: parameters.parameters,
            tensors: read_tensors(self.file(TENSORS_FILE)?)?,
        })
    }

    /// Size and digest of every file.
    #[must_use]
    pub fn digests(&self) -> BTreeMap<String, FileDigest> {
        let of = |(name, bytes): (&String, &Vec<u8>)| (name.clone(), FileDigest::of(bytes));
        self.0.iter().map(of).collect()
    }

    fn file(&self, name: &str) -> Result<&[u8]> {
        match self.0.get(name) {
            Some(bytes) => Ok(bytes),
            None => Err(Error::malformed(name, "the file is missing")),
        }
    }

    fn check_sizes(&self) -> Result<()> {
        for (name, bytes) in &self.0 {
            let limit = Self::limit(name);
            if bytes.len() as u64 > limit {
                return Err(Error::TooLarge {
                    file: name.clone(),
                    bytes: bytes.len() as u64,
                    limit,
                });
            }
        }
        Ok(())
    }
}

fn write_tensors(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let failed = |error: safetensors::SafeTensorError| Error::malformed(TENSORS_FILE, error.to_string());
    let mut buffers = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        buffers.push(match tensor {
            Tensor::F64(values) => (
                name,
                Dtype::F64,
                values.shape().to_vec(),
                bytes_of(values, f64::to_le_bytes),
            ),
            Tensor::F32(values) => (
                name,
                Dtype::F32,
                values.shape().to_vec(),
                bytes_of(values, f32::to_le_bytes),
            ),
            Tensor::U8(values) => (
                name,
                Dtype::U8,
                values.shape().to_vec(),
                bytes_of(values, u8::to_le_bytes),
            ),
        });
    }
    let mut views = Vec::with_capacity(buffers.len());
    for (name, kind, shape, bytes) in &buffers {
        views.push((
            name.as_str(),
            TensorView::new(*kind, shape.clone(), bytes).map_err(failed)?,
        ));
    }
    safetensors::serialize(views, None).map_err(failed)
}

fn bytes_of<T: Copy, const N: usize>(values: &ArrayD<T>, bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

fn read_tensors(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let failed = |error: safetensors::SafeTensorError| Error::malformed(TENSORS_FILE, error.to_string());
    let mut tensors = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(bytes).map_err(failed)?.tensors() {
        let tensor = match view.dtype() {
            Dtype::F64 => Tensor::F64(array_of(&view, f64::from_le_bytes)?),
            Dtype::F32 => Tensor::F32(array_of(&view, f32::from_le_bytes)?),
            Dtype::U8 => Tensor::U8(array_of(&view, u8::from_le_bytes)?),
            other => {
                let message = format!("`{name}` is {other:?}, accepted: F64, F32, U8");
                return Err(Error::malformed(TENSORS_FILE, message));
            }
        };
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

fn array_of<T, const N: usize>(view: &TensorView<'_>, value: impl Fn([u8; N]) -> T) -> Result<ArrayD<T>> {
    let (chunks, _) = view.data().as_chunks::<N>();
    let values = chunks.iter().map(|chunk| value(*chunk)).collect();
    ArrayD::from_shape_vec(view.shape().to_vec(), values)
        .map_err(|error| Error::malformed(TENSORS_FILE, error.to_string()))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn parts() -> Parts {
        Parts::new("some-kind", &serde_json::json!({"context": 12}))
            .unwrap()
            .with("levels", &array![[0.1, f64::NAN], [-0.0, 1e-308]])
    }

    #[test]
    fn files_give_the_same_bits_back() {
        let files = Files::of(&parts()).unwrap();
        let again = files.parts().unwrap();
        let Tensor::F64(levels) = &again.tensors["levels"] else {
            panic!("another type")
        };
        let bits: Vec<u64> = levels.iter().map(|value| value.to_bits()).collect();
        assert_eq!(bits, [0.1, f64::NAN, -0.0, 1e-308].map(f64::to_bits));
        assert_eq!(again.parameters, parts().parameters);
        assert_eq!(Files::of(&again).unwrap(), files, "writing is deterministic");
    }

    #[test]
    fn a_cut_file_is_malformed_not_a_panic() {
        let whole = Files::of(&parts()).unwrap();
        for name in [PARAMETERS_FILE, TENSORS_FILE] {
            for length in [0, 1, 9, 40] {
                let mut files = whole.clone();
                files.0.get_mut(name).unwrap().truncate(length);
                assert!(matches!(files.parts(), Err(Error::Malformed { .. })), "{name} {length}");
            }
        }
    }

    #[test]
    fn a_file_that_no_model_has_is_refused() {
        let mut files = Files::of(&parts()).unwrap();
        files.0.insert("run.sh".into(), vec![0]);
        assert!(matches!(files.parts(), Err(Error::TooLarge { .. })));
    }
}

//! What a fitted model consists of, before it becomes files.

use std::collections::BTreeMap;

use ndarray::{ArrayBase, ArrayD, Data, Dimension};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// A named array of an artefact.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// 64-bit floats.
    F64(ArrayD<f64>),
    /// 32-bit floats.
    F32(ArrayD<f32>),
    /// Bytes: a file within the file.
    U8(ArrayD<u8>),
}

/// The parameters of a fitted model: settings as JSON, numbers as tensors.
///
/// Numbers belong into tensors, which keep every bit; JSON is for names, counts and switches.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The kind of model, by its name in the list of forecasters.
    pub kind: String,
    /// The settings.
    pub parameters: Value,
    /// The arrays, by name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Parts {
    /// Parts of a model of kind `kind` without any array.
    ///
    /// # Errors
    /// Parameters that are no JSON, such as a map whose keys are no text.
    pub fn new(kind: &str, parameters: &impl Serialize) -> Result<Self> {
        Ok(Self {
            kind: kind.into(),
            parameters: serde_json::to_value(parameters)?,
            tensors: BTreeMap::new(),
        })
    }

    /// These parts with the array `values` as `name`.
    #[must_use]
    pub fn with<S, D>(mut self, name: &str, values: &ArrayBase<S, D>) -> Self
    where
        S: Data<Elem = f64>,
        D: Dimension,
    {
        let values = values.to_owned().into_dyn();
        self.tensors.insert(name.into(), Tensor::F64(values));
        self
    }

    /// Parts of a model of kind `kind` that is made of others, each under a name of its own.
    ///
    /// # Errors
    /// Parameters that are no JSON.
    pub fn of(kind: &str, inner: impl IntoIterator<Item = (String, Self)>) -> Result<Self> {
        let mut parts = Self::new(kind, &serde_json::Map::new())?;
        for (name, inner) in inner {
            parts = parts.with_part(&name, inner);
        }
        Ok(parts)
    }

    /// These parts with those of another model as `name`.
    #[must_use]
    pub fn with_part(mut self, name: &str, inner: Self) -> Self {
        if let Some(parameters) = self.parameters.as_object_mut() {
            parameters.insert(name.into(), inner.parameters);
        }
        let named = inner.tensors.into_iter();
        self.tensors
            .extend(named.map(|(tensor, values)| (format!("{name}.{tensor}"), values)));
        self
    }

    /// The parts of the model that stands under `name`, which is of kind `kind`.
    ///
    /// # Errors
    /// Nothing of that name.
    pub fn part(&self, name: &str, kind: &str) -> Result<Self> {
        let Some(parameters) = self.parameters.get(name).filter(|parameters| !parameters.is_null()) else {
            return Err(Error::malformed("parameters.json", format!("`{name}` is missing")));
        };
        let prefix = format!("{name}.");
        let own = |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor.clone()));
        Ok(Self {
            kind: kind.into(),
            parameters: parameters.clone(),
            tensors: self.tensors.iter().filter_map(own).collect(),
        })
    }

    /// These parts with the file `bytes` as `name`.
    #[must_use]
    pub fn with_bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        let bytes = ArrayD::from_shape_fn(vec![bytes.len()], |place| bytes[place[0]]);
        self.tensors.insert(name.into(), Tensor::U8(bytes));
        self
    }

    /// The file `name`.
    ///
    /// # Errors
    /// No row of bytes of that name.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        match self.tensors.get(name) {
            Some(Tensor::U8(bytes)) if bytes.ndim() == 1 => Ok(bytes.iter().copied().collect()),
            _ => Err(Error::malformed(
                "tensors.safetensors",
                format!("`{name}` is missing or no row of U8"),
            )),
        }
    }

    /// The settings, checked against the type that the kind keeps them in.
    ///
    /// # Errors
    /// Parts of another kind than `kind`, and missing, unknown or mistyped settings.
    pub fn settings<T: DeserializeOwned>(&self, kind: &str) -> Result<T> {
        if self.kind != kind {
            return Err(Error::malformed(
                "parameters.json",
                format!("the kind is `{}`, expected `{kind}`", self.kind),
            ));
        }
        serde_json::from_value(self.parameters.clone())
            .map_err(|error| Error::malformed("parameters.json", error.to_string()))
    }

    /// The array `name` of 64-bit floats with as many axes as `D` has.
    ///
    /// # Errors
    /// No array of that name, type or number of axes.
    pub fn array<D: Dimension>(&self, name: &str) -> Result<ndarray::Array<f64, D>> {
        let wrong = |message: &str| Error::malformed("tensors.safetensors", format!("`{name}` {message}"));
        match self.tensors.get(name) {
            Some(Tensor::F64(values)) => values
                .clone()
                .into_dimensionality::<D>()
                .map_err(|_| wrong("has another number of axes than the model")),
            Some(Tensor::F32(_) | Tensor::U8(_)) => Err(wrong("is of another type, expected F64")),
            None => Err(wrong("is missing")),
        }
    }

    /// The array `name`, which must have exactly the shape `shape`.
    ///
    /// # Errors
    /// No such array, or one of another shape.
    pub fn shaped<D: Dimension>(&self, name: &str, shape: &[usize]) -> Result<ndarray::Array<f64, D>> {
        let values = self.array::<D>(name)?;
        if values.shape() != shape {
            return Err(Error::malformed(
                "tensors.safetensors",
                format!("`{name}` has shape {:?}, expected {shape:?}", values.shape()),
            ));
        }
        Ok(values)
    }
}

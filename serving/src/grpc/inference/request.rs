//! A request as a question.

use arterial_datasets::time::Timestamp;
use arterial_proto::inference as oip;

use super::models::{INPUTS, Model, OUTPUTS};
use super::tensor::Input;
use crate::answer::Question;
use crate::{Error, Result};

/// The most numbers in an answer: keys times horizons times quantiles.
const MOST_VALUES: usize = 2_000_000;
/// What parameters of inputs and outputs ask for that is not offered.
const NOT_OFFERED: [&str; 2] = ["shared_memory", "classification"];

/// A request that was read.
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// The model's version that is asked, that in charge where none was named.
    pub version: String,
    /// The outputs that are wanted, by their places in [`OUTPUTS`].
    pub outputs: Vec<usize>,
    /// Whether elements go as raw bytes, as they came.
    pub is_raw: bool,
}

impl Asked {
    /// Reads a request to `model`.
    ///
    /// # Errors
    /// The first tensor that is wrong: its name, what it is, and what is accepted.
    pub fn read(request: &oip::ModelInferRequest, model: &Model) -> Result<Self> {
        check_parameters(request)?;
        let (raw, inputs) = (request.raw_input_contents.len(), request.inputs.len());
        if raw != 0 && raw != inputs {
            let accepted = format!("one for each of the {inputs} inputs");
            return Err(Error::invalid("raw_input_contents", format!("{raw} of them"), accepted));
        }
        let [keys, horizons, quantiles, origin] = named(request)?;
        let question = Question {
            topic: model.target.topic.clone(),
            target: model.target.field.clone(),
            keys: required(keys, 0)?.texts()?,
            horizons_minutes: required(horizons, 1)?.int32()?,
            quantiles: required(quantiles, 2)?.fp32()?.into_iter().map(decimal).collect(),
            origin: origin.map(one_instant).transpose()?,
            model: other_version(request, model),
            ..Question::default()
        };
        let values = question.keys.len() * question.horizons_minutes.len() * question.quantiles.len();
        if values > MOST_VALUES {
            let accepted = format!("at most {MOST_VALUES} numbers");
            return Err(Error::invalid("keys x horizons_minutes x quantiles", values, accepted));
        }
        Ok(Self {
            question,
            version: match request.model_version.as_str() {
                "" => model.version(),
                version => version.to_owned(),
            },
            outputs: wanted(request)?,
            is_raw: raw > 0,
        })
    }
}

/// The inputs in the order of [`INPUTS`].
fn named(request: &oip::ModelInferRequest) -> Result<[Option<Input<'_>>; 4]> {
    let mut found = [None; 4];
    for place in 0..request.inputs.len() {
        let input = Input::of(request, place)?;
        let known = INPUTS.iter().position(|(name, ..)| *name == input.name());
        let Some(known) = known else {
            return Err(Error::invalid(
                "inputs",
                input.name(),
                names(INPUTS.map(|(name, ..)| name)),
            ));
        };
        if found[known].replace(input).is_some() {
            return Err(Error::invalid(
                "inputs",
                format!("{} twice", input.name()),
                "each input once",
            ));
        }
    }
    Ok(found)
}

fn names<const N: usize>(names: [&str; N]) -> String {
    names.join(", ")
}

fn required(input: Option<Input<'_>>, place: usize) -> Result<Input<'_>> {
    let (name, datatype, _) = INPUTS[place];
    input.ok_or_else(|| {
        Error::missing(
            name,
            format!("an input of type {datatype} and shape [n] with n at least 1"),
        )
    })
}

fn one_instant(input: Input<'_>) -> Result<Timestamp> {
    match input.int64()?.as_slice() {
        [one] => Ok(Timestamp(*one)),
        many => Err(Error::invalid(
            "origin",
            format!("of shape [{}]", many.len()),
            "shape [1]",
        )),
    }
}

/// The shortest decimal that is read as this float: 0.1 rather than 0.10000000149.
fn decimal(float: f32) -> f64 {
    float.to_string().parse().unwrap_or(f64::NAN)
}

/// The version that is asked where it is not the one in charge.
fn other_version(request: &oip::ModelInferRequest, model: &Model) -> String {
    if request.model_version == model.version() {
        return String::new();
    }
    request.model_version.clone()
}

/// The outputs that are wanted, by place; all where none is named.
fn wanted(request: &oip::ModelInferRequest) -> Result<Vec<usize>> {
    if request.outputs.is_empty() {
        return Ok((0..OUTPUTS.len()).collect());
    }
    let place = |output: &oip::model_infer_request::InferRequestedOutputTensor| {
        let place = OUTPUTS.iter().position(|(name, ..)| *name == output.name);
        place.ok_or_else(|| Error::invalid("outputs", &output.name, names(OUTPUTS.map(|(name, ..)| name))))
    };
    request.outputs.iter().map(place).collect()
}

/// Refuses what would silently be left undone.
fn check_parameters(request: &oip::ModelInferRequest) -> Result<()> {
    let inputs = request.inputs.iter().map(|input| (&input.name, &input.parameters));
    let outputs = request.outputs.iter().map(|output| (&output.name, &output.parameters));
    for (name, parameters) in inputs.chain(outputs) {
        let odd = |known: &&String| NOT_OFFERED.iter().any(|start| known.starts_with(start));
        if let Some(odd) = parameters.keys().find(odd) {
            let accepted = "no shared memory and no classification: elements in the message";
            return Err(Error::invalid(format!("{name}.parameters"), odd, accepted));
        }
    }
    Ok(())
}

//! An answer as tensors.

use std::collections::{BTreeSet, HashMap};

use arterial_datasets::time::MINUTE;
use arterial_models::registry::Target;
use arterial_proto::inference as oip;
use oip::infer_parameter::ParameterChoice;
use oip::model_infer_response::InferOutputTensor;

use super::models::OUTPUTS;
use super::request::Asked;
use super::tensor::Output;
use crate::answer::{Answer, Forecast, Question};
use crate::score::LadderStep;
use crate::state::AppState;

/// What every key has whose forecasts are all there.
const OK: &str = "OK";
/// The time of what was not forecast: the least number, which readers of instants take for none.
const NO_TIME: i64 = i64::MIN;
/// The parameter with all models that gave forecasts, the one that leads first.
const MODEL_VERSIONS: &str = "model_versions";
/// The parameter with the step of the ladder of each of them.
const STEPS_OF_LADDER: &str = "steps_of_ladder";

/// `answer` to what was `asked`, for the request `id`.
pub fn response(state: &AppState, id: String, asked: &Asked, answer: &Answer) -> oip::ModelInferResponse {
    let question = &asked.question;
    let (keys, horizons) = (question.keys.len() as i64, question.horizons_minutes.len() as i64);
    let givers = givers(answer);
    let mut response = oip::ModelInferResponse {
        model_name: format!("{}.{}", question.topic, question.target),
        model_version: givers.first().map_or_else(|| asked.version.clone(), version),
        parameters: parameters(&givers),
        id,
        ..oip::ModelInferResponse::default()
    };
    for &place in &asked.outputs {
        let (shape, output) = match place {
            0 => (
                vec![keys, horizons, question.quantiles.len() as i64],
                Output::Floats(forecasts(question, answer)),
            ),
            1 => (vec![horizons], Output::Longs(target_times(state, question, answer))),
            _ => (vec![keys], Output::Texts(statuses(question, answer))),
        };
        let (name, datatype, _) = OUTPUTS[place];
        let mut tensor = InferOutputTensor {
            name: name.into(),
            datatype: datatype.into(),
            shape,
            ..InferOutputTensor::default()
        };
        if asked.is_raw {
            response.raw_output_contents.push(output.raw());
        } else {
            tensor.contents = Some(output.typed());
        }
        response.outputs.push(tensor);
    }
    response
}

/// A step of the ladder, and name and version of the model behind it.
type Giver<'a> = (LadderStep, &'a str, &'a str);

/// Who gave the forecasts, in the order of the ladder: the one that leads first. That need not be who is in charge now.
fn givers(answer: &Answer) -> BTreeSet<Giver<'_>> {
    let (mut givers, mut before) = (BTreeSet::new(), None);
    for forecast in &answer.forecasts {
        let source = forecast.source.as_ref();
        let giver: Giver<'_> = (forecast.rung, &source.model, &source.version);
        // Most forecasts are of the same giver as the one before.
        if before.replace(giver) != Some(giver) {
            givers.insert(giver);
        }
    }
    givers
}

/// `NAME@VERSION`.
fn version((_, model, version): &Giver<'_>) -> String {
    format!("{model}@{version}")
}

/// All givers and their steps of the ladder, as texts with commas between; nothing where there are none.
fn parameters(givers: &BTreeSet<Giver<'_>>) -> HashMap<String, oip::InferParameter> {
    let mut parameters = HashMap::new();
    if givers.is_empty() {
        return parameters;
    }
    let versions: Vec<String> = givers.iter().map(version).collect();
    let steps: Vec<String> = givers.iter().map(|(rung, ..)| rung.to_string()).collect();
    for (name, words) in [(MODEL_VERSIONS, versions), (STEPS_OF_LADDER, steps)] {
        let text = ParameterChoice::StringParam(words.join(","));
        let parameter = oip::InferParameter {
            parameter_choice: Some(text),
        };
        parameters.insert(name.to_owned(), parameter);
    }
    parameters
}

/// Key x horizon x quantile in the order of the question, NaN where refused.
fn forecasts(question: &Question, answer: &Answer) -> Vec<f32> {
    let given: HashMap<(&str, i32), &Forecast> = answer
        .forecasts
        .iter()
        .map(|forecast| ((&*forecast.key, forecast.horizon_minutes), forecast))
        .collect();
    let level = |wanted: &f64| {
        answer
            .quantiles
            .iter()
            .position(|level| level.total_cmp(wanted).is_eq())
    };
    let levels: Vec<Option<usize>> = question.quantiles.iter().map(level).collect();
    let mut values = Vec::with_capacity(question.keys.len() * question.horizons_minutes.len() * levels.len());
    for key in &question.keys {
        for minutes in &question.horizons_minutes {
            let forecast = given.get(&(key.as_str(), *minutes));
            values.extend(levels.iter().map(|level| {
                let value = forecast.zip(*level).map(|(forecast, level)| forecast.values[level]);
                value.map_or(f32::NAN, |value| value as f32)
            }));
        }
    }
    values
}

/// The start of the window that each horizon means.
fn target_times(state: &AppState, question: &Question, answer: &Answer) -> Vec<i64> {
    let target = Target {
        topic: question.topic.clone(),
        field: question.target.clone(),
    };
    let newest = || Some(state.scores.get(&target)?.newest()?.origin);
    let given = answer.forecasts.first().map(|forecast| forecast.origin);
    let origin = given.or(question.origin).or_else(newest);
    let time = |minutes: &i32| origin.map_or(NO_TIME, |origin| origin.0.saturating_add(i64::from(*minutes) * MINUTE));
    question.horizons_minutes.iter().map(time).collect()
}

/// `OK` or why a forecast of the key is missing, the first in the order of refusals.
fn statuses(question: &Question, answer: &Answer) -> Vec<&'static str> {
    let mut codes: HashMap<&str, &'static str> = HashMap::new();
    for refusal in &answer.refusals {
        codes.entry(&refusal.key).or_insert(refusal.code.name());
    }
    let of_all = codes.get("").copied();
    let status = |key: &String| codes.get(key.as_str()).copied().or(of_all).unwrap_or(OK);
    question.keys.iter().map(status).collect()
}

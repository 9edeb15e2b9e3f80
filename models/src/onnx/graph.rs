//! What an ONNX file must look like before it is prepared: known operators, one input of 32-bit floats, no other files.

use tract_onnx::model::OnnxOpRegister;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto};

use super::FILE;
use crate::{Error, Result};

/// The domains of ONNX's own operators.
const DOMAINS: [&str; 2] = ["", "ai.onnx"];
/// Operators that draw random numbers: the same window would be answered differently each time.
const RANDOM: [&str; 5] = [
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
];
/// The most operators of a network, those of its branches and loops included.
const MOST_NODES: usize = 50_000;
/// How deep branches and loops may stand in each other.
const DEEPEST: usize = 8;

/// Checks `model` against the operators that are there, and gives its graph.
pub(super) fn check<'a>(model: &'a ModelProto, operators: &OnnxOpRegister) -> Result<&'a GraphProto> {
    let Some(graph) = model.graph.as_ref().filter(|graph| !graph.node.is_empty()) else {
        return Err(Error::malformed(FILE, "it holds no graph, an ONNX network is expected"));
    };
    let mut nodes = Vec::new();
    collect(graph, 0, &mut nodes)?;
    check_operators(&nodes, operators)?;
    if graph.initializer.iter().any(is_external) || nodes.iter().any(|node| has_external(node)) {
        let message = "weights stand in another file, export them into this one (`external_data=False`)";
        return Err(Error::malformed(FILE, message));
    }
    for output in &graph.output {
        let made = nodes.iter().any(|node| node.output.contains(&output.name));
        if !made {
            return Err(Error::malformed(
                FILE,
                format!("nothing computes the output `{}`", output.name),
            ));
        }
    }
    Ok(graph)
}

/// All nodes of `graph`, those of the graphs in their attributes included.
fn collect<'a>(graph: &'a GraphProto, depth: usize, nodes: &mut Vec<&'a NodeProto>) -> Result<()> {
    if depth > DEEPEST || nodes.len() + graph.node.len() > MOST_NODES {
        let message = format!("more than {MOST_NODES} operators, or graphs nested deeper than {DEEPEST}");
        return Err(Error::malformed(FILE, message));
    }
    for node in &graph.node {
        nodes.push(node);
        for inner in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            collect(inner, depth + 1, nodes)?;
        }
    }
    Ok(())
}

fn check_operators(nodes: &[&NodeProto], operators: &OnnxOpRegister) -> Result<()> {
    let known = |node: &&&NodeProto| {
        let (domain, name) = (node.domain.as_str(), node.op_type.as_str());
        DOMAINS.contains(&domain) && !RANDOM.contains(&name) && operators.0.contains_key(name)
    };
    match nodes.iter().find(|node| !known(node)) {
        None => Ok(()),
        Some(node) => Err(Error::invalid(
            "operator",
            [node.domain.as_str(), node.op_type.as_str()].join(if node.domain.is_empty() { "" } else { "." }),
            format!(
                "ONNX's own operators, as far as tract has them and without chance (node `{}`)",
                node.name
            ),
        )),
    }
}

fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

fn has_external(node: &NodeProto) -> bool {
    let tensors = node.attribute.iter().filter_map(|attribute| attribute.t.as_ref());
    let inner = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
    tensors
        .chain(inner.flat_map(|graph| &graph.initializer))
        .any(is_external)
}

/// The one input of `graph`; values that have an initial one are weights.
pub(super) fn only_input(graph: &GraphProto) -> Result<&ValueInfoProto> {
    let is_weight = |input: &ValueInfoProto| graph.initializer.iter().any(|tensor| tensor.name == input.name);
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !is_weight(input)).collect();
    let [input] = inputs[..] else {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let accepted = "one tensor of 32-bit floats that holds all channels";
        return Err(Error::invalid("inputs of the network", names.join(", "), accepted));
    };
    check_floats(input)?;
    Ok(input)
}

/// Checks that `value` is declared as a tensor of 32-bit floats.
pub(super) fn check_floats(value: &ValueInfoProto) -> Result<()> {
    let declared = value.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let kind = match declared {
        Some(type_proto::Value::TensorType(tensor)) => DataType::try_from(tensor.elem_type).ok(),
        None => None,
    };
    match kind {
        Some(DataType::Float) => Ok(()),
        other => {
            let found = other.map_or("no tensor".to_owned(), |kind| format!("{kind:?}"));
            Err(Error::invalid(
                format!("type of `{}`", value.name),
                found,
                "Float, 32 bits",
            ))
        }
    }
}

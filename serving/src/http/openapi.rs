//! The description of the HTTP interface, OpenAPI 3.1: made from the handlers, their parameters and the types that they answer with.

use arterial_datasets::stream::StreamCatalog;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::reply::same_or;
use super::windows::schemas;
use super::{alert, alerts, analytics, area_forecasts, forecasts, incidents, problem, windows};
use crate::Result;
use crate::token::PROBES;

/// What is described.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Arterial",
        description = "What a city's sensors say now and said before, what is forecast, and what is wrong.\n\n\
            Lists in parameters have commas between. Every resource comes as JSON, GeoJSON (where it has a place), CSV and as a stream \
            of Arrow batches: by `Accept`, or by `format`. Pages lead to the next one by `next_cursor`, and by the header `Link`, which is \
            all that CSV and Arrow have: their pages are as long as may be unless `limit` says otherwise. \
            Answers carry an `ETag`; with `If-None-Match` what has not changed is not sent again. Times are RFC 3339, UTC. What has no \
            data is null and says why; nothing is made up.",
    ),
    paths(
        windows::traffic,
        windows::transport,
        windows::mobility,
        incidents::list,
        analytics::kpis::list,
        analytics::zones::list,
        analytics::roads::list,
        analytics::hot_spots::list,
        alerts::list,
        alert::show,
        forecasts::list,
        area_forecasts::list,
        super::page::events::follow,
        super::livez,
        super::readyz,
        super::metrics,
        document,
    ),
    components(schemas(
        problem::ProblemDetails,
        super::names::AlertKind,
        super::names::AlertSeverity,
        super::names::AlertState,
        super::names::LanguageName,
        super::names::FormatName,
        super::names::HotSpotKindName,
        windows::MobilityTopic,
    )),
    tags(
        (name = "city", description = "What sensors, vehicles, stations and people report, in windows of five minutes"),
        (name = "analytics", description = "What follows from it"),
        (name = "forecasts", description = "What is to come"),
        (name = "alerts", description = "What is wrong"),
        (name = "service", description = "The service itself"),
    )
)]
struct Interface;

/// The description as it is sent, and its tag.
#[derive(Debug)]
pub struct Document {
    text: String,
    tag: String,
}

impl Document {
    /// Of a service with these streams.
    ///
    /// # Errors
    /// None in practice: every description has a JSON form.
    pub fn new(catalog: &StreamCatalog) -> Result<Self> {
        let mut interface = Interface::openapi();
        if let Some(components) = &mut interface.components {
            components.schemas.extend(schemas(catalog)?);
        }
        let mut interface = serde_json::to_value(interface)?;
        add_examples(&mut interface);
        add_headers(&mut interface);
        add_token(&mut interface);
        let text = serde_json::to_string(&interface)?;
        Ok(Self {
            tag: super::reply::tag(super::accept::Format::Json, text.as_bytes()),
            text,
        })
    }
}

/// The form of what is wrong.
const PROBLEM: &str = "application/problem+json";

/// Examples of parameters that stand in many places, by name.
const EXAMPLES: [(&str, &str); 11] = [
    ("keys", r#"["TS-0001", "TS-0002"]"#),
    ("zones", r#"["Z01"]"#),
    ("roads", r#"["R0001"]"#),
    ("bbox", "[10.1, 56.1, 10.3, 56.2]"),
    ("fields", r#"["key", "window_start", "quality"]"#),
    ("since", r#""2026-01-31T08:00:00Z""#),
    ("until", r#""2026-01-31T09:00:00Z""#),
    ("as_of", r#""2026-01-31T08:00:00Z""#),
    ("horizons_minutes", "[15, 30, 60]"),
    ("quantiles", "[0.1, 0.5, 0.9]"),
    ("horizon_minutes", "30"),
];

fn add_examples(interface: &mut Value) {
    let Some(paths) = interface["paths"].as_object_mut() else {
        return;
    };
    let parameters = paths
        .values_mut()
        .filter_map(|path| path["get"].get_mut("parameters")?.as_array_mut())
        .flatten();
    for parameter in parameters {
        let example = EXAMPLES.iter().find(|(name, _)| parameter["name"] == *name);
        if let Some(Ok(example)) = example.map(|(_, example)| serde_json::from_str::<Value>(example)) {
            parameter["example"] = example;
        }
    }
}

/// The headers of every page of a resource, and of what may be asked again soon.
fn add_headers(interface: &mut Value) {
    let Some(paths) = interface["paths"].as_object_mut() else {
        return;
    };
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let headers = json!({
        "ETag": text("Of what the page was made from; `If-None-Match` takes it"),
        "Link": text("The next page, `rel=\"next\"`; absent on the last one"),
        "Arterial-Left-Out": {
            "description": "What could not be told of: refused forecasts, silent sensors; absent where that is nothing",
            "schema": {"type": "integer", "minimum": 1},
        },
    });
    let pages = paths
        .values_mut()
        .filter_map(|path| path["get"]["responses"].get_mut("200"));
    for page in pages.filter(|page| page["content"]["text/csv"].is_object()) {
        page["headers"] = headers.clone();
    }
    let again = json!({"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 0}}});
    let responses = paths.values_mut().map(|path| &mut path["get"]["responses"]);
    for (status, response) in responses.filter_map(Value::as_object_mut).flatten() {
        if ["429", "503"].contains(&status.as_str()) && response["content"][PROBLEM].is_object() {
            response["headers"] = again.clone();
        }
    }
}

/// The token: a bearer, or a password with any name. A service that has none asks nobody, and probes need none.
fn add_token(interface: &mut Value) {
    interface["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "The token of `[server] token_file`"},
        "basic": {"type": "http", "scheme": "basic", "description": "The same as password, with any name"},
    });
    interface["security"] = json!([{}, {"bearer": []}, {"basic": []}]);
    let refused = json!({
        "description": "The token of this service is missing or another one",
        "headers": {"WWW-Authenticate": {"description": "How it may be brought", "schema": {"type": "string"}}},
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    });
    let Some(paths) = interface["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in paths {
        let operation = &mut item["get"];
        if PROBES.contains(&path.as_str()) {
            operation["security"] = json!([]);
        } else {
            operation["responses"]["401"] = refused.clone();
        }
    }
}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "service",
    responses(
        (status = 200, description = "The description, OpenAPI 3.1", body = Object),
        (status = 304, description = "It is as `If-None-Match` has it"),
    )
)]
pub async fn document(State(document): State<std::sync::Arc<Document>>, headers: HeaderMap) -> Response {
    let known = [("content-type", "application/json")];
    same_or(&headers, &document.tag, || {
        (known, document.text.clone()).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> Value {
        let catalog = StreamCatalog::built_in().unwrap();
        serde_json::from_str(&Document::new(&catalog).unwrap().text).unwrap()
    }

    /// Every reference of a document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = described();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_and_parameter_says_what_it_is() {
        let document = described();
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 17);
        for (path, item) in paths {
            let operation = &item["get"];
            assert!(
                operation["summary"].is_string() && operation["responses"].is_object(),
                "{path}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let is_of_path = parameter["in"] == "path";
                assert!(
                    parameter["description"].is_string() && parameter["required"] == is_of_path,
                    "{path} {name}"
                );
                if parameter["schema"]["type"] == "array" {
                    assert_eq!(parameter["explode"], false, "{path} {name}");
                }
            }
        }
    }

    #[test]
    fn the_token_may_be_a_bearer_or_a_password_or_none_at_all_and_probes_need_none() {
        let document = described();
        let schemes = &document["components"]["securitySchemes"];
        for scheme in ["bearer", "basic"] {
            assert_eq!(schemes[scheme]["scheme"], scheme);
        }
        assert_eq!(document["security"], json!([{}, {"bearer": []}, {"basic": []}]));
        for (path, item) in document["paths"].as_object().unwrap() {
            let (operation, is_probe) = (&item["get"], PROBES.contains(&path.as_str()));
            assert_eq!(operation["security"] == json!([]), is_probe, "{path}");
            assert_eq!(operation["responses"]["401"].is_object(), !is_probe, "{path}");
        }
    }

    #[test]
    fn what_may_be_asked_again_says_when_and_forecasts_may_be_too_many_or_of_an_unknown_model() {
        let document = described();
        let responses = |path: &str| document["paths"][path]["get"]["responses"].clone();
        for path in ["/v1/forecasts", "/v1/forecasts/areas"] {
            let found = responses(path);
            for status in ["429", "503"] {
                assert!(found[status]["headers"]["Retry-After"].is_object(), "{path} {status}");
            }
            assert!(found["504"].is_object(), "{path}");
        }
        assert!(responses("/v1/forecasts")["404"].is_object());
        assert!(responses("/readyz")["503"]["headers"].is_null());
    }

    #[test]
    fn windows_are_described_as_the_streams_define_them() {
        let document = described();
        let schemas = &document["components"]["schemas"];
        let speed = &schemas["TrafficWindow"]["properties"]["speed_kmh_mean"];
        assert_eq!(speed["type"], serde_json::json!(["number", "null"]));
        assert_eq!(speed["description"], "Mean of `speed_kmh` in the window; km/h");
        assert!(schemas["TrafficWindow"]["properties"]["lat"].is_object());
        assert_eq!(schemas["MobilityWindow"]["anyOf"].as_array().unwrap().len(), 3);
    }
}

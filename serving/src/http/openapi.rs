//! The description of the HTTP interface, OpenAPI 3.1.

use arterial_models::alerts::{Cause, Kind, Severity, State, Symptom};
use axum::Json;
use serde_json::{Value, json};

/// The document.
pub async fn document() -> Json<Value> {
    Json(describe())
}

fn describe() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Arterial", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": {
            "/v1/forecasts": {"get": {
                "summary": "The newest forecasts of a target, keys page by page",
                "parameters": parameters(),
                "responses": {
                    "200": {"description": "Forecasts and refusals", "content": {"application/json": {"schema": page()}}},
                    "default": {"description": "What is wrong (RFC 9457)", "content": {"application/problem+json": {"schema": problem()}}},
                },
            }},
            "/v1/alerts": {"get": {
                "summary": "The alerts at hand, the latest change first, page by page",
                "parameters": alert_parameters(),
                "responses": {
                    "200": {"description": "Alerts", "content": {
                        "application/json": {"schema": alerts()},
                        "application/geo+json": {"schema": {"type": "object", "description": "A FeatureCollection (RFC 7946), a feature an alert"}},
                    }},
                    "default": {"description": "What is wrong (RFC 9457)", "content": {"application/problem+json": {"schema": problem()}}},
                },
            }},
            "/livez": {"get": {"summary": "The process lives", "responses": {"200": {"description": "ok"}}}},
            "/readyz": {"get": {"summary": "Whether the service may be asked, and if not, why", "responses": {
                "200": {"description": "Ready"}, "503": {"description": "Not ready: `reasons` says why"},
            }}},
            "/metrics": {"get": {"summary": "Metrics in Prometheus' text format", "responses": {"200": {"description": "Metrics"}}}},
        },
    })
}

fn of(name: &str, required: bool, description: &str) -> Value {
    json!({"name": name, "in": "query", "required": required, "description": description, "schema": {"type": "string"}})
}

fn alert_parameters() -> Value {
    json!([
        of("kinds", false, "Kinds with commas between; all where absent"),
        of("states", false, "States with commas between; all where absent"),
        of("zones", false, "Zones with commas between; all where absent"),
        of("severities", false, "Severities with commas between; all where absent"),
        of("since", false, "Only what was not over before, RFC 3339"),
        of("until", false, "Only what was opened before, RFC 3339"),
        of("language", false, "Of the texts: en (default), ru or fr"),
        of("limit", false, "Alerts a page, 1 to 1000; default 100"),
        of("cursor", false, "next_cursor of the page before"),
    ])
}

fn alerts() -> Value {
    let text = json!({"type": "string"});
    let time = json!({"type": "string", "format": "date-time"});
    let known_time = json!({"type": ["string", "null"], "format": "date-time"});
    let known_text = json!({"type": ["string", "null"]});
    let number = json!({"type": "number"});
    let known_number = json!({"type": ["number", "null"]});
    let whole = json!({"type": "integer"});
    let names = |names: Vec<&str>| json!({"type": "string", "enum": names});
    let alert = json!({"type": "object", "properties": {
        "alert_id": text, "revision": whole, "sequence": whole,
        "kind": names(Kind::ALL.iter().map(|one| one.name()).collect()),
        "severity": names(Severity::ALL.iter().map(|one| one.name()).collect()),
        "state": names(State::ALL.iter().map(|one| one.name()).collect()),
        "citywide": {"type": "boolean"}, "topic": text, "target": text, "zone_id": known_text, "keys": {"type": "array", "items": text},
        "place_key": text, "lat": known_number, "lon": known_number, "road_id": known_text, "road_name": known_text,
        "since": time, "opened_at": time, "peak_at": time, "updated_at": time, "closed_at": known_time,
        "estimated_end": known_time, "score": number, "certainty": number, "impact": known_number, "seen": known_number,
        "expected_low": known_number, "expected_high": known_number,
        "cause": names(Cause::ALL.iter().map(|one| one.name()).collect()),
        "symptom": names(Symptom::ALL.iter().map(|one| one.name()).collect()), "symptom_value": known_number,
        "evidence": {"type": "array", "items": {"type": "object"}}, "text": text, "held_back_by": known_text,
        "merged_into": known_text, "acknowledged_by": known_text, "acknowledged_at": known_time, "judgement": known_text,
    }});
    let watched = json!({"type": "object", "properties": {
        "topic": text, "target": text, "next_window": known_time, "windows_learned": whole, "windows_needed": whole,
        "learning": {"type": "boolean"},
    }});
    json!({"type": "object", "properties": {
        "alerts": {"type": "array", "items": alert},
        "watched": {"type": "array", "items": watched},
        "resume_after": whole,
        "next_cursor": known_text,
    }})
}

fn parameters() -> Value {
    json!([
        of("topic", false, "The stream; default traffic-sensors"),
        of("target", false, "The field; default speed_kmh"),
        of("keys", false, "Keys with commas between; all where absent"),
        of("zones", false, "Zones whose keys are meant, with commas between"),
        of(
            "horizons_minutes",
            false,
            "Minutes from the start of the last window used (origin) to the start of the one that is forecast: multiples of the window, with commas between; default 3, 6 and 12 windows"
        ),
        of("quantiles", false, "Fractions with commas between; default 0.1,0.5,0.9"),
        of("model", false, "@champion (default), @ALIAS, NAME or NAME@VERSION"),
        of("as_of", false, "The forecast as it was served then, RFC 3339"),
        of("limit", false, "Keys a page, 1 to 1000; default 100"),
        of("cursor", false, "next_cursor of the page before"),
    ])
}

fn page() -> Value {
    let text = json!({"type": "string"});
    let time = json!({"type": "string", "format": "date-time"});
    let number = json!({"type": "number"});
    let whole = json!({"type": "integer"});
    let pair = json!({"type": "object", "properties": {"quantile": number, "value": number}});
    let forecast = json!({"type": "object", "properties": {
        "topic": text, "key": text, "target": text, "origin": time, "target_time": time, "horizon_minutes": whole,
        "quantiles": {"type": "array", "items": pair}, "model": text, "model_version": text,
        "step_of_ladder": {"type": "string", "enum": ["model", "last_good", "profile"]},
        "data_age_seconds": number, "data_digest": text, "issued_at": time,
    }});
    let codes = [
        "STALE",
        "NO_DATA",
        "OUT_OF_DOMAIN",
        "UNKNOWN_KEY",
        "UNKNOWN_TARGET",
        "HORIZON_TOO_FAR",
    ];
    let refusal = json!({"type": "object", "properties": {
        "key": text, "code": {"type": "string", "enum": codes}, "message": text, "horizon_minutes": whole,
    }});
    json!({"type": "object", "properties": {
        "forecasts": {"type": "array", "items": forecast},
        "refusals": {"type": "array", "items": refusal},
        "next_cursor": {"type": ["string", "null"]},
    }})
}

fn problem() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text}})
}

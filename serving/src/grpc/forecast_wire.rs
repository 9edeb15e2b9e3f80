//! Forecasts straight to the wire.
//!
//! Most of what an answer costs is its texts: each of its forecasts names key, model, version, step, topic, target and digest.
//! Generated messages hold a text of their own for each of them; here, what forecasts have in common is encoded once and copied.
//! The bytes mean the same to every reader (fields of a message may come in any order): a test holds them against the generated code.

use std::sync::Arc;

use prost::bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint, message};

use super::convert::refusal;
use crate::answer::{Answer, Forecast, Question};

/// Bytes of a forecast, about.
const EACH: usize = 320;

/// The fields of `ForecastResponse`.
mod response {
    pub(super) const FORECASTS: u32 = 1;
    pub(super) const REFUSALS: u32 = 2;
    pub(super) const NEXT_PAGE_TOKEN: u32 = 3;
}

/// The fields of `Forecast` and of `QuantileValue`.
mod field {
    pub(super) const KEY: u32 = 1;
    pub(super) const ORIGIN: u32 = 2;
    pub(super) const TARGET_TIME: u32 = 3;
    pub(super) const HORIZON_MINUTES: u32 = 4;
    pub(super) const QUANTILES: u32 = 5;
    pub(super) const MODEL: u32 = 6;
    pub(super) const MODEL_VERSION: u32 = 7;
    pub(super) const STEP_OF_LADDER: u32 = 8;
    pub(super) const DATA_AGE_SECONDS: u32 = 9;
    pub(super) const TOPIC: u32 = 10;
    pub(super) const TARGET: u32 = 11;
    pub(super) const ISSUED_AT: u32 = 12;
    pub(super) const DATA_DIGEST: u32 = 13;
    pub(super) const NEWEST_WINDOW: u32 = 14;
    pub(super) const NEWEST_REVISION: u32 = 15;
    pub(super) const REVISED_WINDOWS: u32 = 16;

    pub(super) const QUANTILE: u32 = 1;
    pub(super) const VALUE: u32 = 2;
}

/// A `ForecastResponse` with all fields of its forecasts but their explanations.
pub fn encode(question: &Question, answer: Answer, next_page_token: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(EACH * answer.forecasts.len() + 64);
    let (mut of_giver, mut of_key, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let mut before: Option<&Forecast> = None;
    for one in &answer.forecasts {
        if !before.is_some_and(|before| is_of_one_giver(before, one)) {
            of_giver.clear();
            put_giver(&mut of_giver, question, one);
        }
        if !before.is_some_and(|before| is_of_one_key(before, one)) {
            of_key.clear();
            put_key(&mut of_key, one);
        }
        own.clear();
        put_own(&mut own, &answer.quantiles, one);
        let length = of_key.len() + own.len() + of_giver.len();
        encode_key(response::FORECASTS, WireType::LengthDelimited, &mut out);
        encode_varint(length as u64, &mut out);
        for part in [&of_key, &own, &of_giver] {
            out.put_slice(part);
        }
        before = Some(one);
    }
    for one in answer.refusals {
        message::encode(response::REFUSALS, &refusal(one), &mut out);
    }
    if !next_page_token.is_empty() {
        put_text(response::NEXT_PAGE_TOKEN, next_page_token, &mut out);
    }
    out
}

fn is_of_one_giver(one: &Forecast, other: &Forecast) -> bool {
    Arc::ptr_eq(&one.source, &other.source)
        && (one.rung, one.origin, one.issued_at) == (other.rung, other.origin, other.issued_at)
}

/// What is the same of everything that one giver said at a time.
fn put_giver(out: &mut Vec<u8>, question: &Question, one: &Forecast) {
    put_number(field::ORIGIN, one.origin.0, out);
    put_text(field::MODEL, &one.source.model, out);
    put_text(field::MODEL_VERSION, &one.source.version, out);
    put_text(field::STEP_OF_LADDER, one.rung.name(), out);
    put_text(field::TOPIC, &question.topic, out);
    put_text(field::TARGET, &question.target, out);
    put_number(field::ISSUED_AT, one.issued_at.0, out);
    put_text(field::DATA_DIGEST, &one.source.digest, out);
}

fn is_of_one_key(one: &Forecast, other: &Forecast) -> bool {
    Arc::ptr_eq(&one.key, &other.key) && (one.age, one.revisions) == (other.age, other.revisions)
}

/// What is the same of all horizons of a key.
fn put_key(out: &mut Vec<u8>, one: &Forecast) {
    put_text(field::KEY, &one.key, out);
    put_double(field::DATA_AGE_SECONDS, one.age.seconds(), out);
    if let Some(revisions) = one.revisions {
        put_number(field::NEWEST_WINDOW, revisions.window.0, out);
        put_number(field::NEWEST_REVISION, i64::from(revisions.newest), out);
        put_number(field::REVISED_WINDOWS, i64::from(revisions.revised as i32), out);
    }
}

fn put_own(out: &mut Vec<u8>, quantiles: &[f64], one: &Forecast) {
    put_number(field::TARGET_TIME, one.target_time.0, out);
    put_number(field::HORIZON_MINUTES, i64::from(one.horizon_minutes), out);
    for (quantile, value) in quantiles.iter().zip(&one.values) {
        encode_key(field::QUANTILES, WireType::LengthDelimited, out);
        encode_varint(2 * (1 + size_of::<f64>() as u64), out);
        put_double(field::QUANTILE, *quantile, out);
        put_double(field::VALUE, *value, out);
    }
}

fn put_text(tag: u32, text: &str, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(text.len() as u64, out);
    out.put_slice(text.as_bytes());
}

/// A number of 32 or 64 bits; both are sent in the same way.
fn put_number(tag: u32, number: i64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::Varint, out);
    encode_varint(number as u64, out);
}

fn put_double(tag: u32, number: f64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::SixtyFourBit, out);
    out.put_f64_le(number);
}

#[cfg(test)]
mod tests {
    use arterial_datasets::time::{Duration, Timestamp};
    use arterial_proto::{Message, v1};

    use super::*;
    use crate::answer::Refusal;
    use crate::grpc::convert::{Asked, response};
    use crate::live::Revisions;
    use crate::score::{LadderStep, RefusalCode, Source};
    use crate::traces::Trace;

    fn asked() -> Asked {
        let request = v1::ForecastRequest {
            topic: "traffic-sensors".into(),
            target: "speed_kmh".into(),
            ..v1::ForecastRequest::default()
        };
        Asked::read(request).unwrap()
    }

    /// Two keys of two givers at two horizons, with numbers of every sign and size.
    fn answer() -> Answer {
        let source = |model: &str| {
            Arc::new(Source {
                model: model.into(),
                version: "12".into(),
                digest: "d1".repeat(32),
            })
        };
        let (model, profile) = (source("gbdt"), source("slot-of-week"));
        let (first, second): (Arc<str>, Arc<str>) = ("TS-0001".into(), "ключ".into());
        let mut forecasts = Vec::new();
        for (key, giver, rung) in [
            (&first, &model, LadderStep::Model),
            (&second, &model, LadderStep::Canary),
            (&second, &profile, LadderStep::Profile),
        ] {
            for minutes in [5, 1440] {
                forecasts.push(Forecast {
                    key: Arc::clone(key),
                    origin: Timestamp(-1),
                    target_time: Timestamp(i64::from(minutes) * 60_000_000 - 1),
                    horizon_minutes: minutes,
                    values: vec![-0.5, 0.0, f64::MAX],
                    source: Arc::clone(giver),
                    rung,
                    age: Duration(1_500_000),
                    issued_at: Timestamp(1_770_000_000_000_000),
                    revisions: (rung != LadderStep::Profile).then_some(Revisions {
                        window: Timestamp(i64::MIN / 2),
                        newest: 3,
                        revised: 0,
                    }),
                    explanation: None,
                });
            }
        }
        Answer {
            quantiles: vec![0.1, 0.5, 0.9],
            forecasts,
            refusals: vec![Refusal::new("x", RefusalCode::UnknownKey, "no such key")],
            keys: 2,
            of_keys: 9,
            next_page: String::new(),
            trace: Trace::default(),
        }
    }

    #[test]
    fn readers_find_what_the_generated_message_says() {
        for next in ["", "2"] {
            let expected = v1::ForecastResponse {
                next_page_token: next.into(),
                ..response(&asked(), answer())
            };
            let sent = encode(&asked().question, answer(), next);
            assert_eq!(v1::ForecastResponse::decode(sent.as_slice()).unwrap(), expected);
        }
        assert!(encode(&asked().question, Answer::default(), "").is_empty());
    }

    #[test]
    fn every_field_that_the_message_has_is_sent() {
        // Whoever adds a field to the message meets this test.
        let fields = format!("{:?}", v1::Forecast::default()).matches(": ").count();
        assert_eq!(fields as u32, field::REVISED_WINDOWS + 1, "all, and `explanation`");
    }
}

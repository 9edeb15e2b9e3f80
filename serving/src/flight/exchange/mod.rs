//! `DoExchange`: forecasts from windows that the client sends, by the model that answers here. Nothing of them is kept.
//!
//! The descriptor names the target: `path = [TOPIC, TARGET]`, or a command in JSON ([`Asked`]). The client sends windows as record
//! batches: `key`, `window_start`, `value`, and a column for each covariate that the model was fitted with, such as
//! `weather.precipitation_mm`. Each batch adds to what was sent before; after each the forecasts from the newest window come back, one
//! row a key and horizon, under the columns of the table `forecasts` and `status`: `OK`, or why a key has no forecast. A batch whose
//! metadata is `more` belongs to what follows, and nothing comes back for it.

mod answer;
mod scorer;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::{FlightData, FlightDescriptor};
use arterial_models::registry::Target;
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use tonic::Code;

use super::Batches;
use super::handover::handed;
use super::plain::check_plain;
use crate::admission::Crowd;
use crate::state::AppState;
use crate::{Error, Result};
pub(super) use answer::schema;
use scorer::Scorer;

/// Exchanges at the same time; the next one is refused.
pub(super) const AT_ONCE: usize = 4;
/// The longest that an exchange goes on, however busy it is: others want its place.
const LONGEST: Duration = Duration::from_mins(10);
/// A client that sends nothing for so long has left.
const PATIENCE: Duration = Duration::from_mins(1);
/// The metadata of a batch that is not the last of its windows.
const MORE: &[u8] = b"more";
const ACCEPTED: &str = r#"path = ["traffic-sensors", "speed_kmh"], or {"topic": "traffic-sensors", "target": "speed_kmh", "horizons_minutes": [15, 60]}"#;

/// What a client wants to have forecast.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The topic whose windows are sent.
    pub topic: String,
    /// The field that is forecast.
    pub target: String,
    /// `name@version`; the model in charge where absent, and the slot-of-week profile of what was sent where that has no answer.
    #[serde(default)]
    pub model: Option<String>,
    /// Only these horizons; all of the model where absent.
    #[serde(default)]
    pub horizons_minutes: Option<Vec<u32>>,
}

impl Asked {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// A path of other than two parts, a command that does not read.
    pub fn from_descriptor(descriptor: &FlightDescriptor) -> Result<Self> {
        if descriptor.r#type() == DescriptorType::Cmd {
            return serde_json::from_slice(&descriptor.cmd).map_err(|error| Error::invalid("cmd", error, ACCEPTED));
        }
        match descriptor.path.as_slice() {
            [topic, target] => Ok(Self {
                topic: topic.clone(),
                target: target.clone(),
                model: None,
                horizons_minutes: None,
            }),
            path => Err(Error::invalid("path", path.join("/"), ACCEPTED)),
        }
    }

    fn target(&self) -> Target {
        Target {
            topic: self.topic.clone(),
            field: self.target.clone(),
        }
    }
}

/// Answers what comes, at one of the `places` where clients are answered at the same time.
///
/// # Errors
/// No descriptor, one that does not read, no place that is free, a target or model that is not there.
pub(super) async fn exchange(
    state: &Arc<AppState>,
    places: &Crowd,
    mut parts: impl Stream<Item = Result<FlightData, tonic::Status>> + Send + Unpin + 'static,
) -> Result<Batches> {
    let first = tokio::time::timeout(PATIENCE, parts.next()).await.map_err(|_| left())?;
    let missing = || Error::missing("descriptor", ACCEPTED);
    let first = first.ok_or_else(missing)?.map_err(|status| cut(&status))?;
    let asked = Asked::from_descriptor(first.flight_descriptor.as_ref().ok_or_else(missing)?)?;
    let place = places.enter()?;
    let scorer = Scorer::new(state, &asked).await?;
    // The first message may hold the descriptor alone.
    let parts = stream::iter([Ok(first)])
        .chain(parts)
        .filter(|part| std::future::ready(!part.as_ref().is_ok_and(|part| part.data_header.is_empty())))
        .map(|part| {
            let part = part.map_err(|status| FlightError::Tonic(Box::new(status)))?;
            check_plain(&part)?;
            Ok(part)
        });
    let talk = Talk {
        scorer,
        decoder: FlightDataDecoder::new(parts),
    };
    Ok(handed(place, LONGEST, stream::try_unfold(talk, Talk::next).boxed()))
}

/// An exchange that is under way.
struct Talk {
    scorer: Scorer,
    decoder: FlightDataDecoder,
}

impl Talk {
    /// The next answer; none once the client is done.
    async fn next(mut self) -> Result<Option<(arrow::array::RecordBatch, Self)>> {
        loop {
            let part = tokio::time::timeout(PATIENCE, self.decoder.next())
                .await
                .map_err(|_| left())?;
            let Some(part) = part else { return Ok(None) };
            let part = part.map_err(|error| match error {
                FlightError::Tonic(status) => cut(&status),
                other => Error::invalid("windows", other, "record batches"),
            })?;
            let DecodedPayload::RecordBatch(batch) = part.payload else {
                continue;
            };
            self.scorer.take(&batch)?;
            if part.inner.app_metadata.as_ref() != MORE {
                let forecasts = self.scorer.score().await?;
                return Ok(Some((forecasts, self)));
            }
        }
    }
}

fn left() -> Error {
    Error::Query {
        code: Code::DeadlineExceeded,
        message: format!("the client sent nothing for {PATIENCE:?}"),
    }
}

/// A stream that the client or the transport ended.
fn cut(status: &tonic::Status) -> Error {
    Error::Query {
        code: status.code(),
        message: status.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_command_name_the_target() {
        let path = FlightDescriptor::new_path(vec!["traffic-sensors".into(), "speed_kmh".into()]);
        let command = FlightDescriptor::new_cmd(r#"{"topic": "traffic-sensors", "target": "speed_kmh"}"#);
        assert_eq!(
            Asked::from_descriptor(&path).unwrap(),
            Asked::from_descriptor(&command).unwrap()
        );
    }

    #[test]
    fn anything_else_is_told_what_is_accepted() {
        for wrong in [
            FlightDescriptor::new_path(vec!["forecasts".into()]),
            FlightDescriptor::new_cmd(r#"{"topic": "traffic-sensors"}"#),
            FlightDescriptor::new_cmd(r#"{"topic": "a", "target": "b", "horizon": 15}"#),
        ] {
            let error = Asked::from_descriptor(&wrong).unwrap_err().to_string();
            assert!(error.contains("horizons_minutes"), "{error}");
        }
    }
}

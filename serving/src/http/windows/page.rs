//! One page of windows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::time::Timestamp;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::LARGEST_PAGE;
use super::shape::{WindowRow, places, shaped, united};
use crate::analytics::{self, After, Columns, Range, Selection, TRAFFIC};
use crate::answer::Refusal;
use crate::http::Problem;
use crate::http::accept::Format;
use crate::http::cursor::Scope;
use crate::http::forecast_rows::{RefusalRow, members, refused};
use crate::http::geo::{feature, point};
use crate::http::params::Limit;
use crate::http::reply::{Listing, Requested};
use crate::score::RefusalCode;
use crate::state::AppState;
use crate::{Error, Result};

/// What was asked for.
pub struct Question {
    /// The streams, in order.
    pub topics: Vec<&'static str>,
    pub selection: Selection,
    /// The members of each window; all where empty.
    pub fields: Vec<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub limit: Limit<LARGEST_PAGE>,
    pub cursor: Option<String>,
}

/// A page of windows.
#[derive(Serialize, ToSchema)]
pub struct WindowPage<R> {
    /// The windows.
    pub windows: Vec<R>,
    /// How fresh each stream is.
    pub streams: Vec<StreamState>,
    /// Keys that were asked for and never reported, told of on the first page. CSV and Arrow have no room for them: the header
    /// `Arterial-Left-Out` counts them.
    pub refusals: Vec<RefusalRow>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
    /// The same by stream, with every member ...
    #[serde(skip)]
    #[schema(ignore)]
    whole: Vec<RecordBatch>,
    /// ... and with those that were asked for.
    #[serde(skip)]
    #[schema(ignore)]
    parts: Vec<RecordBatch>,
}

/// How fresh a stream is.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamState {
    /// The stream.
    #[schema(example = "traffic-sensors")]
    topic: &'static str,
    /// The start of its newest window; null where none has closed yet.
    #[schema(format = DateTime, example = "2026-01-31T08:00:00Z")]
    newest_window: Option<String>,
    /// Keys that reported within the hour before it.
    #[schema(minimum = 0)]
    keys: usize,
}

/// Where a page begins.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    topic: String,
    /// Of a time: the window of the last row.
    window: Option<i64>,
    key: String,
}

/// The answer to a question.
pub async fn answer(
    state: &Arc<AppState>,
    question: &Question,
    format: Option<Format>,
    request: &Requested,
) -> Result<Response, Problem> {
    let form = request.form::<WindowPage<WindowRow>>(format)?;
    let page = page(state, question, &request.scope(), form).await?;
    request.answer(form, &page)
}

async fn page(
    state: &Arc<AppState>,
    question: &Question,
    scope: &Scope,
    form: Format,
) -> Result<WindowPage<WindowRow>> {
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    question.selection.check("keys")?;
    let range = range(question, state.clock.now())?;
    let mut place: Option<Place> = question
        .cursor
        .as_deref()
        .map(|cursor| scope.read(cursor))
        .transpose()?;
    let mut unknown = match place {
        None => question.selection.keys.clone(),
        Some(_) => BTreeSet::new(),
    };
    let (mut parts, mut streams, mut next) = (Vec::new(), Vec::new(), None);
    let mut left = question.limit.rows(form);
    for topic in &question.topics {
        let newest = analytics::newest(state, topic).await?;
        streams.push(StreamState {
            topic,
            newest_window: newest.window.map(|window| window.to_string()),
            keys: newest.rows.num_rows(),
        });
        unknown = analytics::unknown(state, topic, &newest, unknown).await?;
        if place.as_ref().is_some_and(|place| place.topic != *topic) || next.is_some() {
            continue;
        }
        let place = place.take();
        let definition = state.live.stream(topic)?.definition();
        let (batch, more) = match range {
            None => newest_page(state, topic, &newest.rows, question, place.as_ref(), left)?,
            Some(range) => {
                let after = place.map(|place| After {
                    window: Timestamp(place.window.unwrap_or(i64::MIN)),
                    key: place.key,
                });
                let found = analytics::history(state, topic, &question.selection, range, after.as_ref(), left).await?;
                (found.0.unwrap_or_else(|| newest.rows.slice(0, 0)), found.1)
            }
        };
        left -= batch.num_rows();
        if more {
            next = last(topic, &batch, range.is_some())
                .map(|place| scope.write(&place))
                .transpose()?;
        }
        let free_flow = match range {
            None if *topic == TRAFFIC => Some(analytics::free_flow(state).await?),
            _ => None,
        };
        parts.push(shaped(&batch, definition, free_flow.as_deref())?);
    }
    if place.is_some() {
        return Err(Error::invalid(
            "cursor",
            question.cursor.as_deref().unwrap_or_default(),
            "a cursor of this question",
        ));
    }
    let (whole, parts) = (parts.clone(), chosen(&parts, &question.fields)?);
    let rows = match form {
        Format::Json => parts.iter().flat_map(WindowRow::all).collect(),
        _ => Vec::new(),
    };
    Ok(WindowPage {
        windows: rows,
        streams,
        refusals: refusals(&question.topics, &unknown),
        next_cursor: next,
        whole,
        parts,
    })
}

/// What is said of the keys that none of the streams ever reported.
fn refusals(topics: &[&str], unknown: &BTreeSet<String>) -> Vec<RefusalRow> {
    let message = format!("`{}` never reported a key of this name", topics.join("`, `"));
    let refusal = |key: &String| refused(&Refusal::new(key, RefusalCode::UnknownKey, message.as_str()));
    unknown.iter().map(refusal).collect()
}

fn range(question: &Question, now: Timestamp) -> Result<Option<Range>> {
    match (question.since, question.until) {
        (Some(since), until) => Range::new(since, until, now).map(Some),
        (None, Some(_)) => Err(Error::missing("since", "a time before `until`, RFC 3339")),
        (None, None) => Ok(None),
    }
}

/// The newest windows behind `place`, by key, and whether there are more.
fn newest_page(
    state: &AppState,
    topic: &str,
    newest: &RecordBatch,
    question: &Question,
    place: Option<&Place>,
    limit: usize,
) -> Result<(RecordBatch, bool)> {
    let rows = question.selection.rows(newest, state.live.stream(topic)?)?;
    let columns = Columns(&rows);
    let first = match place {
        Some(place) => columns
            .rows()
            .find(|row| columns.text("key", *row).is_some_and(|key| *key > *place.key))
            .unwrap_or(rows.num_rows()),
        None => 0,
    };
    let count = limit.min(rows.num_rows() - first);
    Ok((rows.slice(first, count), first + count < rows.num_rows()))
}

/// The place of the last row; where a page is full to the row, the next one begins with the next stream.
fn last(topic: &str, batch: &RecordBatch, timed: bool) -> Option<Place> {
    let columns = Columns(batch);
    let row = batch.num_rows().checked_sub(1);
    Some(Place {
        topic: topic.to_owned(),
        window: match row {
            Some(row) if timed => Some(columns.instant("window_start", row)?.0),
            _ => None,
        },
        key: row
            .and_then(|row| columns.text("key", row))
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The members that were asked for, in the order in which they were.
fn chosen(parts: &[RecordBatch], fields: &[String]) -> Result<Vec<RecordBatch>> {
    if fields.is_empty() {
        return Ok(parts.to_vec());
    }
    let schemas: Vec<_> = parts.iter().map(RecordBatch::schema).collect();
    for field in fields {
        if schemas.iter().all(|schema| schema.index_of(field).is_err()) {
            let known = schemas.iter().flat_map(|schema| schema.fields());
            let mut known: Vec<&str> = known.map(|field| field.name().as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(Error::invalid("fields", field, known.join(", ")));
        }
    }
    let project = |(part, schema): (&RecordBatch, &arrow::datatypes::SchemaRef)| {
        let mut places: Vec<usize> = Vec::with_capacity(fields.len());
        for place in fields.iter().filter_map(|field| schema.index_of(field).ok()) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(part.project(&places)?)
    };
    parts.iter().zip(&schemas).map(project).collect()
}

impl Listing for WindowPage<WindowRow> {
    fn table(&self) -> Result<RecordBatch> {
        united(&self.parts)
    }

    fn features(&self) -> Result<Vec<Value>> {
        let mut features = Vec::new();
        for (whole, part) in self.whole.iter().zip(&self.parts) {
            let columns = Columns(whole);
            for ((row, (lat, lon)), window) in columns.rows().zip(places(whole)).zip(WindowRow::all(part)) {
                let text = |name: &str| columns.text(name, row).unwrap_or_default();
                let start = columns.instant("window_start", row).map(|start| start.to_string());
                let id = format!("{}+{}+{}", text("topic"), text("key"), start.unwrap_or_default());
                features.push(feature(&id, &point(lat, lon), &window)?);
            }
        }
        Ok(features)
    }

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn members(&self) -> Map<String, Value> {
        members(self.next_cursor(), &self.refusals)
    }

    fn left_out(&self) -> usize {
        self.refusals.len()
    }
}

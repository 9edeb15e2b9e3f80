//! From a page of rows to an HTTP answer: its form, its tag, and the way to the next page.

use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::accept::{Format, choose};
use super::cursor::Scope;
use super::{Problem, csv, params};
use crate::{Error, Result};

/// Longer queries are refused.
const LONGEST_QUERY: usize = 16_384;
/// Kept for the sake of a quick answer, and asked for again each time.
const REVALIDATE: &str = "no-cache";

/// One page of a resource. As JSON it is what it serialises to.
pub trait Listing: Serialize {
    /// The forms that it has.
    const FORMS: &'static [Format] = &Format::ALL;

    /// The rows as a table without lists.
    ///
    /// # Errors
    /// Rows that do not fit their columns.
    fn table(&self) -> Result<RecordBatch>;

    /// The rows as GeoJSON features.
    ///
    /// # Errors
    /// Rows that have no JSON form.
    fn features(&self) -> Result<Vec<Value>>;

    /// Where the next page begins; none on the last one.
    fn next_cursor(&self) -> Option<&str>;

    /// What a collection of features tells beside them.
    fn members(&self) -> Map<String, Value> {
        Map::from_iter([("next_cursor".to_owned(), self.next_cursor().into())])
    }

    /// What the page is made from, where that is another thing than what it says: ages grow while nothing changes.
    fn made_from(&self) -> Option<Vec<u8>> {
        None
    }

    /// What could not be told of, where the rows alone do not say.
    fn left_out(&self) -> usize {
        0
    }
}

/// A request for a page.
pub struct Asked<Q> {
    /// Its parameters.
    pub query: Q,
    /// The rest of it.
    pub request: Requested,
}

/// What of a request the answer depends on, beside its parameters.
pub struct Requested {
    path: String,
    query: String,
    headers: HeaderMap,
}

impl<Q: DeserializeOwned + Send, S: Sync> FromRequestParts<S> for Asked<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > LONGEST_QUERY {
            let found = format!("{} bytes", query.len());
            return Err(Problem {
                status: StatusCode::URI_TOO_LONG,
                error: Error::invalid("query", found, format!("at most {LONGEST_QUERY} bytes")),
            });
        }
        Ok(Self {
            query: params::read(query)?,
            request: Requested {
                path: parts.uri.path().to_owned(),
                query: query.to_owned(),
                headers: parts.headers.clone(),
            },
        })
    }
}

impl Requested {
    /// What cursors of this question are good for.
    pub fn scope(&self) -> Scope {
        Scope::of(&self.path, &self.query)
    }

    /// The form that the answer takes.
    ///
    /// # Errors
    /// None that is offered is accepted.
    pub fn form<L: Listing>(&self, asked: Option<Format>) -> Result<Format, Problem> {
        choose(asked, &self.headers, L::FORMS)
    }

    /// The answer: the page, or that it is as the client has it (304).
    ///
    /// # Errors
    /// A page that cannot be written.
    pub fn answer(&self, format: Format, page: &impl Listing) -> Result<Response, Problem> {
        let body = write(format, page)?;
        let made_from = page.made_from();
        let tag = tag(format, made_from.as_deref().unwrap_or(&body));
        let mut response = same_or(&self.headers, &tag, || {
            ([(header::CONTENT_TYPE, format.content_type())], body).into_response()
        });
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        let mut put = |name: header::HeaderName, text: &str| {
            // Only what came in a request line, and numbers.
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        if let Some(cursor) = page.next_cursor() {
            // Relative to what was asked for, as a gateway may have another path for it.
            let next = format!("<?{}>; rel=\"next\"", self.with_cursor(cursor));
            put(header::LINK, &next);
        }
        if page.left_out() > 0 {
            put(
                header::HeaderName::from_static("arterial-left-out"),
                &page.left_out().to_string(),
            );
        }
        Ok(response)
    }

    fn with_cursor(&self, cursor: &str) -> String {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs.filter(|(name, _)| name != "cursor"))
            .append_pair("cursor", cursor)
            .finish()
    }
}

/// What `answer` gives, or 304 where the client has what is called `tag`.
pub fn same_or(headers: &HeaderMap, tag: &str, answer: impl FnOnce() -> Response) -> Response {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let is_known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim() == "*" || opaque(one) == opaque(tag));
    let response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        answer()
    };
    let caching = [(header::ETAG, tag), (header::CACHE_CONTROL, REVALIDATE)];
    (caching, response).into_response()
}

/// A weak tag: compression changes the bytes and not what they say.
pub fn tag(format: Format, content: &[u8]) -> String {
    let mut digest = Sha256::new_with_prefix(format.name());
    digest.update(content);
    let mut number = [0; 8];
    number.copy_from_slice(&digest.finalize()[..8]);
    format!("W/\"{:016x}\"", u64::from_be_bytes(number))
}

fn write(format: Format, page: &impl Listing) -> Result<Vec<u8>> {
    let mut body = match format {
        Format::Json => serde_json::to_vec(page)?,
        Format::GeoJson => {
            let mut collection = page.members();
            collection.insert("type".to_owned(), "FeatureCollection".into());
            collection.insert("features".to_owned(), page.features()?.into());
            serde_json::to_vec(&collection)?
        }
        Format::Csv => return csv::write(&page.table()?),
        Format::Arrow => {
            let table = page.table()?;
            let mut body = Vec::new();
            let mut writer = StreamWriter::try_new(&mut body, &table.schema())?;
            writer.write(&table)?;
            writer.finish()?;
            drop(writer);
            return Ok(body);
        }
    };
    body.push(b'\n');
    Ok(body)
}

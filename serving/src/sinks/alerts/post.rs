//! One POST to a receiver, and what its answer means.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use super::secret::Secret;
use crate::alerts::Undelivered;
use crate::{Error, Result};

/// How much of an answer is read.
const ANSWER_BYTES: usize = 4096;
/// How much of it is told.
const TOLD: usize = 200;
/// The longest that a receiver may ask to be left alone: longer, and a wrong answer would silence it for good.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// A client that follows no redirects, as what it sends is meant for one receiver, and takes no longer than `timeout`.
///
/// # Errors
/// A system whose certificates cannot be read.
pub fn client(timeout: Duration) -> Result<Client> {
    Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("arterial/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::Background(told(&error)))
}

/// Sends a request; whatever is said of a failure has neither address nor any of `hidden` in it.
///
/// # Errors
/// [`Undelivered::Never`] where the receiver finds fault with this alert (400, 413, 422), or has gone for good (410);
/// [`Undelivered::Later`] for anything else but 2xx: what is wrong with the receiver can be mended.
pub async fn send(request: RequestBuilder, hidden: &[Secret]) -> Result<(), Undelivered> {
    let hide = |text: &str| Secret::hide_all(hidden, text);
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Err(Undelivered::later(hide(&told(&error)))),
    };
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let asked = asked_for(response.headers());
    let answer = beginning(response).await;
    let asked = asked
        .or_else(|| asked_in(&answer))
        .map(|pause| pause.min(LONGEST_ASKED));
    let text: String = answer.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = hide(&text)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(TOLD)
        .collect();
    let reason = format!("{status} {text}").trim_end().to_owned();
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::GONE => Err(Undelivered::Never { reason }),
        _ => Err(Undelivered::Later { reason, after: asked }),
    }
}

/// An error of the client with its causes and without the address, which can hold a token.
fn told(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the request failed"
    };
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    // The innermost cause says it; those around it repeat what was tried, with addresses.
    match causes.pop() {
        Some(cause) => format!("{what}: {cause}"),
        None => what.into(),
    }
}

async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= ANSWER_BYTES {
            break;
        }
    }
    bytes.truncate(ANSWER_BYTES);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The Bot API puts the time into the answer.
fn asked_in(answer: &str) -> Option<Duration> {
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    let seconds = answer.get("parameters")?.get("retry_after")?.as_u64()?;
    Some(Duration::from_secs(seconds))
}

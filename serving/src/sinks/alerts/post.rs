//! One POST to a receiver, and what its answer means.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
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
    send_unless(request, hidden, |_| None).await
}

/// The same, where a receiver may refuse alerts for what has nothing to do with them: `remedy` finds in such an answer what is to be done,
/// and the alert is tried later.
///
/// # Errors
/// As [`send`].
pub async fn send_unless(
    request: RequestBuilder,
    hidden: &[Secret],
    remedy: fn(&str) -> Option<String>,
) -> Result<(), Undelivered> {
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
    let later = |reason: String| Undelivered::Later {
        reason,
        after: asked,
        answered: true,
    };
    if let Some(remedy) = remedy(&answer) {
        return Err(later(format!("{remedy} ({reason})")));
    }
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::GONE => Err(Undelivered::Never { reason }),
        _ => Err(later(reason)),
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

/// How long the receiver asks to be left alone: so many seconds, or up to a time of its own clock, which its `Date` tells.
fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let lasting = time(asked)?.duration_since(time(text(DATE)?)?);
    Duration::try_from(lasting).ok()
}

/// The Bot API puts the time into the answer.
fn asked_in(answer: &str) -> Option<Duration> {
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    let seconds = answer.get("parameters")?.get("retry_after")?.as_u64()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_receiver_asks_for_seconds_or_for_a_time_of_its_own_clock() {
        let asked = |retry_after: &'static str| {
            let date = HeaderValue::from_static("Fri, 31 Dec 1999 23:59:00 GMT");
            let retry_after = HeaderValue::from_static(retry_after);
            asked_for(&HeaderMap::from_iter([(DATE, date), (RETRY_AFTER, retry_after)]))
        };
        assert_eq!(asked("120"), Some(Duration::from_mins(2)));
        assert_eq!(asked("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::from_secs(59)));
        assert_eq!(asked("Fri, 31 Dec 1999 23:58:00 GMT"), None, "it is over");
        assert_eq!(asked("soon"), None);
        let alone = HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT");
        assert_eq!(asked_for(&HeaderMap::from_iter([(RETRY_AFTER, alone)])), None);
    }
}

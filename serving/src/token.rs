//! The token of the service: where one is set, whoever calls has to bring it, but for probes, health and reflection.
//!
//! Clients of Flight SQL log in first: they send a name and a password, and go on with the bearer that comes back. Here the password is
//! the token, and so is the bearer. Browsers cannot send a bearer for a page or for its events, but ask for a name and a password where
//! they are challenged to: over HTTP the token is taken as a password, too.

use std::fmt;

use axum::extract::State;
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse};
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use futures::future::{Either, Ready, ready};
use ring::hmac::{HMAC_SHA256, Key, Tag, sign, verify};
use tonic::Status;
use tonic::codegen::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::metadata::AsciiMetadataValue;
use tower::Service;

use crate::around::Surround;
use crate::calls::is_upkeep;
use crate::http::Problem;
use crate::seal::chance;
use crate::sinks::alerts::secret::SecretPlace;
use crate::{Error, Result};

/// The configuration key that names the file.
const FIELD: &str = "server.token_file";
/// The fewest characters of a token.
const SHORTEST: usize = 16;
/// Where clients of Flight log in.
const HANDSHAKE: &str = "/arrow.flight.protocol.FlightService/Handshake";
/// How the token may be brought over HTTP; browsers ask people for it where they are told the second.
const CHALLENGES: [&str; 2] = ["Bearer", "Basic realm=\"arterial\""];
/// How name and password are written. The clients of Arrow for Go, ADBC among them, leave the padding out.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// What is answered to anybody over HTTP.
pub(crate) const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// A token that can be compared with and is not kept itself: only its HMAC under a key that is drawn at the start.
#[derive(Clone)]
pub(crate) struct Token {
    key: Key,
    tag: Tag,
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

impl Token {
    /// The token in `file`; none where no file is named.
    ///
    /// # Errors
    /// A file that cannot be read, or without a token of at least [`SHORTEST`] characters. The token is in no message.
    pub fn read(file: &str) -> Result<Option<Self>> {
        if file.is_empty() {
            return Ok(None);
        }
        let secret = SecretPlace::File(file.into()).read(FIELD)?;
        let text = secret.reveal();
        // What else there is does not get through a header.
        if text.len() < SHORTEST || !text.bytes().all(|letter| letter.is_ascii_graphic()) {
            let accepted =
                format!("a file with a token of {SHORTEST} or more letters, digits and signs of ASCII, without spaces");
            return Err(Error::invalid(FIELD, file, accepted));
        }
        Ok(Some(Self::new(text)))
    }

    fn new(text: &str) -> Self {
        let key = Key::new(HMAC_SHA256, format!("{}{}", chance(), chance()).as_bytes());
        let tag = sign(&key, text.as_bytes());
        Self { key, tag }
    }

    /// Whether `given` is the token; how long that takes says nothing of how much of it is right.
    fn is(&self, given: &str) -> bool {
        verify(&self.key, given.as_bytes(), self.tag.as_ref()).is_ok()
    }

    /// The token, where it is among the headers: as a bearer, or as a password where one is taken.
    fn among(&self, headers: &HeaderMap, takes_password: bool) -> Option<String> {
        let values = headers.get_all(AUTHORIZATION).iter();
        let mut brought = values.filter_map(|value| given(value.to_str().ok()?, takes_password));
        brought.find(|token| self.is(token))
    }
}

/// What the value of a header `authorization` gives for the token.
fn given(value: &str, takes_password: bool) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !takes_password || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASIC.decode(rest.trim()).ok()?).ok()?;
    let (_, password) = pair.split_once(':')?;
    Some(password.to_owned())
}

/// Somebody who logged in with the token.
#[derive(Clone)]
pub(crate) struct Login(String);

impl Login {
    /// The header that the client brings from now on.
    ///
    /// # Errors
    /// None in practice: it came in a header.
    pub fn bearer(&self) -> Result<AsciiMetadataValue> {
        let value = format!("Bearer {}", self.0).parse();
        value.map_err(|_| Error::Background("a token that is no header".to_owned()))
    }
}

/// Around a service, it has callers bring the token, where there is one.
impl<S, B, R> Surround<S, Request<B>> for Option<Token>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Future = Either<Ready<Result<Response<R>, S::Error>>, S::Future>;

    fn surround(&self, inner: &mut S, mut request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        if let Some(token) = self
            && !is_upkeep(path)
        {
            let Some(given) = token.among(request.headers(), path == HANDSHAKE) else {
                return Either::Left(ready(Ok(Status::from(Error::NoToken).into_http())));
            };
            request.extensions_mut().insert(Login(given));
        }
        Either::Right(inner.call(request))
    }
}

/// Lets those HTTP requests on that bring the token, and probes.
pub(crate) async fn guard(
    State(token): State<Token>,
    request: axum::extract::Request,
    next: Next,
) -> axum::response::Response {
    if PROBES.contains(&request.uri().path()) || token.among(request.headers(), true).is_some() {
        return next.run(request).await;
    }
    let challenges = AppendHeaders(CHALLENGES.map(|challenge| (WWW_AUTHENTICATE, challenge)));
    (challenges, Problem::from(Error::NoToken)).into_response()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as PADDED, STANDARD_NO_PAD as BARE};

    use super::*;

    const TEXT: &str = "0123456789abcdef";

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_bearer_is_taken_anywhere_and_a_password_where_one_is_taken() {
        let token = Token::new(TEXT);
        let basic = format!("Basic {}", PADDED.encode(format!("anybody:{TEXT}")));
        let bearer = format!("bearer {TEXT}");
        assert_eq!(token.among(&headers(&[&bearer]), false).as_deref(), Some(TEXT));
        assert_eq!(token.among(&headers(&[&basic]), true).as_deref(), Some(TEXT));
        assert_eq!(token.among(&headers(&[&basic, &bearer]), false).as_deref(), Some(TEXT));
        assert_eq!(token.among(&headers(&[&basic]), false), None);
        for wrong in [
            "",
            "Bearer",
            "Bearer 0123456789abcdeX",
            "Basic !",
            "Digest 0123456789abcdef",
        ] {
            assert_eq!(token.among(&headers(&[wrong]), true), None, "{wrong}");
        }
        assert_eq!(token.among(&HeaderMap::new(), true), None);
    }

    #[test]
    fn a_password_is_read_with_and_without_padding() {
        let token = Token::new(TEXT);
        for name in ["", "a", "ab", "abc"] {
            let pair = format!("{name}:{TEXT}");
            for encoded in [PADDED.encode(&pair), BARE.encode(&pair)] {
                let basic = format!("Basic {encoded}");
                assert_eq!(token.among(&headers(&[&basic]), true).as_deref(), Some(TEXT), "{basic}");
            }
        }
    }

    #[test]
    fn a_file_holds_a_token_of_sixteen_characters_or_more() {
        assert!(Token::read("").unwrap().is_none());
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        std::fs::write(path, format!(" {TEXT}\n")).unwrap();
        assert!(Token::read(path).unwrap().is_some_and(|token| token.is(TEXT)));
        for wrong in ["short", "", "with spaces it is no token", "жжжжжжжжжжжжжжжж"] {
            std::fs::write(path, wrong).unwrap();
            let error = Token::read(path).unwrap_err().to_string();
            assert!(error.starts_with("`server.token_file`"), "{error}");
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
        assert!(Token::read("/no/such/file").is_err());
    }
}

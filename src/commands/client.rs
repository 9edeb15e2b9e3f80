//! What the commands that talk to a running service share.

use std::path::PathBuf;
use std::time::Duration;

use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::paint::columns;
use crate::outcome::Usage;

/// Where the running service is.
#[derive(Debug, clap::Args)]
pub struct Service {
    /// The service's gRPC address.
    #[arg(
        long,
        env = "ARTERIAL_ENDPOINT",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL"
    )]
    pub endpoint: String,
    /// How long an answer may take, in seconds.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// A file with the token that the service asks for, where it asks for one.
    #[arg(long, env = "ARTERIAL_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// A channel whose calls bring the token.
pub type Connection = InterceptedService<Channel, Bearer>;

/// Puts a token into every call, where there is one.
#[derive(Clone)]
pub struct Bearer(Option<AsciiMetadataValue>);

impl Bearer {
    fn of(token: Option<&str>) -> Result<Self, Usage> {
        let Some(token) = token else { return Ok(Self(None)) };
        match format!("Bearer {token}").parse::<AsciiMetadataValue>() {
            Ok(mut value) => {
                value.set_sensitive(true);
                Ok(Self(Some(value)))
            }
            Err(_) => Err(Usage(
                "`--token-file` has no token, accepted: a file with letters, digits and signs of ASCII".into(),
            )),
        }
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

impl Service {
    /// Connects; every call brings the token.
    ///
    /// # Errors
    /// As [`channel`](Self::channel) and [`token`](Self::token).
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let bearer = Bearer::of(self.token()?.as_deref())?;
        Ok(InterceptedService::new(self.channel().await?, bearer))
    }

    /// The token for those who put it into their calls themselves; none where no file is named.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn token(&self) -> Result<Option<String>, Usage> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            Usage(format!(
                "`--token-file` is `{path}`, accepted: a file that can be read ({error})"
            ))
        })?;
        Ok(Some(text.trim().to_owned()))
    }

    /// Connects, without a token.
    ///
    /// # Errors
    /// An address that is none, a service that cannot be reached.
    pub async fn channel(&self) -> anyhow::Result<Channel> {
        let text = if self.endpoint.contains("://") {
            self.endpoint.clone()
        } else {
            format!("http://{}", self.endpoint)
        };
        let endpoint = Endpoint::from_shared(text).map_err(|error| {
            Usage(format!(
                "`endpoint` is `{}`, accepted: an address such as http://127.0.0.1:50051 ({error})",
                self.endpoint
            ))
        })?;
        let endpoint = endpoint
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(self.timeout));
        let connected = endpoint.connect().await;
        connected.map_err(|error| unanswered(&self.endpoint, &error))
    }
}

/// That nobody answers. Of the causes only the last says something.
fn unanswered(endpoint: &str, error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    anyhow::anyhow!(
        "no service answers at `{endpoint}` ({cause}): is it running (`arterial demo`, `arterial run`)? `--endpoint URL` asks another"
    )
}

/// What tonic says where an answer takes longer than the caller waits.
const EXPIRED: &str = "Timeout expired";
/// What it says where the other side breaks off, such as a port of HTTP.
const BROKEN_OFF: [&str; 2] = ["transport error", "operation was canceled"];

/// What a failed call means: a wrong request exits with 2, anything else with 1. The service's own sentence says more than the
/// general one of its code.
pub fn failed(status: &Status) -> anyhow::Error {
    let said = status.message();
    match status.code() {
        Code::InvalidArgument | Code::NotFound => Usage(said.to_owned()).into(),
        Code::Unauthenticated => anyhow::anyhow!("{said}: `--token-file FILE` or ARTERIAL_TOKEN_FILE gives it"),
        Code::Cancelled if said == EXPIRED => {
            anyhow::anyhow!("no answer within the time that `--timeout` gives: `--timeout SECONDS` takes more")
        }
        _ if BROKEN_OFF.contains(&said) => anyhow::anyhow!(
            "the connection broke off ({said}): does the service still run, and is `--endpoint` its port of gRPC, not that of HTTP?"
        ),
        code if said.is_empty() => anyhow::anyhow!("the call failed: {}", code.description()),
        _ => anyhow::anyhow!("{said}"),
    }
}

/// Rows under heads, every column as wide as its widest cell; numbers to the right. Cells may be painted.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heads.iter().map(|head| columns(head)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, &width)| {
            let room = " ".repeat(width - columns(cell));
            if cell.parse::<f64>().is_ok() {
                format!("{room}{cell}")
            } else {
                format!("{cell}{room}")
            }
        });
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(&mut heads.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["sensor-001".into(), "7.5".into()],
            vec!["b".into(), "12.25".into()],
        ];
        assert_eq!(
            table(&["key", "p50"], &rows),
            "key         p50\nsensor-001    7.5\nb           12.25\n"
        );
    }

    #[test]
    fn a_token_goes_into_every_call() {
        let call = |token: Option<&str>| {
            let request = Bearer::of(token).unwrap().call(Request::new(())).unwrap();
            request.metadata().get("authorization").cloned()
        };
        assert_eq!(call(Some("0123456789abcdef")).unwrap(), "Bearer 0123456789abcdef");
        assert_eq!(call(None), None);
        assert!(Bearer::of(Some("two\nlines")).is_err());
    }

    #[test]
    fn a_wrong_request_is_wrong_usage() {
        let error = failed(&Status::invalid_argument("`topic` is `x`, accepted: parking"));
        assert!(error.is::<Usage>());
        let error = failed(&Status::unavailable("starting"));
        assert!(!error.is::<Usage>());
        assert_eq!(error.to_string(), "starting");
    }

    #[test]
    fn who_waits_too_shortly_or_brings_no_token_is_told_the_option() {
        let late = failed(&Status::cancelled(EXPIRED)).to_string();
        assert!(late.contains("`--timeout SECONDS`"), "{late}");
        let stranger = failed(&Status::unauthenticated("a token is missing")).to_string();
        assert!(
            stranger.starts_with("a token is missing") && stranger.contains("--token-file"),
            "{stranger}"
        );
    }

    #[test]
    fn who_asks_a_port_of_http_is_told_of_the_other_one() {
        let said = failed(&Status::unknown("transport error")).to_string();
        assert!(said.contains("its port of gRPC, not that of HTTP"), "{said}");
    }

    #[test]
    fn a_service_that_is_not_there_is_told_with_one_cause() {
        let error = anyhow::anyhow!("Connection refused").context("transport error");
        let said = unanswered("http://a:1", &*error).to_string();
        assert!(
            said.starts_with("no service answers at `http://a:1` (Connection refused)"),
            "{said}"
        );
    }
}

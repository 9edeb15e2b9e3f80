//! Receivers as they are configured: `[alerts.sinks.NAME]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::{Clock, Duration, HOUR, MINUTE, SECOND};
use arterial_models::alerts::{AlertSettings, Language};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::alertmanager::Alertmanager;
use super::choice::{Choice, Tell};
use super::kafka::{KafkaAlerts, TOPIC};
use super::post::client;
use super::receiver::{Chosen, Receiver};
use super::secret::{Secret, SecretPlace};
use super::signature::SigningKeys;
use super::telegram::Telegram;
use super::webhook::Webhook;
use crate::alerts::AlertSink;
use crate::sinks::kafka::KafkaWriter;
use crate::{Error, Result};

/// Where Telegram's Bot API is.
const TELEGRAM: &str = "https://api.telegram.org";
/// How long an answer may take.
const TIMEOUT: Duration = Duration(10 * SECOND);
/// A revision that was not taken for so long becomes a dead letter.
const GIVE_UP_AFTER: Duration = Duration(24 * HOUR);
/// An open alert of which Alertmanager hears nothing more ends so long after.
const HOLDS: Duration = Duration(5 * MINUTE);

/// The name of the sink that publishes every revision, where none is configured.
const RESULTS: &str = "kafka.results";
/// What a receiver of Kafka needs.
const PUBLISHING: &str = "kafka where `kafka.brokers` is set and `kafka.publish_results` is true";

/// What a receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// An address that takes signed webhooks.
    Webhook,
    /// Prometheus' Alertmanager.
    Alertmanager,
    /// A chat of Telegram.
    Telegram,
    /// A topic of the brokers that are configured.
    Kafka,
}

impl SinkKind {
    /// The keys that this kind takes, beside those that all take.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Webhook => &["url", "secret_file", "secret_env", "timeout"],
            Self::Alertmanager => &["url", "token_file", "token_env", "timeout", "holds"],
            Self::Telegram => &["url", "token_file", "token_env", "chat", "timeout"],
            Self::Kafka => &["topic"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
            Self::Telegram => "telegram",
            Self::Kafka => "kafka",
        }
    }
}

/// One receiver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkSettings {
    /// What it is: `webhook`, `alertmanager`, `telegram` or `kafka`.
    pub kind: SinkKind,
    /// Where it is: http or https. Telegram has the Bot API's own as a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file with the secrets that webhooks are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<String>,
    /// The environment variable that holds them instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// A file with the bot's token, or the bearer token of Alertmanager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// The environment variable that holds it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Telegram's chat: a number, or the `@name` of a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// Kafka's topic, without the prefix. Default `alerts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The language of texts: `en`, `ru` or `fr`. Default: that of `[alerts]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// `all` for every revision, `changes` for what people should know of. Default `changes` for Telegram, `all` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tell: Option<Tell>,
    /// How long an answer may take. Default `10s`; `100ms` to `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How long an open alert lives in Alertmanager without being told again. Default `5m`; `1m` to `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Duration>,
    /// A revision that was not taken for so long becomes a dead letter. Default `24h`; `0s` to `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<Duration>,
}

/// What sinks are made of, beside their settings.
pub struct Surroundings<'a> {
    /// How alerts are routed and worded.
    pub alerts: &'a AlertSettings,
    /// The name of the site.
    pub site: &'a str,
    /// The clock of the world.
    pub clock: Arc<dyn Clock>,
    /// The brokers, where results are published.
    pub writer: Option<KafkaWriter>,
}

impl SinkSettings {
    /// Checks every value of the receiver `name`, and reads the secrets that it names, so that a wrong one is not found out by the
    /// first alert.
    ///
    /// # Errors
    /// The first key that is missing, wrong, or not for this kind.
    pub fn check(&self, name: &str) -> Result<()> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if name.is_empty() || !name.chars().all(fits) {
            return Err(Error::invalid(
                "alerts.sinks",
                name,
                "names of letters, digits, `-` and `_`",
            ));
        }
        self.check_keys(name)?;
        for (key, value, lowest, highest) in [
            ("timeout", self.timeout, SECOND / 10, 5 * MINUTE),
            ("holds", self.holds, MINUTE, 24 * HOUR),
            ("give_up_after", self.give_up_after, 0, 30 * 24 * HOUR),
        ] {
            if let Some(value) = value.filter(|value| !(lowest..=highest).contains(&value.0)) {
                let accepted = format!("{} to {}", Duration(lowest), Duration(highest));
                return Err(Error::invalid(key_of(name, key), value, accepted));
            }
        }
        match self.kind {
            SinkKind::Webhook => self.signing_keys(name).and_then(|_| self.address(name, None)).map(drop),
            SinkKind::Alertmanager => self.token(name).and_then(|_| self.address(name, None)).map(drop),
            SinkKind::Telegram => self.telegram(name).map(drop),
            SinkKind::Kafka => check_topic(name, self.topic.as_deref().unwrap_or(TOPIC)),
        }
    }

    fn check_keys(&self, name: &str) -> Result<()> {
        let given = [
            ("url", self.url.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("secret_env", self.secret_env.is_some()),
            ("token_file", self.token_file.is_some()),
            ("token_env", self.token_env.is_some()),
            ("chat", self.chat.is_some()),
            ("topic", self.topic.is_some()),
            ("timeout", self.timeout.is_some()),
            ("holds", self.holds.is_some()),
        ];
        let known = self.kind.keys();
        match given.iter().find(|(key, given)| *given && !known.contains(key)) {
            Some((key, _)) => {
                let accepted = format!("kind, language, tell, give_up_after, {}", known.join(", "));
                Err(Error::invalid(
                    format!("alerts.sinks.{name}"),
                    key,
                    format!("keys of a {}: {accepted}", self.kind.name()),
                ))
            }
            None => Ok(()),
        }
    }

    /// The sink, named `name`.
    ///
    /// # Errors
    /// As [`SinkSettings::check`]; a sink of Kafka where no results are published.
    pub fn build(&self, name: &str, around: &Surroundings) -> Result<Arc<dyn AlertSink>> {
        self.check(name)?;
        let choice = self.choice(name, around.alerts);
        let client = client(self.timeout.unwrap_or(TIMEOUT).to_std())?;
        let clock = Arc::clone(&around.clock);
        Ok(match self.kind {
            SinkKind::Webhook => chosen(
                choice,
                Webhook {
                    url: self.address(name, None)?,
                    keys: self.signing_keys(name)?,
                    client,
                    clock,
                },
            ),
            SinkKind::Alertmanager => chosen(
                choice,
                Alertmanager {
                    url: self.address(name, None)?,
                    token: self.token(name)?,
                    site: around.site.into(),
                    holds: self.holds.unwrap_or(HOLDS),
                    client,
                    clock,
                    open: std::sync::Mutex::default(),
                },
            ),
            SinkKind::Telegram => {
                let (api, token, chat) = self.telegram(name)?;
                chosen(
                    choice,
                    Telegram {
                        api,
                        token,
                        chat,
                        client,
                    },
                )
            }
            SinkKind::Kafka => {
                let missing = || Error::invalid(key_of(name, "kind"), "kafka", PUBLISHING);
                let topic = self.topic.clone().unwrap_or_else(|| TOPIC.into());
                let writer = around.writer.clone().ok_or_else(missing)?;
                chosen(choice, KafkaAlerts { topic, writer })
            }
        })
    }

    /// Leaves of its address what cannot be secret.
    pub fn blank(&mut self) {
        let Some(text) = &self.url else { return };
        let is_plain = |url: &Url| {
            let has_user = !url.username().is_empty() || url.password().is_some();
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !has_user
        };
        let shown = match Url::parse(text) {
            Ok(url) if is_plain(&url) => return,
            Ok(url) => format!("{}/***", url.origin().ascii_serialization()),
            Err(_) => "***".into(),
        };
        self.url = Some(shown);
    }

    fn choice(&self, name: &str, alerts: &AlertSettings) -> Choice {
        let usual = if self.kind == SinkKind::Telegram {
            Tell::Changes
        } else {
            Tell::All
        };
        let patience = self.give_up_after.unwrap_or(GIVE_UP_AFTER).to_std();
        let language = self.language.unwrap_or(alerts.language);
        Choice::new(name, self.tell.unwrap_or(usual), alerts).with(language, patience)
    }

    fn address(&self, name: &str, usual: Option<&str>) -> Result<Url> {
        let accepted = "an address such as https://example.org/alerts";
        let key = key_of(name, "url");
        let Some(text) = self.url.as_deref().or(usual) else {
            return Err(Error::missing(key, accepted));
        };
        // The address is not repeated: parts of it can be secret.
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            Ok(_) | Err(_) => Err(Error::invalid(key, "***", accepted)),
        }
    }

    fn signing_keys(&self, name: &str) -> Result<SigningKeys> {
        let secret = secret(name, "secret", self.secret_file.as_deref(), self.secret_env.as_deref())?;
        let accepted = "a file with secrets such as whsec_..., or `secret_env`, a variable with them";
        let (key, secret) = secret.ok_or_else(|| Error::missing(key_of(name, "secret_file"), accepted))?;
        SigningKeys::parse(&secret, &key)
    }

    fn token(&self, name: &str) -> Result<Option<Secret>> {
        let token = secret(name, "token", self.token_file.as_deref(), self.token_env.as_deref())?;
        Ok(token.map(|(_, token)| token))
    }

    fn telegram(&self, name: &str) -> Result<(Url, Secret, String)> {
        let accepted = "a file with the bot's token, or `token_env`, a variable with it";
        let token = self
            .token(name)?
            .ok_or_else(|| Error::missing(key_of(name, "token_file"), accepted))?;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || ":_-".contains(letter);
        if !token.reveal().chars().all(fits) {
            return Err(Error::invalid(
                key_of(name, "token_file"),
                "***",
                "a token such as 123456:ABC-DEF",
            ));
        }
        let chat = self.chat.clone().filter(|chat| !chat.is_empty());
        let chat =
            chat.ok_or_else(|| Error::missing(key_of(name, "chat"), "a chat's number, or the @name of a channel"))?;
        Ok((self.address(name, Some(TELEGRAM))?, token, chat))
    }
}

/// The secret of a file or of a variable, with the key that names it; nothing where neither is named.
fn secret(name: &str, what: &str, file: Option<&str>, variable: Option<&str>) -> Result<Option<(String, Secret)>> {
    let (key, place) = match (file, variable) {
        (None, None) => return Ok(None),
        (Some(_), Some(variable)) => {
            let accepted = format!("either this or `{what}_file`");
            return Err(Error::invalid(key_of(name, &format!("{what}_env")), variable, accepted));
        }
        (Some(path), None) => (format!("{what}_file"), SecretPlace::File(path.into())),
        (None, Some(variable)) => (format!("{what}_env"), SecretPlace::Variable(variable.into())),
    };
    let key = key_of(name, &key);
    Ok(Some((key.clone(), place.read(&key)?)))
}

fn check_topic(name: &str, topic: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !topic.is_empty() && topic.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid(
        key_of(name, "topic"),
        topic,
        "letters, digits, `-`, `_` and `.`",
    ))
}

fn chosen<R: Receiver + 'static>(choice: Choice, receiver: R) -> Arc<dyn AlertSink> {
    Arc::new(Chosen { choice, receiver })
}

fn key_of(name: &str, key: &str) -> String {
    format!("alerts.sinks.{name}.{key}")
}

/// The sinks of all `settings`, in the order of their names; where results are published and no other sink writes to Kafka, every
/// revision goes to the topic `alerts`, whatever the routes say.
///
/// # Errors
/// The first receiver that is wrong; a route to a receiver that is not configured.
pub fn build_all(settings: &BTreeMap<String, SinkSettings>, around: &Surroundings) -> Result<Vec<Arc<dyn AlertSink>>> {
    check_all(settings, around.alerts, around.writer.is_some())?;
    let mut sinks = Vec::new();
    for (name, settings) in settings {
        sinks.push(settings.build(name, around)?);
    }
    let configured = settings.values().any(|settings| settings.kind == SinkKind::Kafka);
    if let Some(writer) = around.writer.clone().filter(|_| !configured) {
        let choice = Choice::new(RESULTS, Tell::All, around.alerts).unrouted();
        let topic = TOPIC.into();
        sinks.push(chosen(choice, KafkaAlerts { topic, writer }));
    }
    Ok(sinks)
}

/// Checks all receivers, and that routes lead to some of them; `publishes` says whether results go to Kafka at all.
///
/// # Errors
/// As [`build_all`].
pub fn check_all(settings: &BTreeMap<String, SinkSettings>, alerts: &AlertSettings, publishes: bool) -> Result<()> {
    for (name, settings) in settings {
        settings.check(name)?;
        if settings.kind == SinkKind::Kafka && !publishes {
            return Err(Error::invalid(key_of(name, "kind"), "kafka", PUBLISHING));
        }
    }
    for name in alerts.routes.iter().flat_map(|route| &route.sinks) {
        if !settings.contains_key(name) {
            let known = settings.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(
                "alerts.routes.sinks",
                name,
                format!("names of `[alerts.sinks]`: {known}"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> std::result::Result<(), String> {
        let settings: SinkSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check("ops").map_err(|error| error.to_string())
    }

    fn secret_file(text: &str) -> (tempfile::NamedTempFile, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let path = file.path().to_string_lossy().into_owned();
        (file, path)
    }

    #[test]
    fn each_kind_takes_its_own_keys_and_no_other() {
        let (_kept, token) = secret_file("123:abc");
        for good in [
            "kind = \"kafka\"".to_owned(),
            "kind = \"alertmanager\"\nurl = \"http://127.0.0.1:9093\"".to_owned(),
            format!("kind = \"telegram\"\nchat = \"-100\"\ntoken_file = \"{token}\""),
        ] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
        let error = check("kind = \"kafka\"\nchat = \"1\"").unwrap_err();
        assert!(
            error.contains("`alerts.sinks.ops` is `chat`") && error.contains("topic"),
            "{error}"
        );
        assert!(check("kind = \"pager\"").unwrap_err().contains("webhook"));
        assert!(
            check("kind = \"kafka\"\ncolour = \"red\"")
                .unwrap_err()
                .contains("colour")
        );
    }

    #[test]
    fn what_a_kind_needs_is_asked_for() {
        let (_kept, secret) = secret_file("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        for (text, key) in [
            ("kind = \"webhook\"\nurl = \"http://a\"".to_owned(), "secret_file"),
            (format!("kind = \"webhook\"\nsecret_file = \"{secret}\""), "url"),
            ("kind = \"telegram\"\nchat = \"1\"".to_owned(), "token_file"),
            (format!("kind = \"telegram\"\ntoken_file = \"{secret}\""), "chat"),
            ("kind = \"alertmanager\"".to_owned(), "url"),
        ] {
            let error = check(&text).unwrap_err();
            assert!(error.contains(&format!("alerts.sinks.ops.{key}")), "{text}: {error}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_and_not_repeated() {
        for wrong in ["ftp://hush.example", "hush", "http://"] {
            let error = check(&format!("kind = \"alertmanager\"\nurl = \"{wrong}\"")).unwrap_err();
            assert!(
                error.contains("alerts.sinks.ops.url") && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_route_leads_to_a_sink_that_exists() {
        let alerts: AlertSettings = toml::from_str("routes = [{ sinks = [\"nowhere\"] }]").unwrap();
        let error = check_all(&BTreeMap::new(), &alerts, true).unwrap_err().to_string();
        assert!(error.contains("`nowhere`"), "{error}");
    }
}

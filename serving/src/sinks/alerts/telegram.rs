//! Alerts as messages of a Telegram bot (<https://core.telegram.org/bots/api#sendmessage>).

use arterial_models::alerts::{Severity, State};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::choice::Choice;
use super::post::send_unless;
use super::receiver::Receiver;
use super::secret::Secret;
use crate::alerts::{AlertRevision, Undelivered};

/// The longest message, by the Bot API. Letters outside of the basic plane count twice there, hence the room below it.
const LETTERS: usize = 4000;

/// Sends each change that people should know of to one chat. Telegram has no keys against repeats: where the process ends between
/// the message and its note of it, the message comes twice.
pub struct Telegram {
    /// Where the Bot API is.
    pub api: Url,
    /// The bot's token. It is part of the address, which is why no address is ever told.
    pub token: Secret,
    /// The chat: its number, or the `@name` of a channel.
    pub chat: String,
    /// What sends it.
    pub client: Client,
}

impl Telegram {
    fn address(&self) -> String {
        let api = self.api.as_str().trim_end_matches('/');
        format!("{api}/bot{}/sendMessage", self.token.reveal())
    }

    fn message(&self, choice: &Choice, revision: &AlertRevision) -> Value {
        let alert = &revision.alert;
        let text = format!(
            "{} {}\n\n{}",
            mark(alert.state, alert.severity),
            choice.text(revision),
            alert.alert_id
        );
        json!({
            "chat_id": self.chat,
            "text": text.chars().take(LETTERS).collect::<String>(),
            // Nobody is woken by an event that is over.
            "disable_notification": !alert.is_live() || alert.severity == Severity::Low,
            "link_preview_options": {"is_disabled": true},
        })
    }
}

/// What is to be done where the Bot API refuses whatever is sent to this chat: that is no fault of an alert.
fn remedy(answer: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    if let Some(chat) = answer["parameters"]["migrate_to_chat_id"].as_i64() {
        return Some(format!("the group became another chat: set `chat` to {chat}"));
    }
    let is_absent = answer["description"].as_str()?.contains("chat not found");
    is_absent.then(|| "the bot is in no such chat: add it there, or set `chat` to another".into())
}

/// How bad it is, at a glance.
fn mark(state: State, severity: Severity) -> char {
    match (state, severity) {
        (State::Resolved | State::Merged, _) => '✅',
        (State::Acknowledged, _) => '👷',
        (State::Open | State::Reopened, Severity::Critical) => '🔴',
        (State::Open | State::Reopened, Severity::High) => '🟠',
        (State::Open | State::Reopened, Severity::Medium) => '🟡',
        (State::Open | State::Reopened, Severity::Low) => '🔵',
    }
}

impl Receiver for Telegram {
    fn send<'a>(&'a self, choice: &'a Choice, revision: &'a AlertRevision) -> BoxFuture<'a, Result<(), Undelivered>> {
        async move {
            let request = self.client.post(self.address()).json(&self.message(choice, revision));
            let mut hidden = Secret::of_address(&self.api);
            hidden.push(self.token.clone());
            send_unless(request, &hidden, remedy).await
        }
        .boxed()
    }

    fn keeps_history(&self) -> bool {
        false
    }
}

//! Which revisions a receiver is told of, and in which words.

use std::sync::Mutex;
use std::time::Duration;

use arterial_models::alerts::{Alert, AlertSettings, Language, tell};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::last_told::LastTold;
use crate::alerts::AlertRevision;
use crate::sync::lock;

/// How much a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tell {
    /// Every revision.
    All,
    /// What people should know of: that an alert opens, gets worse, is taken on, is over.
    Changes,
}

/// For how long a revision is tried, unless the configuration says otherwise.
const PATIENCE: Duration = Duration::from_hours(24);

/// Which revisions a receiver is told of, and in which words.
pub struct Choice {
    /// The name of the receiver, for routes, metrics and the lake.
    pub name: String,
    /// The language of texts.
    pub language: Language,
    /// The clock of texts.
    zone: TimeZone,
    /// How much it is told.
    pub tell: Tell,
    /// Whether routes, suppressions and quiet hours hold for it.
    pub routed: bool,
    /// For how long a revision is tried before it becomes a dead letter.
    pub patience: Duration,
    /// Where the routes stand.
    pub settings: AlertSettings,
    /// What was told last of each alert.
    last: Mutex<LastTold>,
}

impl Choice {
    /// The same in another language and with another patience.
    #[must_use]
    pub fn with(mut self, language: Language, patience: Duration) -> Self {
        self.language = language;
        self.patience = patience;
        self
    }

    /// The same, whatever routes, suppressions and quiet hours say.
    #[must_use]
    pub fn unrouted(mut self) -> Self {
        self.routed = false;
        self
    }

    /// A receiver that is told `tell` of what the routes of `settings` give it.
    pub fn new(name: impl Into<String>, tell: Tell, settings: &AlertSettings) -> Self {
        Self {
            name: name.into(),
            language: settings.language,
            zone: TimeZone::get(&settings.timezone).unwrap_or(TimeZone::UTC),
            tell,
            routed: true,
            patience: PATIENCE,
            settings: settings.clone(),
            last: Mutex::default(),
        }
    }

    /// Whether the receiver is to be told. Who was told of an alert is told of its end, whatever routes, suppressions and quiet hours
    /// say by then; while an alert is held back, of nothing else of it. Who hears of changes only does not hear of the end of what he
    /// was never told of.
    pub fn takes(&self, revision: &AlertRevision) -> bool {
        let alert = &revision.alert;
        let told = lock(&self.last).of(&alert.alert_id);
        match (self.tell, told) {
            (Tell::All, None) => self.is_meant(alert),
            (Tell::Changes, None) => alert.is_live() && self.is_meant(alert),
            (_, Some(_)) if !alert.is_live() => true,
            (_, Some(_)) if self.routed && alert.held_back_by.is_some() => false,
            (Tell::All, Some(_)) => true,
            (Tell::Changes, Some((state, severity))) => alert.state != state || alert.severity > severity,
        }
    }

    /// Whether routes, suppressions and quiet hours let an alert through to this receiver.
    fn is_meant(&self, alert: &Alert) -> bool {
        if !self.routed {
            return true;
        }
        let sinks = self.settings.sinks(alert);
        alert.held_back_by.is_none() && sinks.is_none_or(|sinks| sinks.contains(&self.name.as_str()))
    }

    /// The receiver has been told.
    pub fn told(&self, revision: &AlertRevision) {
        lock(&self.last).note(revision);
    }

    /// Forgets what the receiver was told: another service may have told it more since.
    pub fn forget(&self) {
        *lock(&self.last) = LastTold::default();
    }

    /// The alert in plain sentences.
    pub fn text(&self, revision: &AlertRevision) -> String {
        if self.language == self.settings.language {
            return revision.alert.text.clone();
        }
        tell(&revision.alert, self.language, &self.zone)
    }

    /// The alert as a JSON object with the columns of the table `alerts`.
    pub fn document(&self, revision: &AlertRevision) -> Value {
        let mut document = revision.to_json();
        document.insert("text".into(), self.text(revision).into());
        Value::Object(document)
    }
}

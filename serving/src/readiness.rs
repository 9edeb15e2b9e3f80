//! Whether the service may be asked, and if not, why.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// Why the service is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Live state is being rebuilt from the lake, or what it is rebuilt from is still being made.
    Rebuilding,
    /// The brokers cannot be reached; forecasts are served until their data are stale.
    BrokerUnreachable,
    /// The disk or the object store does not take commits; consuming has stopped, serving goes on.
    LakeUnwritable,
    /// A stream stopped until a person has looked: its topic was made anew, or another instance has taken it over.
    StreamStopped,
    /// Windows are not looked at, so that no alerts are made; it is begun anew until it succeeds.
    AlertsStopped,
    /// The service is shutting down.
    Draining,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Rebuilding,
        Self::BrokerUnreachable,
        Self::LakeUnwritable,
        Self::StreamStopped,
        Self::AlertsStopped,
        Self::Draining,
    ];

    /// The name under which gRPC health says `NOT_SERVING` while it holds.
    pub fn health_service(self) -> String {
        format!("arterial.readiness.{}", self.code())
    }

    /// Its code in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rebuilding => "rebuilding",
            Self::BrokerUnreachable => "broker_unreachable",
            Self::LakeUnwritable => "lake_unwritable",
            Self::StreamStopped => "stream_stopped",
            Self::AlertsStopped => "alerts_stopped",
            Self::Draining => "draining",
        }
    }

    /// Whether callers shall go elsewhere while it holds: gRPC health says `NOT_SERVING`, `/readyz` 503.
    pub fn stops_serving(self) -> bool {
        matches!(self, Self::Rebuilding | Self::Draining)
    }

    /// Whether calls are refused while it holds. While the service drains they are not: whoever has not heard of it yet is answered.
    fn stops_answering(self) -> bool {
        matches!(self, Self::Rebuilding)
    }
}

/// What stands in the way now, by reason, with a sentence each.
#[derive(Debug)]
pub struct Readiness {
    reasons: watch::Sender<BTreeMap<Reason, String>>,
}

impl Default for Readiness {
    fn default() -> Self {
        let first = BTreeMap::from([(
            Reason::Rebuilding,
            "live state is being rebuilt from the lake".to_owned(),
        )]);
        Self {
            reasons: watch::Sender::new(first),
        }
    }
}

impl Readiness {
    /// Says that `reason` holds, with a sentence for people.
    pub fn raise(&self, reason: Reason, text: impl Into<String>) {
        let text = text.into();
        self.reasons
            .send_if_modified(|reasons| reasons.insert(reason, text.clone()).is_none_or(|old| old != text));
    }

    /// Says that `reason` holds no more.
    pub fn clear(&self, reason: Reason) {
        self.reasons
            .send_if_modified(|reasons| reasons.remove(&reason).is_some());
    }

    /// What holds now.
    pub fn reasons(&self) -> BTreeMap<Reason, String> {
        self.reasons.borrow().clone()
    }

    /// Whether nothing stands in the way.
    pub fn is_ready(&self) -> bool {
        self.reasons.borrow().is_empty()
    }

    /// The same for programs: whether callers may come (`ready`), why they shall go elsewhere (`reasons`), and what is lacking though they may
    /// come (`degraded`).
    pub fn told(&self) -> Map<String, Value> {
        let (mut reasons, mut degraded) = (Vec::new(), Vec::new());
        for (reason, text) in self.reasons() {
            let told = json!({"code": reason.code(), "message": text});
            if reason.stops_serving() {
                reasons.push(told);
            } else {
                degraded.push(told);
            }
        }
        Map::from_iter([
            ("ready".to_owned(), reasons.is_empty().into()),
            ("reasons".to_owned(), reasons.into()),
            ("degraded".to_owned(), degraded.into()),
        ])
    }

    /// Whether live state is still being made: what is known until then is not complete.
    pub fn is_starting(&self) -> bool {
        self.reasons.borrow().contains_key(&Reason::Rebuilding)
    }

    /// What keeps calls from being answered, if anything.
    pub fn stopped_by(&self) -> Option<String> {
        self.first(Reason::stops_answering)
    }

    /// Why callers shall go elsewhere, if they shall.
    pub fn not_serving(&self) -> Option<String> {
        self.first(Reason::stops_serving)
    }

    /// The text of the first reason that `fits`.
    fn first(&self, fits: impl Fn(Reason) -> bool) -> Option<String> {
        let reasons = self.reasons.borrow();
        let mut found = reasons.iter().filter(|(reason, _)| fits(**reason));
        found.next().map(|(_, text)| text.clone())
    }

    /// Follows the changes.
    pub fn subscribe(&self) -> watch::Receiver<BTreeMap<Reason, String>> {
        self.reasons.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_broker_is_no_reason_to_stop_answering() {
        let readiness = Readiness::default();
        assert!(readiness.stopped_by().is_some() && readiness.is_starting());
        readiness.clear(Reason::Rebuilding);
        assert!(!readiness.is_starting());
        readiness.raise(Reason::BrokerUnreachable, "127.0.0.1:9092 refuses connections");
        assert!(!readiness.is_ready());
        assert_eq!((readiness.stopped_by(), readiness.not_serving()), (None, None));
    }

    #[test]
    fn whoever_comes_while_the_service_drains_is_sent_elsewhere_and_answered_all_the_same() {
        let readiness = Readiness::default();
        readiness.clear(Reason::Rebuilding);
        readiness.raise(Reason::Draining, "the service is shutting down");
        assert_eq!(readiness.not_serving().as_deref(), Some("the service is shutting down"));
        assert_eq!(readiness.stopped_by(), None);
    }
}

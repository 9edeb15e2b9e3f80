//! Streams and keys that give nothing any more.
//!
//! Windows close by their own stream's events: a feed that stands still as a whole closes none, and no rule would ever see its silence.
//! Where the other streams went on for long, and this one gave nothing for as long by the clock either, its windows count as closed.
//! A stream that lags gives something again and again, and is waited for. Whether its empty windows are an outage is for its rules to say:
//! those of silence, or where there is none what is usual of the whole stream at that hour.

use std::collections::BTreeSet;

use arterial_datasets::stream::{RuleKind, StreamDefinition};
use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::alerts::{Alert, AlertBook, Reason, Symptom};

use super::progress::{GIVEN_UP, Progress};
use crate::live::LiveStream;

/// A stream of which no rule speaks of silence is waited for as long.
const PATIENCE: Duration = Duration(30 * MINUTE);

/// Whether a stream is silent, rather than late.
#[derive(Debug)]
pub(super) struct Silence {
    /// How far behind the others it must be, and how long nothing must have come.
    patience: Duration,
    /// Its largest watermark.
    watermark: Option<Timestamp>,
    /// When that came, by the clock; none before anybody listened.
    heard_at: Option<Timestamp>,
}

impl Silence {
    pub(super) fn new(stream: &StreamDefinition) -> Self {
        let least = Duration(GIVEN_UP * stream.window.0);
        let rules = stream.rules.iter().filter(|rule| rule.kind == RuleKind::Silence);
        let longest = rules.filter_map(|rule| rule.lasting).max().unwrap_or(PATIENCE);
        Self {
            patience: longest.max(least),
            watermark: None,
            heard_at: None,
        }
    }

    /// Takes note of how far the stream is at `now`; whether it went on.
    pub(super) fn hear(&mut self, watermark: Option<Timestamp>, now: Timestamp) -> bool {
        if self.heard_at.is_some() && watermark <= self.watermark {
            return false;
        }
        self.watermark = self.watermark.max(watermark);
        self.heard_at = Some(now);
        true
    }

    /// Up to when nothing more is waited for, where the stream that is furthest has come to `furthest`; none where it is not silent.
    pub(super) fn through(&self, furthest: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        furthest
            .filter(|_| self.gave_nothing_for(self.patience, now))
            .map(|furthest| Timestamp(furthest.0.saturating_sub(self.patience.0)))
    }

    /// Whether nothing came for `lasting`, nor for as long as it is waited for.
    pub(super) fn is_gone(&self, lasting: Duration, now: Timestamp) -> bool {
        self.gave_nothing_for(lasting.max(self.patience), now)
    }

    fn gave_nothing_for(&self, lasting: Duration, now: Timestamp) -> bool {
        self.heard_at
            .is_some_and(|heard_at| now.0.saturating_sub(heard_at.0) >= lasting.0)
    }
}

/// The streams whose alerts would wait for ever for a window of their own: nobody watches them any more, or nothing comes of them.
pub(super) fn gone(topics: &[Progress], book: &AlertBook, now: Timestamp) -> Vec<String> {
    let lost_after = book.settings().lost_after;
    let coming = topics.iter().filter(|one| !one.is_gone(lost_after, now));
    let coming: BTreeSet<&str> = coming.map(|one| one.watch.stream.name.as_str()).collect();
    let live = book.alerts().filter(|alert| alert.is_live());
    let waiting: BTreeSet<&str> = live.map(|alert| alert.topic.as_str()).collect();
    waiting.difference(&coming).map(|topic| (*topic).to_owned()).collect()
}

/// Teaches the rules of `progress` the keys that open alerts of `book` say are silent: their last windows may lie before the first that
/// detectors begin from, and who is not known is not missed. Where no rule speaks of silence, what was usual before the stream stopped may lie
/// there, too.
pub(super) fn recall(progress: &mut Progress, stream: &LiveStream, book: &AlertBook) {
    let Some(begins) = progress.next else { return };
    let topic = &stream.definition().name;
    let is_silent = |alert: &&Alert| alert.is_live() && alert.topic == *topic && alert.symptom == Symptom::Silent;
    let mut rules = stream.definition().rules.iter();
    let is_ruled = rules.any(|rule| rule.kind == RuleKind::Silence);
    for alert in book.alerts().filter(is_silent) {
        let Some(newest) = last_heard(alert).filter(|newest| *newest < begins || !is_ruled) else {
            continue;
        };
        for key in &alert.keys {
            let placed = stream.place(key).and_then(|place| place.zone);
            let zone = placed.or_else(|| alert.zone_id.as_deref().map(Into::into));
            progress.watch.know(key, zone, newest);
        }
    }
}

/// The start of the last window of the strangest key of an alert of silence.
fn last_heard(alert: &Alert) -> Option<Timestamp> {
    match alert.symptom.reason(alert.symptom_value)? {
        Reason::Silent(silent) => Some(Timestamp(alert.peak_at.0.saturating_sub(silent.0))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::stream::StreamCatalog;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * MINUTE)
    }

    fn silence_of(topic: &str) -> Silence {
        Silence::new(StreamCatalog::built_in().unwrap().get(topic).unwrap())
    }

    #[test]
    fn a_stream_is_silent_once_it_gave_nothing_for_long_while_another_went_on() {
        let mut silence = silence_of("traffic-sensors");
        assert_eq!(silence.through(Some(at(500)), at(500)), None, "nobody has listened yet");
        assert!(silence.hear(Some(at(95)), at(100)));
        assert!(!silence.hear(Some(at(95)), at(110)));
        assert_eq!(silence.through(Some(at(120)), at(129)), None);
        assert_eq!(silence.through(Some(at(125)), at(130)), Some(at(95)));
        assert_eq!(silence.through(None, at(130)), None);
    }

    #[test]
    fn a_stream_that_lags_and_goes_on_is_waited_for() {
        let mut silence = silence_of("traffic-sensors");
        for minute in 0..100 {
            assert!(silence.hear(Some(at(minute)), at(1000 + minute)));
            assert_eq!(silence.through(Some(at(1000)), at(1000 + minute)), None);
        }
    }

    #[test]
    fn a_stream_without_a_rule_of_silence_is_waited_for_half_an_hour() {
        for topic in ["taxi-vtc", "public-transport"] {
            let mut silence = silence_of(topic);
            silence.hear(Some(at(0)), at(0));
            assert_eq!(silence.through(Some(at(1000)), at(29)), None, "{topic}");
            assert_eq!(silence.through(Some(at(1000)), at(30)), Some(at(970)), "{topic}");
        }
    }

    #[test]
    fn a_stream_is_gone_once_nothing_came_for_long_and_for_as_long_as_it_is_waited_for() {
        let is_gone = |lasting: i64, minutes: i64| {
            let mut silence = silence_of("taxi-vtc");
            silence.hear(Some(at(0)), at(0));
            silence.is_gone(Duration(lasting * MINUTE), at(minutes))
        };
        assert!(!is_gone(120, 119));
        assert!(is_gone(120, 120));
        assert!(!is_gone(10, 29));
        assert!(is_gone(10, 30));
        let unheard = silence_of("taxi-vtc");
        assert!(!unheard.is_gone(Duration(0), at(1000)), "nobody has listened yet");
    }
}

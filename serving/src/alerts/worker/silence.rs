//! Streams and keys that give nothing any more.
//!
//! Windows close by their own stream's events: a feed that stands still as a whole closes none, and no rule would ever see its silence.
//! Where the other streams went on for long, and this one gave nothing for as long by the clock either, its windows count as closed.
//! A stream that lags gives something again and again, and is waited for.

use arterial_datasets::stream::{RuleKind, StreamDefinition};
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::alerts::{Alert, AlertBook, Reason, Symptom};

use super::progress::{GIVEN_UP, Progress};
use crate::live::LiveStream;

/// Whether a stream is silent, rather than late.
#[derive(Debug)]
pub(super) struct Silence {
    /// How far behind the others it must be, and how long nothing must have come; none where no rule speaks of silence.
    patience: Option<Duration>,
    /// Its largest watermark.
    watermark: Option<Timestamp>,
    /// When that came, by the clock; none before anybody listened.
    heard_at: Option<Timestamp>,
}

impl Silence {
    pub(super) fn new(stream: &StreamDefinition) -> Self {
        let least = Duration(GIVEN_UP * stream.window.0);
        let rules = stream.rules.iter().filter(|rule| rule.kind == RuleKind::Silence);
        let longest = rules.filter_map(|rule| rule.lasting).max();
        Self {
            patience: longest.map(|lasting| lasting.max(least)),
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
        let (patience, heard_at) = (self.patience?, self.heard_at?);
        let is_silent = now.0.saturating_sub(heard_at.0) >= patience.0;
        furthest
            .filter(|_| is_silent)
            .map(|furthest| Timestamp(furthest.0.saturating_sub(patience.0)))
    }
}

/// Teaches the rules of `progress` the keys that open alerts of `book` say are silent: their last windows may lie before the first that
/// detectors begin from, and who is not known is not missed.
pub(super) fn recall(progress: &mut Progress, stream: &LiveStream, book: &AlertBook) {
    let Some(begins) = progress.next else { return };
    let topic = &stream.definition().name;
    let is_silent = |alert: &&Alert| alert.is_live() && alert.topic == *topic && alert.symptom == Symptom::Silent;
    for alert in book.alerts().filter(is_silent) {
        let Some(newest) = last_heard(alert).filter(|newest| *newest < begins) else {
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
    use arterial_datasets::time::MINUTE;

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
    fn a_stream_without_a_rule_of_silence_is_never_silent() {
        let mut silence = silence_of("taxi-vtc");
        silence.hear(Some(at(0)), at(0));
        assert_eq!(silence.through(Some(at(1000)), at(1000)), None);
    }
}

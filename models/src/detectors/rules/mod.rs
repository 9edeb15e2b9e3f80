//! `rules`: what a stream's definition itself says of its windows, without any model.
//!
//! Each `[[rules]]` of a [definition](arterial_datasets::stream::Rule) looks at the rows of the windows table. A rule says its own
//! reason; its line is where the definition puts it. A rule with `unless_usual` is silent where the key passes that line at this time of
//! the week anyway: operators know of the car park that is full every evening. What stands still is told of where it usually changes.
//! Of a stream that has no rule of silence the silence of all of it is told, at hours at which it usually speaks (`feed`).

mod compiled;
mod extent;
mod feed;
mod judge;
mod line;
mod series;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod usual_tests;

use std::collections::HashMap;
use std::sync::Arc;

use arterial_datasets::stream::{RuleKind, StreamDefinition};
use arterial_datasets::time::{DAY, Duration, Timestamp};

use self::compiled::{Check, Compiled};
use self::feed::Feed;
use self::judge::{Memory, Moment, judge};
pub use self::series::RulesSeries;
use crate::alerts::{Expected, Finding, Reason, Signal, Subject};
use crate::detector::AnomalyScore;
use crate::{Error, Result};

/// The name of the detector.
pub const NAME: &str = "rules";

/// A key without windows for so long is forgotten, and so no longer silent.
const FORGET_AFTER: Duration = Duration(7 * DAY);

/// The rules of one stream at work on all its keys. Windows of a key come in order of time; what was seen before may be
/// replayed into it to begin with, and what is not replayed is not known: the usual scatter of readings, of which a week counts, begins
/// anew from there.
#[derive(Debug, Clone)]
pub struct Rules {
    columns: Vec<String>,
    asked: Vec<String>,
    compiled: Vec<Compiled>,
    keys: HashMap<Arc<str>, KeyState>,
    /// The stream as a whole, where no rule says when a key of it is silent.
    feed: Option<Feed>,
}

/// What is remembered of a key.
#[derive(Debug, Clone)]
struct KeyState {
    /// Its newest window, for the signals of its silence.
    newest: Subject,
    /// Whether that is known from elsewhere: then it may be observed yet.
    is_recalled: bool,
    /// One a rule.
    memories: Vec<Memory>,
}

impl Rules {
    /// The rules of `stream`, which know no key yet.
    ///
    /// # Errors
    /// A rule that lacks what its kind needs; a checked definition has none.
    pub fn new(stream: &StreamDefinition) -> Result<Self> {
        let (mut columns, mut asked) = (Vec::new(), Vec::new());
        let compiled = stream
            .rules
            .iter()
            .map(|rule| Compiled::new(stream, rule, &mut columns, &mut asked))
            .collect::<Result<_>>()?;
        let speaks_of_keys = stream.rules.iter().any(|rule| rule.kind == RuleKind::Silence);
        Ok(Self {
            columns,
            asked,
            compiled,
            keys: HashMap::new(),
            feed: (!speaks_of_keys).then(|| Feed::new(stream.window)),
        })
    }

    /// The columns of the windows table that the rules read, in the order of a row.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The columns of which the rules ask what is usual of them, in the order in which [`observe`](Self::observe) takes it.
    #[must_use]
    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Whether the stream has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// The number of keys that are remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// What the rules say of a window: one signal a rule that can judge it, below the line or not. `row` holds the values of
    /// [`columns`](Self::columns), NaN where there is none; `usual` what the key has at this time of the week, one entry for each of
    /// [`asked`](Self::asked), or fewer where nothing is known. A window that the key has had, or one before it, changes nothing and
    /// gives no signal.
    ///
    /// # Errors
    /// A row of another length.
    pub fn observe(&mut self, subject: &Subject, row: &[f64], usual: &[Option<Expected>]) -> Result<Vec<Signal>> {
        if row.len() != self.columns.len() {
            let accepted = format!("one value a column: {}", self.columns.join(", "));
            return Err(Error::invalid("row", row.len(), accepted));
        }
        let known = self.keys.get(&subject.key);
        let gap = match known.filter(|state| !state.is_recalled || state.newest.window < subject.window) {
            Some(state) => subject.window.0.saturating_sub(state.newest.window.0),
            None => i64::MAX,
        };
        if gap <= 0 {
            return Ok(Vec::new());
        }
        let state = self.keys.entry(Arc::clone(&subject.key)).or_insert_with(|| KeyState {
            newest: subject.clone(),
            is_recalled: false,
            memories: vec![Memory::default(); self.compiled.len()],
        });
        state.newest = subject.clone();
        state.is_recalled = false;
        let moment = Moment {
            row,
            window: subject.window,
            step: subject.step,
            follows: gap == subject.step.0,
        };
        let mut signals = Vec::with_capacity(self.compiled.len());
        for (rule, memory) in self.compiled.iter().zip(&mut state.memories) {
            let usual = rule.usual.and_then(|place| *usual.get(place)?);
            if let Some(finding) = judge(rule, usual, memory, &moment) {
                signals.push(finding.signal(subject, &rule.target, NAME));
            }
        }
        if let Some(feed) = &mut self.feed {
            feed.hear(subject.window);
            if feed.was_out() {
                signals.push(silence(Duration(0), feed.line()).signal(subject, &"".into(), NAME));
            }
        }
        Ok(signals)
    }

    /// Knows a key by its `newest` window, as if nothing had been strange in it: when it is silent is counted from there, as long as nothing
    /// of it is observed. A key that is known already stays as it is.
    pub fn know(&mut self, newest: Subject) {
        if let Some(feed) = &mut self.feed {
            feed.recall(newest.window);
        }
        let memories = vec![Memory::default(); self.compiled.len()];
        let key = Arc::clone(&newest.key);
        let state = KeyState {
            newest,
            is_recalled: true,
            memories,
        };
        self.keys.entry(key).or_insert(state);
    }

    /// What the rules say of the keys that have no window although all windows that end at or before `closed` are closed: one
    /// signal a key that is late and a rule of silence. It is the end of the newest closed window, after its rows were
    /// observed. Where the whole stream stands still, whoever calls decides when its empty windows are closed: until then no key is
    /// silent. A key that is silent for a week is forgotten. Without a rule of silence they are the keys of a stream that as a whole gives
    /// nothing where it usually does.
    pub fn silent(&mut self, closed: Timestamp) -> Vec<Signal> {
        self.keys
            .retain(|_, state| closed.0 - state.newest.window.0 <= FORGET_AFTER.0);
        let rules = self.compiled.iter();
        let rules = rules.filter(|rule| matches!(rule.check, Check::Silence));
        let lines: Vec<Duration> = rules.map(|rule| rule.lasting).collect();
        let feed = self.feed.as_mut();
        let out = feed.and_then(|feed| Some((feed.missed_from(closed)?, feed.line())));
        let whole_record: Arc<str> = "".into();
        let mut signals = Vec::new();
        for state in self.keys.values() {
            let newest = &state.newest;
            let silent = Duration(closed.0 - newest.window.0 - newest.step.0);
            if silent.0 < newest.step.0 {
                continue;
            }
            let subject = Subject {
                window: Timestamp(closed.0 - newest.step.0),
                ..newest.clone()
            };
            let out = out.filter(|(missed_from, _)| newest.window >= *missed_from);
            for line in lines.iter().copied().chain(out.map(|(_, line)| line)) {
                signals.push(silence(silent, line).signal(&subject, &whole_record, NAME));
            }
        }
        signals.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        signals
    }
}

/// What is said of a key that was silent for so long, where the line is.
fn silence(silent: Duration, line: Duration) -> Finding {
    Finding {
        score: AnomalyScore::clamped(silent.0 as f64 / line.0 as f64),
        reason: Reason::Silent(silent),
        seen: None,
        expected: None,
    }
}

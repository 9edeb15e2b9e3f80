//! The detectors of one stream at work: a closed window in, signals out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::{DAY, Duration, Timestamp};
use arterial_models::alerts::{Expected, Signal, Subject};
use arterial_models::detectors::residual::{self, Residual};
use arterial_models::detectors::rules::Rules;
use arterial_models::registry::Target;

use super::windows::WindowRow;
use crate::live::target_column;
use crate::score::Outlook;
use crate::{Error, Result};

/// What says how much a place of a stream of traffic matters.
const TRAFFIC: [&str; 2] = ["speed_kmh_mean", "vehicle_flow_mean"];

/// The detectors of one stream, and how far they are.
pub struct TopicWatch {
    /// The stream.
    pub stream: Arc<StreamDefinition>,
    /// The columns of the windows table that are read: one a target, then those of the rules, then those that say how much a place
    /// matters.
    pub columns: Vec<String>,
    /// The numbers that are held against what was expected of them.
    pub targets: Vec<TargetWatch>,
    topic: Arc<str>,
    rules: Rules,
}

/// What is held against the rows of a window.
#[derive(Debug, Default)]
pub struct Views {
    /// What was expected, one entry a target.
    pub outlooks: Vec<Option<Outlook>>,
    /// What is usual, one entry for each of [`TopicWatch::asked`].
    pub usual: Vec<Option<Outlook>>,
    /// Where in them each row's key stands.
    pub positions: Vec<Option<usize>>,
}

impl Views {
    /// What is usual of the key at `position`.
    fn usual(&self, position: Option<usize>) -> Vec<Option<Expected>> {
        let of_key = |outlook: &Option<Outlook>| outlook.as_ref()?.expected(position?);
        self.usual.iter().map(of_key).collect()
    }
}

/// One number of a stream, and its detector.
pub struct TargetWatch {
    /// The number.
    pub target: Target,
    /// Windows that were held against what was expected of them.
    pub learned: usize,
    residual: Residual,
}

impl TargetWatch {
    /// How many windows are seen before it is no longer said to learn: those of a day.
    pub fn needed(step: Duration) -> usize {
        usize::try_from(DAY / step.0.max(1)).unwrap_or(1).max(1)
    }
}

impl TopicWatch {
    /// Detectors that know nothing yet, for numbers of `stream`.
    ///
    /// # Errors
    /// A field that the stream has no windows of, settings outside of their range.
    pub fn new(stream: &Arc<StreamDefinition>, fields: &[String], settings: residual::Settings) -> Result<Self> {
        let rules = Rules::new(stream)?;
        let (mut columns, mut targets) = (Vec::new(), Vec::new());
        for field in fields {
            let accepted = || crate::live::target_fields(stream).join(", ");
            let column =
                target_column(stream, field).ok_or_else(|| Error::invalid("alerts.watch", field, accepted()))?;
            columns.push(column);
            targets.push(TargetWatch {
                target: Target {
                    topic: stream.name.clone(),
                    field: field.clone(),
                },
                learned: 0,
                residual: Residual::new(field, settings)?,
            });
        }
        columns.extend(rules.columns().iter().cloned());
        columns.extend(TRAFFIC.map(String::from));
        Ok(Self {
            topic: stream.name.as_str().into(),
            stream: Arc::clone(stream),
            columns,
            targets,
            rules,
        })
    }

    /// The columns of which the rules ask what is usual of them.
    pub fn asked(&self) -> &[String] {
        self.rules.asked()
    }

    /// The numbers whose detectors have not seen the windows of a day yet.
    pub fn learning(&self) -> Vec<Target> {
        let needed = TargetWatch::needed(self.stream.window);
        let learning = self.targets.iter().filter(|watch| watch.learned < needed);
        learning.map(|watch| watch.target.clone()).collect()
    }

    /// Lets the rules know a key whose newest window started at `newest`, where they know nothing of it.
    pub fn know(&mut self, key: &str, zone: Option<Arc<str>>, newest: Timestamp) {
        self.rules.know(Subject {
            topic: Arc::clone(&self.topic),
            key: key.into(),
            zone,
            window: newest,
            step: self.stream.window,
        });
    }

    /// What the detectors say of the rows of a window: of each key that reported, and of those that did not.
    ///
    /// # Errors
    /// None in practice: the rows have the columns that were asked for.
    pub fn observe(&mut self, window: Timestamp, rows: &[WindowRow], views: &Views) -> Result<Vec<Signal>> {
        let mut signals = Vec::with_capacity(rows.len() * (self.targets.len() + 4));
        for (target, outlook) in self.targets.iter_mut().zip(&views.outlooks) {
            target.learned += usize::from(outlook.is_some() && !rows.is_empty());
        }
        for (row, position) in rows.iter().zip(&views.positions) {
            let subject = Subject {
                topic: Arc::clone(&self.topic),
                key: Arc::clone(&row.key),
                zone: row.zone.clone(),
                window,
                step: self.stream.window,
            };
            for (at, (target, outlook)) in self.targets.iter_mut().zip(&views.outlooks).enumerate() {
                if let (Some(outlook), Some(position)) = (outlook, *position)
                    && position < outlook.values.nrows()
                {
                    let quantiles = outlook.values.row(position);
                    let quantiles: Vec<f64> = quantiles.iter().copied().collect();
                    signals.extend(
                        target
                            .residual
                            .observe(&subject, row.values[at], &outlook.quantiles, &quantiles),
                    );
                }
            }
            let ruled = self.targets.len()..self.targets.len() + self.rules.columns().len();
            let usual = views.usual(*position);
            signals.extend(self.rules.observe(&subject, &row.values[ruled], &usual)?);
        }
        signals.extend(self.rules.silent(Timestamp(window.0 + self.stream.window.0)));
        Ok(signals)
    }
}

/// What is watched, stream by stream.
pub fn by_topic(watch: &[Target]) -> BTreeMap<&str, Vec<String>> {
    let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for target in watch {
        let fields = topics.entry(&target.topic).or_default();
        if !fields.contains(&target.field) {
            fields.push(target.field.clone());
        }
    }
    topics
}

//! The alerts of a book, as they are and as they were last told.

use std::collections::BTreeMap;

use arterial_datasets::time::{DAY, Timestamp};

use crate::alerts::alert::{Alert, State};

/// Alerts that were closed so long ago are forgotten, unless they were judged.
const REMEMBERED: i64 = 28 * DAY;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    entries: BTreeMap<String, Entry>,
}

/// An alert as it is, and its newest revision; none where it was not told yet.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) now: Alert,
    pub(super) told: Option<Alert>,
}

impl Entry {
    /// Whether a window that ends after `end` made the newest revision. What a person does has a time of its own, which says nothing of
    /// windows.
    pub(super) fn is_told_after(&self, end: Timestamp) -> bool {
        let told = self.told.as_ref();
        told.is_some_and(|told| told.updated_at > end && !told.is_of_person())
    }
}

impl Shelf {
    /// The newest revision of each alert. An alert that became part of another gives it its keys, should the other not have been
    /// written before the end came.
    pub(super) fn restore(newest: Vec<Alert>) -> Self {
        let mut shelf = Self::default();
        for alert in newest {
            let known = shelf.told(&alert.alert_id);
            if known.is_none_or(|known| known.revision < alert.revision) {
                shelf.put(alert);
            }
        }
        let merged: Vec<Alert> = shelf
            .alerts()
            .filter(|alert| alert.state == State::Merged)
            .cloned()
            .collect();
        for part in merged {
            let into = part.merged_into.as_ref().and_then(|id| shelf.entries.get_mut(id));
            if let Some(into) = into.filter(|into| into.now.is_live()) {
                into.now.add_keys(part.keys.iter().map(String::as_str));
            }
        }
        shelf
    }

    /// The newest window of each stream that an alert has taken in.
    pub(super) fn newest_windows(&self) -> BTreeMap<String, Timestamp> {
        let mut newest: BTreeMap<String, Timestamp> = BTreeMap::new();
        for alert in self.alerts() {
            let window = newest.entry(alert.topic.clone()).or_insert(alert.last_window);
            *window = alert.last_window.max(*window);
        }
        newest
    }

    fn put(&mut self, alert: Alert) {
        let entry = Entry {
            told: Some(alert.clone()),
            now: alert,
        };
        self.entries.insert(entry.now.alert_id.clone(), entry);
    }

    /// Puts a new alert up; one of that id that is there already stays.
    pub(super) fn open(&mut self, alert: Alert) {
        let entry = Entry { now: alert, told: None };
        self.entries.entry(entry.now.alert_id.clone()).or_insert(entry);
    }

    pub(super) fn told(&self, id: &str) -> Option<&Alert> {
        self.entries.get(id)?.told.as_ref()
    }

    /// The newest revisions.
    pub(super) fn all_told(&self) -> impl Iterator<Item = &Alert> {
        self.entries.values().filter_map(|entry| entry.told.as_ref())
    }

    pub(super) fn now(&self, id: &str) -> Option<&Alert> {
        self.entries.get(id).map(|entry| &entry.now)
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.entries.values().map(|entry| &entry.now)
    }

    /// The live alerts of a stream.
    pub(super) fn live(&self, topic: &str) -> impl Iterator<Item = &Alert> {
        let live = self.alerts().filter(|alert| alert.is_live());
        live.filter(move |alert| alert.topic == topic)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    /// What a window of `topic` says something of: the alerts of that stream, and of those that are `gone` and have no windows any more.
    pub(super) fn concerned_mut<'a>(
        &'a mut self,
        topic: &'a str,
        gone: &'a [String],
    ) -> impl Iterator<Item = &'a mut Entry> {
        let is_concerned = move |entry: &&mut Entry| entry.now.topic == topic || gone.contains(&entry.now.topic);
        self.entries.values_mut().filter(is_concerned)
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.entries.retain(|_, entry| {
            let alert = &entry.now;
            let old = alert.closed_at.is_some_and(|closed| now.0 - closed.0 > REMEMBERED);
            alert.is_live() || !old || !alert.judgements.is_empty()
        });
    }
}

//! The book of alerts: windows of signals go in, revisions of alerts come out.
//!
//! A window goes through it so:
//! 1. [`look`]: what all detectors say of one key, measured by the line of its kind and place (judgements move it). Readings that
//!    scatter as traffic breaks down speak of that.
//! 2. [`faults`], unless the road explains them ([`beside`]), and [`events`]: groups of keys that are strange together, of a place
//!    ([`cluster`]) or of all of the [`city`].
//! 3. [`settle`]: a group begins an alert, goes on with one, brings one back, or takes others in.
//! 4. [`grow`], [`assess`], [`close`]: what the window does to each alert.
//! 5. [`revision`]: what of that is worth telling.

mod assess;
mod beside;
mod city;
mod close;
mod cluster;
mod events;
mod faults;
mod group;
mod grow;
mod identity;
mod look;
mod revision;
mod round;
mod settle;
mod shelf;
mod track;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arterial_datasets::time::{Duration, HOUR, MINUTE, Timestamp};
use jiff::tz::TimeZone;

use self::round::Round;
use self::shelf::Shelf;
use self::track::Track;
use super::alert::{Alert, State};
use super::holding::held_back_by;
use super::judgement::{Judgement, Verdict};
use super::sensitivity::Sensitivity;
use super::settings::{AlertSettings, Suppression};
use super::signal::Signal;
use super::surroundings::Surroundings;
use super::texts;
use crate::{Error, Result};

/// The length of a window of which no signal says it.
const STEP: Duration = Duration(5 * MINUTE);

/// All alerts that matter, and what it takes to make the next ones. It has no clock and writes nothing.
///
/// # Restarts
/// Every state that an alert has stands in its newest revision. What stands in no revision yet (a key that was strange once, the
/// cost since the last revision) comes back by feeding the windows of the last [`AlertBook::MEMORY`] again: what an alert has taken in
/// already changes nothing. Without them no alert is lost and none is raised twice; a new one may come a window later.
#[derive(Debug)]
pub struct AlertBook {
    settings: AlertSettings,
    zone: TimeZone,
    shelf: Shelf,
    tracks: BTreeMap<Arc<str>, HashMap<Arc<str>, Track>>,
    sensitivity: Sensitivity,
    /// The newest window of each stream that a revision of before the restart has taken in.
    resumed: BTreeMap<String, Timestamp>,
}

impl AlertBook {
    /// How far back windows are fed again after a restart.
    pub const MEMORY: Duration = Duration(HOUR);

    /// An empty book.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(settings: AlertSettings) -> Result<Self> {
        Self::restore(settings, Vec::new())
    }

    /// The book that wrote `newest`, the newest revision of each alert of the last four weeks and of each that was ever judged. Older
    /// revisions among them do no harm.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn restore(settings: AlertSettings, newest: Vec<Alert>) -> Result<Self> {
        settings.check()?;
        let refuse = |_| {
            Error::invalid(
                "timezone",
                &settings.timezone,
                "an IANA zone, such as Europe/Copenhagen",
            )
        };
        let zone = TimeZone::get(&settings.timezone).map_err(refuse)?;
        let shelf = Shelf::restore(newest);
        Ok(Self {
            sensitivity: Sensitivity::of(shelf.all_told()),
            settings,
            zone,
            resumed: shelf.newest_windows(),
            shelf,
            tracks: BTreeMap::new(),
        })
    }

    /// An empty book whose lines are moved by `sensitivity`.
    pub(super) fn with(settings: AlertSettings, sensitivity: Sensitivity) -> Result<Self> {
        Ok(Self {
            sensitivity,
            ..Self::new(settings)?
        })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &AlertSettings {
        &self.settings
    }

    /// From the next window on, these hold alerts back, in place of those of the settings.
    ///
    /// # Errors
    /// A suppression that ends before it begins.
    pub fn suppress(&mut self, suppressions: Vec<Suppression>) -> Result<()> {
        let settings = AlertSettings {
            suppressions,
            ..self.settings.clone()
        };
        settings.check()?;
        self.settings = settings;
        Ok(())
    }

    /// The newest revision of every alert, live or not.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.shelf.all_told()
    }

    /// Whether any event goes on.
    pub(super) fn has_live(&self) -> bool {
        self.shelf.alerts().any(Alert::is_live)
    }

    /// The newest revision of the alert of that id.
    #[must_use]
    pub fn get(&self, alert_id: &str) -> Option<&Alert> {
        self.shelf.told(alert_id)
    }

    /// Takes in the signals of the window of `topic` that starts at `window`, all in one call, and gives the alerts that changed, each
    /// with its new revision. Signals of other streams and windows are left aside; the same window again changes nothing.
    ///
    /// Alerts of other streams stay as they are, as those may be hours behind or ahead: each stream's own windows say what has become of
    /// its alerts. Only of streams that are gone, as `surroundings` say, this window says that nothing is heard of them any more.
    pub fn window(
        &mut self,
        topic: &str,
        window: Timestamp,
        signals: &[Signal],
        surroundings: &Surroundings,
    ) -> Vec<Alert> {
        let is_of_it = |signal: &&Signal| signal.window == window && *signal.topic == *topic;
        let signals: Vec<&Signal> = signals.iter().filter(is_of_it).collect();
        let step = signals.first().map_or(STEP, |signal| signal.step);
        let end = Timestamp(window.0.saturating_add(step.0));
        if let Some(first) = signals.first() {
            self.topic(&first.topic, window, end, &signals, surroundings);
        }
        self.close(topic, (window, end), &surroundings.gone);
        self.tell(topic, (window, end), surroundings)
    }

    fn topic(
        &mut self,
        topic: &Arc<str>,
        window: Timestamp,
        end: Timestamp,
        signals: &[&Signal],
        around: &Surroundings,
    ) {
        let tracks = self.tracks.entry(topic.clone()).or_default();
        let mut looks = look::gather(window, signals, &self.sensitivity);
        looks.retain(|key, _| {
            tracks
                .get(key)
                .and_then(Track::newest)
                .is_none_or(|newest| newest < window)
        });
        for (key, look) in &mut looks {
            let track = tracks.entry(key.clone()).or_default();
            look.follow(track.speed_before(window, look.step));
            track.add(window, look);
        }
        tracks.retain(|_, track| {
            track
                .newest()
                .is_some_and(|newest| window.0 - newest.0 <= Self::MEMORY.0)
        });
        let round = Round {
            window,
            end,
            topic,
            looks,
            tracks,
            surroundings: around,
            settings: &self.settings,
            sensitivity: &self.sensitivity,
        };
        if self.resumed.get(&**topic).is_some_and(|resumed| window < *resumed) {
            catch_up(&round, &mut self.shelf);
        } else {
            take_in(&round, &mut self.shelf);
        }
    }

    fn close(&mut self, topic: &str, (window, end): (Timestamp, Timestamp), gone: &[String]) {
        for entry in self.shelf.concerned_mut(topic, gone) {
            close::close(&mut entry.now, window, end, &self.settings);
        }
        self.shelf.forget(end);
    }

    /// The revisions that this window makes.
    fn tell(&mut self, topic: &str, (window, end): (Timestamp, Timestamp), surroundings: &Surroundings) -> Vec<Alert> {
        let (settings, zone) = (&self.settings, &self.zone);
        let text = |alert: &Alert| texts::tell(alert, settings.language, zone);
        let mut told = Vec::new();
        for entry in self.shelf.concerned_mut(topic, &surroundings.gone) {
            // A window that is fed again does not take back what later ones have told.
            let is_news = entry.now.last_window <= window && !entry.is_told_after(end);
            if entry.now.is_live() && is_news {
                entry.now.held_back_by = held_back_by(&entry.now, settings, &surroundings.suppressions, zone, end);
            }
            told.extend(revision::next(entry, (window, end), settings, text));
        }
        told
    }

    /// Notes that `who` takes the alert on. The same person again changes nothing.
    ///
    /// # Errors
    /// No such alert, or one whose event is over.
    pub fn acknowledge(&mut self, alert_id: &str, who: &str, when: Timestamp) -> Result<Alert> {
        let alert = self.find(alert_id)?;
        if !alert.is_live() {
            let accepted = "an alert that is open or reopened";
            return Err(Error::invalid(
                "alert_id",
                format!("{alert_id} ({})", alert.state),
                accepted,
            ));
        }
        if alert.state == State::Acknowledged && alert.acknowledged_by.as_deref() == Some(who) {
            return Ok(alert.clone());
        }
        self.change(alert_id, when, |alert| {
            alert.state = State::Acknowledged;
            alert.acknowledged_by = Some(who.to_string());
            alert.acknowledged_at = Some(when);
        })
    }

    /// Notes what `who` says of the alert: from `when` on the line of its kind at its keys is another, as [`preview`](super::preview)
    /// shows before. [`Verdict::Withdrawn`] undoes it. The same again changes nothing.
    ///
    /// # Errors
    /// No such alert.
    pub fn judge(&mut self, alert_id: &str, verdict: Verdict, who: &str, when: Timestamp) -> Result<Alert> {
        let alert = self.find(alert_id)?;
        let said = alert.judgements.last();
        if said.is_some_and(|said| said.verdict == verdict && said.by == who) {
            return Ok(alert.clone());
        }
        let alert = self.change(alert_id, when, |alert| {
            alert.judgements.push(Judgement {
                verdict,
                by: who.to_string(),
                at: when,
            });
        })?;
        self.sensitivity = Sensitivity::of(self.shelf.all_told());
        Ok(alert)
    }

    fn find(&self, alert_id: &str) -> Result<&Alert> {
        self.shelf.told(alert_id).ok_or_else(|| unknown(alert_id))
    }

    /// Makes the next revision of an alert by what a person does.
    fn change(&mut self, alert_id: &str, when: Timestamp, deed: impl FnOnce(&mut Alert)) -> Result<Alert> {
        let revision = self.find(alert_id)?.revision + 1;
        let (language, zone) = (self.settings.language, &self.zone);
        let entry = self.shelf.get_mut(alert_id).ok_or_else(|| unknown(alert_id))?;
        deed(&mut entry.now);
        entry.now.revision = revision;
        entry.now.updated_at = when;
        entry.now.text = texts::tell(&entry.now, language, zone);
        entry.told = Some(entry.now.clone());
        Ok(entry.now.clone())
    }
}

fn unknown(alert_id: &str) -> Error {
    Error::Unknown {
        what: "alert",
        name: alert_id.into(),
        known: "those that `arterial alerts list` shows".into(),
    }
}

/// After a restart: all that this window decided stands in revisions, and what it added without a revision is added again.
fn catch_up(round: &Round, shelf: &mut Shelf) {
    let live: Vec<String> = shelf.live(round.topic).map(|alert| alert.alert_id.clone()).collect();
    for id in live {
        if let Some(entry) = shelf.get_mut(&id).filter(|entry| entry.now.last_window < round.window) {
            // Where only groups tell whether it goes on, a change of that has a revision of its own.
            let went_on = grow::is_by_groups(&entry.now) && entry.now.last_strange == entry.now.last_window;
            grow::grow(&mut entry.now, went_on, round);
        }
    }
}

/// Groups of the round become alerts, and all live alerts of the stream take the window in.
fn take_in(round: &Round, shelf: &mut Shelf) {
    // Of a window that comes a second time nothing is left to look at.
    if round.looks.is_empty() {
        return;
    }
    let mut goes_on = BTreeSet::new();
    for group in faults::groups(round, shelf) {
        goes_on.extend(settle::settle(&group, round, shelf));
    }
    for group in events::groups(round, shelf) {
        goes_on.extend(settle::settle(&group, round, shelf));
    }
    // They become part of it and do not keep it open: they scatter because it ends.
    for (key, id) in faults::joins(round, shelf) {
        if let Some(entry) = shelf.get_mut(&id) {
            entry.now.add_keys(std::iter::once(&*key));
        }
    }
    let live: Vec<String> = shelf.live(round.topic).map(|alert| alert.alert_id.clone()).collect();
    for id in live {
        let Some(entry) = shelf.get_mut(&id).filter(|entry| entry.now.last_window < round.window) else {
            continue;
        };
        let is_heard = grow::grow(&mut entry.now, goes_on.contains(&id), round);
        // Where nothing was heard, time goes on all the same; what later windows have told of it stays.
        if is_heard || !entry.is_told_after(round.end) {
            let Some(assessed) = shelf.now(&id).map(|alert| assess::assess(alert, round, shelf)) else {
                continue;
            };
            if let Some(entry) = shelf.get_mut(&id) {
                entry.now = assessed;
            }
        }
    }
}

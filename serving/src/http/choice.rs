//! Which keys of a stream a page of forecasts is about.

use std::collections::BTreeSet;

use crate::analytics::Bounds;
use crate::live::{LiveStream, Place};

/// What is said of the keys. All of it holds together; what is empty says nothing.
pub struct Choice<'a> {
    /// What they are called.
    pub keys: &'a [String],
    /// The zones that they lie in now.
    pub zones: &'a [String],
    /// What they lie within now.
    pub bounds: Option<Bounds>,
}

impl Choice<'_> {
    /// Whether names alone say which keys are meant.
    pub fn is_by_name(&self) -> bool {
        !self.keys.is_empty() && self.zones.is_empty() && self.bounds.is_none()
    }

    /// The keys behind `after` that are meant, in alphabetical order: enough to know whether there are more than the `limit` of a page. They
    /// are chosen from those of the `past`, or else from those that are known now.
    pub fn of(&self, stream: &LiveStream, past: Option<BTreeSet<String>>, after: &str, limit: usize) -> Vec<String> {
        let named: BTreeSet<&str> = self.keys.iter().map(String::as_str).collect();
        if self.is_by_name() {
            let behind = named.into_iter().filter(|key| *key > after);
            return behind.map(str::to_owned).collect();
        }
        let is_meant = |key: &str, place: &Place| (named.is_empty() || named.contains(key)) && self.lies(place);
        if let Some(past) = past {
            let place = |key: &str| stream.place(key).unwrap_or_default();
            let behind = past.into_iter().filter(|key| key.as_str() > after);
            return behind.filter(|key| is_meant(key, &place(key))).collect();
        }
        let most = match self.bounds {
            None if self.keys.is_empty() => limit + 1,
            _ => usize::MAX,
        };
        let known = stream.keys_after(after, self.zones, most).into_iter();
        known
            .filter(|info| is_meant(&info.key, &info.place))
            .map(|info| info.key.to_string())
            .collect()
    }

    /// Whether a place lies in the zones and within the bounds.
    fn lies(&self, place: &Place) -> bool {
        let zone = place.zone.as_deref();
        let point = place.lat.zip(place.lon);
        (self.zones.is_empty() || zone.is_some_and(|zone| self.zones.iter().any(|one| one == zone)))
            && self
                .bounds
                .is_none_or(|bounds| point.is_some_and(|(lat, lon)| bounds.hold(lat, lon)))
    }
}

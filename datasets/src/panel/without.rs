//! Panels without some of their inputs, to see what those are worth.

use ndarray::Axis;

use super::{Attributes, Holidays, Panel};
use crate::{Error, Result};

/// The group of clock features and holidays. What is usual at a slot of the week is not in it: models stand on that.
pub const CALENDAR: &str = "calendar";
/// The group of what happens next door.
pub const NEIGHBOURS: &str = "neighbours";
/// The group of what does not change about a series.
pub const STATIC: &str = "static";

impl Panel {
    /// The groups of inputs that this panel can do without: calendar, neighbours, static attributes if it has some, and
    /// its covariates, each by itself and by the topic before the dot.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let mut groups = vec![CALENDAR.to_owned(), NEIGHBOURS.to_owned()];
        if !self.attributes.names.is_empty() {
            groups.push(STATIC.to_owned());
        }
        for channel in self.channels.iter().skip(1) {
            for name in [topic(&channel.name), &channel.name] {
                if !groups.iter().any(|known| known == name) {
                    groups.push(name.to_owned());
                }
            }
        }
        groups
    }

    /// This panel without the inputs of `group`.
    ///
    /// # Errors
    /// A group that is not one of [`Panel::groups`].
    pub fn without(&self, group: &str) -> Result<Self> {
        let groups = self.groups();
        if !groups.iter().any(|known| known == group) {
            return Err(Error::invalid("group of inputs", group, groups.join(", ")));
        }
        let mut panel = self.clone();
        match group {
            CALENDAR => panel.holidays = Holidays::default(),
            NEIGHBOURS => panel.graph = None,
            STATIC => panel.attributes = Attributes::default(),
            covariate => panel.keep_channels(|name| name != covariate && topic(name) != covariate),
        }
        Ok(panel)
    }

    /// Drops the covariates whose name `keep` does not like.
    fn keep_channels(&mut self, keep: impl Fn(&str) -> bool) {
        let kept: Vec<usize> = (0..self.channels.len())
            .filter(|place| *place == 0 || keep(&self.channels[*place].name))
            .collect();
        self.values = self.values.select(Axis(2), &kept);
        self.ahead = self.ahead.select(Axis(2), &kept);
        self.channels = kept.iter().map(|place| self.channels[*place].clone()).collect();
    }
}

/// What stands before the dot of `topic.field`.
fn topic(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::panel::{Channel, ChannelRole};
    use crate::time::{MINUTE, Timestamp};

    fn panel() -> Panel {
        let channel = |name: &str, role| Channel {
            name: name.into(),
            role,
        };
        let channels = vec![
            channel("speed", ChannelRole::Target),
            channel("weather.rain", ChannelRole::Observed),
            channel("weather.wind", ChannelRole::Observed),
            channel("incidents.open", ChannelRole::Observed),
        ];
        let values = Array3::from_shape_fn((2, 1, 4), |(row, _, channel)| (10 * row + channel) as f64);
        let step = crate::time::Duration(5 * MINUTE);
        Panel::new(Timestamp(0), step, "UTC", vec!["a".into()], channels, values).unwrap()
    }

    #[test]
    fn a_topic_takes_all_of_its_fields_along() {
        let panel = panel().without("weather").unwrap();
        let names: Vec<&str> = panel.channels().iter().map(|channel| channel.name.as_str()).collect();
        assert_eq!(names, ["speed", "incidents.open"]);
        assert!((panel.values()[(1, 0, 1)] - 13.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_group_that_is_not_there_is_refused_with_those_that_are() {
        let error = panel().without("demand").unwrap_err().to_string();
        assert!(error.contains("calendar, neighbours, weather, weather.rain"), "{error}");
        assert!(panel().without("static").is_err());
    }
}

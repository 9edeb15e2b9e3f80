//! Why something happens, and what speaks for that.

use std::fmt;
use std::str::FromStr;

use arterial_datasets::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::named;
use crate::{Error, Result};

named! {
    /// The likely cause of an alert. The causes that are reported have the names of the types of incidents.
    Cause, "cause", {
        /// Nothing that is known explains it.
        Unknown = "unknown",
        /// A reported collision.
        Accident = "accident",
        /// A reported vehicle that stands.
        Breakdown = "breakdown",
        /// Reported works on the road.
        Roadwork = "roadwork",
        /// Many people come or go, as was reported.
        Event = "event",
        /// A reported march.
        Demonstration = "demonstration",
        /// Reported water on the road.
        Flooding = "flooding",
        /// Reported darkness of signals.
        PowerOutage = "power_outage",
        /// Rain, snow, fog or wind.
        Weather = "weather",
        /// The sensor itself, by comparison with its neighbours or with what is possible.
        FaultySensor = "faulty_sensor",
        /// What brings the data is down: a gateway, a broker, a feed.
        FeedOutage = "feed_outage",
        /// The same place is as bad at this time of the week as a rule.
        Recurrent = "recurrent",
    }
}

impl Cause {
    /// Whether it is an incident that somebody reported.
    #[must_use]
    pub fn is_reported(self) -> bool {
        matches!(
            self,
            Self::Accident
                | Self::Breakdown
                | Self::Roadwork
                | Self::Event
                | Self::Demonstration
                | Self::Flooding
                | Self::PowerOutage
        )
    }
}

/// One thing that speaks for a cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The cause that it speaks for.
    pub cause: Cause,
    /// What it is: an incident's id, a kind of weather, a key.
    pub subject: String,
    /// How far it is from the alert's place, in metres.
    pub distance_m: Option<f64>,
    /// Since when it is known: the time of the report, or when what is faulty began to be so.
    pub at: Option<Timestamp>,
    /// When it is said to be over.
    pub until: Option<Timestamp>,
    /// Its size: mm of rain an hour, km/h of wind, the number of normal neighbours or silent sensors.
    pub value: Option<f64>,
    /// How much it speaks for its cause, 0 to 1.
    pub weight: f64,
}

//! What a city says: one event, and the outlet through which reporters send.

use super::json;
use crate::time::Timestamp;

/// The topics of the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Speed, flow and occupancy.
    TrafficSensors,
    /// Buses.
    PublicTransport,
    /// Taxis and private hire cars.
    TaxiVtc,
    /// Car parks.
    Parking,
    /// Rental stations.
    BikeShare,
    /// Disturbances.
    Incidents,
    /// Weather.
    Weather,
    /// Pollutants.
    AirQuality,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 8] = [
        Self::TrafficSensors,
        Self::PublicTransport,
        Self::TaxiVtc,
        Self::Parking,
        Self::BikeShare,
        Self::Incidents,
        Self::Weather,
        Self::AirQuality,
    ];

    /// The name of the stream and of its topic.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TrafficSensors => "traffic-sensors",
            Self::PublicTransport => "public-transport",
            Self::TaxiVtc => "taxi-vtc",
            Self::Parking => "parking",
            Self::BikeShare => "bike-share",
            Self::Incidents => "incidents",
            Self::Weather => "weather",
            Self::AirQuality => "air-quality",
        }
    }
}

/// One event as it goes to its topic. It borrows the city's buffer and lives until the next one.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedEvent<'a> {
    /// Where it belongs.
    pub topic: Topic,
    /// The record key: what the stream's windows group by.
    pub key: &'a str,
    /// Event time.
    pub time: Timestamp,
    /// A JSON object, UTF-8.
    pub payload: &'a [u8],
}

/// Where reporters write: one buffer for all events of a step.
pub(super) struct Outlet<'a> {
    pub(super) each: &'a mut dyn FnMut(SimulatedEvent<'_>),
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) time: Timestamp,
    pub(super) stamp: &'a str,
}

impl Outlet<'_> {
    /// Sends an event: `head` (up to the opening quote of the timestamp), the timestamp, then what `rest` writes (from
    /// the closing quote on).
    pub(super) fn send(&mut self, topic: Topic, key: &str, head: &[u8], rest: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.clear();
        self.buffer.extend_from_slice(head);
        json::raw(self.buffer, self.stamp);
        rest(self.buffer);
        (self.each)(SimulatedEvent {
            topic,
            key,
            time: self.time,
            payload: self.buffer,
        });
    }
}

//! The weather: regimes that follow each other, temperature by season and hour, and what both do to traffic.

use super::calendar::LocalTime;
use super::json;
use super::random::{Dice, Part};

/// What the sky does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// No clouds.
    Clear,
    /// Clouds.
    Cloudy,
    /// Rain.
    Rain,
    /// Fog.
    Fog,
    /// Snow.
    Snow,
}

impl Condition {
    /// As the events name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Cloudy => "cloudy",
            Self::Rain => "rain",
            Self::Fog => "fog",
            Self::Snow => "snow",
        }
    }
}

/// The weather now.
#[derive(Debug, Clone)]
pub struct Weather {
    dice: Dice,
    changes: bool,
    latitude: f64,
    /// Whether it is a stormy time: then it mostly rains or snows hard, and the wind is strong.
    pub stormy: bool,
    /// The regime.
    pub condition: Condition,
    /// 0..1: how hard it rains or snows, how thick the fog is.
    pub strength: f64,
    /// degC.
    pub temperature: f64,
    /// km/h.
    pub wind: f64,
    /// The sine of the sun's elevation.
    pub sun: f64,
    minutes_left: f64,
    anomaly: f64,
}

impl Weather {
    /// Clear weather at a latitude; `changes` says whether it stays so.
    #[must_use]
    pub fn new(seed: u64, latitude: f64, changes: bool) -> Self {
        Self {
            dice: Dice::new(seed, Part::Weather),
            changes,
            latitude,
            stormy: false,
            condition: Condition::Clear,
            strength: 0.0,
            temperature: 10.0,
            wind: 10.0,
            sun: 0.0,
            minutes_left: 240.0,
            anomaly: 0.0,
        }
    }

    /// Goes on by a minute.
    pub fn next_minute(&mut self, now: &LocalTime) {
        self.sun = now.sun(self.latitude);
        if self.changes {
            self.minutes_left -= 1.0;
            if self.minutes_left <= 0.0 {
                self.next_regime(now);
            }
            // The anomaly of the air mass wanders with a memory of two days, the wind with one of three hours.
            self.anomaly = self.anomaly * (1.0 - 1.0 / 2880.0) + 4.0 * (2.0_f64 / 2880.0).sqrt() * self.dice.bell();
            let usual = if self.stormy { 38.0 } else { 12.0 };
            self.wind = (self.wind + (usual - self.wind) / 180.0 + 7.0 * (2.0_f64 / 180.0).sqrt() * self.dice.bell())
                .clamp(1.0, 90.0);
        }
        self.temperature = self.usual_temperature(now) + self.anomaly;
    }

    /// The season's mean, and the day's wave, which lags the sun and is flattened by clouds.
    fn usual_temperature(&self, now: &LocalTime) -> f64 {
        let day = f64::from(now.date.day_of_year());
        let season = 11.5 - 8.5 * (2.0 * std::f64::consts::PI * (day - 20.0) / 365.25).cos();
        let clear = if self.condition == Condition::Clear { 1.0 } else { 0.5 };
        season + clear * 4.5 * (2.0 * std::f64::consts::PI * (now.hour - 15.5) / 24.0).cos()
    }

    /// Draws the regime that follows the present one, and how long it lasts.
    fn next_regime(&mut self, now: &LocalTime) {
        let cold = self.temperature < 1.5;
        let foggy = if self.wind < 12.0 && self.temperature < 12.0 && !(10.0..20.0).contains(&now.hour) {
            1.0
        } else {
            0.05
        };
        let [clear, cloudy, rain, fog] = match self.condition {
            _ if self.stormy => [0.05, 0.15, 0.8, 0.0],
            Condition::Clear => [0.0, 0.75, 0.1, 0.15 * foggy],
            Condition::Cloudy => [0.4, 0.0, 0.5, 0.1 * foggy],
            Condition::Rain | Condition::Snow => [0.15, 0.8, 0.0, 0.05 * foggy],
            Condition::Fog => [0.4, 0.55, 0.05, 0.0],
        };
        let (condition, mean) = match self.dice.weighted([clear, cloudy, rain, fog].into_iter()) {
            0 => (Condition::Clear, 420.0),
            1 => (Condition::Cloudy, 300.0),
            2 => (if cold { Condition::Snow } else { Condition::Rain }, 130.0),
            _ => (Condition::Fog, 150.0),
        };
        self.condition = condition;
        self.minutes_left = 15.0 + self.dice.waiting(mean);
        self.strength = match condition {
            Condition::Clear | Condition::Cloudy => 0.0,
            _ if self.stormy => self.dice.between(0.6, 1.0),
            _ => self.dice.between(0.1, 1.0).powf(1.5),
        };
    }

    /// Capacity as a share of that of a dry day. The sizes are those of the Highway Capacity Manual (2010, exhibit
    /// 10-15): light rain -2 %, heavy rain -14 %, light snow -4 %, heavy snow -22 %, thick fog -12 %.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        match self.condition {
            Condition::Clear | Condition::Cloudy => 1.0,
            Condition::Rain => 0.98 - 0.12 * self.strength,
            Condition::Snow => 0.96 - 0.18 * self.strength,
            Condition::Fog => 0.99 - 0.11 * self.strength,
        }
    }

    /// Free speed as a share of that of a dry day: heavy rain -8 %, heavy snow -30 %, thick fog -14 %.
    #[must_use]
    pub fn free_speed(&self) -> f64 {
        match self.condition {
            Condition::Clear | Condition::Cloudy => 1.0,
            Condition::Rain => 0.98 - 0.06 * self.strength,
            Condition::Snow => 0.92 - 0.22 * self.strength,
            Condition::Fog => 0.98 - 0.12 * self.strength,
        }
    }

    /// How much likelier an accident is than on a dry day.
    #[must_use]
    pub fn risk(&self) -> f64 {
        match self.condition {
            Condition::Clear | Condition::Cloudy => 1.0,
            Condition::Rain => 1.3 + 0.6 * self.strength,
            Condition::Snow => 1.8 + 1.2 * self.strength,
            Condition::Fog => 1.2 + 0.8 * self.strength,
        }
    }

    /// mm an hour.
    #[must_use]
    pub fn precipitation(&self) -> f64 {
        match self.condition {
            Condition::Rain => 0.3 + 11.0 * self.strength * self.strength,
            Condition::Snow => 0.2 + 2.5 * self.strength,
            _ => 0.0,
        }
    }

    /// %, from the regime and the sun.
    #[must_use]
    pub fn humidity(&self) -> f64 {
        let base = match self.condition {
            Condition::Clear => 62.0,
            Condition::Cloudy => 70.0,
            Condition::Rain => 88.0,
            Condition::Snow => 90.0,
            Condition::Fog => 97.0,
        };
        (base - 18.0 * self.sun.max(0.0)).clamp(20.0, 100.0)
    }

    /// km.
    #[must_use]
    pub fn visibility(&self) -> f64 {
        match self.condition {
            Condition::Clear => 30.0,
            Condition::Cloudy => 20.0,
            Condition::Rain => 12.0 - 9.0 * self.strength,
            Condition::Snow => 5.0 - 4.5 * self.strength,
            Condition::Fog => 0.9 - 0.8 * self.strength,
        }
    }

    /// The UV index: about 12 times the height of the sun to the power 2.4, less through clouds.
    #[must_use]
    pub fn uv_index(&self) -> f64 {
        let through = match self.condition {
            Condition::Clear => 1.0,
            Condition::Cloudy => 0.6,
            _ => 0.3,
        };
        12.0 * self.sun.max(0.0).powf(2.4) * through
    }

    /// Appends the event's fields behind the timestamp; `noise` gives the station's reading errors.
    pub fn write(&self, buffer: &mut Vec<u8>, noise: &mut Dice) {
        json::raw(buffer, "\",\"condition\":\"");
        json::raw(buffer, self.condition.name());
        for (name, value, deviation, low, high) in [
            ("temperature_celsius", self.temperature, 0.1, -60.0, 60.0),
            ("humidity_percent", self.humidity(), 0.6, 0.0, 100.0),
            ("wind_speed_kmh", self.wind, 1.2, 0.0, 200.0),
            ("precipitation_mm", self.precipitation(), 0.0, 0.0, 200.0),
            ("visibility_km", self.visibility(), 0.02, 0.05, 50.0),
            ("uv_index", self.uv_index(), 0.0, 0.0, 15.0),
        ] {
            json::raw(buffer, if name == "temperature_celsius" { "\",\"" } else { ",\"" });
            json::raw(buffer, name);
            json::raw(buffer, "\":");
            json::fixed(
                buffer,
                (value + deviation * noise.bell()).clamp(low, high),
                1 + u32::from(name == "visibility_km"),
            );
        }
        buffer.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::calendar::Calendar;
    use crate::time::{MINUTE, Timestamp};

    #[test]
    fn a_stormy_time_is_wet_and_windy_and_others_are_not() {
        let mut weather = Weather::new(1, 47.0, true);
        let calendar = Calendar::new("UTC", true).unwrap();
        let mut means = [[0.0; 2]; 2];
        for minute in 0..60 * 24 * 20 {
            weather.stormy = minute >= 60 * 24 * 10;
            let now = calendar.at(Timestamp(1_767_571_200_000_000 + minute * MINUTE)).unwrap();
            weather.next_minute(&now);
            let half = &mut means[usize::from(weather.stormy)];
            half[0] += weather.wind / (60.0 * 24.0 * 10.0);
            half[1] += weather.strength / (60.0 * 24.0 * 10.0);
        }
        assert!(means[0][0] < 20.0 && means[1][0] > 30.0, "{means:?}");
        assert!(means[0][1] < 0.25 && means[1][1] > 0.4, "{means:?}");
    }
}

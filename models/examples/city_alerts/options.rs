//! The command line.

use arterial_datasets::city::CityConfig;
use arterial_datasets::time::{Duration, SECOND};

use super::AnyError;

/// What to simulate and how to look at it.
#[derive(Debug)]
pub struct Options {
    pub city: CityConfig,
    /// A kind that eats no features.
    pub model: String,
    /// How many windows ahead the forecast of a window was made.
    pub ahead: usize,
}

impl Options {
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, AnyError> {
        let mut options = Self {
            city: CityConfig {
                report_interval: Duration(60 * SECOND),
                ..CityConfig::default()
            },
            model: "weekly-profile".into(),
            ahead: 6,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            let city = &mut options.city;
            match name.as_str() {
                "--seed" => city.seed = value.parse()?,
                "--start" => city.start = value.parse()?,
                "--storms-from" => city.storms_from = Some(value.parse()?),
                "--incidents-per-day" => city.incidents_per_day = value.parse()?,
                "--planned-per-week" => city.planned_per_week = value.parse()?,
                "--faults-per-day" => city.faults_per_day = value.parse()?,
                "--interval" => city.report_interval = value.parse()?,
                "--model" => options.model = value,
                "--ahead" => options.ahead = value.parse()?,
                _ => return Err(format!("no option {name}").into()),
            }
        }
        if !(1..=12).contains(&options.ahead) {
            return Err("--ahead takes 1 to 12".into());
        }
        Ok(options)
    }
}

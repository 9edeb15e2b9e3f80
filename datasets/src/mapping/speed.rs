//! How fast history passes: so many times as fast as it did, or as fast as it goes.

use std::fmt;
use std::str::FromStr;

use crate::time::{Clock, Timestamp};
use crate::{Error, Result};

/// How fast history passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as it did.
    Times(f64),
    /// As fast as it goes.
    Max,
}

impl FromStr for Speed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
        match times {
            Some(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err(Error::invalid(
                "speed",
                text,
                "a number and x, such as 1x, 60x, 0.5x; or max",
            )),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(formatter, "{times}x"),
            Self::Max => formatter.write_str("max"),
        }
    }
}

/// Says how long to wait for an event, so that history passes at a speed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: Speed,
    begin: Option<(Timestamp, Timestamp)>,
}

impl Pace {
    /// Begins with the first event.
    #[must_use]
    pub fn new(speed: Speed) -> Self {
        Self { speed, begin: None }
    }

    /// How long to wait before the event of `time` is due.
    pub fn wait(&mut self, time: Timestamp, clock: &dyn Clock) -> std::time::Duration {
        let Speed::Times(times) = self.speed else {
            return std::time::Duration::ZERO;
        };
        let now = clock.now();
        let (first, began) = *self.begin.get_or_insert((time, now));
        let due = (time.0 - first.0) as f64 / times - (now.0 - began.0) as f64;
        std::time::Duration::from_micros(due.max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    struct Fixed(i64);
    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp(self.0)
        }
    }

    #[test]
    fn speeds_are_read_and_others_refused() {
        assert_eq!("60x".parse::<Speed>().unwrap(), Speed::Times(60.0));
        assert_eq!("max".parse::<Speed>().unwrap(), Speed::Max);
        for text in ["60", "0x", "-1x", "fast", "infx", ""] {
            assert!(text.parse::<Speed>().unwrap_err().to_string().contains("60x"), "{text}");
        }
    }

    #[test]
    fn a_minute_at_sixty_times_waits_a_second() {
        let mut pace = Pace::new(Speed::Times(60.0));
        assert!(pace.wait(Timestamp(0), &Fixed(5 * SECOND)).is_zero());
        let wait = pace.wait(Timestamp(60 * SECOND), &Fixed(5 * SECOND + SECOND / 4));
        assert_eq!(wait, std::time::Duration::from_millis(750));
    }
}

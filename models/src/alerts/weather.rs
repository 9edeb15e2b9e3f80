//! The weather, and what of it slows a city down.

/// From here on rain slows traffic, in millimetres an hour.
const RAIN: f64 = 2.0;
/// From here on wind does, in km/h.
const WIND: f64 = 60.0;
/// Below this fog does, in kilometres.
const SIGHT: f64 = 1.0;

/// The weather of the city, as far as it was measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weather {
    /// `clear`, `cloudy`, `rain`, `fog` or `snow`.
    pub condition: Option<String>,
    /// Millimetres an hour.
    pub precipitation_mm: Option<f64>,
    /// Kilometres an hour.
    pub wind_kmh: Option<f64>,
    /// Kilometres.
    pub visibility_km: Option<f64>,
}

impl Weather {
    /// Whether it slows the city down: rain from 2 mm an hour on, wind from 60 km/h on, snow, or fog with less than 1 km of sight.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.hardship().is_some()
    }

    /// What slows the city down (`snow`, `rain`, `wind` or `fog`), and its number where it has one.
    pub(super) fn hardship(&self) -> Option<(&'static str, Option<f64>)> {
        let is = |condition| self.condition.as_deref() == Some(condition);
        let from = |value: Option<f64>, line: f64| value.filter(|value| value.is_finite() && *value >= line);
        let rain = from(self.precipitation_mm, RAIN);
        let wind = from(self.wind_kmh, WIND);
        let clear = self.visibility_km.is_some_and(|sight| sight >= SIGHT);
        if is("snow") {
            Some(("snow", self.precipitation_mm.filter(|amount| amount.is_finite())))
        } else if rain.is_some() {
            Some(("rain", rain))
        } else if wind.is_some() {
            Some(("wind", wind))
        } else if is("fog") && !clear {
            Some(("fog", self.visibility_km.filter(|sight| sight.is_finite())))
        } else {
            None
        }
    }
}

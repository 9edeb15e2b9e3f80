//! From the scores of single sensors to one alert for each event.
//!
//! Everything here is pure: windows of [`Signal`]s and what is known around them go into an [`AlertBook`], revisions of [`Alert`]s
//! come out. Who stores and delivers them stands elsewhere.

mod alert;
mod book;
mod cause;
mod causes;
mod certainty;
mod duration;
mod geojson;
mod geometry;
mod holding;
mod impact;
mod judgement;
mod places;
mod preview;
mod sensitivity;
mod settings;
mod severity;
mod signal;
mod surroundings;
mod symptom;
mod texts;
mod weather;

#[cfg(test)]
mod tests;

pub use alert::{Alert, Kind, Location, Severity, State};
pub use book::AlertBook;
pub use cause::{Cause, Evidence};
pub use geojson::geojson;
pub use judgement::{Judgement, Verdict};
pub use places::{COUNTS_AN_HOUR, Place, Places};
pub use preview::{FAINTEST, Past, Preview, Record, preview, preview_by_peaks, twin};
pub use settings::{AlertSettings, Language, QuietHours, Route, Suppression};
pub use signal::{Expected, Finding, Reason, Signal, Subject};
pub use surroundings::{Incident, Surroundings};
pub use symptom::Symptom;
pub use texts::{counted_label, label, tell, tell_evidence};
pub use weather::Weather;

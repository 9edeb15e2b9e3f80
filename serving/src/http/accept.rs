//! Which form an answer takes: JSON, GeoJSON, CSV or a stream of Arrow batches, by `Accept` (RFC 9110, 12.5.1) or `format`.

use axum::http::header::{ACCEPT, HeaderMap};

use super::Problem;
use super::params::Parameter;

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/geo+json` (RFC 7946).
    GeoJson,
    /// `text/csv` with a header (RFC 4180).
    Csv,
    /// `application/vnd.apache.arrow.stream`: the Arrow IPC streaming format.
    Arrow,
}

impl Format {
    /// Every form; of several that are equally welcome the first is taken.
    pub const ALL: [Self; 4] = [Self::Json, Self::GeoJson, Self::Csv, Self::Arrow];
    /// Those of what has no place.
    pub const PLACELESS: [Self; 3] = [Self::Json, Self::Csv, Self::Arrow];

    /// What the parameter `format` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::GeoJson => "geojson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
        }
    }

    /// The media type that asks for it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GeoJson => "application/geo+json",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// Whether it has room for where the next page begins.
    pub fn tells_next(self) -> bool {
        matches!(self, Self::Json | Self::GeoJson)
    }

    /// What the answer says that it is.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            other => other.media_type(),
        }
    }
}

impl Parameter for Format {
    fn read(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| Self::ALL.map(Self::name).join(", "))
    }
}

/// The form of `offered` that is most welcome: as `asked` says, or else the header `Accept`.
///
/// # Errors
/// None of them is: 406, or 400 where the parameter said so.
pub fn choose(asked: Option<Format>, headers: &HeaderMap, offered: &[Format]) -> Result<Format, Problem> {
    if let Some(asked) = asked {
        if offered.contains(&asked) {
            return Ok(asked);
        }
        let names: Vec<&str> = offered.iter().map(|one| one.name()).collect();
        return Err(crate::Error::invalid("format", asked.name(), names.join(", ")).into());
    }
    let ranges = ranges(headers);
    if ranges.is_empty() {
        return Ok(offered.first().copied().unwrap_or(Format::Json));
    }
    let mut best: Option<(f64, u8, Format)> = None;
    for &format in offered {
        let fits = ranges
            .iter()
            .filter_map(|range| Some((range.fit(format.media_type())?, range.quality)));
        // Of several ranges that hold a type the most specific one counts.
        let Some((fit, quality)) = fits.max_by_key(|(fit, _)| *fit) else {
            continue;
        };
        let is_better = best.is_none_or(|(held, held_fit, _)| (quality, fit) > (held, held_fit));
        if quality > 0.0 && is_better {
            best = Some((quality, fit, format));
        }
    }
    best.map(|(_, _, format)| format).ok_or_else(|| {
        let types: Vec<&str> = offered.iter().map(|one| one.media_type()).collect();
        Problem::not_acceptable(text(headers), types.join(", "))
    })
}

/// One media range of `Accept`.
struct MediaRange {
    kind: String,
    quality: f64,
}

impl MediaRange {
    /// How specifically it holds a media type: 2 by name, 1 by its main type, 0 as anything; none where it does not.
    fn fit(&self, media_type: &str) -> Option<u8> {
        let main = media_type.split('/').next().unwrap_or_default();
        match self.kind.as_str() {
            kind if kind == media_type => Some(2),
            kind if kind.strip_suffix("/*") == Some(main) => Some(1),
            "*/*" => Some(0),
            _ => None,
        }
    }
}

fn text(headers: &HeaderMap) -> String {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(", ")
}

fn ranges(headers: &HeaderMap) -> Vec<MediaRange> {
    let range = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next()?.to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let quality = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        (!kind.is_empty()).then_some(MediaRange { kind, quality })
    };
    text(headers).split(',').filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str, offered: &[Format]) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        choose(None, &headers, offered).ok()
    }

    #[test]
    fn the_most_welcome_form_is_taken() {
        for (accept, format) in [
            ("application/json;q=0.5, Application/Geo+JSON; q=1", Format::GeoJson),
            ("application/json, */*", Format::Json),
            ("text/csv, */*", Format::Csv),
            ("*/*", Format::Json),
            ("application/*;q=0.2, text/csv;q=0.1", Format::Json),
            ("application/json;q=0, */*", Format::GeoJson),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Format::Json,
            ),
            ("application/vnd.apache.arrow.stream", Format::Arrow),
        ] {
            assert_eq!(chosen(accept, &Format::ALL), Some(format), "{accept}");
        }
        assert_eq!(choose(None, &HeaderMap::new(), &Format::ALL).ok(), Some(Format::Json));
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        assert_eq!(chosen("text/html", &Format::ALL), None);
        assert_eq!(chosen("*/*;q=0", &Format::ALL), None);
        assert_eq!(chosen("application/geo+json", &Format::PLACELESS), None);
        assert!(choose(Some(Format::GeoJson), &HeaderMap::new(), &Format::PLACELESS).is_err());
    }
}

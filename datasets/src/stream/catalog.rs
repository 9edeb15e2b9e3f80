//! The streams that are defined: eight compiled in, more or others from a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{StreamDefinition, parse, read};
use crate::{Error, Result};

const BUILT_IN: [(&str, &str); 8] = [
    (
        "traffic-sensors.toml",
        include_str!("../../streams/traffic-sensors.toml"),
    ),
    (
        "public-transport.toml",
        include_str!("../../streams/public-transport.toml"),
    ),
    ("taxi-vtc.toml", include_str!("../../streams/taxi-vtc.toml")),
    ("parking.toml", include_str!("../../streams/parking.toml")),
    ("bike-share.toml", include_str!("../../streams/bike-share.toml")),
    ("incidents.toml", include_str!("../../streams/incidents.toml")),
    ("weather.toml", include_str!("../../streams/weather.toml")),
    ("air-quality.toml", include_str!("../../streams/air-quality.toml")),
];

/// Every defined stream, by name.
#[derive(Debug, Clone)]
pub struct StreamCatalog {
    streams: BTreeMap<String, Arc<StreamDefinition>>,
}

impl StreamCatalog {
    /// The eight streams that are compiled in.
    ///
    /// # Errors
    /// A definition that does not check; a test proves that there is none.
    pub fn built_in() -> Result<Self> {
        let mut streams = BTreeMap::new();
        for (path, text) in BUILT_IN {
            let stream = parse(path, text)?;
            streams.insert(stream.name.clone(), Arc::new(stream));
        }
        Ok(Self { streams })
    }

    /// The streams that are compiled in, overridden and extended by the `.toml` files of `folder`.
    ///
    /// # Errors
    /// A folder that cannot be read, a definition that does not check.
    pub fn with_folder(folder: &Path) -> Result<Self> {
        let mut catalog = Self::built_in()?;
        let io = |source| Error::Io {
            path: folder.into(),
            source,
        };
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .map_err(io)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()
            .map_err(io)?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        paths.sort();
        for path in paths {
            catalog.insert(read(&path)?);
        }
        Ok(catalog)
    }

    /// Adds a stream, or replaces the one of that name.
    pub fn insert(&mut self, stream: StreamDefinition) {
        self.streams.insert(stream.name.clone(), Arc::new(stream));
    }

    /// The stream of that name.
    ///
    /// # Errors
    /// No stream of that name; the error lists those that exist.
    pub fn get(&self, name: &str) -> Result<&Arc<StreamDefinition>> {
        self.streams.get(name).ok_or_else(|| Error::Unknown {
            what: "stream",
            name: name.into(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.streams.keys().map(String::as_str)
    }

    /// The streams, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<StreamDefinition>> {
        self.streams.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_streams_check() {
        let catalog = StreamCatalog::built_in().unwrap();
        assert_eq!(
            catalog.names().collect::<Vec<_>>(),
            [
                "air-quality",
                "bike-share",
                "incidents",
                "parking",
                "public-transport",
                "taxi-vtc",
                "traffic-sensors",
                "weather"
            ]
        );
    }

    #[test]
    fn a_file_in_the_folder_overrides_the_stream_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let text = BUILT_IN[3].1.replace("interval = \"5s\"", "interval = \"15m\"");
        std::fs::write(folder.path().join("parking.toml"), text).unwrap();
        let catalog = StreamCatalog::with_folder(folder.path()).unwrap();
        assert_eq!(catalog.get("parking").unwrap().interval.unwrap().to_string(), "15m");
        assert_eq!(catalog.iter().count(), 8);
    }

    #[test]
    fn an_unknown_stream_lists_the_known_ones() {
        let error = StreamCatalog::built_in()
            .unwrap()
            .get("trafic")
            .unwrap_err()
            .to_string();
        assert!(error.contains("trafic") && error.contains("traffic-sensors"), "{error}");
    }
}

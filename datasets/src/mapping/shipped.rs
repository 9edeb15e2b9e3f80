//! The mappings that are compiled in: public data sets that many know.

const SHIPPED: [(&str, &str); 8] = [
    ("los-loop", include_str!("../../mappings/los-loop.toml")),
    ("aarhus-traffic", include_str!("../../mappings/aarhus-traffic.toml")),
    ("aarhus-parking", include_str!("../../mappings/aarhus-parking.toml")),
    ("aarhus-weather", include_str!("../../mappings/aarhus-weather.toml")),
    ("german-parking", include_str!("../../mappings/german-parking.toml")),
    ("beijing-air", include_str!("../../mappings/beijing-air.toml")),
    ("washington-bikes", include_str!("../../mappings/washington-bikes.toml")),
    (
        "washington-weather",
        include_str!("../../mappings/washington-weather.toml"),
    ),
];

/// Their names.
pub fn names() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

/// The text of one.
pub fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(one, _)| *one == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use crate::mapping::Mapping;
    use crate::stream::StreamCatalog;

    #[test]
    fn every_shipped_mapping_checks_against_its_stream() {
        let catalog = StreamCatalog::built_in().unwrap();
        for name in super::names() {
            let mapping = Mapping::find(name).unwrap();
            assert_eq!(mapping.name, name);
            mapping.check(catalog.get(&mapping.stream).unwrap()).unwrap();
        }
    }

    #[test]
    fn an_unknown_mapping_lists_the_known_ones() {
        let error = Mapping::find("los-lop").unwrap_err().to_string();
        assert!(error.contains("los-lop") && error.contains("los-loop"), "{error}");
    }
}

//! Series names in the order in which they appear.

use std::collections::HashMap;

/// Names and their positions.
#[derive(Debug, Default)]
pub(super) struct Names {
    places: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The position of `name`, which is new or known.
    pub(super) fn add(&mut self, name: &str) -> Result<u32, String> {
        if let Some(&place) = self.places.get(name) {
            return Ok(place);
        }
        if name.trim().is_empty() {
            return Err("no name, accepted: the name of a series".into());
        }
        let place = u32::try_from(self.names.len()).map_err(|_| "more than 2^32 series".to_owned())?;
        self.places.insert(name.to_owned(), place);
        self.names.push(name.to_owned());
        Ok(place)
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }
}

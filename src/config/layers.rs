//! Lays a file and the environment over the defaults; what the defaults do not know is an error.

use toml::{Table, Value};

use super::Config;

/// Tables whose keys are free.
const FREE: [&str; 2] = ["kafka.properties", "lake.options"];

/// A configuration that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that cannot be read.
    #[error("cannot read configuration `{path}`")]
    Read { path: String, source: std::io::Error },
    /// A key or value that is wrong.
    #[error("{place}: `{key}`: {message}")]
    Wrong {
        place: String,
        key: String,
        message: String,
    },
}

/// The layers so far.
pub struct Layers {
    defaults: Table,
    merged: Table,
    /// Where each overridden key came from, for errors.
    places: Vec<(String, String)>,
}

impl Layers {
    /// Begins with the defaults.
    pub fn new(defaults: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(defaults).map_err(|error| syntax("default.toml", defaults, &error))?;
        Ok(Self {
            merged: table.clone(),
            defaults: table,
            places: Vec::new(),
        })
    }

    /// Lays a file over.
    pub fn add_file(&mut self, path: &str, text: &str) -> Result<(), ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
        for (section, value) in table {
            let place = |key: &str| format!("{path}:{}", line_of(text, &section, key));
            let Value::Table(entries) = value else {
                let message = format!("accepted sections: {}", names(&self.defaults));
                return Err(ConfigError::Wrong {
                    place: place(""),
                    key: section,
                    message,
                });
            };
            for (key, value) in entries {
                self.set(&section, &key, value, place(&key))?;
            }
        }
        Ok(())
    }

    /// Lays variables of the form `ARTERIAL_SECTION__KEY` over; others are none of ours.
    pub fn add_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (name, text) in environment {
            let Some((section, key)) = name.strip_prefix("ARTERIAL_").and_then(|rest| rest.split_once("__")) else {
                continue;
            };
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            let (key, entry) = match key.split_once("__") {
                Some((table, entry)) => (table.to_string(), Some(entry.to_string())),
                None => (key, None),
            };
            let value = match entry {
                Some(entry) => Value::Table(Table::from_iter([(entry, Value::String(text))])),
                None => self.parse_like_default(&section, &key, &text),
            };
            self.set(&section, &key, value, format!("environment variable {name}"))?;
        }
        Ok(())
    }

    /// The configuration that the layers give.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let text = toml::to_string(&self.merged).unwrap_or_default();
        toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .map_or("", |span| text[..span.start].lines().last().unwrap_or(""));
            let key = line.split('=').next().unwrap_or("").trim().to_string();
            let place = self
                .places
                .iter()
                .rev()
                .find(|(name, _)| name.ends_with(&format!(".{key}")));
            ConfigError::Wrong {
                place: place.map_or_else(|| "configuration".into(), |(_, place)| place.clone()),
                key,
                message: error.message().replace('\n', " "),
            }
        })
    }

    fn set(&mut self, section: &str, key: &str, value: Value, place: String) -> Result<(), ConfigError> {
        let full = format!("{section}.{key}");
        let wrong = |message: String| ConfigError::Wrong {
            place: place.clone(),
            key: full.clone(),
            message,
        };
        let Some(Value::Table(known)) = self.defaults.get(section) else {
            return Err(wrong(format!("accepted sections: {}", names(&self.defaults))));
        };
        let Some(default) = known.get(key) else {
            return Err(wrong(format!("accepted keys of `{section}`: {}", names(known))));
        };
        if !same_type(default, &value) {
            return Err(wrong(format!("is `{value}`, accepted: {}", describe(default))));
        }
        let Some(Value::Table(target)) = self.merged.get_mut(section) else {
            return Err(wrong("is no section".into()));
        };
        match (target.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if FREE.contains(&full.as_str()) => old.extend(new),
            (_, value) => {
                target.insert(key.into(), value);
            }
        }
        self.places.push((full, place));
        Ok(())
    }

    /// A variable's text as the type that the default has; text that does not read as that type is refused later.
    fn parse_like_default(&self, section: &str, key: &str, text: &str) -> Value {
        let default = self.defaults.get(section).and_then(|table| table.get(key));
        let parsed = || {
            toml::from_str::<Table>(&format!("value = {text}"))
                .ok()
                .and_then(|mut table| table.remove("value"))
        };
        match default {
            None | Some(Value::String(_)) => Value::String(text.into()),
            Some(Value::Array(items)) if !text.trim_start().starts_with('[') => {
                let number = items.first().is_some_and(Value::is_integer);
                let item = |part: &str| match part.trim().parse::<i64>() {
                    Ok(whole) if number => Value::Integer(whole),
                    _ => Value::String(part.trim().into()),
                };
                Value::Array(
                    text.split(',')
                        .filter(|part| !part.trim().is_empty())
                        .map(item)
                        .collect(),
                )
            }
            Some(_) => parsed().unwrap_or_else(|| Value::String(text.into())),
        }
    }
}

fn syntax(path: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let line = text[..start.min(text.len())].matches('\n').count() + 1;
    let key = text
        .lines()
        .nth(line - 1)
        .unwrap_or("")
        .split('=')
        .next()
        .unwrap_or("")
        .trim()
        .to_string();
    ConfigError::Wrong {
        place: format!("{path}:{line}"),
        key,
        message: error.message().replace('\n', " "),
    }
}

fn names(table: &Table) -> String {
    table.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn same_type(default: &Value, value: &Value) -> bool {
    match (default, value) {
        (Value::Array(_), Value::Array(_)) | (Value::Table(_), Value::Table(_)) => true,
        (default, value) => std::mem::discriminant(default) == std::mem::discriminant(value),
    }
}

fn describe(default: &Value) -> &'static str {
    match default {
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section of texts",
        _ => "a text in quotes",
    }
}

/// The line of `key` in `section`, counted from 1; the section's own line where the key is not found.
fn line_of(text: &str, section: &str, key: &str) -> usize {
    let mut inside = false;
    let mut header = 1;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            let name = line.trim_matches(['[', ']']);
            inside = name == section || name.starts_with(&format!("{section}."));
            if inside {
                header = index + 1;
            }
        }
        if inside && !key.is_empty() && line.trim_start_matches('"').starts_with(key) {
            return index + 1;
        }
    }
    header
}

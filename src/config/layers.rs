//! Lays a file and the environment over the defaults; what the defaults do not know is an error.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::mend::mend;
use super::{Config, ConfigError};

/// Tables whose keys are free.
pub(super) const FREE: [&str; 2] = ["kafka.properties", "lake.options"];
/// Tables of sections whose names are free.
pub(super) const NAMED: [&str; 1] = ["alerts.sinks"];

/// The layers so far.
pub struct Layers {
    defaults: Table,
    merged: Table,
    /// Where each overridden key came from, for errors.
    places: BTreeMap<String, String>,
    /// What is wrong so far.
    problems: Vec<ConfigError>,
}

impl Layers {
    /// Begins with the defaults.
    pub fn new(defaults: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(defaults).map_err(|error| syntax("default.toml", defaults, &error))?;
        Ok(Self {
            merged: table.clone(),
            defaults: table,
            places: BTreeMap::new(),
            problems: Vec::new(),
        })
    }

    /// Lays a file over; keys and values that are wrong are noted.
    ///
    /// # Errors
    /// A file that is no TOML.
    pub fn add_file(&mut self, path: &str, text: &str) -> Result<(), ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
        let place = |names: &[&str]| format!("{path}:{}", line_of(text, names));
        self.places.insert(String::new(), path.into());
        for (section, value) in table {
            let Value::Table(entries) = value else {
                let message = if self.defaults.contains_key(&section) {
                    format!("`{section}` is a section: `[{section}]`")
                } else {
                    format!("`{section}`: accepted sections: {}", names(&self.defaults))
                };
                let place = place(&[&section]);
                self.problems.push(ConfigError::Value { place, message });
                continue;
            };
            for (key, value) in entries {
                self.set(&section, &key, value, &|inside| {
                    place(&[&[section.as_str(), &key], inside].concat())
                });
            }
        }
        Ok(())
    }

    /// Lays variables of the form `ARTERIAL_SECTION__KEY` over; others are none of ours. What is wrong is noted.
    pub fn add_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
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
                Some(entry) => Value::Table(entry_table(&key, &entry, text)),
                None => self.parse_like_default(&section, &key, &text),
            };
            self.set(&section, &key, value, &|_| format!("environment variable {name}"));
        }
    }

    /// The configuration that the layers give.
    ///
    /// # Errors
    /// Every key that is unknown, and every value that does not read.
    pub fn finish(mut self) -> Result<Config, ConfigError> {
        let config = self.config();
        match config.filter(|_| self.problems.is_empty()) {
            Some(config) => Ok(config),
            None => Err(ConfigError::of(self.problems)),
        }
    }

    /// The configuration, where `arterial run` would take it.
    ///
    /// # Errors
    /// Everything that is wrong: once noted, it is mended, and the rest is looked at.
    pub fn finish_for_service(mut self) -> Result<Config, ConfigError> {
        while let Some(config) = self.config() {
            match config.check_service() {
                Ok(()) if self.problems.is_empty() => return Ok(config),
                Ok(()) => break,
                Err(problem) => {
                    if !self.note(problem) {
                        break;
                    }
                }
            }
        }
        Err(ConfigError::of(self.problems))
    }

    /// The configuration, in which values that do not read are noted and mended; nothing where one cannot be.
    fn config(&mut self) -> Option<Config> {
        loop {
            let text = toml::to_string(&self.merged).unwrap_or_default();
            let error = match toml::from_str::<Config>(&text) {
                Ok(config) => {
                    return Some(Config {
                        places: self.places.clone(),
                        ..config
                    });
                }
                Err(error) => error,
            };
            let problem = misread(&self.places, &text, &error);
            if !self.note(problem) {
                return None;
            }
        }
    }

    /// Notes what is wrong, and mends it, so that the rest can be looked at; says whether it could.
    fn note(&mut self, problem: ConfigError) -> bool {
        let is_mended = mend(&mut self.merged, &self.defaults, problem.key());
        self.problems.push(problem);
        is_mended
    }

    /// Sets one key; `place` says where it was set, or what is inside of it by the names on the way there. What is wrong is noted.
    fn set(&mut self, section: &str, key: &str, value: Value, place: &dyn Fn(&[&str]) -> String) {
        let full = format!("{section}.{key}");
        let wrong = |key: String, place: String, message: String| ConfigError::Wrong { place, key, message };
        let Some(Value::Table(known)) = self.defaults.get(section) else {
            let message = format!("accepted sections: {}", names(&self.defaults));
            self.problems.push(wrong(full, place(&[]), message));
            return;
        };
        let Some(default) = known.get(key) else {
            let message = format!("accepted keys of `{section}`: {}", names(known));
            self.problems.push(wrong(full, place(&[]), message));
            return;
        };
        if !same_type(default, &value) {
            let message = format!("is `{value}`, accepted: {}", describe(default));
            self.note(wrong(full, place(&[]), message));
            return;
        }
        let Some(Value::Table(target)) = self.merged.get_mut(section) else {
            self.problems.push(wrong(full, place(&[]), "is no section".into()));
            return;
        };
        match (target.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if FREE.contains(&full.as_str()) => {
                for (entry, value) in new {
                    let name = format!("{full}.{entry}");
                    if !value.is_str() {
                        let message = format!("is `{value}`, accepted: a text in quotes");
                        self.problems.push(wrong(name, place(&[&entry]), message));
                        continue;
                    }
                    self.places.insert(name, place(&[&entry]));
                    old.insert(entry, value);
                }
            }
            (Some(Value::Table(old)), Value::Table(new)) if NAMED.contains(&full.as_str()) => {
                for (entry, value) in new {
                    let name = format!("{full}.{entry}");
                    let Value::Table(keys) = value else {
                        self.problems
                            .push(wrong(name, place(&[&entry]), "accepted: a section".into()));
                        continue;
                    };
                    for inside in keys.keys() {
                        self.places.insert(format!("{name}.{inside}"), place(&[&entry, inside]));
                    }
                    self.places.insert(name, place(&[&entry]));
                    let known = old.entry(entry).or_insert_with(|| Value::Table(Table::new()));
                    if let Value::Table(known) = known {
                        known.extend(keys);
                    }
                }
            }
            (_, value) => {
                note_items(&mut self.places, &full, &value, place);
                target.insert(key.into(), value);
            }
        }
        self.places.insert(full, place(&[]));
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

/// The entry of a table that a variable names: properties of Kafka have dots, which no shell takes in a variable's name, and sections
/// have keys of their own.
fn entry_table(table: &str, entry: &str, text: String) -> Table {
    match (table, entry.split_once("__")) {
        ("properties", _) => Table::from_iter([(entry.replace('_', "."), Value::String(text))]),
        (_, Some((name, key))) => Table::from_iter([(name.into(), Value::Table(entry_table("", key, text)))]),
        (_, None) => Table::from_iter([(entry.into(), Value::String(text))]),
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

/// Notes where each section of a list of them, and each of its keys, was set.
fn note_items(places: &mut BTreeMap<String, String>, full: &str, value: &Value, place: &dyn Fn(&[&str]) -> String) {
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        let Some(keys) = item.as_table() else { return };
        let number = number.to_string();
        places.insert(format!("{full}.{number}"), place(&[&number]));
        for key in keys.keys() {
            places.insert(format!("{full}.{number}.{key}"), place(&[&number, key]));
        }
    }
}

/// What does not read as a configuration, by its key and the place where it was set: `text` is of all layers together, and in no file.
fn misread(places: &BTreeMap<String, String>, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start);
    let section = section_at(text, at);
    // An unknown key is told by its name, a missing one by the section that lacks it.
    let unknown = error.message().strip_prefix("unknown field `");
    let unknown = unknown.and_then(|rest| rest.split('`').next());
    let before = text[..at].lines().last().unwrap_or("");
    let last = unknown.unwrap_or_else(|| before.split('=').next().unwrap_or("").trim());
    let key = if error.message().starts_with("missing field") {
        section
    } else {
        format!("{section}.{last}").trim_start_matches('.').to_owned()
    };
    let ending = format!(".{last}");
    let set = places.get_key_value(&key);
    let set = set.or_else(|| places.iter().find(|(name, _)| name.ends_with(&ending)));
    let set = set.map(|(key, place)| (key.clone(), place.clone()));
    let (key, place) = set.unwrap_or_else(|| {
        let place = around(places, &key);
        (key, place)
    });
    ConfigError::Wrong {
        place,
        key: without_numbers(&key),
        message: error.message().replace('\n', " "),
    }
}

/// The section that stands around the place `at` of `text`; behind the name of a list of sections its number in it.
fn section_at(text: &str, at: usize) -> String {
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    let heads: Vec<&str> = text[..end].lines().filter(|line| line.starts_with('[')).collect();
    let Some(head) = heads.last() else { return String::new() };
    let name = head.trim_matches(['[', ']']);
    if head.starts_with("[[") {
        let number = heads.iter().filter(|one| *one == head).count() - 1;
        return format!("{name}.{number}");
    }
    name.to_owned()
}

/// Where the narrowest section around `key` was set, else the file.
fn around(places: &BTreeMap<String, String>, key: &str) -> String {
    let mut section = key;
    while let Some((outer, _)) = section.rsplit_once('.') {
        if let Some(place) = places.get(outer) {
            return place.clone();
        }
        section = outer;
    }
    places.get("").cloned().unwrap_or_else(|| "configuration".into())
}

/// A key as people write it: sections of a list have no numbers there.
fn without_numbers(key: &str) -> String {
    let names = key.split('.').filter(|name| name.parse::<usize>().is_err());
    names.collect::<Vec<_>>().join(".")
}

fn names(table: &Table) -> String {
    table.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn same_type(default: &Value, value: &Value) -> bool {
    match (default, value) {
        (Value::Array(_), Value::Array(_))
        | (Value::Table(_), Value::Table(_))
        | (Value::Float(_), Value::Integer(_)) => true,
        (default, value) => std::mem::discriminant(default) == std::mem::discriminant(value),
    }
}

fn describe(default: &Value) -> &'static str {
    match default {
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section of texts",
        _ => "a text in quotes",
    }
}

/// The line, counted from 1, of the last of `names` that is found, each one inside the one before; in a list of sections a number is
/// the name of one.
fn line_of(text: &str, names: &[&str]) -> usize {
    let mut line = 1;
    let Ok(root) = DeTable::parse(text) else { return line };
    let at = |start: usize| text[..start].matches('\n').count() + 1;
    let mut table = Some(root.get_ref());
    let mut list: Option<&DeValue<'_>> = None;
    for name in names {
        if let (Some(items), Ok(number)) = (list.take(), name.parse::<usize>()) {
            let Some(item) = items.get(number) else { break };
            line = at(item.span().start);
            table = item.get_ref().as_table();
            continue;
        }
        let Some((name, value)) = table.and_then(|table| table.get_key_value(*name)) else {
            break;
        };
        line = at(name.span().start);
        table = value.get_ref().as_table();
        list = value.get_ref().is_array().then_some(value.get_ref());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_key_is_found_however_it_is_written() {
        let text = "kafka.group = \"x\"\n[lake]\nurl_of = 1\nurl = \"y\"\noptions = { aws_region = \"z\" }\n";
        assert_eq!(line_of(text, &["kafka", "group", ""]), 1);
        assert_eq!(line_of(text, &["lake", "url", ""]), 4);
        assert_eq!(line_of(text, &["lake", "options", "aws_region"]), 5);
        assert_eq!(line_of(text, &["lake"]), 2);
    }

    #[test]
    fn the_line_of_a_key_in_a_list_of_sections_is_found() {
        let text = "[[alerts.routes]]\nsinks = []\n[[alerts.routes]]\nsinks = []\nzones = []\n";
        assert_eq!(line_of(text, &["alerts", "routes", "0", "sinks"]), 2);
        assert_eq!(line_of(text, &["alerts", "routes", "1", "zones"]), 5);
        assert_eq!(section_at(text, text.find("zones").unwrap()), "alerts.routes.1");
    }
}

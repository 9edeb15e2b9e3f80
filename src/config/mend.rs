//! Puts what is accepted in the place of what is wrong, so that one look finds all that is wrong with a configuration.

use toml::{Table, Value};

use super::layers::{FREE, NAMED};

/// What stands for keys without a default that is accepted, while the rest is looked at.
const STAND_INS: [(&str, &str); 2] = [("kafka.brokers", "127.0.0.1:9092"), ("lake.url", "lake")];
/// What cannot be judged where another key is wrong: names of streams without their definitions, of receivers without these.
const DEPENDENT: [(&str, &[&str]); 2] = [
    (
        "streams.folder",
        &[
            "streams.enabled",
            "serving.targets",
            "serving.horizons_minutes",
            "alerts.watch",
        ],
    ),
    ("alerts.sinks", &["alerts.routes"]),
];

/// Puts a value that is accepted in the place of that of `key` in `merged`: its default in most cases. Says whether it is another one.
pub(super) fn mend(merged: &mut Table, defaults: &Table, key: &str) -> bool {
    let names: Vec<&str> = key.splitn(3, '.').collect();
    let [section, name, inside @ ..] = names.as_slice() else {
        return false;
    };
    let full = format!("{section}.{name}");
    for (_, dependent) in DEPENDENT.iter().filter(|(on, _)| *on == full) {
        for key in *dependent {
            mend(merged, defaults, key);
        }
    }
    let keys = merged.get_mut(*section).and_then(Value::as_table_mut);
    let Some(wrong) = keys.and_then(|keys| keys.get_mut(*name)) else {
        return false;
    };
    let is_free = FREE.contains(&full.as_str()) || NAMED.contains(&full.as_str());
    if is_free
        && let (Value::Table(entries), [entry]) = (&mut *wrong, inside)
        && without(entries, entry)
    {
        return true;
    }
    let Some(good) = accepted(defaults, section, name) else {
        return false;
    };
    let is_other = *wrong != good;
    *wrong = good;
    is_other
}

/// Takes an entry out of a table, or the section that a key with a dot stands in; says whether there was one.
fn without(entries: &mut Table, entry: &str) -> bool {
    let section = entry.split('.').next().unwrap_or_default();
    entries.remove(entry).or_else(|| entries.remove(section)).is_some()
}

/// A value that is accepted for `name` in `section`; nothing where there is no such key.
fn accepted(defaults: &Table, section: &str, name: &str) -> Option<Value> {
    let full = format!("{section}.{name}");
    match STAND_INS.iter().find(|(key, _)| *key == full) {
        Some((_, text)) => Some(Value::String((*text).into())),
        None => defaults.get(section)?.get(name).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_wrong_value_gives_way_to_its_default_once() {
        let defaults = table("[server]\ngrpc = \"a:1\"\n[kafka]\nbrokers = \"\"\n");
        let mut merged = table("[server]\ngrpc = \"odd\"\n[kafka]\nbrokers = \"odd\"\n");
        assert!(mend(&mut merged, &defaults, "server.grpc"));
        assert!(!mend(&mut merged, &defaults, "server.grpc"), "it is that already");
        assert_eq!(merged["server"], defaults["server"]);
        assert!(mend(&mut merged, &defaults, "kafka.brokers"));
        assert_ne!(merged["kafka"], defaults["kafka"], "the default would not do");
        for unknown in ["", "server", "server.http", "odd.key"] {
            assert!(!mend(&mut merged, &defaults, unknown), "{unknown}");
        }
    }

    #[test]
    fn a_wrong_entry_goes_and_the_others_stay() {
        let defaults = table("[kafka.properties]\n[alerts]\nroutes = []\n[alerts.sinks]\n");
        let mut merged = table(
            "[kafka.properties]\n\"a.b\" = \"1\"\nc = \"2\"\n[alerts]\nroutes = [1]\n[alerts.sinks.x]\nkind = \"odd\"\n\
             [alerts.sinks.y]\nkind = \"kafka\"\n",
        );
        assert!(mend(&mut merged, &defaults, "kafka.properties.a.b"));
        assert_eq!(merged["kafka"]["properties"], Value::Table(table("c = \"2\"")));
        assert!(mend(&mut merged, &defaults, "alerts.sinks.x.kind"));
        assert_eq!(
            merged["alerts"],
            Value::Table(table("routes = []\n[sinks.y]\nkind = \"kafka\""))
        );
    }
}

//! Reads a stream definition; every error names file, line, key and what is accepted.

use std::path::Path;

use super::check::Checker;
use super::definition::StreamDefinition;
use crate::{Error, Result};

/// Reads the definition in the file at `path`.
///
/// # Errors
/// A file that cannot be read or is no UTF-8; those of [`parse`].
pub fn read(path: &Path) -> Result<StreamDefinition> {
    let name = path.to_string_lossy();
    let wrong = |accepted: &str| Error::invalid("definition", &name, accepted);
    if path.is_dir() {
        return Err(wrong("a file, not a folder"));
    }
    let bytes = std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => wrong("a file that exists"),
        _ => Error::Io {
            path: path.into(),
            source,
        },
    })?;
    match str::from_utf8(&bytes) {
        Ok(text) => parse(&name, text),
        Err(error) => {
            let readable = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Err(Error::Definition {
                path: name.into_owned(),
                line: line_of(&readable, readable.len()),
                key: key_at(&readable, readable.len()),
                message: "is no UTF-8, accepted: TOML in UTF-8".into(),
            })
        }
    }
}

/// Reads the definition in `text`; `path` names the file in errors.
///
/// # Errors
/// Text that is no TOML, an unknown or missing key, or a definition that contradicts itself.
pub fn parse(path: &str, text: &str) -> Result<StreamDefinition> {
    let definition: StreamDefinition = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        Error::Definition {
            path: path.into(),
            line: line_of(text, start),
            key: key_at(text, start),
            message: error.message().replace('\n', " "),
        }
    })?;
    let checker = Checker { path, text };
    checker.check(&definition)?;
    Ok(definition)
}

fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(byte)
        .filter(|&&letter| letter == b'\n')
        .count()
        + 1
}

/// The key of the line that holds `byte`.
fn key_at(text: &str, byte: usize) -> String {
    let line = text.lines().nth(line_of(text, byte) - 1).unwrap_or_default();
    line.split('=')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches(['[', ']'])
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::RuleKind;

    const NOISE: &str = r#"
name = "noise"
description = "Sound level meters"
key = { path = "meter_id" }
identity = ["meter_id", "timestamp"]
interval = "5s"

[[fields]]
path = "meter_id"
type = "text"
role = "place"
required = true

[[fields]]
path = "level_db"
type = "float"
role = "value"
unit = "dB"
range = [0, 200]
"#;

    fn refusal(text: &str) -> String {
        parse("noise.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_ninth_stream_needs_one_file() {
        let stream = parse("noise.toml", NOISE).unwrap();
        assert_eq!(stream.windows_table(), "noise_windows");
        assert_eq!(stream.expected_events(), Some(60.0));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = refusal(&NOISE.replace("unit = \"dB\"", "unti = \"dB\""));
        assert!(error.starts_with("noise.toml:18: `unti`"), "{error}");
        assert!(error.contains("unit"), "{error}");
    }

    #[test]
    fn a_wrong_type_names_the_accepted_ones() {
        let error = refusal(&NOISE.replace("\"float\"", "\"real\""));
        assert!(error.contains("noise.toml:16") && error.contains("float"), "{error}");
    }

    #[test]
    fn an_identity_that_no_field_has_is_refused() {
        let error = refusal(&NOISE.replace("[\"meter_id\", \"timestamp\"]", "[\"meter\", \"timestamp\"]"));
        assert!(
            error.contains("noise.toml:5") && error.contains("`identity`"),
            "{error}"
        );
    }

    #[test]
    fn a_zone_that_does_not_exist_is_refused() {
        let error = refusal(&NOISE.replace("interval", "timezone = \"Mars/Olympus\"\ninterval"));
        assert!(error.contains("Mars/Olympus") && error.contains("IANA"), "{error}");
    }

    /// [`NOISE`] with another field behind the others.
    fn with_field(field: &str) -> String {
        format!("{NOISE}\n[[fields]]\n{field}\n")
    }

    #[test]
    fn no_table_gets_a_column_twice_whatever_the_case() {
        for (field, key, column) in [
            (
                "path = \"kind\"\ntype = \"text\"\nrole = \"category\"\nvalues = [\"a\", \"b\", \"A\"]",
                "`values`",
                "kind_A_count",
            ),
            (
                "path = \"Level_DB\"\ntype = \"float\"\nrole = \"value\"\nrange = [0, 1]",
                "`path`",
                "Level_DB",
            ),
            (
                "path = \"key\"\ntype = \"text\"\nrole = \"attribute\"",
                "`path`",
                "`key`",
            ),
            (
                "path = \"seen\"\nname = \"event_time\"\ntype = \"timestamp\"\nrole = \"attribute\"",
                "`name`",
                "`event_time`",
            ),
            (
                "path = \"_state\"\ntype = \"text\"\nrole = \"attribute\"",
                "`path`",
                "`_state`",
            ),
            (
                "path = \"a b\"\ntype = \"text\"\nrole = \"attribute\"",
                "`path`",
                "`a b`",
            ),
        ] {
            let error = refusal(&with_field(field));
            assert!(error.starts_with("noise.toml:2"), "{error}");
            assert!(error.contains(key) && error.contains(column), "{error}");
        }
        let renamed = "path = \"key\"\nname = \"door_key\"\ntype = \"text\"\nrole = \"attribute\"";
        assert!(parse("noise.toml", &with_field(renamed)).is_ok());
    }

    #[test]
    fn a_place_that_is_a_value_holds_no_other_places() {
        let inner = "path = \"level_db.peak\"\ntype = \"float\"\nrole = \"value\"\nrange = [0, 1]";
        let error = refusal(&with_field(inner));
        assert!(error.starts_with("noise.toml:15: `path`: is `level_db`"), "{error}");
    }

    #[test]
    fn a_key_or_zone_that_tells_of_a_person_or_is_no_text_is_refused() {
        let person = with_field("path = \"owner\"\ntype = \"text\"\nrole = \"personal\"");
        for text in [
            person.replace("{ path = \"meter_id\" }", "{ path = \"owner\" }"),
            person.replace("interval", "zone = \"owner\"\ninterval"),
        ] {
            let error = refusal(&text);
            assert!(error.contains("`owner`") && error.contains("personal"), "{error}");
        }
        let error = refusal(&NOISE.replace("interval", "zone = \"level_db\"\ninterval"));
        assert!(error.starts_with("noise.toml:6: `zone`"), "{error}");
    }

    #[test]
    fn of_what_is_no_value_only_the_last_text_or_number_is_kept() {
        let kept = |body: &str| with_field(&format!("path = \"street\"\naggregates = [\"last\"]\n{body}"));
        let stream = parse("noise.toml", &kept("type = \"text\"\nrole = \"place\"")).unwrap();
        let columns: Vec<String> = stream
            .descriptive_fields()
            .flat_map(crate::stream::Field::window_columns)
            .collect();
        assert_eq!(columns, ["street_last"]);
        for body in [
            "type = \"bool\"\nrole = \"attribute\"",
            "type = \"text\"\nrole = \"personal\"",
        ] {
            assert!(refusal(&kept(body)).contains("`aggregates`: is `street`"), "{body}");
        }
        let mean = kept("type = \"float\"\nrole = \"place\"").replace("[\"last\"]", "[\"mean\"]");
        assert!(refusal(&mean).contains("`aggregates`: is `mean`"));
    }

    #[test]
    fn a_topic_of_results_is_no_stream() {
        for name in ["forecasts", "alerts", "quarantine"] {
            let error = refusal(&NOISE.replace("name = \"noise\"", &format!("name = \"{name}\"")));
            assert!(
                error.starts_with("noise.toml:2: `name`") && error.contains("results"),
                "{error}"
            );
        }
    }

    #[test]
    fn times_beyond_all_sense_are_refused() {
        for (key, value) in [
            ("allowed_lateness", "300d"),
            ("revision_horizon", "99999d"),
            ("idle_timeout", "99999d"),
            ("future_tolerance", "99999d"),
            ("archive_retention", "99999d"),
        ] {
            let error = refusal(&NOISE.replace("interval", &format!("{key} = \"{value}\"\ninterval")));
            assert!(
                error.starts_with(&format!("noise.toml:6: `{key}`")) && error.contains(&format!("is `{value}`")),
                "{error}"
            );
        }
    }

    /// [`NOISE`] with a rule of those lines, the first of which is line 22.
    fn with_rule(lines: &str) -> String {
        format!("{NOISE}\n[[rules]]\n{lines}\n")
    }

    #[test]
    fn rules_are_read_with_their_lines_and_conditions() {
        let text =
            "kind = \"stuck\"\nfields = [\"level_db\"]\nfor = \"1h\"\nwhile = [{ field = \"level_db\", above = 0 }]";
        let stream = parse("noise.toml", &with_rule(text)).unwrap();
        let rule = &stream.rules[0];
        assert_eq!((rule.kind, rule.kind.name()), (RuleKind::Stuck, "stuck"));
        assert_eq!(rule.lasting.unwrap().to_string(), "1h");
        assert_eq!(rule.conditions[0].above, Some(0.0));
        let written = toml::to_string(&stream).unwrap();
        assert_eq!(parse("written.toml", &written).unwrap(), stream);
    }

    #[test]
    fn a_rule_may_leave_out_what_is_usual() {
        let text = "kind = \"over-capacity\"\nfields = [\"level_db\"]\nabove = 95\nunless_usual = true";
        let stream = parse("noise.toml", &with_rule(text)).unwrap();
        assert!(stream.rules[0].unless_usual);
        let written = toml::to_string(&stream).unwrap();
        assert_eq!(parse("written.toml", &written).unwrap(), stream);
    }

    #[test]
    fn what_stands_still_unless_it_usually_does_needs_to_know_how_much_it_usually_changes() {
        let text = "kind = \"stuck\"\nfields = [\"level_db\"]\nfor = \"1h\"\nunless_usual = true";
        let all = with_rule(text);
        assert!(parse("noise.toml", &all).unwrap().rules[0].unless_usual);
        let error = refusal(&all.replace("unit = \"dB\"", "aggregates = [\"min\", \"max\"]"));
        assert!(error.contains("`fields`") && error.contains("`std`"), "{error}");
    }

    #[test]
    fn a_rule_that_lacks_or_has_a_key_too_many_is_refused_at_its_line() {
        for (lines, line, key, accepted) in [
            (
                "kind = \"stuck\"\nfields = [\"level_db\"]",
                21,
                "`for`",
                "fields, for, while",
            ),
            (
                "kind = \"silence\"\nfor = \"1h\"\nfields = [\"level_db\"]",
                24,
                "`fields`",
                "for",
            ),
            (
                "kind = \"jump\"\nfields = [\"level\"]\nabove = 3",
                23,
                "`fields`",
                "level_db",
            ),
            (
                "kind = \"jump\"\nfields = [\"level_db\"]\nabove = 0",
                24,
                "`above`",
                "above 0",
            ),
            (
                "kind = \"impossible\"\nfields = [\"level_db\"]\nrange = [9, 1]",
                24,
                "`range`",
                "least",
            ),
            (
                "kind = \"jump\"\nfields = [\"level_db\"]\nabove = 3\nunless_usual = true",
                25,
                "`unless_usual`",
                "fields, above, while",
            ),
            ("kind = \"silence\"\nfor = \"1m\"", 23, "`for`", "at least a window, 5m"),
            ("kind = \"degraded\"\nabove = 0.5", 22, "`kind`", "quality"),
            (
                "kind = \"jump\"\nabove = 3\nfields = [\"level_db\"]\nwhile = [{ field = \"level_db\" }]",
                25,
                "`while`",
                "either `above` or `below`",
            ),
        ] {
            let error = refusal(&with_rule(lines));
            assert!(
                error.starts_with(&format!("noise.toml:{line}: {key}")),
                "{lines}: {error}"
            );
            assert!(error.contains(accepted), "{lines}: {error}");
        }
        let error = refusal(&with_rule("kind = \"stuk\""));
        assert!(error.contains("noise.toml:22") && error.contains("stuck"), "{error}");
    }

    #[test]
    fn a_file_that_is_none_or_no_text_is_bad_input() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("odd.toml");
        std::fs::write(&odd, b"name = \"noise\"\ndescription = \"l\xe4rm\"\n").unwrap();
        let error = read(&odd).unwrap_err();
        assert!(error.is_bad_input(), "{error}");
        assert!(
            error.to_string().contains("odd.toml:2: `description`: is no UTF-8"),
            "{error}"
        );
        for path in [folder.path(), &folder.path().join("absent.toml")] {
            let error = read(path).unwrap_err();
            assert!(error.is_bad_input() && error.to_string().contains("a file"), "{error}");
        }
    }
}

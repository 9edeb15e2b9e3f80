//! The Fluent files, and how messages are taken from them.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use crate::alerts::settings::Language;

static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::read("en", include_str!("en.ftl")));
static RUSSIAN: LazyLock<Words> = LazyLock::new(|| Words::read("ru", include_str!("ru.ftl")));
static FRENCH: LazyLock<Words> = LazyLock::new(|| Words::read("fr", include_str!("fr.ftl")));

/// The messages of one language.
pub(super) struct Words {
    bundle: FluentBundle<FluentResource>,
}

/// The values that a message takes.
pub(super) type Values<'a> = &'a [(&'a str, FluentValue<'a>)];

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Russian => &RUSSIAN,
            Language::French => &FRENCH,
        }
    }

    /// The files are part of the program: what could be wrong with them, the tests of this module find.
    fn read(language: &str, text: &str) -> Self {
        let resource = FluentResource::try_new(text.to_string()).unwrap_or_else(|(resource, _)| resource);
        let mut bundle = FluentBundle::new_concurrent(vec![language.parse().unwrap_or_default()]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self { bundle }
    }

    /// The message of that id with `values` in it; its id where there is none.
    pub(super) fn say(&self, id: &str, values: Values) -> String {
        self.try_say(id, values).unwrap_or_else(|_| id.to_string())
    }

    pub(super) fn try_say(&self, id: &str, values: Values) -> Result<String, String> {
        let message = self.bundle.get_message(id).and_then(|message| message.value());
        let pattern = message.ok_or_else(|| format!("no message `{id}`"))?;
        let arguments: FluentArgs = values.iter().cloned().collect();
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        match errors.first() {
            None => Ok(text.into_owned()),
            Some(error) => Err(format!("message `{id}`: {error}")),
        }
    }
}

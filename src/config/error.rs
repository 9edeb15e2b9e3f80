//! What is wrong with a configuration.

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
    /// A value of the right type that cannot be used; the message begins with its key.
    #[error("{place}: {message}")]
    Value { place: String, message: String },
    /// More than one of these.
    #[error("{}", several(.0))]
    Several(Vec<ConfigError>),
}

impl ConfigError {
    /// All of `problems` in one.
    pub(super) fn of(mut problems: Vec<Self>) -> Self {
        match problems.pop() {
            Some(only) if problems.is_empty() => only,
            last => {
                problems.extend(last);
                Self::Several(problems)
            }
        }
    }

    /// The key that it is about; empty where it is about none.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Wrong { key, .. } => key,
            Self::Value { message, .. } => message.split('`').nth(1).unwrap_or_default(),
            Self::Read { .. } | Self::Several(_) => "",
        }
    }
}

/// Each of `problems` in a line of its own.
fn several(problems: &[ConfigError]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("{} things are wrong:\n  {}", lines.len(), lines.join("\n  "))
}

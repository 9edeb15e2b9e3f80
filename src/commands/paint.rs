//! Colour on a terminal, and none elsewhere; what comes from outside cannot command the terminal.

use std::io::IsTerminal;

/// What a piece of text is to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The loudest: what needs somebody now.
    Alarm,
    /// What needs somebody soon.
    Warning,
    /// What is fine.
    Good,
    /// What stands behind.
    Faint,
    /// A head.
    Bold,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Alarm => "1;31",
            Self::Warning => "33",
            Self::Good => "32",
            Self::Faint => "2",
            Self::Bold => "1",
        }
    }
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// By the escape codes that every terminal knows.
    Colours,
    /// Not at all.
    Plain,
}

impl Paint {
    /// Colours where stdout is a terminal and the user has not set `NO_COLOR` (<https://no-color.org>).
    pub fn for_stdout() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb {
            Self::Colours
        } else {
            Self::Plain
        }
    }

    /// `text` in `style`.
    pub fn paint(self, style: Style, text: &str) -> String {
        match self {
            Self::Colours if !text.is_empty() => format!("\x1b[{}m{text}\x1b[0m", style.code()),
            _ => text.into(),
        }
    }
}

/// How many columns `text` takes on the terminal, without the escape codes of [`Paint::paint`].
pub fn columns(text: &str) -> usize {
    let mut count = 0;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\x1b' {
            letters.by_ref().find(|&letter| letter == 'm');
        } else {
            count += 1;
        }
    }
    count
}

/// `text` in one line that cannot command the terminal: names of roads come from whoever sends events.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_take_no_columns() {
        let painted = Paint::Colours.paint(Style::Alarm, "критично");
        assert_eq!(painted, "\x1b[1;31mкритично\x1b[0m");
        assert_eq!(columns(&painted), 8);
        assert_eq!(Paint::Plain.paint(Style::Alarm, "x"), "x");
    }

    #[test]
    fn a_name_from_outside_cannot_command_the_terminal() {
        assert_eq!(harmless("Ring\x1b[2J\r\nRoad"), "Ring [2J  Road");
    }
}

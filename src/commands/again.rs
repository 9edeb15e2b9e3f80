//! The command under way, as a shell takes it once more.

/// The words of this process with `option` behind them, unless it stands among them.
pub fn with(option: &str) -> String {
    let given = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    line(given, option)
}

fn line(given: impl Iterator<Item = String>, option: &str) -> String {
    let mut words: Vec<String> = given.collect();
    if !words.iter().any(|word| word == option) {
        words.push(option.to_owned());
    }
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

/// A word as a POSIX shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> String {
        line(words.iter().map(|&word| word.to_owned()), "--resume")
    }

    #[test]
    fn a_command_is_told_with_the_option_once() {
        let whole = "arterial train --data a/b.csv --model gbdt,stid --resume";
        assert_eq!(
            said(&["arterial", "train", "--data", "a/b.csv", "--model", "gbdt,stid"]),
            whole
        );
        assert_eq!(said(&whole.split(' ').collect::<Vec<_>>()), whole);
    }

    #[test]
    fn words_that_a_shell_would_read_otherwise_are_quoted() {
        assert_eq!(
            said(&["arterial", "a b", "it's", "$x", ""]),
            r"arterial 'a b' 'it'\''s' '$x' '' --resume"
        );
    }
}

//! A part of the keys that a question means.

use crate::{Error, Result};

/// Which of the keys that are meant, counted in the order of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first, 0 is the first of all.
    pub from: usize,
    /// How many at most.
    pub most: usize,
}

impl Page {
    /// Every key.
    pub const ALL: Self = Self {
        from: 0,
        most: usize::MAX,
    };

    /// The page of `size` keys (0: all of them) that `token` names (empty: the first).
    ///
    /// # Errors
    /// A size above `largest` or below 0, a token that no page before gave.
    pub fn read(size: i32, token: &str, largest: usize) -> Result<Self> {
        let most = match usize::try_from(size) {
            Ok(0) => usize::MAX,
            Ok(most) if most <= largest => most,
            _ => return Err(Error::invalid("page_size", size, format!("1 to {largest}"))),
        };
        let from = match token {
            "" => 0,
            token => token
                .parse()
                .map_err(|_| Error::invalid("page_token", token, "the `next_page_token` of the page before"))?,
        };
        Ok(Self { from, most })
    }

    /// What the page after this one is named, where this one told of `keys` of `of_keys`; empty where it was the last.
    pub fn next(self, keys: usize, of_keys: usize) -> String {
        let next = self.from.saturating_add(keys);
        if keys > 0 && next < of_keys {
            next.to_string()
        } else {
            String::new()
        }
    }

    /// Those of `all` that are meant.
    pub fn of<T>(self, all: &[T]) -> &[T] {
        let from = self.from.min(all.len());
        &all[from..from.saturating_add(self.most).min(all.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_key_once() {
        let all = [1, 2, 3, 4, 5];
        let (mut token, mut found) = (String::new(), Vec::new());
        loop {
            let page = Page::read(2, &token, 10).unwrap();
            let keys = page.of(&all);
            found.extend_from_slice(keys);
            token = page.next(keys.len(), all.len());
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(found, all);
        assert_eq!(Page::ALL.of(&all), all);
        assert!(Page::read(2, "99", 10).unwrap().of(&all).is_empty());
    }

    #[test]
    fn a_wrong_size_or_token_is_refused() {
        for size in [-1, 11, i32::MIN, i32::MAX] {
            let error = Page::read(size, "", 10).unwrap_err().to_string();
            assert_eq!(error, format!("`page_size` is `{size}`, accepted: 1 to 10"));
        }
        for token in ["x", "-1", "1.5", "99999999999999999999999"] {
            let error = Page::read(1, token, 10).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`page_token` is `{token}`")), "{error}");
        }
    }
}

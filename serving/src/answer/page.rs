//! A part of the keys that a question means.
//!
//! A service has its keys in the order in which they first came. Whoever watches stays with one service, so places in that order do. Whoever
//! asks page by page may be answered by another one each time, or by one that was restarted: his pages have an order that all share, and each
//! begins behind a key.

use std::collections::HashMap;

use super::question::Question;
use crate::{Error, Result};

/// What a token begins with; the last key of the page before follows.
const BEHIND: &str = "behind+";

/// Which of the keys that are meant an answer tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Those at some places, for whoever watches.
    Places(Page),
    /// Those of a page that was asked for.
    Keys(KeyPage),
}

/// Places among the keys that are meant, counted in the order in which this service has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first, 0 is the first of all.
    pub from: usize,
    /// How many at most.
    pub most: usize,
}

/// A page in the order that all services share: the keys that the question names as it names them, then the others in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The key behind which it begins; none for the first page.
    pub after: Option<String>,
    /// How many keys at most.
    pub most: usize,
}

impl Part {
    /// How many keys at most.
    pub fn most(&self) -> usize {
        match self {
            Self::Places(page) => page.most,
            Self::Keys(page) => page.most,
        }
    }

    /// Whether it begins with the first key.
    pub fn is_first(&self) -> bool {
        match self {
            Self::Places(page) => page.from == 0,
            Self::Keys(page) => page.after.is_none(),
        }
    }

    /// Checks that a page goes on from one that an answer to `question` can have had.
    ///
    /// # Errors
    /// A token of a key that is not meant.
    pub fn check(&self, question: &Question) -> Result<()> {
        let Self::Keys(KeyPage { after: Some(after), .. }) = self else {
            return Ok(());
        };
        let are_all_named = !question.keys.is_empty() && question.zones.is_empty();
        if are_all_named && !question.keys.contains(after) {
            return Err(foreign(&token(after)));
        }
        Ok(())
    }

    /// Those of `all` that are meant, where the question names the keys `named`, and the token of the page behind them (empty: there is none,
    /// or nobody asked for pages); `key` tells what each is called.
    pub fn of<'k, T: Copy>(&self, all: Vec<T>, named: &[String], key: impl Fn(&T) -> &'k str) -> (Vec<T>, String) {
        match self {
            Self::Places(page) => (page.of(&all).to_vec(), String::new()),
            Self::Keys(page) => page.of(all, named, key),
        }
    }
}

impl Page {
    /// Those of `all` that are meant.
    pub fn of<T>(self, all: &[T]) -> &[T] {
        let from = self.from.min(all.len());
        &all[from..from.saturating_add(self.most).min(all.len())]
    }
}

impl KeyPage {
    /// Every key, in whatever order.
    pub const ALL: Self = Self {
        after: None,
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
        let after = match token {
            "" => None,
            token => Some(token.strip_prefix(BEHIND).ok_or_else(|| foreign(token))?.to_owned()),
        };
        Ok(Self { after, most })
    }

    fn of<'k, T>(&self, all: Vec<T>, named: &[String], key: impl Fn(&T) -> &'k str) -> (Vec<T>, String) {
        if *self == Self::ALL {
            return (all, String::new());
        }
        let order = Order::of(named);
        let rank = |one: &T| order.rank(key(one));
        let last_told = self.after.as_deref().map(|after| order.rank(after));
        let behind = |one: &T| last_told.is_none_or(|last| rank(one) > last);
        let mut keys: Vec<T> = all.into_iter().filter(behind).collect();
        let more = keys.len() > self.most;
        if more {
            keys.select_nth_unstable_by_key(self.most, rank);
            keys.truncate(self.most);
        }
        keys.sort_unstable_by_key(rank);
        let next = keys.last().filter(|_| more).map(|last| token(key(last)));
        (keys, next.unwrap_or_default())
    }
}

/// The order of pages.
struct Order<'a> {
    named: HashMap<&'a str, usize>,
}

impl<'a> Order<'a> {
    fn of(named: &'a [String]) -> Self {
        let mut places = HashMap::with_capacity(named.len());
        for (place, key) in named.iter().enumerate() {
            places.entry(key.as_str()).or_insert(place);
        }
        Self { named: places }
    }

    /// Where a key stands; what is less comes before.
    fn rank<'k>(&self, key: &'k str) -> (usize, &'k str) {
        (self.named.get(key).copied().unwrap_or(usize::MAX), key)
    }
}

/// The token of the page behind `key`.
fn token(key: &str) -> String {
    format!("{BEHIND}{key}")
}

fn foreign(token: &str) -> Error {
    let accepted = "the `next_page_token` of the page before, everything else as before";
    Error::invalid("page_token", token, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of two of `all` that `token` names, and the token of the next one.
    fn page<'k>(token: &str, all: &[&'k str], named: &[String]) -> (Vec<&'k str>, String) {
        let part = Part::Keys(KeyPage::read(2, token, 10).unwrap());
        part.of(all.to_vec(), named, |key| *key)
    }

    /// The pages of a service that has the keys in another order each time.
    fn pages(orders: &[&[&'static str]], named: &[String]) -> Vec<Vec<&'static str>> {
        let (mut token, mut found) = (String::new(), Vec::new());
        for all in orders.iter().cycle() {
            let (keys, next) = page(&token, all, named);
            found.push(keys);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        found
    }

    #[test]
    fn pages_hold_every_key_once() {
        let all = ["a", "b", "c", "d", "e"];
        assert_eq!(pages(&[&all], &[]).concat(), all);
        assert_eq!(pages(&[&all[..4]], &[]), [["a", "b"], ["c", "d"]], "no empty page");
        assert!(page("behind+z", &all, &[]).0.is_empty());
    }

    #[test]
    fn keys_that_came_in_another_order_between_two_pages_are_told_once() {
        let orders: [&[&str]; 2] = [&["c", "a", "e", "d", "b"], &["b", "d", "a", "c", "e"]];
        assert_eq!(pages(&orders, &[]), [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
        let named = ["d", "x", "a", "d"].map(str::to_owned);
        let found = pages(&orders, &named);
        assert_eq!(
            found,
            [vec!["d", "a"], vec!["b", "c"], vec!["e"]],
            "those that are named come first"
        );
    }

    #[test]
    fn whoever_asks_for_no_pages_has_the_keys_as_they_are() {
        let part = Part::Keys(KeyPage::read(0, "", 10).unwrap());
        let all = ["c", "a", "b"];
        assert_eq!(part.of(all.to_vec(), &[], |key| *key), (all.to_vec(), String::new()));
        let places = Part::Places(Page { from: 1, most: 5 });
        assert_eq!(places.of(all.to_vec(), &[], |key| *key).0, ["a", "b"]);
    }

    #[test]
    fn a_wrong_size_or_token_is_refused() {
        for size in [-1, 11, i32::MIN, i32::MAX] {
            let error = KeyPage::read(size, "", 10).unwrap_err().to_string();
            assert_eq!(error, format!("`page_size` is `{size}`, accepted: 1 to 10"));
        }
        for token in ["x", "2", "-1", "1.5", "99999999999999999999999"] {
            let error = KeyPage::read(1, token, 10).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`page_token` is `{token}`")), "{error}");
        }
    }

    #[test]
    fn a_token_of_a_key_that_is_not_meant_is_refused() {
        let part = Part::Keys(KeyPage::read(1, "behind+b", 10).unwrap());
        let question = |keys: &[&str], zones: &[&str]| Question {
            keys: keys.iter().map(ToString::to_string).collect(),
            zones: zones.iter().map(ToString::to_string).collect(),
            ..Question::default()
        };
        part.check(&question(&[], &[])).unwrap();
        part.check(&question(&["a", "b"], &[])).unwrap();
        part.check(&question(&["a"], &["north"])).unwrap();
        let error = part.check(&question(&["a"], &[])).unwrap_err().to_string();
        assert!(error.starts_with("`page_token` is `behind+b`"), "{error}");
    }
}

//! Lists, page by page.

use crate::{Error, Result};

/// A page of a list: how many items, behind which one.
#[derive(Debug)]
pub struct ListPage<'a> {
    size: usize,
    token: &'a str,
}

impl<'a> ListPage<'a> {
    /// The page of `size` items (0: `default`) that `token` names (empty: the first).
    ///
    /// # Errors
    /// A size below 0 or above `largest`.
    pub fn read(size: i32, token: &'a str, default: usize, largest: usize) -> Result<Self> {
        let size = match usize::try_from(size) {
            Ok(0) => default,
            Ok(size) if size <= largest => size,
            _ => return Err(Error::invalid("page_size", size, format!("1 to {largest}"))),
        };
        Ok(Self { size, token })
    }

    /// How many items it has at the most.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The items of the page and the token of the next one (empty: this is the last); `name` tells items apart.
    ///
    /// # Errors
    /// A token that names no item of the list.
    pub fn of<T>(&self, items: Vec<T>, name: impl Fn(&T) -> String) -> Result<(Vec<T>, String)> {
        let from = match self.token {
            "" => 0,
            token => {
                let last = items.iter().position(|item| name(item) == token);
                1 + last.ok_or_else(|| {
                    let accepted = "the `next_page_token` of the page before, while that item is in the list";
                    Error::invalid("page_token", token, accepted)
                })?
            }
        };
        Ok(self.first(items.into_iter().skip(from), name))
    }

    /// The place behind which the page begins, as `read` finds it in the token; none on the first page. For lists whose items come
    /// and go between two pages, so that a page needs no item of the one before.
    ///
    /// # Errors
    /// A token in which `read` finds none.
    pub fn after<P>(&self, read: impl FnOnce(&'a str) -> Option<P>) -> Result<Option<P>> {
        match self.token {
            "" => Ok(None),
            token => read(token).map(Some).ok_or_else(|| {
                let accepted = "the `next_page_token` of the page before";
                Error::invalid("page_token", token, accepted)
            }),
        }
    }

    /// The page of the items behind the place where it begins, and the token of the next one (empty: this is the last), which
    /// `name` makes of the last item.
    pub fn first<T>(&self, behind: impl Iterator<Item = T>, name: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let mut page: Vec<T> = behind.take(self.size + 1).collect();
        let more = page.len() > self.size;
        page.truncate(self.size);
        let next = page.last().filter(|_| more).map(name).unwrap_or_default();
        (page, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_item_once_and_the_last_names_no_next_one() {
        let items = || vec!["a", "b", "c", "d"];
        let (mut token, mut found, mut pages) = (String::new(), Vec::new(), 0);
        loop {
            let (page, next) = ListPage::read(2, &token, 9, 10)
                .unwrap()
                .of(items(), ToString::to_string)
                .unwrap();
            found.extend(page);
            pages += 1;
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!((found, pages), (items(), 2));
    }

    #[test]
    fn a_page_behind_a_place_needs_no_item_there() {
        let read = |token: &str| token.parse::<u32>().ok();
        let page = |token, items: &[u32]| {
            let page = ListPage::read(2, token, 9, 10).unwrap();
            let after = page.after(read).unwrap();
            let behind = items.iter().copied().filter(|item| Some(*item) > after);
            page.first(behind, ToString::to_string)
        };
        assert_eq!(page("", &[1, 2, 3]), (vec![1, 2], "2".to_owned()));
        assert_eq!(
            page("2", &[1, 4, 5, 6]),
            (vec![4, 5], "5".to_owned()),
            "2 and 3 have gone"
        );
        assert_eq!(page("5", &[6]), (vec![6], String::new()));
        let error = ListPage::read(2, "x", 9, 10)
            .unwrap()
            .after(read)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("`page_token` is `x`"), "{error}");
    }

    #[test]
    fn a_wrong_size_or_token_is_refused() {
        for size in [-1, 11, i32::MIN, i32::MAX] {
            let error = ListPage::read(size, "", 9, 10).unwrap_err().to_string();
            assert_eq!(error, format!("`page_size` is `{size}`, accepted: 1 to 10"));
        }
        let page = ListPage::read(0, "z", 9, 10).unwrap();
        let error = page.of(vec!["a"], ToString::to_string).unwrap_err().to_string();
        assert!(error.starts_with("`page_token` is `z`"), "{error}");
    }
}

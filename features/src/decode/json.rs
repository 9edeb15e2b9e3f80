//! Reads one JSON record along the field tree, in one pass and without allocation.
//!
//! The whole record is checked against RFC 8259, the parts that nobody asked for too. Of a repeated name the last one
//! counts. Escapes that stand for half a surrogate pair are no text, hence no JSON.

use super::number;
use super::text;
use super::tree::{Raw, Slot, Tree};

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// No JSON: where, and what was expected there.
    Syntax(usize, &'static str),
    /// Nested deeper than the limit.
    Depth,
}

type Step<T = ()> = Result<T, Flaw>;

/// Reads `bytes`, which are UTF-8, into one slot a node of the tree. `escapes` is room for names with escapes. Tells
/// whether a listed name came more than once.
///
/// # Errors
/// The first flaw of the record.
pub(super) fn read(
    bytes: &[u8],
    tree: &mut Tree,
    slots: &mut [Slot],
    escapes: &mut String,
    most_deep: usize,
) -> Step<bool> {
    slots.fill(Slot::ABSENT);
    let mut reader = Reader {
        bytes,
        at: 0,
        depth: 0,
        most_deep,
        tree,
        slots,
        escapes,
        repeated: false,
    };
    reader.white_space();
    reader.value(0)?;
    reader.white_space();
    if reader.at < bytes.len() {
        Err(Flaw::Syntax(reader.at, "the end of the record"))
    } else {
        Ok(reader.repeated)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    most_deep: usize,
    tree: &'a mut Tree,
    slots: &'a mut [Slot],
    escapes: &'a mut String,
    repeated: bool,
}

impl Reader<'_> {
    #[inline]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn white_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, letter: u8, what: &'static str) -> Step {
        if self.peek() != letter {
            return Err(Flaw::Syntax(self.at, what));
        }
        self.at += 1;
        Ok(())
    }

    fn deeper(&mut self) -> Step {
        self.depth += 1;
        if self.depth > self.most_deep {
            Err(Flaw::Depth)
        } else {
            Ok(())
        }
    }

    /// Reads the value of a node that was asked for.
    fn value(&mut self, node: usize) -> Step {
        let start = self.at;
        let below = self.tree.nodes[node].below.clone();
        self.repeated |= self.slots[node].raw != Raw::Absent;
        // What a former value of the same name left behind does not count.
        self.slots[below.clone()].fill(Slot::ABSENT);
        if self.peek() == b'{' {
            self.object(node)?;
            self.put(node, Raw::Object, start, self.at);
            return Ok(());
        }
        if self.peek() == b'"' {
            let (start, end, escaped) = self.text()?;
            self.put(node, Raw::Text { escaped }, start, end);
        } else {
            let raw = self.scalar_or_list()?;
            self.put(node, raw, start, self.at);
        }
        if !below.is_empty() && self.slots[node].raw != Raw::Null {
            let above = Slot {
                raw: Raw::Misplaced,
                ..self.slots[node]
            };
            self.slots[below].fill(above);
        }
        Ok(())
    }

    #[inline]
    fn put(&mut self, node: usize, raw: Raw, start: usize, end: usize) {
        // Records are far below 4 GiB: the decoder's limit says so.
        self.slots[node] = Slot {
            raw,
            start: start as u32,
            end: end as u32,
        };
    }

    /// Reads an object whose members are looked up among the children of `node`.
    fn object(&mut self, node: usize) -> Step {
        self.deeper()?;
        self.at += 1;
        self.white_space();
        if self.peek() == b'}' {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        let mut last = 0;
        loop {
            let child = self.name(node, last)?;
            self.white_space();
            self.expect(b':', "`:`")?;
            self.white_space();
            match child {
                Some(place) => {
                    let parent = &mut self.tree.nodes[node];
                    parent.guesses[last] = place;
                    last = place + 1;
                    let below = parent.children[place].node;
                    self.value(below)?;
                }
                None => self.skip()?,
            }
            self.white_space();
            match self.peek() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(Flaw::Syntax(self.at, "`,` or `}`")),
            }
            self.white_space();
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Reads a name and finds its place among the children; producers keep an order, so the next is guessed first.
    #[inline]
    fn name(&mut self, node: usize, last: usize) -> Step<Option<usize>> {
        let parent = &self.tree.nodes[node];
        let guess = parent.guesses[last];
        if let Some(child) = parent.children.get(guess)
            && child.plain
            && let Some(rest) = self.bytes.get(self.at + 1..)
            && self.peek() == b'"'
            && rest.starts_with(&child.name)
            && rest.get(child.name.len()) == Some(&b'"')
        {
            self.at += child.name.len() + 2;
            return Ok(Some(guess));
        }
        if self.peek() != b'"' {
            return Err(Flaw::Syntax(self.at, "a name in quotes"));
        }
        let (start, end, escaped) = self.text()?;
        let raw = &self.bytes[start..end];
        if !escaped {
            return Ok(self.tree.nodes[node].child(raw));
        }
        self.escapes.clear();
        text::unescape(raw, self.escapes);
        Ok(self.tree.nodes[node].child(self.escapes.as_bytes()))
    }

    /// Reads a text: where it starts and ends between its quotes, and whether it holds escapes.
    #[inline]
    fn text(&mut self) -> Step<(usize, usize, bool)> {
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            self.at = text::next_special(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((start, self.at - 1, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += text::escape_length(&self.bytes[self.at..])
                        .ok_or(Flaw::Syntax(self.at, "an escape that JSON knows"))?;
                }
                Some(_) => return Err(Flaw::Syntax(self.at, "no bare control character in a text")),
                None => return Err(Flaw::Syntax(self.at, "`\"`")),
            }
        }
    }

    /// Reads a number, a word or a list.
    fn scalar_or_list(&mut self) -> Step<Raw> {
        match self.peek() {
            b'-' | b'0'..=b'9' => {
                let (raw, length) = number::read(&self.bytes[self.at..])
                    .map_err(|(place, what)| Flaw::Syntax(self.at + place, what))?;
                self.at += length;
                Ok(raw)
            }
            b'[' => self.list().map(|()| Raw::List),
            b't' => self.word(b"true").map(|()| Raw::Bool(true)),
            b'f' => self.word(b"false").map(|()| Raw::Bool(false)),
            b'n' => self.word(b"null").map(|()| Raw::Null),
            _ => Err(Flaw::Syntax(self.at, "a value")),
        }
    }

    fn word(&mut self, word: &[u8]) -> Step {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(Flaw::Syntax(self.at, "a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads a value that nobody asked for.
    fn skip(&mut self) -> Step {
        match self.peek() {
            b'"' => self.text().map(|_| ()),
            b'{' => self.skip_object(),
            _ => self.scalar_or_list().map(|_| ()),
        }
    }

    fn skip_object(&mut self) -> Step {
        self.members(b'}', "`,` or `}`", |reader| {
            if reader.peek() != b'"' {
                return Err(Flaw::Syntax(reader.at, "a name in quotes"));
            }
            reader.text()?;
            reader.white_space();
            reader.expect(b':', "`:`")?;
            reader.white_space();
            reader.skip()
        })
    }

    fn list(&mut self) -> Step {
        self.members(b']', "`,` or `]`", Self::skip)
    }

    /// Reads `member`s between commas up to `end`.
    fn members(&mut self, end: u8, what: &'static str, member: impl Fn(&mut Self) -> Step) -> Step {
        self.deeper()?;
        self.at += 1;
        self.white_space();
        if self.peek() == end {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            member(self)?;
            self.white_space();
            if self.peek() == end {
                break;
            }
            self.expect(b',', what)?;
            self.white_space();
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATHS: [&str; 4] = ["id", "place.lat", "place.lon", "speed"];

    fn slots(text: &str) -> Step<Vec<Slot>> {
        let (mut tree, found) = Tree::new(PATHS.into_iter());
        let mut slots = vec![Slot::ABSENT; tree.nodes.len()];
        read(text.as_bytes(), &mut tree, &mut slots, &mut String::new(), 32)?;
        Ok(found.into_iter().map(|node| slots[node]).collect())
    }

    fn raws(text: &str) -> Vec<Raw> {
        slots(text).unwrap().into_iter().map(|slot| slot.raw).collect()
    }

    #[test]
    fn fields_are_found_in_any_order_and_depth() {
        let expected = [Raw::Text { escaped: false }, Raw::Real(1.5), Raw::Whole(-2), Raw::Null];
        for text in [
            r#"{"id":"a","place":{"lat":1.5,"lon":-2},"speed":null}"#,
            r#" { "speed" : null , "x" : [1, {"id": 3}, "}"], "place" : { "lon" : -2 , "y":{}, "lat" : 1.5 } , "id" : "a" } "#,
            r#"{"i\u0064":"a","place":{"l\u006fn":-2,"lat":1.5},"speed":null}"#,
        ] {
            assert_eq!(raws(text), expected, "{text}");
        }
    }

    #[test]
    fn of_a_repeated_name_the_last_counts() {
        let text = r#"{"id":1,"id":2,"place":{"lat":1},"place":{"lon":3},"speed":7,"sp\u0065ed":8}"#;
        assert_eq!(raws(text), [Raw::Whole(2), Raw::Absent, Raw::Whole(3), Raw::Whole(8)]);
    }

    #[test]
    fn what_stands_where_an_object_should_be_is_told() {
        assert_eq!(raws(r#"{"place":[1]}"#)[1..3], [Raw::Misplaced; 2]);
        assert_eq!(raws(r#"{"place":null}"#)[1..3], [Raw::Absent; 2]);
        let slot = slots(r#"{"place":"here"}"#).unwrap()[1];
        assert_eq!((slot.start, slot.end), (10, 14));
    }

    #[test]
    fn flaws_are_found_where_they_are() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            (r#"{"id" 1}"#, 6),
            (r#"{"id":1,}"#, 8),
            (r#"{"id":1}x"#, 8),
            (r#"{"id":01}"#, 7),
            (r#"{"id":NaN}"#, 6),
            (r#"{"id":-Infinity}"#, 7),
            (r#"{"id":"\x"}"#, 7),
            (r#"{"id":"\ud800"}"#, 7),
            (r#"{"id":"\ud800\u0041"}"#, 7),
            ("{\"id\":\"a\u{1}\"}", 8),
            (r#"{"a":[1 2]}"#, 8),
            ("{id:1}", 1),
            (r#"{"id":truth}"#, 6),
        ] {
            match slots(text) {
                Err(Flaw::Syntax(place, _)) => assert_eq!(place, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!(r#"{{"x":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(slots(&nested(31)).is_ok());
        assert_eq!(slots(&nested(32)), Err(Flaw::Depth));
        assert_eq!(slots(&"[".repeat(1_000_000)), Err(Flaw::Depth));
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        let name = prop_oneof![
            Just("id".to_string()),
            Just("place".into()),
            Just("lat".into()),
            ".{0,6}"
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(name.clone(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
        .prop_map(|value| value.to_string())
    }

    proptest! {
        #[test]
        fn it_takes_what_serde_takes(text in json()) {
            prop_assert!(slots(&text).is_ok(), "{}", text);
        }

        #[test]
        fn it_refuses_what_serde_refuses(text in json(), place in any::<prop::sample::Index>(), letter in "[\\[\\]{}:,\"\\\\a0.eE+ -]") {
            let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            places.push(text.len());
            let at = places[place.index(places.len())];
            let mut changed = text;
            changed.insert_str(at, &letter);
            let known = serde_json::from_str::<serde::de::IgnoredAny>(&changed);
            prop_assert_eq!(slots(&changed).is_ok(), known.is_ok(), "{}", changed);
        }
    }
}

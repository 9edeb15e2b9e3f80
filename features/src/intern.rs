//! Keys, zones and the words that describe keys as small numbers.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::{Error, Result};

/// Texts and their numbers: the first text is 0, the next 1, and so on, in the order of arrival.
///
/// A text costs its bytes, four bytes for its end and about ten for its place in the hash table: a million keys of
/// twelve bytes stay below 40 MB. The hash is seeded by the process, so that nobody outside can choose texts that collide;
/// the numbers do not depend on it.
#[derive(Debug)]
pub struct Interner {
    bytes: String,
    ends: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    most: u32,
}

impl Default for Interner {
    fn default() -> Self {
        Self::with_limit(u32::MAX - 1)
    }
}

impl Interner {
    /// An empty interner that takes up to `most` texts.
    #[must_use]
    pub fn with_limit(most: u32) -> Self {
        Self {
            bytes: String::new(),
            ends: Vec::new(),
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            // u32::MAX itself stands for "no zone".
            most: most.min(u32::MAX - 1),
        }
    }

    /// The number of `text`, which is remembered if it is new.
    ///
    /// # Errors
    /// A new text beyond the limit, or beyond 4 GiB of texts.
    pub fn intern(&mut self, text: &str) -> Result<u32> {
        let hash = self.hasher.hash_one(text);
        if let Some(&number) = self
            .numbers
            .find(hash, |&number| name_of(&self.bytes, &self.ends, number) == text)
        {
            return Ok(number);
        }
        let end = u32::try_from(self.bytes.len() + text.len());
        let (Ok(end), Ok(number)) = (end, u32::try_from(self.ends.len())) else {
            return Err(self.full(text));
        };
        if number >= self.most {
            return Err(self.full(text));
        }
        self.bytes.push_str(text);
        self.ends.push(end);
        let Self {
            bytes,
            ends,
            numbers,
            hasher,
            ..
        } = self;
        numbers.insert_unique(hash, number, |&known| hasher.hash_one(name_of(bytes, ends, known)));
        Ok(number)
    }

    /// The number of `text`, where it has one.
    #[must_use]
    pub fn get(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.numbers
            .find(hash, |&number| name_of(&self.bytes, &self.ends, number) == text)
            .copied()
    }

    /// The text of `number`; empty where no text has that number.
    #[must_use]
    pub fn name(&self, number: u32) -> &str {
        name_of(&self.bytes, &self.ends, number)
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no text yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of memory held.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>() + self.numbers.allocation_size()
    }

    fn full(&self, text: &str) -> Error {
        let accepted = format!(
            "one of the {} keys and zones known so far: the table is full",
            self.ends.len()
        );
        Error::invalid("key", text, accepted)
    }
}

fn name_of<'a>(bytes: &'a str, ends: &[u32], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 {
        0
    } else {
        ends.get(number - 1).map_or(0, |&end| end as usize)
    };
    let end = ends.get(number).map_or(start, |&end| end as usize);
    bytes.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number_and_a_number_its_text() {
        let mut interner = Interner::default();
        let names: Vec<String> = (0..10_000).map(|index| format!("sensor-{index}")).collect();
        for (index, name) in names.iter().enumerate() {
            assert_eq!(interner.intern(name).unwrap() as usize, index);
        }
        for (index, name) in names.iter().enumerate() {
            assert_eq!(interner.intern(name).unwrap() as usize, index);
            assert_eq!(interner.get(name).unwrap() as usize, index);
            assert_eq!(interner.name(index as u32), name);
        }
        assert_eq!(
            (interner.len(), interner.get("sensor-x"), interner.name(77_777)),
            (10_000, None, "")
        );
    }

    #[test]
    fn the_empty_text_is_a_text() {
        let mut interner = Interner::default();
        assert_eq!(interner.intern("").unwrap(), 0);
        assert_eq!(interner.intern("a").unwrap(), 1);
        assert_eq!(
            (interner.intern("").unwrap(), interner.name(0), interner.name(1)),
            (0, "", "a")
        );
    }

    #[test]
    fn a_full_interner_refuses_new_texts_and_knows_the_old_ones() {
        let mut interner = Interner::with_limit(2);
        interner.intern("a").unwrap();
        interner.intern("b").unwrap();
        let error = interner.intern("c").unwrap_err().to_string();
        assert!(error.contains("`c`") && error.contains("full"), "{error}");
        assert_eq!(interner.intern("a").unwrap(), 0);
    }

    #[test]
    fn a_million_keys_stay_below_40_megabytes() {
        let mut interner = Interner::default();
        for index in 0..1_000_000 {
            interner.intern(&format!("key-{index:08}")).unwrap();
        }
        assert!(interner.memory() < 40_000_000, "{} bytes", interner.memory());
    }
}

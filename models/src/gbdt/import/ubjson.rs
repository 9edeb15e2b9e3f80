//! Universal Binary JSON (draft 12) as JSON values.

use serde_json::{Map, Value};

/// How deep containers may nest.
const DEEPEST: usize = 32;

/// Parses a document.
///
/// # Errors
/// What is wrong, and at which byte.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { bytes, place: 0 };
    let marker = reader.marker()?;
    reader.value(marker, 0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl Reader<'_> {
    fn wrong<T>(&self, message: &str) -> Result<T, String> {
        Err(format!("{message} at byte {}", self.place))
    }

    fn take<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], String> {
        match self.bytes[self.place..].first_chunk::<COUNT>() {
            Some(taken) => {
                self.place += COUNT;
                Ok(*taken)
            }
            None => self.wrong("the file ends too early"),
        }
    }

    /// The next marker that means something.
    fn marker(&mut self) -> Result<u8, String> {
        loop {
            let [marker] = self.take()?;
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return self.wrong("containers nest too deep");
        }
        Ok(match marker {
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'd' => number(f32::from_be_bytes(self.take()?).into()),
            b'D' => number(f64::from_be_bytes(self.take()?)),
            b'C' => {
                let [byte] = self.take()?;
                char::from(byte).to_string().into()
            }
            b'S' => self.text()?.into(),
            b'[' => self.array(depth)?,
            b'{' => self.object(depth)?,
            _ => self.integer(marker)?.into(),
        })
    }

    fn integer(&mut self, marker: u8) -> Result<i64, String> {
        Ok(match marker {
            b'i' => i8::from_be_bytes(self.take()?).into(),
            b'U' => u8::from_be_bytes(self.take()?).into(),
            b'I' => i16::from_be_bytes(self.take()?).into(),
            b'l' => i32::from_be_bytes(self.take()?).into(),
            b'L' => i64::from_be_bytes(self.take()?),
            _ => return self.wrong(&format!("unknown marker `{}`", marker.escape_ascii())),
        })
    }

    /// A length, which cannot be more than the bytes that are left.
    fn length(&mut self) -> Result<usize, String> {
        let marker = self.marker()?;
        let length = self.integer(marker)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.bytes.len() - self.place => Ok(length),
            _ => self.wrong("a length beyond the end of the file"),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        let length = self.length()?;
        let bytes = &self.bytes[self.place..self.place + length];
        self.place += length;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) => self.wrong("a text is not UTF-8"),
        }
    }

    /// What follows the bracket of a container: the type of its entries and their number, where given.
    fn header(&mut self) -> Result<(Option<u8>, Option<usize>), String> {
        let mut kind = None;
        if self.bytes.get(self.place) == Some(&b'$') {
            self.place += 1;
            let [marker] = self.take()?;
            // Entries without bytes of their own could be claimed in any number.
            if matches!(marker, b'Z' | b'T' | b'F' | b'N') {
                return self.wrong("entries without any bytes");
            }
            kind = Some(marker);
        }
        if self.bytes.get(self.place) == Some(&b'#') {
            self.place += 1;
            return Ok((kind, Some(self.length()?)));
        }
        if kind.is_some() {
            self.wrong("a type without a number of entries")
        } else {
            Ok((None, None))
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        let (kind, count) = self.header()?;
        let mut values = Vec::new();
        while count.is_none_or(|count| values.len() < count) {
            let marker = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            if count.is_none() && marker == b']' {
                break;
            }
            values.push(self.value(marker, depth + 1)?);
        }
        Ok(values.into())
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let (kind, count) = self.header()?;
        let mut fields = Map::new();
        let mut seen = 0;
        while count.is_none_or(|count| seen < count) {
            if count.is_none() && self.bytes.get(self.place) == Some(&b'}') {
                self.place += 1;
                break;
            }
            let name = self.text()?;
            let marker = match kind {
                Some(kind) => kind,
                None => self.marker()?,
            };
            fields.insert(name, self.value(marker, depth + 1)?);
            seen += 1;
        }
        Ok(fields.into())
    }
}

/// A value of JSON, which has neither NaN nor infinity: nothing stands for the one, and for the other the largest number,
/// which is infinite again in 32 bits.
fn number(value: f64) -> Value {
    if value.is_infinite() {
        f64::MAX.copysign(value).into()
    } else {
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_value_is_read() {
        let bytes = b"{i\x01a[$U#i\x03\x01\x02\xffi\x01b[#i\x02Zd\x3f\xc0\x00\x00i\x01cSi\x02hii\x01dL\xff\xff\xff\xff\xff\xff\xff\xfei\x01e[TFCx]}";
        let expected = json!({"a": [1, 2, 255], "b": [null, 1.5], "c": "hi", "d": -2, "e": [true, false, "x"]});
        assert_eq!(parse(bytes), Ok(expected));
    }

    #[test]
    fn what_json_cannot_say_is_nothing_or_infinite_in_32_bits() {
        let bytes = b"[$d#i\x03\x7f\xc0\x00\x00\x7f\x80\x00\x00\xff\x80\x00\x00";
        let numbers: Vec<Option<f32>> = serde_json::from_value(parse(bytes).unwrap()).unwrap();
        assert_eq!(numbers, [None, Some(f32::INFINITY), Some(f32::NEG_INFINITY)]);
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_before_it_is_read() {
        for bytes in [
            b"[$d#L\x00\x00\x00\x7f\xff\xff\xff\xff".as_slice(),
            b"SL\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"[$Z#l\x7f\xff\xff\xff",
        ] {
            assert!(parse(bytes).is_err());
        }
        assert!(parse(&[b'['; 1000]).unwrap_err().contains("too deep"));
    }
}

//! The elements of a tensor: typed, or raw bytes, row by row and little-endian, a text as its length and its bytes.

use arterial_proto::inference as oip;
use oip::InferTensorContents as Contents;

use crate::{Error, Result};

/// How many bytes say the length of a raw text.
const LENGTH: usize = 4;

/// One input of a request.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    name: &'a str,
    datatype: &'a str,
    shape: &'a [i64],
    elements: Elements<'a>,
}

#[derive(Clone, Copy)]
enum Elements<'a> {
    Typed(Option<&'a Contents>),
    Raw(&'a [u8]),
}

impl<'a> Input<'a> {
    /// Input `place` of `request`.
    ///
    /// # Errors
    /// Typed elements beside raw ones.
    pub fn of(request: &'a oip::ModelInferRequest, place: usize) -> Result<Self> {
        let input = &request.inputs[place];
        let elements = match request.raw_input_contents.get(place) {
            None => Elements::Typed(input.contents.as_ref()),
            Some(raw) if input.contents.is_none() => Elements::Raw(raw),
            Some(_) => {
                let accepted = "elements in `raw_input_contents` or in `contents` of every input, not in both";
                return Err(Error::invalid(&input.name, "given twice", accepted));
            }
        };
        Ok(Self {
            name: &input.name,
            datatype: &input.datatype,
            shape: &input.shape,
            elements,
        })
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The elements of a list of texts.
    ///
    /// # Errors
    /// Another type or shape, another number of elements, no UTF-8.
    pub fn texts(&self) -> Result<Vec<String>> {
        let count = self.count("BYTES")?;
        let texts: Vec<&[u8]> = match self.elements {
            Elements::Typed(contents) => {
                let typed = contents.map_or(&[][..], |contents| &contents.bytes_contents);
                typed.iter().map(Vec::as_slice).collect()
            }
            Elements::Raw(bytes) => split(bytes).ok_or_else(|| {
                let accepted = "texts, each after its length in 4 bytes, little-endian";
                self.refuse(format!("{} bytes that cannot be read", bytes.len()), accepted)
            })?,
        };
        self.check_count(texts.len(), count)?;
        let text = |(place, bytes): (usize, &&[u8])| {
            let text = std::str::from_utf8(bytes);
            text.map(str::to_owned).map_err(|_| {
                let field = format!("{}[{place}]", self.name);
                Error::invalid(field, String::from_utf8_lossy(bytes), "UTF-8")
            })
        };
        texts.iter().enumerate().map(text).collect()
    }

    /// The elements of a list of INT32.
    ///
    /// # Errors
    /// Another type or shape, another number of elements.
    pub fn int32(&self) -> Result<Vec<i32>> {
        self.numbers("INT32", |contents| &contents.int_contents, i32::from_le_bytes)
    }

    /// The elements of a list of INT64.
    ///
    /// # Errors
    /// Another type or shape, another number of elements.
    pub fn int64(&self) -> Result<Vec<i64>> {
        self.numbers("INT64", |contents| &contents.int64_contents, i64::from_le_bytes)
    }

    /// The elements of a list of FP32.
    ///
    /// # Errors
    /// Another type or shape, another number of elements.
    pub fn fp32(&self) -> Result<Vec<f32>> {
        self.numbers("FP32", |contents| &contents.fp32_contents, f32::from_le_bytes)
    }

    fn numbers<T: Copy, const WIDTH: usize>(
        &self,
        datatype: &str,
        typed: impl Fn(&Contents) -> &Vec<T>,
        of_bytes: impl Fn([u8; WIDTH]) -> T,
    ) -> Result<Vec<T>> {
        let count = self.count(datatype)?;
        let numbers = match self.elements {
            Elements::Typed(contents) => contents.map(|contents| typed(contents).clone()).unwrap_or_default(),
            Elements::Raw(bytes) => {
                let (numbers, rest) = bytes.as_chunks::<WIDTH>();
                if !rest.is_empty() {
                    let accepted = format!("{WIDTH} bytes for each element");
                    return Err(self.refuse(format!("{} bytes", bytes.len()), accepted));
                }
                numbers.iter().map(|number| of_bytes(*number)).collect()
            }
        };
        self.check_count(numbers.len(), count)?;
        Ok(numbers)
    }

    /// How many elements its shape names, at least one.
    fn count(&self, datatype: &str) -> Result<usize> {
        if self.datatype != datatype {
            return Err(self.refuse(format!("of type {}", self.datatype), datatype));
        }
        match self.shape {
            [count] if *count > 0 => Ok(usize::try_from(*count).unwrap_or(usize::MAX)),
            other => Err(self.refuse(format!("of shape {other:?}"), "shape [n] with n at least 1")),
        }
    }

    fn check_count(&self, found: usize, named: usize) -> Result<()> {
        if found == named {
            return Ok(());
        }
        let accepted = format!("as many as its shape [{named}] names");
        Err(self.refuse(format!("{found} elements"), accepted))
    }

    fn refuse(&self, value: String, accepted: impl Into<String>) -> Error {
        Error::invalid(self.name, value, accepted)
    }
}

/// The texts of raw bytes; none where these end within one.
fn split(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(text);
        bytes = rest;
    }
    Some(texts)
}

/// The elements of an output.
pub enum Output {
    /// FP32.
    Floats(Vec<f32>),
    /// INT64.
    Longs(Vec<i64>),
    /// BYTES.
    Texts(Vec<&'static str>),
}

impl Output {
    /// As raw bytes.
    pub fn raw(&self) -> Vec<u8> {
        match self {
            Self::Floats(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Longs(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Texts(texts) => texts.iter().flat_map(|text| prefixed(text)).collect(),
        }
    }

    /// As typed contents.
    pub fn typed(self) -> Contents {
        let mut contents = Contents::default();
        match self {
            Self::Floats(numbers) => contents.fp32_contents = numbers,
            Self::Longs(numbers) => contents.int64_contents = numbers,
            Self::Texts(texts) => contents.bytes_contents = texts.into_iter().map(Into::into).collect(),
        }
        contents
    }
}

fn prefixed(text: &str) -> impl Iterator<Item = u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    length.into_iter().chain(text.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_texts_come_back_as_they_went() {
        let raw = Output::Texts(vec!["OK", "", "NO_DATA"]).raw();
        assert_eq!(split(&raw).unwrap(), [&b"OK"[..], b"", b"NO_DATA"]);
    }

    #[test]
    fn raw_texts_that_end_too_early_are_none() {
        let raw = Output::Texts(vec!["OK"]).raw();
        for end in 1..raw.len() {
            assert_eq!(split(&raw[..end]), None, "{end} bytes");
        }
        assert_eq!(split(&[255, 255, 255, 255, 1]), None);
    }
}

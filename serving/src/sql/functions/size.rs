//! How long what a call gives can be, said before it is made.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, resources_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

/// The most that one call gives for one batch, in bytes.
const MOST_BYTES: usize = 16 << 20;
/// The longest letter, in bytes.
const LONGEST_LETTER: usize = 4;

/// What the length of a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Size {
    /// It is no longer than all arguments together.
    Joined,
    /// The first argument, with the third for every second one that is in it.
    Replaced,
    /// As many letters as the second argument says.
    Padded,
    /// No text comes out.
    Nothing,
}

impl Size {
    /// Refuses a call that would make too much.
    ///
    /// # Errors
    /// More than [`MOST_BYTES`].
    pub fn check(self, function: &str, arguments: &ScalarFunctionArgs) -> Result<()> {
        if self == Self::Nothing {
            return Ok(());
        }
        // Constants are written out for every row below, which may be done once this is known to be little.
        let given = given(arguments)?;
        check_most(function, given)?;
        let made = match self {
            Self::Joined | Self::Nothing => given,
            Self::Replaced => replaced(arguments)?,
            Self::Padded => padded(arguments)?.saturating_add(given),
        };
        check_most(function, made)
    }
}

fn check_most(function: &str, bytes: usize) -> Result<()> {
    if bytes > MOST_BYTES {
        return resources_err!(
            "`{function}` would make {bytes} bytes at once, at most {MOST_BYTES}: shorten the texts, or select fewer rows"
        );
    }
    Ok(())
}

/// The bytes of all arguments.
fn given(arguments: &ScalarFunctionArgs) -> Result<usize> {
    let mut bytes: usize = 0;
    for argument in &arguments.args {
        bytes = bytes.saturating_add(match argument {
            ColumnarValue::Scalar(value) => heap(value).saturating_mul(arguments.number_rows),
            ColumnarValue::Array(values) => values.to_data().get_slice_memory_size()?,
        });
    }
    Ok(bytes)
}

/// What a value takes beside its place in a row.
pub(super) fn heap(value: &ScalarValue) -> usize {
    value.size().saturating_sub(size_of::<ScalarValue>())
}

/// The bytes of the texts that `replace` makes, or a few more.
fn replaced(arguments: &ScalarFunctionArgs) -> Result<usize> {
    let texts = column(arguments, 0, &DataType::Utf8)?;
    let parts = column(arguments, 1, &DataType::Utf8)?;
    let others = column(arguments, 2, &DataType::Utf8)?;
    let parts = parts.as_string::<i32>().iter();
    let others = others.as_string::<i32>().iter();
    let mut bytes: usize = 0;
    for row in texts.as_string::<i32>().iter().zip(parts).zip(others) {
        let ((Some(text), Some(part)), Some(other)) = row else {
            continue;
        };
        // An empty part is nowhere.
        let times = if part.is_empty() { 0 } else { text.matches(part).count() };
        bytes = bytes.saturating_add(text.len() + times * other.len());
    }
    Ok(bytes)
}

/// The bytes of the letters that `lpad` or `rpad` gives, at most.
fn padded(arguments: &ScalarFunctionArgs) -> Result<usize> {
    let lengths = column(arguments, 1, &DataType::Int64)?;
    let lengths = lengths.as_primitive::<Int64Type>().iter().flatten();
    let letters = lengths.fold(0, |sum: usize, length| sum.saturating_add(length.max(0) as usize));
    Ok(letters.saturating_mul(LONGEST_LETTER))
}

/// An argument, a value for each row.
fn column(arguments: &ScalarFunctionArgs, place: usize, kind: &DataType) -> Result<ArrayRef> {
    let Some(argument) = arguments.args.get(place) else {
        return exec_err!("there is no argument {}", place + 1);
    };
    Ok(cast(&argument.to_array(arguments.number_rows)?, kind)?)
}

//! Functions whose values are longer than what they are made of: `concat(text, text)` under itself doubles a text at each step. Each
//! of them makes at most [`MOST_BYTES`] at once, so that no query fills memory with the values of one expression.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, resources_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The most that one call gives for one batch, in bytes.
const MOST_BYTES: usize = 16 << 20;
/// The longest text that stands between others, in bytes.
const LONGEST_SEPARATOR: usize = 16;

/// The functions, and which argument stands between all others and is repeated as often.
const GROWING: [(&str, Option<usize>); 6] = [
    ("array_to_string", Some(1)),
    ("concat", None),
    ("concat_ws", Some(0)),
    ("make_array", None),
    ("overlay", None),
    ("to_char", Some(1)),
];

/// The function within its bounds, where it needs some.
pub(super) fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match GROWING.iter().find(|(name, _)| *name == function.name()) {
        Some((_, separator)) => Arc::new(ScalarUDF::from(Bounded {
            inner: function,
            separator: *separator,
        })),
        None => function,
    }
}

/// The operator `||`, null where one side is.
pub(super) fn joined() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Joined(Signature::any(2, Volatility::Immutable))))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    separator: Option<usize>,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(separator) = self.separator.and_then(|place| arguments.args.get(place)) {
            check_separator(self.name(), separator)?;
        }
        check_size(self.name(), &arguments)?;
        self.inner.invoke_with_args(arguments)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined(Signature);

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &'static str {
        "||"
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        self.schema_name(arguments)
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let sides: Vec<String> = arguments.iter().map(|side| side.schema_name().to_string()).collect();
        Ok(sides.join(" || "))
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check_size(self.name(), &arguments)?;
        let rows = arguments.number_rows;
        let text = |side: &ColumnarValue| {
            Ok::<_, datafusion::error::DataFusionError>(cast(&side.to_array(rows)?, &DataType::Utf8)?)
        };
        let [left, right] = arguments.args.as_slice() else {
            return exec_err!("`||` stands between two texts");
        };
        let (left, right) = (text(left)?, text(right)?);
        let joined = concat_elements_utf8(left.as_string::<i32>(), right.as_string::<i32>())?;
        Ok(ColumnarValue::Array(Arc::new(joined)))
    }
}

fn check_separator(function: &str, separator: &ColumnarValue) -> Result<()> {
    match separator {
        ColumnarValue::Scalar(text) if heap(text) <= LONGEST_SEPARATOR => Ok(()),
        _ => exec_err!(
            "what `{function}` puts between values or makes them by is not a constant of at most {LONGEST_SEPARATOR} bytes"
        ),
    }
}

/// What a call gives is at most as long as what it is given.
fn check_size(function: &str, arguments: &ScalarFunctionArgs) -> Result<()> {
    let mut bytes: usize = 0;
    for argument in &arguments.args {
        bytes = bytes.saturating_add(match argument {
            ColumnarValue::Scalar(value) => heap(value).saturating_mul(arguments.number_rows),
            ColumnarValue::Array(values) => values.to_data().get_slice_memory_size()?,
        });
    }
    if bytes > MOST_BYTES {
        return resources_err!(
            "`{function}` would make {bytes} bytes at once, at most {MOST_BYTES}: shorten the texts, or select fewer rows"
        );
    }
    Ok(())
}

/// What a value takes beside its place in a row.
fn heap(value: &ScalarValue) -> usize {
    value.size().saturating_sub(size_of::<ScalarValue>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use arrow::datatypes::Field;
    use datafusion::config::ConfigOptions;

    fn call(function: &ScalarUDF, arguments: Vec<ColumnarValue>, rows: usize) -> Result<ColumnarValue> {
        let field = |value: &ColumnarValue| Arc::new(Field::new("argument", value.data_type(), true));
        function.invoke_with_args(ScalarFunctionArgs {
            arg_fields: arguments.iter().map(field).collect(),
            args: arguments,
            number_rows: rows,
            return_field: Arc::new(Field::new("text", DataType::Utf8, true)),
            config_options: Arc::new(ConfigOptions::default()),
        })
    }

    fn text(length: usize) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::Utf8(Some("x".repeat(length))))
    }

    #[test]
    fn texts_are_joined_and_null_stays_null() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let found = call(&joined(), vec![ColumnarValue::Array(texts), text(2)], 2).unwrap();
        let found = found.into_array(2).unwrap();
        assert_eq!(found.as_string::<i32>(), &StringArray::from(vec![Some("axx"), None]));
    }

    #[test]
    fn what_would_be_too_long_is_refused_before_it_is_made() {
        let error = call(&joined(), vec![text(1 << 16), text(1)], 8192).unwrap_err();
        assert!(error.to_string().contains("at most 16777216"), "{error}");
    }

    #[test]
    fn a_separator_is_short_and_the_same_for_all() {
        let all = datafusion::execution::SessionStateDefaults::default_scalar_functions();
        let function = all.into_iter().find(|function| function.name() == "concat_ws").unwrap();
        let function = bounded(function);
        assert!(call(&function, vec![text(2), text(1), text(1)], 1).is_ok());
        assert!(call(&function, vec![text(17), text(1), text(1)], 1).is_err());
    }
}

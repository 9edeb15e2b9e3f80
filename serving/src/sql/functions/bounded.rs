//! Functions that may be called within bounds. Of some the values are longer than what they are made of: `concat(text, text)` under itself
//! doubles a text at each step, so each makes a few megabytes at once at the most, and no query fills memory with the values of one
//! expression. Of some an argument is used again for every row, or made ready for it, so it has to be a short constant.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::size::{Size, heap};

/// What a function has to keep to.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounds {
    function: &'static str,
    constants: &'static [Constant],
    size: Size,
}

/// An argument that has to be a constant.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    place: usize,
    /// What it is.
    what: &'static str,
    /// The most bytes that it may have.
    most: usize,
    example: &'static str,
}

/// A function that is bounded by the length of what it gives alone.
const fn sized(function: &'static str, size: Size) -> Bounds {
    Bounds {
        function,
        constants: &[],
        size,
    }
}

/// What stands between values.
const fn separator(place: usize) -> Constant {
    Constant {
        place,
        what: "separator",
        most: 16,
        example: "', '",
    }
}

/// Whatever grows, or has to be made ready.
static BOUNDS: [Bounds; 10] = [
    Bounds {
        function: "array_to_string",
        constants: &[separator(1)],
        size: Size::Joined,
    },
    sized("concat", Size::Joined),
    Bounds {
        function: "concat_ws",
        constants: &[separator(0)],
        size: Size::Joined,
    },
    sized("lpad", Size::Padded),
    sized("make_array", Size::Joined),
    sized("overlay", Size::Joined),
    Bounds {
        function: "regexp_like",
        constants: &[
            Constant {
                place: 1,
                what: "pattern",
                most: 256,
                example: "'^TS-0[0-9]+$'",
            },
            Constant {
                place: 2,
                what: "flags",
                most: 16,
                example: "'i'",
            },
        ],
        size: Size::Nothing,
    },
    sized("replace", Size::Replaced),
    sized("rpad", Size::Padded),
    // No part of a format makes over forty bytes.
    Bounds {
        function: "to_char",
        constants: &[Constant {
            place: 1,
            what: "format",
            most: 64,
            example: "'%Y-%m-%d %H:%M:%S'",
        }],
        size: Size::Joined,
    },
];

/// The function within its bounds, where it needs some.
pub(super) fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match BOUNDS.iter().find(|bounds| bounds.function == function.name()) {
        Some(bounds) => Arc::new(ScalarUDF::from(Bounded {
            inner: function,
            bounds,
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
    bounds: &'static Bounds,
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
        for constant in self.bounds.constants {
            constant.check(self.name(), arguments.args.get(constant.place))?;
        }
        self.bounds.size.check(self.name(), &arguments)?;
        self.inner.invoke_with_args(arguments)
    }
}

impl Constant {
    fn check(&self, function: &str, given: Option<&ColumnarValue>) -> Result<()> {
        let (what, most, example) = (self.what, self.most, self.example);
        let found = match given {
            None => return Ok(()),
            Some(ColumnarValue::Array(_)) => "a column".to_owned(),
            Some(ColumnarValue::Scalar(value)) => {
                let text = value.try_as_str().flatten();
                let bytes = text.map_or_else(|| heap(value), str::len);
                if bytes <= most {
                    return Ok(());
                }
                format!("{bytes} bytes long")
            }
        };
        exec_err!("`{what}` of {function} is {found}, accepted: a constant of at most {most} bytes, such as {example}")
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
        Size::Joined.check(self.name(), &arguments)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use arrow::datatypes::Field;
    use datafusion::common::ScalarValue;
    use datafusion::config::ConfigOptions;

    fn call(function: &ScalarUDF, arguments: Vec<ColumnarValue>, rows: usize) -> Result<ColumnarValue> {
        let field = |value: &ColumnarValue| Arc::new(Field::new("argument", value.data_type(), true));
        let kind = match function.name() {
            "regexp_like" => DataType::Boolean,
            _ => DataType::Utf8,
        };
        function.invoke_with_args(ScalarFunctionArgs {
            arg_fields: arguments.iter().map(field).collect(),
            args: arguments,
            number_rows: rows,
            return_field: Arc::new(Field::new("found", kind, true)),
            config_options: Arc::new(ConfigOptions::default()),
        })
    }

    fn text(length: usize) -> ColumnarValue {
        said(&"x".repeat(length))
    }

    fn said(text: &str) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::Utf8(Some(text.to_owned())))
    }

    fn number(number: i64) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::Int64(Some(number)))
    }

    /// A function of the library within its bounds.
    fn named(name: &str) -> Arc<ScalarUDF> {
        let all = datafusion::execution::SessionStateDefaults::default_scalar_functions();
        bounded(all.into_iter().find(|function| function.name() == name).unwrap())
    }

    /// What a function gives for one row.
    fn one(function: &str, arguments: Vec<ColumnarValue>) -> String {
        let found = call(&named(function), arguments, 1).unwrap().into_array(1).unwrap();
        found.as_string::<i32>().value(0).to_owned()
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
        for (function, arguments, rows) in [
            (joined(), vec![text(1 << 16), text(1)], 8192),
            (named("replace"), vec![text(1 << 12), said("x"), text(1 << 13)], 1),
            (named("lpad"), vec![said("7"), number(5_000_000)], 1),
            (named("rpad"), vec![said("7"), number(1_000), said("0")], 8192),
        ] {
            let error = call(&function, arguments, rows).unwrap_err();
            assert!(error.to_string().contains("at most 16777216"), "{error}");
        }
    }

    #[test]
    fn texts_are_replaced_and_padded_within_bounds() {
        assert_eq!(one("replace", vec![said("TS-1"), said("-"), said("_")]), "TS_1");
        let unchanged = one("replace", vec![text(1 << 12), said(""), text(1 << 13)]);
        assert_eq!(unchanged.len(), 1 << 12);
        assert_eq!(one("lpad", vec![said("7"), number(3), said("0")]), "007");
        assert_eq!(one("rpad", vec![said("7"), number(-3)]), "");
    }

    #[test]
    fn a_separator_is_short_and_the_same_for_all() {
        let function = named("concat_ws");
        assert!(call(&function, vec![text(2), text(1), text(1)], 1).is_ok());
        let refused = call(&function, vec![text(17), text(1), text(1)], 1).unwrap_err();
        let said = "`separator` of concat_ws is 17 bytes long, accepted: a constant of at most 16 bytes";
        assert!(refused.to_string().contains(said), "{refused}");
    }

    #[test]
    fn a_format_has_room_for_a_day_and_a_time_and_is_the_same_for_all() {
        let start = || ColumnarValue::Scalar(ScalarValue::TimestampMicrosecond(Some(0), None));
        let format = "%Y-%m-%d %H:%M:%S";
        assert_eq!(one("to_char", vec![start(), said(format)]), "1970-01-01 00:00:00");
        let formats: ArrayRef = Arc::new(StringArray::from(vec![format]));
        for (format, found) in [(text(65), "65 bytes long"), (ColumnarValue::Array(formats), "a column")] {
            let error = call(&named("to_char"), vec![start(), format], 1).unwrap_err();
            let said = format!("`format` of to_char is {found}, accepted: a constant of at most 64 bytes");
            assert!(error.to_string().contains(&said), "{error}");
        }
    }

    #[test]
    fn a_pattern_is_made_ready_once() {
        let patterns: ArrayRef = Arc::new(StringArray::from(vec!["^x"]));
        let matched = |pattern: ColumnarValue| call(&named("regexp_like"), vec![text(3), pattern], 1);
        assert!(matched(said("^x")).is_ok());
        for pattern in [ColumnarValue::Array(patterns), text(257)] {
            let error = matched(pattern).unwrap_err().to_string();
            assert!(error.contains("`pattern` of regexp_like"), "{error}");
        }
    }
}

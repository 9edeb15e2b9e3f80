//! `window_bucket(interval, ts)`: the start of the half-open window that an instant lies in.

use std::sync::Arc;

use arrow::array::{AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arterial_datasets::schema::instant;
use arterial_datasets::time::{DAY, Duration};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// The function. Windows count from 1970-01-01T00:00:00Z, as those of the tables do; the length is `'15m'` or an interval.
pub(super) fn function() -> ScalarUDF {
    let interval = DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano);
    ScalarUDF::from(WindowBucket(Signature::one_of(
        vec![
            TypeSignature::Exact(vec![DataType::Utf8, instant()]),
            TypeSignature::Exact(vec![interval, instant()]),
        ],
        Volatility::Immutable,
    )))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowBucket(Signature);

impl ScalarUDFImpl for WindowBucket {
    fn name(&self) -> &'static str {
        "window_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [length, times] = arguments.args.as_slice() else {
            return exec_err!("window_bucket takes a length and an instant");
        };
        let length = length_of(length)?;
        let times = times.to_array(arguments.number_rows)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let starts: TimestampMicrosecondArray = times.unary(|at| at.div_euclid(length).saturating_mul(length));
        Ok(ColumnarValue::Array(Arc::new(starts.with_timezone("UTC"))))
    }
}

/// The length in microseconds.
fn length_of(length: &ColumnarValue) -> Result<i64> {
    let microseconds = match length {
        ColumnarValue::Scalar(ScalarValue::Utf8(Some(text))) => {
            text.parse().map(|duration: Duration| duration.0).unwrap_or_default()
        }
        ColumnarValue::Scalar(ScalarValue::IntervalMonthDayNano(Some(interval))) if interval.months == 0 => {
            let days = i64::from(interval.days).checked_mul(DAY);
            let length = days.and_then(|days| days.checked_add(interval.nanoseconds / 1_000));
            length.unwrap_or_default()
        }
        _ => 0,
    };
    if microseconds <= 0 {
        let given = match length {
            ColumnarValue::Scalar(length) => length.to_string(),
            ColumnarValue::Array(_) => "a column".to_owned(),
        };
        return exec_err!(
            "`interval` of window_bucket is `{given}`, accepted: a constant such as '15m', '1h' or INTERVAL '1 day'"
        );
    }
    Ok(microseconds)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    fn interval(days: i32, nanoseconds: i64) -> ColumnarValue {
        let interval = IntervalMonthDayNano::new(0, days, nanoseconds);
        ColumnarValue::Scalar(ScalarValue::IntervalMonthDayNano(Some(interval)))
    }

    #[test]
    fn a_length_is_above_zero_and_one_that_can_be_counted() {
        assert_eq!(length_of(&interval(1, 60_000_000_000)).unwrap(), DAY + 60_000_000);
        for (days, nanoseconds) in [(0, 0), (i32::MAX, 0), (i32::MIN, 0), (106_751_991, i64::MAX), (-1, 0)] {
            let error = length_of(&interval(days, nanoseconds)).unwrap_err().to_string();
            assert!(error.contains("accepted: a constant such as '15m'"), "{error}");
        }
    }
}

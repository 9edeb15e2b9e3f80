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
            i64::from(interval.days) * DAY + interval.nanoseconds / 1_000
        }
        _ => 0,
    };
    if microseconds <= 0 {
        return exec_err!(
            "`interval` of window_bucket is `{length}`, accepted: a constant such as '15m', '1h' or INTERVAL '1 day'"
        );
    }
    Ok(microseconds)
}

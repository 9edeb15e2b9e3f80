//! `local_time(ts [, zone])`: what clocks show at an instant, without an offset.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::temporal_conversions::as_datetime_with_timezone;
use arterial_datasets::schema::instant;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// The function; `zone` is meant where a call names none.
pub(super) fn function(zone: &str) -> ScalarUDF {
    ScalarUDF::from(LocalTime {
        zone: zone.to_owned(),
        signature: Signature::one_of(
            vec![
                TypeSignature::Exact(vec![instant()]),
                TypeSignature::Exact(vec![instant(), DataType::Utf8]),
            ],
            Volatility::Immutable,
        ),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    zone: String,
    signature: Signature,
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &'static str {
        "local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = match arguments.args.get(1) {
            None => self.zone.clone(),
            Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(name)))) => name.clone(),
            Some(_) => return exec_err!("`zone` of local_time has to be a constant, such as 'Europe/Copenhagen'"),
        };
        let Ok(zone) = name.parse::<Tz>() else {
            return exec_err!("`zone` of local_time is `{name}`, accepted: an IANA zone such as Europe/Copenhagen");
        };
        let Some(times) = arguments.args.first() else {
            return exec_err!("local_time takes an instant");
        };
        let times = times.to_array(arguments.number_rows)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let local = |at: i64| {
            let there = as_datetime_with_timezone::<TimestampMicrosecondType>(at, zone)?;
            Some(there.naive_local().and_utc().timestamp_micros())
        };
        let clocks: TimestampMicrosecondArray = times.unary_opt(local);
        Ok(ColumnarValue::Array(Arc::new(clocks)))
    }
}

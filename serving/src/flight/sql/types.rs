//! The SQL types, as ODBC and JDBC describe them.

use std::sync::LazyLock;

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};

use crate::{Error, Result};

static TYPES: LazyLock<Result<XdbcTypeInfoData, String>> = LazyLock::new(|| build().map_err(|error| error.to_string()));

/// Every type that a column can have.
pub(super) fn types() -> Result<&'static XdbcTypeInfoData> {
    TYPES.as_ref().map_err(|error| Error::Background(error.clone()))
}

fn build() -> Result<XdbcTypeInfoData, arrow_flight::error::FlightError> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    let quoted = |kind: XdbcTypeInfo, prefix: &str| XdbcTypeInfo {
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        ..kind
    };
    let number = |kind: XdbcTypeInfo, radix: i32| XdbcTypeInfo {
        unsigned_attribute: Some(false),
        num_prec_radix: Some(radix),
        searchable: Searchable::Full,
        ..kind
    };
    let timestamp = XdbcTypeInfo {
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
        minimum_scale: Some(6),
        maximum_scale: Some(6),
        ..plain("TIMESTAMP", XdbcDataType::XdbcTimestamp, 26)
    };
    // ODBC gives dates the subcode 1, to which the protocol gives the name of a year.
    let date = XdbcTypeInfo {
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeYear),
        ..plain("DATE", XdbcDataType::XdbcDate, 10)
    };
    types.append(quoted(plain("VARCHAR", XdbcDataType::XdbcVarchar, i32::MAX), "'"));
    types.append(quoted(plain("VARBINARY", XdbcDataType::XdbcVarbinary, i32::MAX), "X'"));
    types.append(number(plain("BIGINT", XdbcDataType::XdbcBigint, 19), 10));
    types.append(number(plain("INTEGER", XdbcDataType::XdbcInteger, 10), 10));
    types.append(number(plain("SMALLINT", XdbcDataType::XdbcSmallint, 5), 10));
    types.append(number(plain("DOUBLE", XdbcDataType::XdbcDouble, 53), 2));
    types.append(number(plain("REAL", XdbcDataType::XdbcReal, 24), 2));
    types.append(plain("BOOLEAN", XdbcDataType::XdbcBit, 1));
    types.append(quoted(timestamp, "TIMESTAMP '"));
    types.append(quoted(date, "DATE '"));
    types.build()
}

fn plain(name: &str, kind: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type: kind,
        sql_data_type: kind,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        case_sensitive: kind == XdbcDataType::XdbcVarchar,
        searchable: Searchable::Full,
        local_type_name: Some(name.to_owned()),
        ..XdbcTypeInfo::default()
    }
}

//! What clients ask about the server itself: `SqlInfo`.

use std::sync::LazyLock;

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedGroupBy, SqlSupportedTransaction,
    SqlSupportedUnions, SupportedSqlGrammar,
};

use crate::{Error, Result};

static INFO: LazyLock<Result<SqlInfoData, String>> = LazyLock::new(|| build().map_err(|error| error.to_string()));

/// Everything we say.
pub(super) fn info() -> Result<&'static SqlInfoData> {
    INFO.as_ref().map_err(|error| Error::Background(error.clone()))
}

fn build() -> Result<SqlInfoData, arrow_flight::error::FlightError> {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "Arterial");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    info.append(SqlInfo::FlightSqlServerReadOnly, true);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::None as i32,
    );
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, 0_i32);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
    for no in [
        SqlInfo::SqlDdlCatalog,
        SqlInfo::SqlDdlSchema,
        SqlInfo::SqlDdlTable,
        SqlInfo::SqlTransactionsSupported,
        SqlInfo::SqlStoredProceduresSupported,
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlSavepointsSupported,
        SqlInfo::SqlNamedParametersSupported,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlSelectForUpdateSupported,
        SqlInfo::SqlDataDefinitionCausesTransactionCommit,
        SqlInfo::SqlSupportsIntegrityEnhancementFacility,
    ] {
        info.append(no, false);
    }
    for yes in [
        SqlInfo::SqlSupportsColumnAliasing,
        SqlInfo::SqlNullPlusNullIsNull,
        SqlInfo::SqlSupportsTableCorrelationNames,
        SqlInfo::SqlSupportsExpressionsInOrderBy,
        SqlInfo::SqlSupportsOrderByUnrelated,
        SqlInfo::SqlSupportsLikeEscapeClause,
        SqlInfo::SqlSupportsNonNullableColumns,
        SqlInfo::SqlCorrelatedSubqueriesSupported,
        SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
    ] {
        info.append(yes, true);
    }
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i64,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64,
    );
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i64);
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "");
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    info.append(SqlInfo::SqlProcedureTerm, "procedure");
    info.append(SqlInfo::SqlCatalogAtStart, true);
    info.append(
        SqlInfo::SqlSupportedGroupBy,
        SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
    );
    info.append(SqlInfo::SqlSupportedGrammar, SupportedSqlGrammar::SqlCoreGrammar as i32);
    info.append(SqlInfo::SqlSupportedUnions, SqlSupportedUnions::SqlUnionAll as i32);
    info.append(SqlInfo::SqlKeywords, texts(&["AS_OF", "QUALIFY"]));
    info.append(
        SqlInfo::SqlNumericFunctions,
        texts(&["ABS", "CEIL", "EXP", "FLOOR", "LN", "LOG10", "POWER", "ROUND", "SQRT"]),
    );
    info.append(
        SqlInfo::SqlStringFunctions,
        texts(&["CONCAT", "LEFT", "LOWER", "REVERSE", "RIGHT", "SUBSTR", "UPPER"]),
    );
    info.append(SqlInfo::SqlSystemFunctions, texts(&["COALESCE", "NULLIF"]));
    info.append(
        SqlInfo::SqlDatetimeFunctions,
        texts(&[
            "CURRENT_DATE",
            "DATE_BIN",
            "DATE_PART",
            "DATE_TRUNC",
            "LOCAL_TIME",
            "NOW",
            "WINDOW_BUCKET",
        ]),
    );
    info.build()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

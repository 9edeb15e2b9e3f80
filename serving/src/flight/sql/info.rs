//! What clients ask about the server itself: `SqlInfo`. JDBC's driver asks for all of it once, fails on whatever is not there, and takes a
//! number of another width than the one that it expects for an error.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity, SqlSupportedGroupBy,
    SqlSupportedResultSetConcurrency, SqlSupportedResultSetType, SqlSupportedSubqueries, SqlSupportedTransaction,
    SqlSupportedUnions, SqlTransactionIsolationLevel, SupportedSqlGrammar,
};

use crate::sql::{LONGEST_QUERY, MOST_COLUMNS, MOST_TABLES, MOST_TEXT};
use crate::{Error, Result};

static INFO: LazyLock<Result<SqlInfoData, String>> = LazyLock::new(|| build().map_err(|error| error.to_string()));

/// The place of `ANSI92_ENTRY_SQL` in its mask, which the library does not name.
const ANSI92_ENTRY: i32 = 0;

/// Everything we say.
pub(super) fn info() -> Result<&'static SqlInfoData> {
    INFO.as_ref().map_err(|error| Error::Background(error.clone()))
}

fn build() -> Result<SqlInfoData, arrow_flight::error::FlightError> {
    let mut info = SqlInfoDataBuilder::new();
    server(&mut info);
    words(&mut info);
    for (name, yes) in flags() {
        info.append(name, yes);
    }
    for (name, bits) in masks() {
        info.append(name, bits);
    }
    for (name, most) in limits() {
        info.append(name, most);
    }
    // There is no CONVERT between types, only CAST.
    info.append(SqlInfo::SqlSupportsConvert, BTreeMap::<i32, Vec<i32>>::new());
    functions(&mut info);
    info.build()
}

fn server(info: &mut SqlInfoDataBuilder) {
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
}

/// How names are written, and what things are called.
fn words(info: &mut SqlInfoDataBuilder) {
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i64,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64,
    );
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i64);
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "");
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    info.append(SqlInfo::SqlProcedureTerm, "procedure");
    info.append(SqlInfo::SqlKeywords, texts(&["AS_OF", "QUALIFY"]));
}

/// What is or is not so.
fn flags() -> impl Iterator<Item = (SqlInfo, bool)> {
    let no = [
        SqlInfo::SqlDdlCatalog,
        SqlInfo::SqlDdlSchema,
        SqlInfo::SqlDdlTable,
        SqlInfo::SqlTransactionsSupported,
        SqlInfo::SqlStoredProceduresSupported,
        SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlSavepointsSupported,
        SqlInfo::SqlNamedParametersSupported,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlSelectForUpdateSupported,
        SqlInfo::SqlDataDefinitionCausesTransactionCommit,
        SqlInfo::SqlSupportsIntegrityEnhancementFacility,
        // A table may go by the name of another.
        SqlInfo::SqlSupportsDifferentTableCorrelationNames,
        SqlInfo::SqlMaxRowSizeIncludesBlobs,
    ];
    let yes = [
        SqlInfo::SqlSupportsColumnAliasing,
        SqlInfo::SqlNullPlusNullIsNull,
        SqlInfo::SqlSupportsTableCorrelationNames,
        SqlInfo::SqlSupportsExpressionsInOrderBy,
        SqlInfo::SqlSupportsOrderByUnrelated,
        SqlInfo::SqlSupportsLikeEscapeClause,
        SqlInfo::SqlSupportsNonNullableColumns,
        SqlInfo::SqlCorrelatedSubqueriesSupported,
        SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
        SqlInfo::SqlAllTablesAreSelectable,
        SqlInfo::SqlCatalogAtStart,
    ];
    let no = no.into_iter().map(|name| (name, false));
    no.chain(yes.into_iter().map(|name| (name, true)))
}

/// What of several things there is, a bit each.
fn masks() -> [(SqlInfo, i32); 15] {
    [
        (
            SqlInfo::SqlSupportedGroupBy,
            mask(&[
                SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
                SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
            ]),
        ),
        // Of a grammar what asks; nothing is changed over SQL.
        (
            SqlInfo::SqlSupportedGrammar,
            mask(&[
                SupportedSqlGrammar::SqlMinimumGrammar as i32,
                SupportedSqlGrammar::SqlCoreGrammar as i32,
            ]),
        ),
        (SqlInfo::SqlAnsi92SupportedLevel, mask(&[ANSI92_ENTRY])),
        // The protocol has one number here in its words, JDBC's driver reads bits.
        (
            SqlInfo::SqlOuterJoinsSupportLevel,
            mask(&[
                SqlOuterJoinsSupportLevel::SqlLimitedOuterJoins as i32,
                SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32,
            ]),
        ),
        (
            SqlInfo::SqlSupportedSubqueries,
            mask(&[
                SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
                SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
                SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
                SqlSupportedSubqueries::SqlSubqueriesInQuantifieds as i32,
            ]),
        ),
        (
            SqlInfo::SqlSupportedUnions,
            mask(&[
                SqlSupportedUnions::SqlUnion as i32,
                SqlSupportedUnions::SqlUnionAll as i32,
            ]),
        ),
        (
            SqlInfo::SqlSupportedTransactionsIsolationLevels,
            mask(&[SqlTransactionIsolationLevel::SqlTransactionNone as i32]),
        ),
        (
            SqlInfo::SqlSupportedResultSetTypes,
            mask(&[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32]),
        ),
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly,
            mask(&[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32]),
        ),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0),
        // No schema or catalogue is named in calls, indices or privileges, and no row is changed where a cursor stands.
        (SqlInfo::SqlSchemasSupportedActions, 0),
        (SqlInfo::SqlCatalogsSupportedActions, 0),
        (SqlInfo::SqlSupportedPositionedCommands, 0),
    ]
}

fn mask(places: &[i32]) -> i32 {
    places.iter().fold(0, |bits, place| bits | (1 << place))
}

/// How much of something there may be; 0 where nobody counts.
fn limits() -> impl Iterator<Item = (SqlInfo, i64)> {
    let counted = [
        (SqlInfo::SqlMaxBinaryLiteralLength, MOST_TEXT as i64),
        (SqlInfo::SqlMaxCharLiteralLength, MOST_TEXT as i64),
        (SqlInfo::SqlMaxColumnsInSelect, MOST_COLUMNS as i64),
        (SqlInfo::SqlMaxStatementLength, LONGEST_QUERY as i64),
        (SqlInfo::SqlMaxTablesInSelect, MOST_TABLES as i64),
        (
            SqlInfo::SqlDefaultTransactionIsolation,
            SqlTransactionIsolationLevel::SqlTransactionNone as i64,
        ),
    ];
    let free = [
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxConnections,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxStatements,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxUsernameLength,
    ];
    counted.into_iter().chain(free.into_iter().map(|name| (name, 0)))
}

fn functions(info: &mut SqlInfoDataBuilder) {
    info.append(
        SqlInfo::SqlNumericFunctions,
        texts(&["ABS", "CEIL", "EXP", "FLOOR", "LN", "LOG10", "POWER", "ROUND", "SQRT"]),
    );
    info.append(
        SqlInfo::SqlStringFunctions,
        texts(&[
            "CONCAT", "LEFT", "LOWER", "LPAD", "REPLACE", "REVERSE", "RIGHT", "RPAD", "SUBSTR", "UPPER",
        ]),
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
            "TO_CHAR",
            "WINDOW_BUCKET",
        ]),
    );
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, UnionArray};
    use arrow::datatypes::{Int32Type, UInt32Type};

    use super::*;

    fn asked(name: SqlInfo) -> i32 {
        let found = info().unwrap().record_batch([name as u32]).unwrap();
        let value: &UnionArray = found.column(1).as_union();
        value.value(0).as_primitive::<Int32Type>().value(0)
    }

    #[test]
    fn whatever_is_asked_about_the_sql_of_the_server_is_answered() {
        let last = SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported as u32;
        let found = info().unwrap().record_batch(500..=last).unwrap();
        let names: Vec<u32> = found.column(0).as_primitive::<UInt32Type>().values().to_vec();
        assert_eq!(names, (500..=last).collect::<Vec<_>>());
    }

    #[test]
    fn what_there_is_of_several_things_is_a_bit_for_each() {
        assert_eq!(asked(SqlInfo::SqlSupportedGroupBy), 0b11);
        assert_eq!(asked(SqlInfo::SqlSupportedGrammar), 0b11);
        assert_eq!(asked(SqlInfo::SqlSupportedUnions), 0b11);
        assert_eq!(asked(SqlInfo::SqlOuterJoinsSupportLevel), 0b110);
        assert_eq!(asked(SqlInfo::SqlSupportedResultSetTypes), 0b10);
    }
}

//! CSV (RFC 4180) that a spreadsheet may open: what comes from outside is text there, never a formula.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::csv::WriterBuilder;

use crate::Result;

/// What spreadsheets take for the beginning of a formula, with or without what they cut off.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The rows below a header.
///
/// # Errors
/// None in practice: every column has a text form.
pub fn write(table: &RecordBatch) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    WriterBuilder::new()
        .with_header(true)
        .build(&mut body)
        .write(&without_formulas(table)?)?;
    Ok(body)
}

/// The same rows with texts that no spreadsheet computes. Numbers and times are no texts and stay as they are.
fn without_formulas(table: &RecordBatch) -> Result<RecordBatch> {
    let column = |column: &ArrayRef| -> ArrayRef {
        match column.as_string_opt::<i32>() {
            Some(texts) => Arc::new(texts.iter().map(|text| text.map(plain)).collect::<StringArray>()),
            None => Arc::clone(column),
        }
    };
    let columns = table.columns().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(table.num_rows()));
    Ok(RecordBatch::try_new_with_options(table.schema(), columns, &options)?)
}

/// A text behind a `'` where a spreadsheet would compute it.
fn plain(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULAS) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    fn written(texts: &[Option<&str>], numbers: &[f64]) -> String {
        let texts: ArrayRef = Arc::new(texts.iter().copied().collect::<StringArray>());
        let numbers: ArrayRef = Arc::new(Float64Array::from(numbers.to_vec()));
        let table = RecordBatch::try_from_iter([("text", texts), ("number", numbers)]).unwrap();
        String::from_utf8(write(&table).unwrap()).unwrap()
    }

    #[test]
    fn texts_with_quotes_commas_and_line_breaks_are_quoted() {
        let texts = [Some("say \"hi\""), Some("one, two"), Some("one\ntwo"), None];
        assert_eq!(
            written(&texts, &[1.0, 2.0, 3.0, 4.0]),
            "text,number\n\"say \"\"hi\"\"\",1.0\n\"one, two\",2.0\n\"one\ntwo\",3.0\n,4.0\n"
        );
    }

    #[test]
    fn a_text_that_a_spreadsheet_would_compute_is_none_and_a_negative_number_stays_one() {
        let texts = [
            Some("=HYPERLINK(\"http://a\")"),
            Some("+1"),
            Some("-1"),
            Some("@SUM(A1)"),
            Some("\t=1"),
            Some("a=1"),
        ];
        let lines = written(&texts, &[-1.0; 6]);
        let cells: Vec<&str> = lines
            .lines()
            .skip(1)
            .map(|line| line.strip_suffix(",-1.0").unwrap())
            .collect();
        assert_eq!(
            cells,
            [
                "\"'=HYPERLINK(\"\"http://a\"\")\"",
                "'+1",
                "'-1",
                "'@SUM(A1)",
                "'\t=1",
                "a=1"
            ]
        );
    }
}

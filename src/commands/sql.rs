//! `arterial sql`: asks a running service in SQL.

use std::io::{BufWriter, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arterial_serving::flight::client::{Rows, ask_with};
use futures::TryStreamExt;

use super::client::{Service, failed, table};
use super::number::significant;
use super::runtime;

/// Ask a running service in SQL
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query; `SHOW TABLES` and `SELECT * FROM catalog` say what there is.
    #[arg(value_name = "QUERY")]
    query: String,
    /// Print one JSON document: a list with an object for each row.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV with a header.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    service: Service,
}

/// Asks and prints. CSV is printed while it comes.
///
/// # Errors
/// A service that cannot be reached, a query that is refused.
pub fn run(args: &Args) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let token = args.service.token()?;
        let channel = args.service.channel().await?;
        let rows = ask_with(channel, token.as_deref(), &args.query).await;
        let rows = rows.map_err(|status| failed(&status))?;
        let out = BufWriter::new(std::io::stdout().lock());
        if args.csv {
            csv(rows, out).await
        } else {
            whole(rows, args.json, out).await
        }
    })
}

async fn csv(mut rows: Rows, mut out: impl Write) -> anyhow::Result<()> {
    let heads: Vec<String> = heads(&rows.schema).into_iter().map(quoted).collect();
    writeln!(out, "{}", heads.join(","))?;
    while let Some(batch) = rows.batches.try_next().await.map_err(|status| failed(&status))? {
        for row in cells(&batch)? {
            let row: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
            writeln!(out, "{}", row.join(","))?;
        }
    }
    Ok(out.flush()?)
}

/// Prints all rows at once: as one JSON document, or as a table.
///
/// # Errors
/// Rows that do not come, output that cannot be written.
pub async fn whole(rows: Rows, json: bool, mut out: impl Write) -> anyhow::Result<()> {
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await.map_err(|status| failed(&status))?;
    if json {
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, JsonArray>(&mut out);
        for batch in &batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        writeln!(out)?;
    } else {
        let mut lines = Vec::new();
        for batch in &batches {
            lines.extend(readable(batch)?);
        }
        write!(out, "{}", table(&heads(&rows.schema), &lines))?;
    }
    Ok(out.flush()?)
}

fn heads(schema: &SchemaRef) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

/// The values of each row in words; nothing where there is none.
fn cells(batch: &RecordBatch) -> anyhow::Result<Vec<Vec<String>>> {
    let options = FormatOptions::default();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let row = |at: usize| columns.iter().map(|column| column.value(at).to_string()).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

/// The same for people: of a fraction no more digits than mean something.
fn readable(batch: &RecordBatch) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = cells(batch)?;
    let fractions: Vec<bool> = batch
        .columns()
        .iter()
        .map(|column| column.data_type().is_floating())
        .collect();
    for row in &mut rows {
        for (cell, _) in row.iter_mut().zip(&fractions).filter(|(_, is_fraction)| **is_fraction) {
            if let Ok(value) = cell.parse::<f64>() {
                *cell = format!("{:?}", significant(value));
            }
        }
    }
    Ok(rows)
}

/// A cell as RFC 4180 has it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray};
    use futures::{StreamExt, stream};

    fn rows() -> Rows {
        let keys: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b\""), None]));
        let values: ArrayRef = Arc::new(Float64Array::from(vec![57.572_848_335_192_05, 20.0]));
        let batch = RecordBatch::try_from_iter([("key", keys), ("p50", values)]).unwrap();
        Rows {
            schema: batch.schema(),
            batches: stream::iter([Ok(batch)]).boxed(),
        }
    }

    #[tokio::test]
    async fn csv_quotes_what_needs_it() {
        let mut out = Vec::new();
        csv(rows(), &mut out).await.unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "key,p50\n\"a,\"\"b\"\"\",57.57284833519205\n,20.0\n"
        );
    }

    #[tokio::test]
    async fn json_is_one_document_with_every_column() {
        let mut out = Vec::new();
        whole(rows(), true, &mut out).await.unwrap();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            read,
            serde_json::json!([{"key": "a,\"b\"", "p50": 57.572_848_335_192_05}, {"key": null, "p50": 20.0}])
        );
    }

    #[tokio::test]
    async fn people_get_a_table_with_six_digits_of_a_fraction() {
        let mut out = Vec::new();
        whole(rows(), false, &mut out).await.unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "key    p50\na,\"b\"  57.5728\n          20.0\n"
        );
    }
}

//! A data file that is being read: its footer, and a reader of what the footer describes.

use std::sync::Arc;

use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;

use super::cache::Cache;
use super::reader::FileReader;
use super::scan::decoded;
use super::snapshot::DataFile;
use super::table::Table;
use crate::Result;

/// A data file whose footer was read.
pub(super) struct Opened {
    pub file: Arc<DataFile>,
    /// Relative to the lake.
    pub path: Arc<str>,
    pub footer: ArrowReaderMetadata,
    reader: FileReader,
}

impl Opened {
    /// Opens a file of `table`; its footer comes from memory where it is kept.
    pub(super) async fn new(table: &Table, file: Arc<DataFile>) -> Result<Self> {
        let path: Arc<str> = format!("{}/{}", table.name, decoded(&file.add.path)).into();
        let (objects, location) = table.shared.store.object(&path)?;
        let size = u64::try_from(file.add.size).unwrap_or(0);
        let mut reader = FileReader::new(objects, location, size);
        let footer = footer(table.shared.cache.as_deref(), &path, &mut reader).await?;
        Ok(Self {
            file,
            path,
            footer,
            reader,
        })
    }

    /// Begins to read rows.
    pub(super) fn builder(&self) -> ParquetRecordBatchStreamBuilder<FileReader> {
        ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader.clone(), self.footer.clone())
    }

    /// The places of these columns among the roots of the file's schema, ascending; columns that the file lacks have none.
    pub(super) fn roots(&self, names: &[&str]) -> Vec<usize> {
        let schema = self.footer.parquet_schema();
        let roots = schema.root_schema().get_fields().iter().enumerate();
        let wanted = roots.filter(|(_, field)| names.contains(&field.name()));
        wanted.map(|(place, _)| place).collect()
    }
}

async fn footer(cache: Option<&Cache>, path: &Arc<str>, reader: &mut FileReader) -> Result<ArrowReaderMetadata> {
    let Some(cache) = cache else {
        let options = ArrowReaderOptions::new();
        return Ok(ArrowReaderMetadata::load_async(reader, options).await?);
    };
    if let Some(kept) = cache.footer(path) {
        return Ok(kept);
    }
    // The bounds of pages are worth reading where they are read once for many questions.
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let footer = ArrowReaderMetadata::load_async(reader, options).await?;
    cache.keep_footer(path, &footer);
    Ok(footer)
}

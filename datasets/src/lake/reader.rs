//! How Parquet's reader gets at a data file: small files in one request, large ones by ranges.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

/// Files up to this size are read whole: one request costs more than so many bytes.
const SMALL: u64 = 1 << 20;
/// Bytes fetched from the end of a large file; its footer is most often within them.
const FOOTER: usize = 64 << 10;

/// One data file of known size.
#[derive(Clone)]
pub(super) struct FileReader {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    /// The whole file, once a small one was read.
    whole: Option<Bytes>,
}

impl FileReader {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, path: Path, size: u64) -> Self {
        Self {
            objects,
            path,
            size,
            whole: None,
        }
    }

    async fn ranges(&mut self, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        if self.size > SMALL {
            return Ok(self.objects.get_ranges(&self.path, &ranges).await?);
        }
        let whole = match &self.whole {
            Some(whole) => whole.clone(),
            None => self.objects.get(&self.path).await?.bytes().await?,
        };
        self.whole = Some(whole.clone());
        ranges.into_iter().map(|range| slice(&whole, &range)).collect()
    }
}

fn slice(whole: &Bytes, range: &Range<u64>) -> Result<Bytes> {
    let bounds = (usize::try_from(range.start), usize::try_from(range.end));
    match bounds {
        (Ok(start), Ok(end)) if start <= end && end <= whole.len() => Ok(whole.slice(start..end)),
        _ => Err(ParquetError::EOF(format!(
            "bytes {} to {} of a file of {}",
            range.start,
            range.end,
            whole.len()
        ))),
    }
}

impl AsyncFileReader for FileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move { Ok(self.ranges(vec![range]).await?.pop().unwrap_or_default()) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        self.ranges(ranges).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            let skip = PageIndexPolicy::Skip;
            let reader = ParquetMetaDataReader::new()
                .with_column_index_policy(options.map_or(skip, ArrowReaderOptions::column_index_policy))
                .with_offset_index_policy(options.map_or(skip, ArrowReaderOptions::offset_index_policy))
                .with_metadata_options(options.map(|options| options.metadata_options().clone()))
                .with_prefetch_hint(Some(FOOTER));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

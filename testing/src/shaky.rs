//! An object store whose answers get lost.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens to every n-th put of a JSON file: of a log entry or a manifest.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// It is done, and the answer gets lost.
    LostReply,
    /// It is done, the answer gets lost, and the client's own second try is told that the file exists.
    RetriedByTheClient,
    /// It is not done at all.
    LostRequest,
}

impl Trouble {
    /// Every kind, by name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("reply", Self::LostReply),
        ("retried", Self::RetriedByTheClient),
        ("request", Self::LostRequest),
    ];
}

/// A store over another one.
#[derive(Debug)]
pub struct Shaky {
    inner: Arc<dyn ObjectStore>,
    trouble: Trouble,
    every: usize,
    puts: AtomicUsize,
}

impl Shaky {
    /// `trouble` happens to every `every`-th put.
    pub fn new(inner: Arc<dyn ObjectStore>, trouble: Trouble, every: usize) -> Self {
        Self {
            inner,
            trouble,
            every,
            puts: AtomicUsize::new(0),
        }
    }

    fn lost() -> Error {
        Error::Generic {
            store: "shaky",
            source: "connection reset".into(),
        }
    }
}

impl fmt::Display for Shaky {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Shaky({})", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Shaky {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let entry = location.extension() == Some("json");
        if !entry || self.puts.fetch_add(1, Ordering::SeqCst) % self.every != self.every - 1 {
            return self.inner.put_opts(location, payload, options).await;
        }
        if matches!(self.trouble, Trouble::LostRequest) {
            return Err(Self::lost());
        }
        let answer = self.inner.put_opts(location, payload.clone(), options.clone()).await;
        match self.trouble {
            Trouble::RetriedByTheClient if answer.is_ok() => self.inner.put_opts(location, payload, options).await,
            _ => Err(Self::lost()),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

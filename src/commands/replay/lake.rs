//! History into a lake, through the pipeline.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arterial_datasets::mapping::Speed;
use arterial_datasets::stream::StreamDefinition;
use arterial_features::pipeline::{Pipeline, PipelineOptions};
use arterial_features::source::ReplaySource;

use super::Summary;
use super::history::{History, Told};
use crate::service::Foundation;

/// Rows of windows that are committed together, at full speed: few and large files, within 100 MB of memory or so.
const COMMIT_ROWS: usize = 250_000;
/// At full speed nobody waits for what is half done.
const COMMIT_EVERY: Duration = Duration::from_mins(10);

/// Reads the history called `name` to its end and closes every window.
///
/// The same history again adds nothing: the lake remembers how far it was read, and goes on there where it was cut off. Events
/// of other files are recognised by their identity.
///
/// # Errors
/// The first failure of the lake: what was committed stays. A cell that cannot be read.
pub fn fill(
    foundation: &Foundation,
    stream: &Arc<StreamDefinition>,
    name: &str,
    records: Told,
    speed: Speed,
) -> anyhow::Result<Summary> {
    let (history, failure) = History::new(records, speed);
    let source = ReplaySource::new(name, [stream.name.clone()], history).of_files();
    let runtime = tokio::runtime::Handle::current();
    let clock = Arc::clone(&foundation.clock);
    let (address, options) = (foundation.lake_address(), options(foundation, speed));
    let mut pipeline = Pipeline::new(source, [Arc::clone(stream)], address, clock, runtime, options)?;
    let cut_off = || {
        format!(
            "{} was not replayed to its end; the same command goes on there",
            stream.name
        )
    };
    let mut records = 0;
    while !pipeline.source_mut().is_exhausted() {
        records += pipeline.turn()?.records as u64;
        pipeline.check_alive().with_context(cut_off)?;
        if let Some(why) = pipeline.suspended() {
            bail!("{}: {why}", cut_off());
        }
    }
    let failure = failure.lock().ok().and_then(|mut failure| failure.take());
    if let Some(error) = failure {
        return Err(error.into());
    }
    pipeline.finish().with_context(cut_off)?;
    let status = pipeline.status();
    let told = status.streams.get(&stream.name).context("the stream was not read")?;
    Ok(Summary {
        stream: stream.name.clone(),
        records,
        events: told.events,
        duplicates: told.duplicates,
        windows: told.windows,
        revisions: told.revisions,
        quarantined: told.quarantined,
        left_out: told.left_out,
        seconds: 0.0,
    })
}

/// At full speed all is read in large bites; else windows come as they close.
fn options(foundation: &Foundation, speed: Speed) -> PipelineOptions {
    let options = foundation.pipeline_options();
    match speed {
        Speed::Max => PipelineOptions {
            poll_records: 100_000,
            commit_rows: COMMIT_ROWS,
            commit_interval: COMMIT_EVERY,
            progress_interval: COMMIT_EVERY,
            archive_interval: COMMIT_EVERY,
            ..options
        },
        Speed::Times(_) => PipelineOptions {
            poll_records: 1,
            ..options
        },
    }
}

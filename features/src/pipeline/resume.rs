//! What the tables say at start, and where reading begins.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{PartitionProgress, Scan, TopicPartition};
use arterial_datasets::time::Timestamp;

use super::options::OnRecreatedTopic;
use super::tables::Tables;
use crate::Result;
use crate::source::SourceIdentity;
use crate::window::Resume;

/// Where one partition goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// The first offset to read; none where nothing was ever committed.
    pub seek: Option<i64>,
    /// What the windows are told.
    pub resume: Resume,
    /// The archive holds everything below.
    pub archived: i64,
}

/// Where each of `partitions` goes on by what the tables say.
pub(super) async fn starts(
    tables: &Tables,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, Start>> {
    let mut starts: BTreeMap<TopicPartition, Start> = partitions
        .iter()
        .map(|partition| {
            let archive = tables.archive.as_ref().map(|archive| archive.progress(partition));
            (partition.clone(), start(tables.windows.progress(partition), archive))
        })
        .collect();
    let behind = |(partition, start): (&TopicPartition, &Start)| {
        tables.quarantine.progress(partition).next > start.seek.unwrap_or(0)
    };
    if starts.iter().any(behind) {
        for (partition, offset) in refused(tables, partitions).await? {
            if let Some(start) = starts.get_mut(&partition)
                && offset >= start.seek.unwrap_or(0)
            {
                start.resume.refused.insert(offset);
            }
        }
    }
    Ok(starts)
}

/// Pure: one partition from the progress of its windows table and of its archive.
fn start(windows: PartitionProgress, archive: Option<PartitionProgress>) -> Start {
    let closed_through = windows.watermark;
    let next = windows.next.max(0);
    let archived = archive.map(|archive| archive.next.max(0));
    let seek = windows
        .has_read()
        .then(|| archived.map_or(windows.resume_from, |archived| archived.min(windows.resume_from)));
    let resume = Resume {
        next,
        read_from: windows.resume_from.clamp(0, next),
        closed_through,
        refused: HashSet::new(),
    };
    Start {
        seek,
        resume,
        archived: archived.unwrap_or(i64::MAX),
    }
}

/// Says in the archive where it begins, for partitions that it does not know yet: where the windows are, which is further than
/// the first record if it was switched on later. Said before anything is read, or else it could not be told from an archive
/// that has not committed anything yet.
pub(super) async fn begin_archive(
    tables: &mut Tables,
    partitions: &BTreeSet<TopicPartition>,
    identity: &SourceIdentity,
) -> Result<()> {
    let Tables {
        windows,
        archive: Some(archive),
        ..
    } = tables
    else {
        return Ok(());
    };
    let new = partitions
        .iter()
        .filter(|partition| !archive.progress(partition).has_read());
    let begin = |partition: &TopicPartition| {
        let next = windows.progress(partition).next.max(0);
        (
            partition.clone(),
            PartitionProgress {
                next,
                resume_from: next,
                ..PartitionProgress::default()
            },
        )
    };
    let positions: BTreeMap<_, _> = new.map(begin).collect();
    if !positions.is_empty() {
        archive.commit(&[], positions, identity).await?;
    }
    Ok(())
}

/// The offsets of `partitions` that are in quarantine, those of an earlier topic of the same name apart.
async fn refused(tables: &Tables, partitions: &BTreeSet<TopicPartition>) -> Result<Vec<(TopicPartition, i64)>> {
    let columns = ["topic", "partition", "offset", "received_at"]
        .map(String::from)
        .to_vec();
    let scan = Scan {
        columns: Some(columns),
        ..Scan::default()
    };
    let known = &tables.quarantine.table.progress().topic_ids;
    let mut found = Vec::new();
    for batch in tables.quarantine.table.scan(&scan).await? {
        let topics = batch["topic"].as_string::<i32>();
        let numbers = batch["partition"].as_primitive::<Int32Type>();
        let offsets = batch["offset"].as_primitive::<Int64Type>();
        let received = batch["received_at"].as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let ours = partitions
                .iter()
                .find(|one| one.partition == numbers.value(row) && one.topic == topics.value(row));
            let ours = ours.filter(|one| {
                one.is_history() || since(known, &one.topic).is_none_or(|since| received.value(row) >= since.0)
            });
            found.extend(ours.map(|partition| (partition.clone(), offsets.value(row))));
        }
    }
    Ok(found)
}

/// From when on the quarantine's offsets belong to the topic of today; none where it was never made anew.
fn since(topic_ids: &BTreeMap<String, String>, topic: &str) -> Option<Timestamp> {
    topic_ids.get(&since_entry(topic))?.parse().ok()
}

/// Under which name that instant stands among the quarantine's topic ids. No topic has a `/` in its name.
fn since_entry(topic: &str) -> String {
    format!("{topic}/since")
}

/// Lets every table begin again at the first offset, because the topic was made anew. The windows table, by which the topic is
/// judged, comes last: a crash in between does all of it again.
pub(super) async fn begin_anew(
    tables: &mut Tables,
    partitions: &BTreeSet<TopicPartition>,
    identity: &SourceIdentity,
    now: Timestamp,
) -> Result<()> {
    let first = PartitionProgress {
        next: 0,
        resume_from: 0,
        ..PartitionProgress::default()
    };
    let positions = || {
        partitions
            .iter()
            .map(|partition| (partition.clone(), first))
            .collect::<BTreeMap<_, _>>()
    };
    let mut since = identity.clone();
    since.topic_ids.extend(
        partitions
            .iter()
            .map(|partition| (since_entry(&partition.topic), now.to_string())),
    );
    tables.quarantine.commit(&[], positions(), &since).await?;
    if let Some(archive) = &mut tables.archive {
        archive.commit(&[], positions(), identity).await?;
    }
    let watermark = |partition| tables.windows.progress(partition).watermark;
    let kept = partitions
        .iter()
        .map(|one| {
            (
                one.clone(),
                PartitionProgress {
                    watermark: watermark(one),
                    ..first
                },
            )
        })
        .collect();
    tables.windows.commit(&[], kept, identity).await?;
    Ok(())
}

/// Whether the log is the one that was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is, or nothing was read before.
    Same,
    /// It is another one, and shall be read from its beginning.
    Anew(String),
    /// It is another one, or lacks its end: a person must look at it.
    Stop(String),
}

/// Pure: compares the log with what the windows table remembers. `ends` are the known ends of the partitions.
pub(super) fn judge(
    now: &SourceIdentity,
    tables: &Tables,
    ends: &BTreeMap<TopicPartition, i64>,
    policy: OnRecreatedTopic,
) -> Verdict {
    let progress = tables.windows.table.progress();
    let remembered = SourceIdentity {
        cluster_id: progress.cluster_id.clone(),
        topic_ids: progress.topic_ids.clone(),
    };
    if let Some(difference) = now.contradiction(&remembered) {
        return match policy {
            OnRecreatedTopic::Stop => Verdict::Stop(difference),
            OnRecreatedTopic::Restart => Verdict::Anew(difference),
        };
    }
    for (partition, &end) in ends {
        let next = tables.windows.progress(partition).next;
        if end < next {
            return Verdict::Stop(format!(
                "{}/{} ends at offset {end}, but was read up to {next} before",
                partition.topic, partition.partition
            ));
        }
    }
    Verdict::Same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(next: i64, resume_from: i64) -> PartitionProgress {
        PartitionProgress {
            epoch: 1,
            next,
            resume_from,
            watermark: Some(Timestamp(7)),
        }
    }

    #[test]
    fn reading_begins_at_the_lowest_offset_that_any_table_needs() {
        assert_eq!(start(progress(90, 70), None).seek, Some(70));
        assert_eq!(start(progress(90, 70), Some(progress(60, 60))).seek, Some(60));
        assert_eq!(start(PartitionProgress::default(), Some(progress(60, 60))).seek, None);
    }
}

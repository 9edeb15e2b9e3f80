//! What was known of the brokers before, so that what changed is told once.

use std::collections::{BTreeMap, BTreeSet};

use super::watcher::Look;
use crate::source::Change;

/// What is known of the brokers.
#[derive(Default)]
pub(super) struct Known {
    /// Whether a broker answered when last asked; none before the first look.
    reachable: Option<bool>,
    topic_ids: BTreeMap<String, String>,
    /// The topics that were told of because they do not exist.
    unknown: BTreeSet<String>,
}

impl Known {
    /// Takes in a look at the brokers, which are asked for `topics`; what changed goes to `changes`.
    pub(super) fn compare(&mut self, look: &Look, topics: &[String], changes: &mut Vec<Change>) {
        changes.extend(self.reach(look));
        let Look::Seen(seen) = look else { return };
        for (topic, now) in &seen.topic_ids {
            if let Some(before) = self.topic_ids.insert(topic.clone(), now.clone())
                && before != *now
            {
                let (topic, now) = (topic.clone(), now.clone());
                changes.push(Change::Recreated { topic, before, now });
            }
        }
        for topic in topics {
            if seen.partitions.contains_key(topic) {
                self.unknown.remove(topic);
            } else if self.unknown.insert(topic.clone()) {
                changes.push(Change::UnknownTopic(topic.clone()));
            }
        }
    }

    /// Whether a broker began or ceased to answer.
    fn reach(&mut self, look: &Look) -> Option<Change> {
        let answered = matches!(look, Look::Seen(_));
        let before = self.reachable.replace(answered);
        if before.is_none() && answered {
            tracing::info!("a broker answers");
        }
        if answered == before.unwrap_or(true) {
            return None;
        }
        if let Look::Away(Some(why)) = look {
            tracing::warn!(why, "the Kafka client says");
        }
        Some(if answered {
            Change::Reachable
        } else {
            Change::Unreachable
        })
    }
}

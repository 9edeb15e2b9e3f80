//! Aliases: names that point to a version, move atomically and remember where they pointed before.
//!
//! Each move is a new revision, put if absent. Two who decide on the same revision race for the next number; the loser
//! gets [`Error::Conflict`] and nothing of its change is seen. To withdraw an alias is a move, too: from then on it points nowhere.

use arterial_datasets::time::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::manifest::{as_text, from_text};
use super::reference::{ModelVersion, Target, check_name};
use super::share::Share;
use super::{CANARY, CHAMPION, MANIFEST_LIMIT, Registry, SHADOW};
use crate::{Error, Result};

/// How an alias came to point where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A version was put in place.
    Promote,
    /// The former version was put back.
    Rollback,
    /// It points nowhere from now on.
    Withdraw,
}

/// Why an alias moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    /// A word for those who come after; needed where `forced`.
    pub reason: Option<String>,
    /// Whether the gate was overruled.
    pub forced: bool,
    /// What the decision rested on, such as the comparison with the former champion.
    pub evidence: Value,
    /// The share of keys, of a canary and of no other alias.
    pub share: Option<Share>,
}

/// Where an alias points, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliasRevision {
    /// Counts the moves, 1 first.
    pub revision: u64,
    /// What it points to; what it pointed to before where it was withdrawn.
    pub model: ModelVersion,
    /// The share of keys, of a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// How it came to.
    pub action: Action,
    /// The revision that a rollback returns to.
    pub former: Option<u64>,
    /// Why.
    pub reason: Option<String>,
    /// Whether the gate was overruled.
    pub forced: bool,
    /// What the decision rested on.
    pub evidence: Value,
    /// When it moved.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub moved_at: Timestamp,
}

impl Registry {
    /// Where `alias` of `target` points; nothing where it was never set or is withdrawn. Watchers compare `revision`.
    ///
    /// # Errors
    /// A store that cannot be reached, or a malformed revision.
    pub async fn alias(&self, target: &Target, alias: &str) -> Result<Option<AliasRevision>> {
        let newest = self.newest(target, alias).await?;
        Ok(newest.filter(|revision| revision.action != Action::Withdraw))
    }

    /// The revision that a rollback of `revision` returns to; nothing where there is none.
    ///
    /// # Errors
    /// A store that cannot be reached, or a malformed revision.
    pub async fn former(
        &self,
        target: &Target,
        alias: &str,
        revision: &AliasRevision,
    ) -> Result<Option<AliasRevision>> {
        match revision.former {
            Some(former) => self.revision(target, alias, former).await.map(Some),
            None => Ok(None),
        }
    }

    /// The last move of `alias`, a withdrawal too.
    async fn newest(&self, target: &Target, alias: &str) -> Result<Option<AliasRevision>> {
        match self.revisions(target, alias).await?.last() {
            Some(newest) => self.revision(target, alias, *newest).await.map(Some),
            None => Ok(None),
        }
    }

    /// Every move of `alias`, the first one first.
    ///
    /// # Errors
    /// A store that cannot be reached, or a malformed revision.
    pub async fn history(&self, target: &Target, alias: &str) -> Result<Vec<AliasRevision>> {
        let mut history = Vec::new();
        for revision in self.revisions(target, alias).await? {
            history.push(self.revision(target, alias, revision).await?);
        }
        Ok(history)
    }

    /// Every alias there is, with its target.
    ///
    /// # Errors
    /// A store that cannot be reached.
    pub async fn aliases(&self) -> Result<Vec<(Target, String)>> {
        let mut aliases = Vec::new();
        for path in self.store.list("aliases/").await? {
            let mut words = path.split('/').skip(1);
            if let (Some(target), Some(alias)) = (words.next(), words.next())
                && let Ok(target) = target.parse::<Target>()
            {
                aliases.push((target, alias.to_owned()));
            }
        }
        aliases.sort();
        aliases.dedup();
        Ok(aliases)
    }

    /// Points `alias` of `target` to `model`, provided that it still stands at revision `expected` (0: it points nowhere).
    /// Durable and visible to all when it returns.
    ///
    /// # Errors
    /// No such version, a version of another target, a forced change without reason, a canary without share or a share
    /// without canary, a canary or shadow where no champion stands, [`Error::Conflict`] where the alias has moved since.
    pub async fn promote(
        &self,
        target: &Target,
        alias: &str,
        model: &ModelVersion,
        expected: u64,
        change: Change,
        clock: &dyn Clock,
    ) -> Result<AliasRevision> {
        if change.forced && change.reason.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(Error::invalid("reason", "", "a word on why the gate is overruled"));
        }
        let manifest = self.manifest(model).await?;
        if manifest.target != *target {
            return Err(Error::invalid(
                "model",
                model,
                format!("a model of `{target}`, this one is of `{}`", manifest.target),
            ));
        }
        check_share(alias, change.share)?;
        self.check_company(target, alias).await?;
        let newest = self.newest(target, alias).await?;
        let withdrawn = newest.filter(|newest| expected == 0 && newest.action == Action::Withdraw);
        let next = AliasRevision {
            revision: withdrawn.map_or(expected, |newest| newest.revision) + 1,
            model: model.clone(),
            share: change.share,
            action: Action::Promote,
            former: (expected > 0).then_some(expected),
            reason: change.reason,
            forced: change.forced,
            evidence: change.evidence,
            moved_at: clock.now(),
        };
        self.move_alias(target, alias, next).await
    }

    /// Points `alias` of `target` back to the version it pointed to before its last promotion or withdrawal, with the share of then.
    ///
    /// # Errors
    /// No former version, or [`Error::Conflict`] where the alias moved meanwhile.
    pub async fn rollback(
        &self,
        target: &Target,
        alias: &str,
        reason: Option<String>,
        clock: &dyn Clock,
    ) -> Result<AliasRevision> {
        let name = format!("{target}@{alias}");
        let no_former = || Error::NoFormer(name.clone());
        let current = self.newest(target, alias).await?.ok_or_else(no_former)?;
        let former = self.former(target, alias, &current).await?.ok_or_else(no_former)?;
        let next = AliasRevision {
            revision: current.revision + 1,
            model: former.model,
            share: former.share,
            action: Action::Rollback,
            former: former.former,
            reason,
            forced: false,
            evidence: Value::Null,
            moved_at: clock.now(),
        };
        self.move_alias(target, alias, next).await
    }

    /// Lets `alias` of `target` point nowhere; a rollback brings it back.
    ///
    /// # Errors
    /// The champion, which only another one can replace; an alias that points nowhere already; [`Error::Conflict`] where the
    /// alias moved meanwhile.
    pub async fn withdraw(
        &self,
        target: &Target,
        alias: &str,
        reason: Option<String>,
        clock: &dyn Clock,
    ) -> Result<AliasRevision> {
        if alias == CHAMPION {
            let accepted = "any alias but the champion, which is replaced by a promotion or a rollback";
            return Err(Error::invalid("alias", alias, accepted));
        }
        let current = self.alias(target, alias).await?.ok_or_else(|| {
            Error::invalid(
                "alias",
                alias,
                format!("an alias of `{target}` that points to a model, which this one does not"),
            )
        })?;
        let next = AliasRevision {
            revision: current.revision + 1,
            action: Action::Withdraw,
            former: Some(current.revision),
            reason,
            forced: false,
            evidence: Value::Null,
            moved_at: clock.now(),
            ..current
        };
        self.move_alias(target, alias, next).await
    }

    /// Checks that what is to stand beside the champion has one.
    async fn check_company(&self, target: &Target, alias: &str) -> Result<()> {
        if ![CANARY, SHADOW].contains(&alias) || self.alias(target, CHAMPION).await?.is_some() {
            return Ok(());
        }
        let accepted = format!("champion: `{target}` has none yet beside whom a {alias} could stand");
        Err(Error::invalid("alias", alias, accepted))
    }

    /// Puts the next revision in place, if nobody else has.
    async fn move_alias(&self, target: &Target, alias: &str, next: AliasRevision) -> Result<AliasRevision> {
        let standing = self.revisions(target, alias).await?.last().copied().unwrap_or(0);
        let conflict = |found| Error::Conflict {
            what: format!("{target}@{alias}"),
            expected: next.revision - 1,
            found,
        };
        if standing + 1 != next.revision {
            return Err(conflict(standing));
        }
        let bytes = serde_json::to_vec_pretty(&next)?;
        if self.store.create(&path(target, alias, next.revision), bytes).await? {
            Ok(next)
        } else {
            Err(conflict(next.revision))
        }
    }

    async fn revision(&self, target: &Target, alias: &str, revision: u64) -> Result<AliasRevision> {
        let path = path(target, alias, revision);
        let bytes = self.store.read(&path, MANIFEST_LIMIT).await?.unwrap_or_default();
        let read: AliasRevision =
            serde_json::from_slice(&bytes).map_err(|error| Error::malformed(&path, error.to_string()))?;
        if read.revision != revision || read.former.is_some_and(|former| former >= revision) {
            return Err(Error::malformed(&path, "its revision is not the one of its file"));
        }
        Ok(read)
    }

    async fn revisions(&self, target: &Target, alias: &str) -> Result<Vec<u64>> {
        check_name("alias", alias)?;
        let paths = self.store.list(&format!("aliases/{target}/{alias}/")).await?;
        let number = |path: &String| path.rsplit('/').next()?.strip_suffix(".json")?.parse().ok();
        let mut numbers: Vec<u64> = paths.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// A canary has a share, nobody else does.
fn check_share(alias: &str, share: Option<Share>) -> Result<()> {
    match share {
        None if alias == CANARY => Err(Error::invalid("share", "", Share::ACCEPTED)),
        Some(share) if alias != CANARY => Err(Error::invalid(
            "share",
            share,
            format!("none of `{alias}`: only a canary answers for a share of the keys"),
        )),
        _ => Ok(()),
    }
}

fn path(target: &Target, alias: &str, revision: u64) -> String {
    format!("aliases/{target}/{alias}/{revision:08}.json")
}

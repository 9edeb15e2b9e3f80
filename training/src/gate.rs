//! The effect behind the decision: an alias moves, or the refusal is said.

use arterial_datasets::time::Clock;
use arterial_models::registry::{AliasRevision, CANARY, Change, Manifest, Registry, Share};

use crate::promotion::{Evidence, Verdict, decide};
use crate::{Error, Result};

/// What is asked of the gate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Order {
    /// The alias that is to move, such as `champion`.
    pub alias: String,
    /// Whether it moves although the gate says no.
    pub force: bool,
    /// A word for those who come after, kept with the alias; needed where `force` is set.
    pub reason: Option<String>,
    /// The share of the keys that a canary answers for; none for any other alias.
    pub share: Option<Share>,
}

/// Points the alias to the version of `manifest` if `evidence` allows it: what is held against the champion there is, for a canary too.
/// `standing` is where the alias pointed when the evidence was gathered: one that has moved since is a conflict. Durable when it
/// returns.
///
/// # Errors
/// [`Error::Refused`] with the reasons; a forced order without a reason; an alias that somebody else has moved.
pub async fn promote(
    registry: &Registry,
    manifest: &Manifest,
    standing: Option<&AliasRevision>,
    evidence: &Evidence,
    order: &Order,
    clock: &dyn Clock,
) -> Result<AliasRevision> {
    let id = manifest.id();
    let there = standing.filter(|standing| standing.model == id && standing.share == order.share);
    if let Some(there) = there {
        return Ok(there.clone());
    }
    let forced = match decide(evidence) {
        Verdict::AlreadyThere if order.alias == CANARY => {
            let refused = format!("{id} is the champion, which answers for every key that the canary does not");
            return Err(Error::Refused(refused));
        }
        Verdict::Promote | Verdict::AlreadyThere => false,
        Verdict::Refuse(_) if order.force => true,
        Verdict::Refuse(reasons) => {
            return Err(Error::Refused(format!(
                "{id} is not promoted: {}; --force --reason TEXT overrules",
                reasons.join("; ")
            )));
        }
    };
    let change = Change {
        reason: order.reason.clone(),
        forced,
        evidence: serde_json::to_value(evidence).map_err(|source| Error::Json {
            what: "evidence".into(),
            source,
        })?,
        share: order.share,
    };
    let expected = standing.map_or(0, |revision| revision.revision);
    Ok(registry
        .promote(&manifest.target, &order.alias, &id, expected, change, clock)
        .await?)
}

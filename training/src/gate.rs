//! The effect behind the decision: an alias moves, or the refusal is said.

use arterial_datasets::time::Clock;
use arterial_models::registry::{AliasRevision, Change, Manifest, Registry};

use crate::promotion::{Evidence, Verdict, decide};
use crate::{Error, Result};

/// What is asked of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// The alias that is to move, such as `champion`.
    pub alias: String,
    /// Whether it moves although the gate says no.
    pub force: bool,
    /// A word for those who come after, kept with the alias; needed where `force` is set.
    pub reason: Option<String>,
}

/// Points the alias to the version of `manifest` if `evidence` allows it. `standing` is where the alias pointed when the evidence was
/// gathered: one that has moved since is a conflict. Durable when it returns.
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
    let forced = match (decide(evidence), standing) {
        (Verdict::AlreadyThere, Some(standing)) => return Ok(standing.clone()),
        (Verdict::Refuse(_), _) if order.force => true,
        (Verdict::Refuse(reasons), _) => {
            return Err(Error::Refused(format!(
                "{id} is not promoted: {}; --force --reason TEXT overrules",
                reasons.join("; ")
            )));
        }
        _ => false,
    };
    let change = Change {
        reason: order.reason.clone(),
        forced,
        evidence: serde_json::to_value(evidence).map_err(|source| Error::Json {
            what: "evidence".into(),
            source,
        })?,
    };
    let expected = standing.map_or(0, |revision| revision.revision);
    Ok(registry
        .promote(&manifest.target, &order.alias, &id, expected, change, clock)
        .await?)
}

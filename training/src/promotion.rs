//! Whether a model may be promoted. The decision is pure: it looks at figures and moves nothing.

use serde::Serialize;

/// How a candidate fared, over all steps and on the same windows and targets as those beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The candidate, such as `linear@3`.
    pub candidate: String,
    /// What was measured on.
    pub data_sha256: String,
    /// Windows that were scored.
    pub windows: usize,
    /// The candidate's MAE where all of them have a forecast.
    pub mae: Option<f64>,
    /// The MAE of seasonal naive at the same places.
    pub seasonal_naive_mae: Option<f64>,
    /// What stands at the alias now, and how it fared.
    pub champion: Option<Champion>,
}

/// The model that stands at the alias now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Champion {
    /// Which one.
    pub model: String,
    /// Its MAE at the same places; none where it cannot forecast these data.
    pub mae: Option<f64>,
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The candidate is better than seasonal naive and the champion.
    Promote,
    /// It already stands there.
    AlreadyThere,
    /// It is not, for these reasons.
    Refuse(Vec<String>),
}

/// Decides by the evidence: a candidate has to beat seasonal naive, and the champion where there is one.
pub fn decide(evidence: &Evidence) -> Verdict {
    if evidence
        .champion
        .as_ref()
        .is_some_and(|champion| champion.model == evidence.candidate)
    {
        return Verdict::AlreadyThere;
    }
    let Some(mae) = evidence.mae else {
        return Verdict::Refuse(vec![
            "it has no scored forecast in common with the models beside it".into(),
        ]);
    };
    let mut reasons = Vec::new();
    reasons.extend(not_beaten("seasonal-naive", mae, evidence.seasonal_naive_mae));
    if let Some(champion) = &evidence.champion {
        reasons.extend(not_beaten(
            &format!("the champion {}", champion.model),
            mae,
            champion.mae,
        ));
    }
    if reasons.is_empty() {
        Verdict::Promote
    } else {
        Verdict::Refuse(reasons)
    }
}

fn not_beaten(rival: &str, mae: f64, rival_mae: Option<f64>) -> Option<String> {
    match rival_mae {
        Some(rival_mae) if mae < rival_mae => None,
        Some(rival_mae) => Some(format!(
            "its MAE {mae:.4} is not below the {rival_mae:.4} of {rival} on the same windows"
        )),
        None => Some(format!("{rival} could not be measured on the same windows")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(mae: f64, naive: Option<f64>, champion: Option<(&str, Option<f64>)>) -> Evidence {
        Evidence {
            candidate: "linear@2".into(),
            data_sha256: String::new(),
            windows: 100,
            mae: Some(mae),
            seasonal_naive_mae: naive,
            champion: champion.map(|(model, mae)| Champion {
                model: model.into(),
                mae,
            }),
        }
    }

    #[test]
    fn the_first_model_has_to_beat_seasonal_naive_only() {
        assert_eq!(decide(&evidence(3.0, Some(4.0), None)), Verdict::Promote);
        assert!(matches!(decide(&evidence(4.0, Some(4.0), None)), Verdict::Refuse(reasons) if reasons.len() == 1));
    }

    #[test]
    fn a_champion_has_to_be_beaten_on_the_same_windows() {
        assert_eq!(
            decide(&evidence(3.0, Some(4.0), Some(("linear@1", Some(3.1))))),
            Verdict::Promote
        );
        assert!(matches!(
            decide(&evidence(3.0, Some(4.0), Some(("linear@1", Some(3.0))))),
            Verdict::Refuse(_)
        ));
        assert!(matches!(
            decide(&evidence(3.0, Some(4.0), Some(("linear@1", None)))),
            Verdict::Refuse(_)
        ));
        assert!(
            matches!(decide(&evidence(5.0, Some(4.0), Some(("x@1", Some(3.0))))), Verdict::Refuse(reasons) if reasons.len() == 2)
        );
    }

    #[test]
    fn what_was_not_measured_was_not_beaten() {
        assert!(matches!(decide(&evidence(3.0, None, None)), Verdict::Refuse(_)));
        assert!(matches!(
            decide(&Evidence {
                mae: None,
                ..evidence(3.0, Some(4.0), None)
            }),
            Verdict::Refuse(_)
        ));
    }

    #[test]
    fn promoting_the_champion_again_changes_nothing() {
        assert_eq!(
            decide(&evidence(3.0, Some(4.0), Some(("linear@2", Some(3.0))))),
            Verdict::AlreadyThere
        );
    }
}

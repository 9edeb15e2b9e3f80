//! From a panel to published versions: measured beside the baselines and the champion, then put into the registry.

use arterial_datasets::panel::Panel;
use arterial_datasets::time::Clock;
use arterial_models::Forecaster;
use arterial_models::forecaster::Progress;
use arterial_models::neural::Device;
use arterial_models::registry::{
    CHALLENGER, CHAMPION, Change, DataOrigin, Description, ModelVersion, Registry, Target,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::backtest::{Backtest, Request, SEASONAL_NAIVE, run};
use crate::document::{DataBlock, Document};
use crate::folds::folds;
use crate::kept::short_digest;
use crate::promotion::{Evidence, Verdict, decide};
use crate::protocol::Protocol;
use crate::veteran::Veteran;
use crate::{Error, Result, evidence};

/// What every trained model is measured beside.
const BASELINES: [&str; 2] = ["persistence", SEASONAL_NAIVE];

/// What to train.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The data.
    pub panel: &'a Panel,
    /// Where they come from.
    pub data: &'a DataBlock,
    /// How they were read, so that they can be read again; kept in the manifest.
    pub reading: &'a Value,
    /// Whether they come from a simulator.
    pub synthetic: bool,
    /// What is forecast.
    pub target: &'a Target,
    /// Every kind there is.
    pub list: &'a [Box<dyn Forecaster>],
    /// The kinds to train.
    pub kinds: &'a [&'a dyn Forecaster],
    /// How to measure; parts and seed also say what is fitted on.
    pub protocol: &'a Protocol,
    /// Whether to leave out kinds whose version for these data, protocol, seed, device and imported files is already there.
    pub resume: bool,
}

/// What was trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// What the models forecast.
    pub target: String,
    /// The scorecard; null where nothing was left to train.
    #[serde(flatten)]
    pub scorecard: Option<Document>,
    /// A version a kind, in the order asked for.
    pub published: Vec<Published>,
    /// What `@challenger` points to now.
    pub challenger: Option<String>,
    /// What `@champion` points to.
    pub champion: Option<String>,
    /// Why the gate would not let the challenger serve by what its scorecard says; empty where nothing is known against it.
    pub obstacles: Vec<String>,
}

/// A version of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The version, such as `linear@3`.
    pub model: String,
    /// The kind.
    pub kind: String,
    /// Whether it was there before (`--resume`).
    pub resumed: bool,
}

/// Trains, measures and publishes. Each version appears whole or not at all. Nothing is published before all kinds are measured side by
/// side; what an interrupted training had fitted stays in the workplace of `progress`, where there is one, and is not fitted again.
///
/// # Errors
/// Data that the kinds cannot be fitted on, a registry that cannot be reached.
pub async fn train(
    registry: &Registry,
    plan: &Plan<'_>,
    clock: &dyn Clock,
    progress: &dyn Progress,
) -> Result<Outcome> {
    let asked = asked(plan)?;
    let mut published = Vec::new();
    let mut open: Vec<&dyn Forecaster> = Vec::new();
    for kind in plan.kinds {
        let finished = if plan.resume {
            finished(registry, plan, &asked, *kind).await?
        } else {
            None
        };
        match finished {
            Some(id) => published.push(Published {
                model: id.to_string(),
                kind: id.name,
                resumed: true,
            }),
            None => open.push(*kind),
        }
    }
    let champion = registry
        .alias(plan.target, CHAMPION)
        .await?
        .map(|revision| revision.model);
    let mut outcome = Outcome {
        target: plan.target.to_string(),
        scorecard: None,
        published,
        challenger: registry
            .alias(plan.target, CHALLENGER)
            .await?
            .map(|revision| revision.model.to_string()),
        champion: champion.as_ref().map(ToString::to_string),
        obstacles: Vec::new(),
    };
    if open.is_empty() {
        outcome.obstacles = obstacles(registry, plan.target, champion.as_ref()).await?;
        return Ok(outcome);
    }
    let backtest = measure(registry, plan, &open, champion.as_ref(), progress).await?;
    let mut versions = Vec::new();
    for (kind, pipeline) in open.iter().zip(&backtest.pipelines) {
        let description = describe(plan, *kind, &asked, &backtest.document)?;
        let id = registry.publish(pipeline, description, clock).await?.id();
        outcome.published.push(Published {
            model: id.to_string(),
            kind: id.name.clone(),
            resumed: false,
        });
        versions.push(id);
    }
    if let Some(best) = best(&backtest, &versions)
        && !beaten_by_resumed(registry, &outcome.published, best, &backtest.document).await?
    {
        let evidence = evidence::from_scores(best, &backtest.document, champion.as_ref());
        challenge(registry, plan.target, best, &evidence, clock).await?;
        outcome.challenger = Some(best.to_string());
    }
    outcome.obstacles = obstacles(registry, plan.target, champion.as_ref()).await?;
    outcome.scorecard = Some(backtest.document);
    Ok(outcome)
}

/// What the gate has against the challenger, by the same evidence that a promotion rests on.
async fn obstacles(registry: &Registry, target: &Target, champion: Option<&ModelVersion>) -> Result<Vec<String>> {
    let Some(challenger) = registry.alias(target, CHALLENGER).await? else {
        return Ok(Vec::new());
    };
    let manifest = registry.manifest(&challenger.model).await?;
    let evidence = evidence::from_manifest(&manifest, champion);
    match evidence.as_ref().map(decide) {
        Some(Verdict::Refuse(reasons)) => Ok(reasons),
        _ => Ok(Vec::new()),
    }
}

/// The newest version of `kind` that was trained on the same data in the same way, where there is one.
async fn finished(
    registry: &Registry,
    plan: &Plan<'_>,
    asked: &Value,
    kind: &dyn Forecaster,
) -> Result<Option<ModelVersion>> {
    let wanted = of_kind(asked, kind);
    let versions = registry.list().await?.into_iter().rev();
    for id in versions.filter(|id| id.name == kind.name()) {
        let manifest = registry.manifest(&id).await?;
        let same = manifest.data.sha256 == plan.data.sha256 && manifest.target == *plan.target;
        if same && manifest.seed == plan.protocol.seed && manifest.protocol.get("asked") == Some(&wanted) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// What was asked for, as far as it decides what a model learns and how it is measured.
fn asked(plan: &Plan<'_>) -> Result<Value> {
    let fold = folds(plan.protocol, plan.panel.steps())?.pop();
    let summary = serde_json::to_value(fold.map(|fold| fold.summary())).map_err(json_error)?;
    Ok(json!({
        "context": plan.protocol.context,
        "horizon": plan.protocol.horizon,
        "stride": plan.protocol.stride,
        "last_fold": summary,
        "reading": plan.reading,
        // All that was read: covariates, graph, attributes and holidays have files of their own.
        "panel_sha256": plan.panel.digest(),
    }))
}

/// The same of one kind, with what it was imported from, or where it was trained if not on the CPU.
fn of_kind(asked: &Value, kind: &dyn Forecaster) -> Value {
    let mut asked = asked.clone();
    if let Some(fields) = asked.as_object_mut() {
        if let Some(imported) = kind.imported() {
            fields.insert("imported_sha256".into(), imported.into());
        }
        if kind.device() != Device::Cpu {
            fields.insert("device".into(), kind.device().name().into());
        }
    }
    asked
}

/// What tells one training from another: a digest of the data, of how they are read and measured, and of the seed.
///
/// # Errors
/// A protocol that does not fit the panel.
pub fn fingerprint(plan: &Plan<'_>) -> Result<String> {
    Ok(short_digest(&json!([
        plan.data.sha256,
        plan.protocol.seed,
        asked(plan)?
    ])))
}

async fn measure(
    registry: &Registry,
    plan: &Plan<'_>,
    open: &[&dyn Forecaster],
    champion: Option<&ModelVersion>,
    progress: &dyn Progress,
) -> Result<Backtest> {
    let mut kinds = open.to_vec();
    for name in BASELINES {
        if kinds.iter().all(|kind| kind.name() != name) {
            kinds.extend(
                plan.list
                    .iter()
                    .map(AsRef::as_ref)
                    .find(|kind: &&dyn Forecaster| kind.name() == name),
            );
        }
    }
    let champion = match champion {
        Some(id) => Some((id.to_string(), registry.load(id, plan.list).await?.1)),
        None => None,
    };
    // A champion of other series is not measured: the gate says so.
    let veterans: Vec<Veteran<'_>> = champion
        .iter()
        .filter_map(|(name, pipeline)| Veteran::new(name, pipeline, plan.panel, plan.protocol).ok())
        .collect();
    let request = Request {
        panel: plan.panel,
        kinds: &kinds,
        naive: naive(plan.list)?,
        veterans: &veterans,
        protocol: plan.protocol,
        for_report: false,
    };
    run(&request, plan.data.clone(), progress)
}

/// Seasonal naive among `list`.
///
/// # Errors
/// A list without it.
pub fn naive(list: &[Box<dyn Forecaster>]) -> Result<&dyn Forecaster> {
    Ok(arterial_models::forecasters::by_name(list, SEASONAL_NAIVE)?)
}

fn describe(plan: &Plan<'_>, kind: &dyn Forecaster, asked: &Value, document: &Document) -> Result<Description> {
    let last = folds(plan.protocol, plan.panel.steps())?.pop();
    let known = last.map_or(0..0, |fold| fold.known_rows());
    let mut protocol = serde_json::to_value(&document.protocol).map_err(json_error)?;
    if let Some(fields) = protocol.as_object_mut() {
        fields.insert("asked".into(), of_kind(asked, kind));
        fields.insert("reading".into(), plan.reading.clone());
    }
    Ok(Description {
        name: kind.name().into(),
        target: plan.target.clone(),
        data: DataOrigin {
            path: plan.data.path.clone(),
            sha256: plan.data.sha256.clone(),
            rows: known.len(),
            from: plan.panel.time(known.start),
            until: plan.panel.time(known.end),
            synthetic: plan.synthetic,
        },
        protocol,
        scores: serde_json::to_value(&document.scores).map_err(json_error)?,
        seed: plan.protocol.seed,
    })
}

/// The published version with the least error where all models have a forecast; the first of equals.
fn best<'a>(backtest: &Backtest, versions: &'a [ModelVersion]) -> Option<&'a ModelVersion> {
    let scores: Vec<_> = backtest
        .scores
        .iter()
        .take(versions.len())
        .map(|(_, scores)| scores.clone())
        .collect();
    crate::samples::best(&scores).map(|place| &versions[place])
}

/// Whether a version that was there before did at least as well on the same windows; then the challenger stays as it is.
async fn beaten_by_resumed(
    registry: &Registry,
    published: &[Published],
    best: &ModelVersion,
    document: &Document,
) -> Result<bool> {
    let Some(own) = evidence::from_scores(best, document, None).mae else {
        return Ok(false);
    };
    for version in published.iter().filter(|version| version.resumed) {
        let manifest = registry.manifest(&version.model.parse()?).await?;
        let before = evidence::from_manifest(&manifest, None).and_then(|evidence| evidence.mae);
        if before.is_some_and(|before| before <= own) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn challenge(
    registry: &Registry,
    target: &Target,
    id: &ModelVersion,
    evidence: &Evidence,
    clock: &dyn Clock,
) -> Result<()> {
    let standing = registry
        .alias(target, CHALLENGER)
        .await?
        .map_or(0, |revision| revision.revision);
    let change = Change {
        reason: Some("best of its training".into()),
        evidence: serde_json::to_value(evidence).map_err(json_error)?,
        ..Change::default()
    };
    registry
        .promote(target, CHALLENGER, id, standing, change, clock)
        .await?;
    Ok(())
}

fn json_error(source: serde_json::Error) -> Error {
    Error::Json {
        what: "manifest".into(),
        source,
    }
}

//! `arterial train`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_datasets::lake::{Lake, LakeOptions};
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::SystemClock;
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_models::registry::Target;
use arterial_training::choice::choose;
use arterial_training::table;
use arterial_training::train::{Outcome, Plan, fingerprint, train};

use super::device::DeviceArgs;
use super::imported::ImportedArgs;
use super::lake_panel::{Join, covariates};
use super::progress::{Bar, how_to_go_on};
use super::protocol::ProtocolArgs;
use super::reading::Reading;
use super::registry::RegistryArgs;
use super::source::{LakeSource, Source};
use crate::outcome::Resumable;

/// Train models, measure them beside the baselines and the champion, and publish them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A wide file (`timestamp` and one column a series) or a long one (`unique_id`, `ds`, `y`); CSV, .csv.gz or Parquet
    #[arg(long, value_name = "PATH", required_unless_present = "lake", conflicts_with = "lake")]
    data: Option<PathBuf>,
    /// A lake instead: the newest revision of every window of --topic. Its models are published in the lake's own registry, unless
    /// --registry names another
    #[arg(long, value_name = "PATH", requires = "topic", requires = "target")]
    lake: Option<String>,
    /// Numbers of other streams of the lake as covariates: topic.field,.. or none; auto takes those that the stream's definition names
    #[arg(long, value_name = "LIST", default_value = "auto", requires = "lake")]
    join: Join,
    /// Which models: names, or all
    #[arg(
        long = "model",
        visible_alias = "models",
        value_name = "NAME,..",
        value_delimiter = ',',
        required = true
    )]
    models: Vec<String>,
    /// The topic that the models are for [default: the name of the file]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// The field that is forecast [default: y]
    #[arg(long, value_name = "FIELD")]
    target: Option<String>,
    /// Go on with a training of these data, protocol and seed that was cut off: models that it published are left out, those
    /// that it had fitted are not fitted again, networks go on from their last checkpoint on the same device. Ctrl-C says whether there
    /// is anything to go on from. A network that had diverged ends with its best weights, and its card says so
    #[arg(long)]
    resume: bool,
    /// The data come from a simulator; the model card says so
    #[arg(long)]
    synthetic: bool,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    imported: ImportedArgs,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    reading: Reading,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut protocol = args.protocol.protocol()?;
    // The gate compares over all steps: the last one is always reported.
    if !protocol.report_at.contains(&protocol.horizon) {
        protocol.report_at.push(protocol.horizon);
    }
    args.imported.check(&args.models)?;
    let list = forecasters::list_on(sets::standard(), args.device.device()?);
    let list = args.imported.add_to(list)?;
    let kinds = choose(&list, &args.models, "--model")?;
    let runtime = super::runtime()?;
    let source = runtime.block_on(args.source())?;
    let target = args.target(&source)?;
    let place = match &args.lake {
        Some(lake) => args.registry.of_lake(lake),
        None => args.registry.clone(),
    };
    let registry = place.open_to_publish()?;
    let outcome = runtime.block_on(async {
        let (panel, data, pinned) = source.read(&target).await?;
        let reading = serde_json::to_value(&pinned)?;
        let plan = Plan {
            panel: &panel,
            data: &data,
            reading: &reading,
            synthetic: args.synthetic,
            target: &target,
            list: &list,
            kinds: &kinds,
            protocol: &protocol,
            resume: args.resume,
        };
        let work = place.workplace().join(fingerprint(&plan)?);
        let bar = Bar::new().with_workplace(begin(&work, args.resume)?);
        let outcome = train(&registry, &plan, &SystemClock, &bar).await;
        let outcome = outcome.map_err(|error| ended(error, &work))?;
        bar.finish();
        finish(&work)?;
        anyhow::Ok(outcome)
    })?;
    if args.json {
        return super::print_json(&outcome);
    }
    print!("{}", text(&outcome, &place.hint()));
    Ok(())
}

/// Makes the folder for the state of long fits; what an earlier training left there counts only when it is resumed.
fn begin(work: &Path, resume: bool) -> anyhow::Result<PathBuf> {
    if !resume && work.exists() {
        finish(work)?;
    }
    std::fs::create_dir_all(work).with_context(|| format!("cannot make `{}`", work.display()))?;
    Ok(work.to_path_buf())
}

/// Removes the folder with what stands in it.
fn finish(work: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(work).with_context(|| format!("cannot remove `{}`", work.display()))?;
    if let Some(parent) = work.parent() {
        remove_if_empty(parent);
    }
    Ok(())
}

/// What is said of a training that was not finished. What it left in `work` stays there for `--resume`.
fn ended(error: arterial_training::Error, work: &Path) -> anyhow::Error {
    remove_if_empty(work);
    let how = how_to_go_on(work).filter(|_| error.is_cancelled());
    let error = anyhow::Error::from(error);
    match how {
        Some(how) => error.context(Resumable(how)),
        None => error,
    }
}

/// Removes a folder, and the one that holds it, where nothing stands in them.
fn remove_if_empty(folder: &Path) {
    // What holds anything is not removed, and that is no error.
    if std::fs::remove_dir(folder).is_ok()
        && let Some(parent) = folder
            .parent()
            .filter(|parent| parent.extension().is_some_and(|end| end == "work"))
    {
        remove_if_empty(parent);
    }
}

impl Args {
    async fn source(&self) -> anyhow::Result<Source> {
        match (&self.data, &self.lake) {
            (_, Some(lake)) => {
                let topic = self.topic.as_deref().unwrap_or_default();
                let opened = Lake::open_existing(lake, LakeOptions::default()).await?;
                let covariates = covariates(&opened, &StreamCatalog::built_in()?, topic, &self.join).await?;
                Ok(Source::Lake(LakeSource {
                    lake: lake.clone(),
                    covariates: covariates.iter().map(ToString::to_string).collect(),
                    versions: BTreeMap::new(),
                    reading: self.reading.clone(),
                }))
            }
            (Some(path), None) => Ok(Source::File {
                path: path.clone(),
                reading: self.reading.clone(),
            }),
            (None, None) => {
                Err(crate::outcome::Usage("`--data` is missing, accepted: a file, or --lake".into()).into())
            }
        }
    }

    fn target(&self, source: &Source) -> anyhow::Result<Target> {
        let topic = self.topic.clone().unwrap_or_else(|| source.default_topic());
        let field = self.target.as_deref().unwrap_or("y");
        Ok(format!("{topic}.{field}").parse()?)
    }
}

fn text(outcome: &Outcome, registry: &str) -> String {
    let mut text = String::new();
    if let Some(scorecard) = &outcome.scorecard {
        text.push_str(&table::backtest(scorecard));
        text.push('\n');
    }
    let or_none = |model: &Option<String>| model.clone().unwrap_or_else(|| "nothing yet".into());
    let mut lines: Vec<String> = outcome
        .published
        .iter()
        .map(|version| {
            let how = if version.resumed {
                "was already there"
            } else {
                "published"
            };
            format!("{} {how}", version.model)
        })
        .collect();
    lines.push(format!(
        "{}: @challenger is {}, @champion is {}",
        outcome.target,
        or_none(&outcome.challenger),
        or_none(&outcome.champion)
    ));
    lines.extend(next(outcome, registry));
    text + &lines.join("\n") + "\n"
}

/// What to do with the challenger; nothing where it serves already.
fn next(outcome: &Outcome, registry: &str) -> Option<String> {
    let challenger = outcome.challenger.as_ref()?;
    if outcome.challenger == outcome.champion {
        return None;
    }
    if outcome.obstacles.is_empty() {
        return Some(format!("next: arterial promote {challenger}{registry}"));
    }
    let reasons = outcome.obstacles.join("; ");
    Some(format!(
        "no model is good enough yet: the gate would refuse {challenger}, as {reasons}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_interrupted_training_that_left_a_checkpoint_or_a_fitted_model_says_how_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let cancelled = || arterial_training::Error::from(arterial_models::Error::Cancelled);
        let work = folder.path().join("registry.work/0123");
        std::fs::create_dir_all(&work).unwrap();
        assert!(!ended(cancelled(), &work).is::<Resumable>());
        assert!(!work.exists(), "nothing is left to go on from");
        std::fs::create_dir_all(&work).unwrap();
        std::fs::write(work.join("stid.checkpoint"), "state").unwrap();
        assert!(ended(cancelled(), &work).is::<Resumable>());
        std::fs::remove_file(work.join("stid.checkpoint")).unwrap();
        std::fs::create_dir(work.join("gbdt-0123.fitted")).unwrap();
        assert!(ended(cancelled(), &work).is::<Resumable>());
        let failed = arterial_training::Error::Refused("no better".into());
        assert!(!ended(failed, &work).is::<Resumable>());
        assert!(work.exists());
    }
}

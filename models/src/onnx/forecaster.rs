//! `network`: a network that was trained elsewhere, as a forecaster.

use std::sync::Arc;

use arterial_datasets::panel::Panel;
use ndarray::Array4;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Answers, ordered};
use super::axes::{self, Axis};
use super::description::Description;
use super::network::{Network, Port};
use super::scaling::Scales;
use super::window::{Item, Windows};
use crate::artefact::{Parts, digest_of, from_exact, to_exact};
use crate::forecaster::{go_on, require_rows};
use crate::scope::Scope;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

/// The name of the kind.
pub const NAME: &str = "network";
/// Windows that are run at once where each series is a window of its own. Fewer are filled up with empty ones, so that
/// the same sums are made in the same order however many are asked for.
const BATCH: usize = 16;

/// The kind `network` with a network in it: fitting makes it a forecaster of a panel.
#[derive(Clone)]
pub struct ImportedNetwork {
    bytes: Arc<[u8]>,
    network: Network,
    description: Description,
    /// SHA-256 of file and description.
    digest: String,
}

/// The kind `network` as it stands in the list: it loads what was saved. To fit, it takes an [`ImportedNetwork`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SavedNetwork;

/// A network that fits its panel.
///
/// It is refused a forecast where the context is too short or nothing was seen in it, where it has no scale, and where
/// it answers no finite number.
pub struct FittedNetwork {
    imported: ImportedNetwork,
    scope: Scope,
    task: Task,
    scales: Scales,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    scope: Scope,
    task: Task,
    description: Value,
}

impl ImportedNetwork {
    /// The network in `bytes`, an ONNX file, which reads and answers what `description` says.
    ///
    /// # Errors
    /// What [`Network::parse`] and [`Description::check`] refuse, and names or axes of the description that the network
    /// does not have.
    pub fn new(bytes: impl Into<Arc<[u8]>>, description: Description) -> Result<Self> {
        let bytes: Arc<[u8]> = bytes.into();
        description.check()?;
        let network = Network::parse(&bytes)?;
        let input = network.input();
        if input.name != description.input.name {
            let accepted = format!("the network's input, `{}`", input.name);
            return Err(Error::invalid("input.name", &description.input.name, accepted));
        }
        if input.shape.len() != description.input.axes.len() {
            let accepted = format!("an axis for each of {}", input.written());
            return Err(Error::invalid(
                "input.axes",
                axes::written(&description.input.axes),
                accepted,
            ));
        }
        check_batch(&description, input)?;
        network.output_place(&description.output.name)?;
        let described = serde_json::to_vec(&description)?;
        let digest = digest_of([&bytes[..], &described[..]]);
        Ok(Self {
            bytes,
            network,
            description,
            digest,
        })
    }

    /// What the network reads and answers.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// A trial on `batch` empty windows of `series` series.
    fn try_out(&self, batch: usize, series: usize) -> Result<()> {
        let input = &self.description.input;
        let windows = Array4::zeros((batch, self.description.context, series, input.channels.len()));
        self.network
            .check_memory(axes::arrange(windows.clone(), &input.axes).shape())?;
        self.run(windows)?;
        Ok(())
    }

    /// The network's answers to `windows`, batch x time x series x channel, as batch x time x series x quantile.
    fn run(&self, windows: Array4<f32>) -> Result<Array4<f32>> {
        let (batch, _, series, _) = windows.dim();
        let input = axes::arrange(windows, &self.description.input.axes);
        let answer = self.network.run(&input, &self.description.output.name)?;
        ordered(&self.description, answer, batch, series)
    }

    /// How many windows are run at once.
    fn batch(&self) -> usize {
        if self.description.reads_all_series() { 1 } else { BATCH }
    }

    /// Checks that the network is for panels of `scope`, with a trial on empty windows of two sizes of batch.
    fn fits(&self, scope: &Scope, task: &Task) -> Result<()> {
        let description = &self.description;
        if scope.step != description.step {
            let accepted = format!("{}, which the network was trained for", description.step);
            return Err(Error::invalid("step", scope.step, accepted));
        }
        if task.horizon > description.horizon {
            let accepted = format!("1 to {}, which the network answers", description.horizon);
            return Err(Error::invalid("horizon", task.horizon, accepted));
        }
        description.input.sources(scope)?;
        let series = if description.reads_all_series() {
            scope.series.len()
        } else {
            1
        };
        self.try_out(self.batch(), series)?;
        self.try_out(self.batch() + 1, series)
    }

    /// The network on the panels of `scope`, which it fits.
    fn on(self, scope: Scope, task: Task, scales: Scales) -> FittedNetwork {
        FittedNetwork {
            imported: self,
            scope,
            task,
            scales,
        }
    }
}

/// Checks that any number of windows may go in at once.
fn check_batch(description: &Description, input: &Port) -> Result<()> {
    let lengths = description.input.axes.iter().zip(&input.shape);
    match lengths
        .into_iter()
        .find(|(axis, length)| **axis == Axis::Batch && length.is_some())
    {
        None => Ok(()),
        Some(_) => Err(Error::invalid(
            format!("batch axis of `{}`", input.name),
            input.written(),
            "a free one, exported as a dynamic axis",
        )),
    }
}

fn nothing_to_import() -> Error {
    let accepted = "a network to import: an ONNX file and its description";
    Error::invalid(NAME, "nothing", accepted)
}

impl Forecaster for ImportedNetwork {
    fn name(&self) -> &'static str {
        NAME
    }

    fn imported(&self) -> Option<&str> {
        Some(&self.digest)
    }

    /// The network has to fit the panel, and to have a scale for each series where scales are given.
    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, self.description.context + task.horizon, training)?;
        self.description.scaling.learn(training)?;
        self.fits(&Scope::of(training), task)
    }

    /// Learns the scale of each series. The context is the network's.
    fn fit(&self, training: &Panel, task: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        let scales = self.description.scaling.learn(training)?;
        Ok(Box::new(self.clone().on(Scope::of(training), *task, scales)))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        SavedNetwork.load(parts)
    }
}

impl Forecaster for SavedNetwork {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, _: &Panel, _: &Task) -> Result<()> {
        Err(nothing_to_import())
    }

    fn fit(&self, _: &Panel, _: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        Err(nothing_to_import())
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let saved: Saved = parts.settings(NAME)?;
        saved.task.check()?;
        let description = serde_json::from_value(from_exact(saved.description))
            .map_err(|error| Error::malformed("parameters.json", error.to_string()))?;
        let imported = ImportedNetwork::new(parts.bytes("network")?, description)?;
        let scales = Scales::load(parts, saved.scope.series.len())?;
        imported.fits(&saved.scope, &saved.task)?;
        Ok(Box::new(imported.on(saved.scope, saved.task, scales)))
    }
}

impl FittedForecaster for FittedNetwork {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn horizon(&self) -> usize {
        self.task.horizon
    }

    fn history(&self) -> usize {
        self.imported.description.context
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.forecast_while(panel, origins, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        self.scope.check(panel, origins)?;
        let windows = Windows::new(&self.imported.description, &self.scales, &self.scope, panel, origins)?;
        let items = windows.items(origins);
        let batch = self.imported.batch();
        let run = |items: &[Item]| {
            go_on(progress)?;
            self.imported.run(windows.tensor(items, batch))
        };
        let answered: Vec<Array4<f32>> = items.par_chunks(batch).map(run).collect::<Result<_>>()?;
        let shape = (origins.len(), panel.series().len(), self.task.horizon);
        let mut answers = Answers::none(&self.imported.description, &self.scales, shape)?;
        for (items, answer) in items.chunks(batch).zip(&answered) {
            answers.take(&windows, items, answer);
        }
        Ok(answers.outlook())
    }

    fn save(&self) -> Result<Parts> {
        let saved = Saved {
            scope: self.scope.clone(),
            task: self.task,
            description: to_exact(serde_json::to_value(&self.imported.description)?),
        };
        let parts = Parts::new(NAME, &saved)?.with_bytes("network", &self.imported.bytes);
        Ok(self.scales.save(parts))
    }
}

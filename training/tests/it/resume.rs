//! What is known before anything is fitted, and what need not be fitted again.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use arterial_datasets::panel::{Attributes, Graph, Holidays, Panel};
use arterial_models::artefact::Parts;
use arterial_models::forecasters::{SeasonalNaive, WeeklyProfile};
use arterial_models::{Error, FittedForecaster, Forecaster, Progress, Result, Silent, Task};
use arterial_training::backtest::{Backtest, run};
use arterial_training::kept;
use arterial_training::protocol::{Partition, Protocol};
use ndarray::Array2;

use crate::common::{block, request, small, waves};
use crate::registry::{open, trained};

/// The weekly profile, which counts how often it is fitted.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Counted {
    fn fits(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Forecaster for Counted {
    fn name(&self) -> &'static str {
        WeeklyProfile.name()
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        WeeklyProfile.fit(training, task, progress)
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        WeeklyProfile.load(parts)
    }
}

/// Seasonal naive, whose fit is interrupted.
struct Interrupted;

impl Forecaster for Interrupted {
    fn name(&self) -> &'static str {
        SeasonalNaive.name()
    }

    fn fit(&self, _: &Panel, _: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        Err(Error::Cancelled)
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        SeasonalNaive.load(parts)
    }
}

/// A kind for data of another step.
struct Hourly;

impl Forecaster for Hourly {
    fn name(&self) -> &'static str {
        "hourly"
    }

    fn check(&self, training: &Panel, _: &Task) -> Result<()> {
        Err(Error::invalid("step", training.step(), "1h"))
    }

    fn fit(&self, _: &Panel, _: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        Err(Error::Cancelled)
    }

    fn load(&self, _: &Parts) -> Result<Box<dyn FittedForecaster>> {
        Err(Error::Cancelled)
    }
}

/// A workplace, and nothing to see.
struct Work<'a>(&'a Path);

impl Progress for Work<'_> {
    fn report(&self, _done: u64, _total: u64, _message: &str) {}

    fn workplace(&self) -> Option<&Path> {
        Some(self.0)
    }
}

fn measure(
    panel: &Panel,
    kinds: &[&dyn Forecaster],
    protocol: &Protocol,
    progress: &dyn Progress,
) -> arterial_training::Result<Backtest> {
    run(&request(panel, kinds, protocol), block(panel), progress)
}

/// All that two equal backtests have in common.
fn result(backtest: Backtest) -> String {
    let mut document = backtest.document;
    document.timing.clear();
    let files: Vec<_> = backtest
        .pipelines
        .iter()
        .map(|pipeline| pipeline.files().unwrap().digests())
        .collect();
    serde_json::to_string(&(document, files)).unwrap()
}

#[test]
fn what_a_kind_refuses_is_known_before_another_is_fitted() {
    let counted = Counted::default();
    let kinds: [&dyn Forecaster; 2] = [&counted, &Hourly];
    let error = measure(&waves(), &kinds, &small(), &Silent).err().unwrap();
    assert!(
        error.is_bad_input() && error.to_string().starts_with("`step` is `15m`"),
        "{error}"
    );
    assert_eq!(counted.fits(), 0);
}

#[test]
fn a_kind_that_was_fitted_before_an_interruption_is_not_fitted_again_and_the_result_is_the_same() {
    let rolling = Protocol {
        partition: Partition::Rolling {
            folds: 2,
            fold_steps: 40,
        },
        ..small()
    };
    for protocol in [small(), rolling] {
        let (counted, panel) = (Counted::default(), waves());
        let folder = tempfile::tempdir().unwrap();
        let work = Work(folder.path());
        let whole: [&dyn Forecaster; 2] = [&counted, &SeasonalNaive];
        let expected = result(measure(&panel, &whole, &protocol, &Silent).unwrap());
        assert!(!kept::is_in(folder.path()));
        let once = counted.fits();

        let torn: [&dyn Forecaster; 2] = [&counted, &Interrupted];
        let stopped = measure(&panel, &torn, &protocol, &work).err().unwrap();
        assert!(stopped.is_cancelled(), "{stopped}");
        assert!(kept::is_in(folder.path()));
        let before = counted.fits();
        let resumed = result(measure(&panel, &whole, &protocol, &work).unwrap());
        assert!(resumed == expected);
        // The first fold was kept; where there is another one, it is fitted for the first time.
        assert_eq!(counted.fits() - before, once - (before - once));
        let again = result(measure(&panel, &whole, &protocol, &work).unwrap());
        assert!(again == expected && counted.fits() == 2 * once);

        let other = panel.clone().with_holidays(holidays("1970-01-02"));
        measure(&other, &whole, &protocol, &work).unwrap();
        assert_eq!(counted.fits(), 3 * once, "what is kept is of other data");
    }
}

#[test]
fn a_kept_model_that_cannot_be_used_is_fitted_again() {
    let (counted, panel) = (Counted::default(), waves());
    let folder = tempfile::tempdir().unwrap();
    let fit = || result(measure(&panel, &[&counted], &small(), &Work(folder.path())).unwrap());
    let expected = fit();
    let once = counted.fits();
    let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    std::fs::write(entry.path().join("parameters.json"), "{}").unwrap();
    assert!(fit() == expected);
    assert_eq!(counted.fits(), 2 * once);
    assert!(fit() == expected);
    assert_eq!(counted.fits(), 2 * once);
}

fn holidays(day: &str) -> Holidays {
    Holidays::from_iter([day.parse().unwrap()])
}

#[tokio::test]
async fn a_version_counts_as_finished_only_where_all_that_was_read_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    trained(&registry, &waves(), "persistence", false).await;
    let lanes = |lanes: f64| Attributes {
        names: vec!["lanes".into()],
        values: Array2::from_elem((4, 1), lanes),
    };
    let graph = |weight: f32| Graph {
        edges: vec![(0, 1, weight)],
    };
    let others = [
        waves().with_holidays(holidays("1970-01-02")),
        waves().with_holidays(holidays("1970-01-03")),
        waves().with_graph(graph(1.0)),
        waves().with_graph(graph(2.0)),
        waves().with_attributes(lanes(2.0)),
        waves().with_attributes(lanes(3.0)),
    ];
    for (place, panel) in others.iter().enumerate() {
        let first = trained(&registry, panel, "persistence", true).await;
        assert!(!first.published[0].resumed, "panel {place}");
        let second = trained(&registry, panel, "persistence", true).await;
        assert_eq!(second.published[0].model, first.published[0].model);
        assert!(second.published[0].resumed, "panel {place}");
    }
}

//! The published protocol on Los-loop, and what no backtest may do.

use std::path::PathBuf;

use arterial_datasets::panel::{self, Panel, PanelOptions};
use arterial_models::forecasters::{Persistence, SeasonalNaive};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Forecaster, Silent};
use arterial_training::backtest::{Backtest, Request, run, task};
use arterial_training::folds::folds;
use arterial_training::protocol::{Partition, Protocol, default_report_at};
use arterial_training::{report, table};

use crate::common::{block, request, small, waves};

fn losloop() -> Option<Panel> {
    let data = std::env::var_os("ARTERIAL_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let path = data.join("traffic/losloop/losloop_speed.parquet");
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(panel::read(&path, &PanelOptions::default()).unwrap().0)
}

fn measure(panel: &Panel, kinds: &[&dyn Forecaster], protocol: &Protocol, for_report: bool) -> Backtest {
    let request = Request {
        for_report,
        ..request(panel, kinds, protocol)
    };
    run(&request, block(panel), &Silent).unwrap()
}

fn reference(horizon: usize, report_at: &[usize]) -> Protocol {
    Protocol {
        horizon,
        report_at: report_at.to_vec(),
        partition: Partition::Split("80/0/20".parse().unwrap()),
        ..Protocol::default()
    }
}

fn rounded(value: Option<f64>) -> String {
    format!("{:.3}", value.unwrap())
}

#[test]
fn persistence_on_the_reference_data_agrees_with_the_published_figures() {
    let Some(panel) = losloop() else { return };
    let backtest = measure(&panel, &[&Persistence], &reference(12, &[3, 6, 9, 12]), false);
    let protocol = &backtest.document.protocol;
    assert_eq!(
        (protocol.folds[0].train_rows, protocol.test_windows, protocol.test_start),
        (1612, 381, 1624)
    );
    let at: Vec<String> = backtest
        .document
        .scores
        .iter()
        .map(|score| rounded(score.metrics.mae))
        .collect();
    assert_eq!(at, ["3.578", "4.382", "5.094", "5.795"]);
    let through: Vec<String> = backtest
        .document
        .scores
        .iter()
        .map(|score| rounded(score.mae_through))
        .collect();
    assert_eq!(through, ["3.163", "3.642", "4.049", "4.428"]);
    assert!(
        backtest
            .document
            .scores
            .iter()
            .all(|score| score.forecasts == 381 * 207 && score.refused == 0)
    );
}

#[test]
fn one_run_a_horizon_agrees_with_the_published_table() {
    let Some(panel) = losloop() else { return };
    for (horizon, expected) in [(3, "3.155"), (6, "3.629"), (9, "4.042"), (12, "4.428")] {
        let backtest = measure(
            &panel,
            &[&Persistence],
            &reference(horizon, &default_report_at(horizon)),
            false,
        );
        assert_eq!(
            rounded(backtest.document.scores.last().unwrap().mae_through),
            expected,
            "horizon {horizon}"
        );
    }
}

#[test]
fn rows_of_the_test_part_never_change_a_fit() {
    let panel = waves();
    let fold = folds(&small(), panel.steps()).unwrap().remove(0);
    let mut values = panel.values().clone();
    for row in fold.parts.test.clone() {
        values.slice_mut(ndarray::s![row, .., ..]).fill(-1e6);
    }
    let spoilt = Panel::new(
        panel.start(),
        panel.step(),
        panel.timezone(),
        panel.series().to_vec(),
        panel.channels().to_vec(),
        values,
    )
    .unwrap();
    for kind in [&Persistence as &dyn Forecaster, &SeasonalNaive] {
        let fit = |panel: &Panel| {
            let known = panel.rows(fold.known_rows());
            Pipeline::fit(kind, &known, fold.parts.validation.len(), &task(&small()), &Silent)
                .unwrap()
                .files()
                .unwrap()
        };
        assert_eq!(fit(&panel), fit(&spoilt), "{}", kind.name());
    }
}

#[test]
fn the_same_seed_gives_the_same_document() {
    let panel = waves();
    let text = || {
        let mut document = measure(&panel, &[&Persistence, &SeasonalNaive], &small(), false).document;
        document.timing.clear();
        serde_json::to_string_pretty(&document).unwrap()
    };
    let once = text();
    assert_eq!(once, text());
    assert!(!once.contains("NaN"));
}

#[test]
fn a_rolling_origin_adds_its_folds_up() {
    let panel = waves();
    let protocol = Protocol {
        partition: Partition::Rolling {
            folds: 3,
            fold_steps: 40,
        },
        ..small()
    };
    let document = measure(&panel, &[&Persistence], &protocol, false).document;
    assert_eq!(document.protocol.split, None);
    assert_eq!(document.protocol.test_windows, 3 * (40 - 12 + 1));
    assert_eq!(document.scores[0].targets, 3 * 29 * 4);
}

#[test]
fn the_json_has_every_promised_field() {
    let panel = waves();
    let document = measure(&panel, &[&Persistence], &small(), false).document;
    let json = serde_json::to_value(&document).unwrap();
    let has = |value: &serde_json::Value, fields: &str| {
        for field in fields.split(' ') {
            assert!(value.get(field).is_some(), "{field}");
        }
    };
    has(
        &json["data"],
        "path sha256 series steps step_seconds timezone missing_share",
    );
    has(
        &json["protocol"],
        "context horizon split train_windows validation_windows test_windows test_start seed",
    );
    has(
        &json["scores"][0],
        "model step minutes mae rmse mape mase wql coverage_80 width_80 skill mae_through rmse_through forecasts refused",
    );
    has(&json["timing"][0], "model fit_seconds predict_seconds forecasts");
    assert_eq!(json["data"]["step_seconds"], 900);
    assert_eq!(json["protocol"]["split"], "70/10/20");
}

#[test]
fn zones_and_the_city_are_measured_where_the_data_have_zones() {
    let plain = measure(&waves(), &[&Persistence], &small(), false).document;
    assert!(serde_json::to_value(&plain).unwrap().get("areas").is_none());
    let zones = ["inner", "outer", "inner", "outer"].map(|zone| Some(zone.to_owned()));
    let panel = waves().with_zones(zones.to_vec());
    let backtest = measure(&panel, &[&Persistence], &small(), true);
    let document = &backtest.document;
    let found: Vec<(&str, usize, u64)> = document
        .areas
        .iter()
        .map(|row| (row.level.name(), row.step, row.forecasts))
        .collect();
    let windows = document.protocol.test_windows as u64;
    let expected = [
        ("zone", 1, 2 * windows),
        ("zone", 4, 2 * windows),
        ("city", 1, windows),
        ("city", 4, windows),
    ];
    assert_eq!(found, expected);
    let origins = folds(&small(), panel.steps()).unwrap().remove(0).test_origins;
    let target = panel.target();
    let mean = |row: usize| target.row(row).sum() / 4.0;
    let errors = origins.iter().map(|&origin| (mean(origin + 1) - mean(origin)).abs());
    let mae = errors.sum::<f64>() / origins.len() as f64;
    let city = &document.areas[2];
    assert!((city.mae.unwrap() - mae).abs() < 1e-9, "{city:?}");
    assert!(document.areas.iter().all(|row| row.coverage_80.is_some()));
    assert!(table::backtest(document).contains("zones and of the city"));
    assert!(report::page(&backtest, panel.series()).contains("Zones and the city"));
}

#[test]
fn people_get_an_aligned_table() {
    let panel = waves();
    let mut document = measure(&panel, &[&Persistence, &SeasonalNaive], &small(), false).document;
    for timing in &mut document.timing {
        timing.fit_seconds = 0.25;
        timing.predict_seconds = 0.5;
    }
    insta::assert_snapshot!(table::backtest(&document));
}

#[test]
fn a_page_that_could_not_be_written_is_refused_while_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    report::check(&folder.path().join("page.html")).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    for (path, accepted) in [
        (folder.path().join("none/page.html"), "a folder that exists"),
        (folder.path().to_owned(), "this is a folder"),
    ] {
        let error = report::check(&path).unwrap_err();
        let said = error.to_string();
        assert!(error.is_bad_input() && said.starts_with("`--report` is"), "{said}");
        assert!(said.contains(accepted), "{said}");
    }
}

#[test]
fn a_report_needs_nothing_from_elsewhere() {
    let panel = waves();
    let backtest = measure(&panel, &[&Persistence, &SeasonalNaive], &small(), true);
    let page = report::page(&backtest, panel.series());
    for foreign in ["<script", "http://", "https://", "src=", "@import", "NaN"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.matches("<svg").count() >= 6 && page.contains("prefers-color-scheme"));
}

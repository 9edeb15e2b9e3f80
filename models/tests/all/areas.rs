//! Zones and the city: they agree with their members, and their intervals hold at their own level.

use arterial_datasets::panel::Panel;
use arterial_models::artefact::Files;
use arterial_models::forecasters::{Persistence, SeasonalNaive};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Forecaster, Quantile, Silent, Task};
use ndarray::{Array2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{panel, panel_of};

const DAY: usize = 96;
/// Rows of training, the last of which calibrate, and rows that test.
const ROWS: usize = 21 * DAY;
const VALIDATION: usize = 14 * DAY;
const TEST: usize = 14 * DAY;
/// Members of a zone.
const MEMBERS: usize = 16;

fn kinds() -> Vec<Box<dyn Forecaster>> {
    vec![Box::new(Persistence), Box::new(SeasonalNaive)]
}

fn fit(kind: &dyn Forecaster, training: &Panel, validation: usize) -> Pipeline {
    let task = Task {
        context: 12,
        horizon: 4,
        seed: 1,
    };
    Pipeline::fit(kind, training, validation, &task, &Silent).unwrap()
}

fn quantiles() -> [Quantile; 3] {
    [0.1, 0.5, 0.9].map(|value| Quantile::try_from(value).unwrap())
}

/// Series in turn in the zones `south` and `north`; every fifth lies in none.
fn zones(series: usize) -> Vec<Option<String>> {
    let zone = |series: usize| match (series % 5, series % 2) {
        (4, _) => None,
        (_, 0) => Some("south".to_owned()),
        _ => Some("north".to_owned()),
    };
    (0..series).map(zone).collect()
}

#[test]
fn an_area_is_the_mean_of_its_members_that_are_forecast() {
    let mut values = panel(15 * DAY, 9, 0.0).target().to_owned();
    // The first and the second series say nothing any more: `persistence` refuses them.
    values.slice_mut(s![14 * DAY - 20.., ..2]).fill(f64::NAN);
    let panel = panel_of(values, "15m").with_zones(zones(9));
    for kind in kinds() {
        let pipeline = fit(kind.as_ref(), &panel.rows(0..14 * DAY - 20), 0);
        let list = pipeline.areas().unwrap().list();
        let names: Vec<Option<&str>> = list.iter().map(|area| area.zone.as_deref()).collect();
        assert_eq!(names, [Some("north"), Some("south"), None]);
        assert_eq!(list[0].members, [1, 3, 5, 7], "the city alone has the others, too");
        let origins = [14 * DAY, 14 * DAY + 50];
        let outlook = pipeline.outlook(&panel, &origins).unwrap();
        let answer = pipeline.forecast_areas(&panel, &origins, &outlook, &quantiles());
        let answer = answer.unwrap().unwrap();
        for ((at, area, step), count) in answer.members.indexed_iter() {
            let members = list[area].members.iter();
            let points: Vec<f64> = members
                .map(|&member| outlook.points[(at, member, step)])
                .filter(|point| point.is_finite())
                .collect();
            let mean = points.iter().sum::<f64>() / points.len() as f64;
            let median = answer.forecasts.values[(at, area, step, 1)];
            assert!((median - mean).abs() < 1e-9, "{}: {median} {mean}", kind.name());
            assert_eq!(*count, points.len());
        }
        if kind.name() == "persistence" {
            assert_eq!(answer.members[(1, 2, 0)], 7);
        }
    }
}

#[test]
fn the_quantiles_of_an_area_never_cross_and_are_missing_where_no_member_is_forecast() {
    let mut values = panel(15 * DAY, 9, 0.0).target().to_owned();
    values.slice_mut(s![14 * DAY.., ..]).fill(f64::NAN);
    let panel = panel_of(values, "15m").with_zones(zones(9));
    let pipeline = fit(&Persistence, &panel.rows(0..14 * DAY), 0);
    let origins = [14 * DAY - 1, 14 * DAY + 50];
    let outlook = pipeline.outlook(&panel, &origins).unwrap();
    let answer = pipeline.forecast_areas(&panel, &origins, &outlook, &quantiles());
    let answer = answer.unwrap().unwrap();
    let values = answer.forecasts.values;
    assert_eq!(values.dim(), (2, 3, 4, 3));
    for lane in values.slice(s![0, .., .., ..]).lanes(ndarray::Axis(2)) {
        assert!(lane[0] < lane[1] && lane[1] < lane[2], "{lane}");
    }
    assert!(values.slice(s![1, .., .., ..]).iter().all(|value| value.is_nan()));
    assert!(answer.members.slice(s![1, .., ..]).iter().all(|count| *count == 0));
}

/// Two zones whose members share a fifth of the variance of what they do.
fn together() -> Panel {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut values = Array2::zeros((ROWS + TEST, 2 * MEMBERS));
    for mut row in values.rows_mut() {
        let shared: [f64; 2] = [0, 1].map(|_| random.random_range(-1.0..1.0));
        for (series, value) in row.iter_mut().enumerate() {
            let own: f64 = random.random_range(-1.0..1.0);
            *value = 60.0 + shared[series / MEMBERS] + 2.0 * own;
        }
    }
    let zone = |series: usize| Some(["north", "south"][series / MEMBERS].to_owned());
    panel_of(values, "15m").with_zones((0..2 * MEMBERS).map(zone).collect())
}

/// Of the windows that test, the share of means that lie within the intervals of the areas, and within the means of the members'
/// own intervals; by area.
fn cover(pipeline: &Pipeline, panel: &Panel) -> Vec<(f64, f64)> {
    let origins: Vec<usize> = (ROWS - 1..ROWS + TEST - 5).collect();
    let outlook = pipeline.outlook(panel, &origins).unwrap();
    let answer = pipeline.forecast_areas(panel, &origins, &outlook, &quantiles());
    let own = answer.unwrap().unwrap().forecasts.values;
    let of_members = pipeline.around(panel, &origins, &outlook, &quantiles());
    let of_members = of_members.unwrap().values;
    let areas = pipeline.areas().unwrap();
    let averaged = [0_usize, 2].map(|quantile| areas.means(of_members.slice(s![.., .., .., quantile])));
    let mut held = vec![(0.0, 0.0); areas.list().len()];
    for (area, held) in held.iter_mut().enumerate() {
        let members = &areas.list()[area].members;
        for (at, origin) in origins.iter().enumerate() {
            for step in 0..4 {
                let truth = panel.target().row(origin + step + 1).to_owned();
                let truth = members.iter().map(|&member| truth[member]).sum::<f64>() / members.len() as f64;
                let within = |low: f64, high: f64| f64::from(u8::from(low <= truth && truth <= high));
                let place = (at, area, step);
                held.0 += within(own[(at, area, step, 0)], own[(at, area, step, 2)]);
                held.1 += within(averaged[0][place], averaged[1][place]);
            }
        }
        let all = 4.0 * origins.len() as f64;
        *held = (held.0 / all, held.1 / all);
    }
    held
}

#[test]
fn intervals_hold_at_the_level_of_the_area_however_its_members_move_together() {
    // With a correlation of 1 / 5 the error of a mean of 16 has a standard deviation of sqrt(1 / 5 + 4 / 5 / 16) = 0.5 of a
    // member's: the mean of the members' intervals is twice as wide as it ought to be, and were they independent, half as wide.
    // The cover of one series varies by sqrt(0.8 x 0.2 / 1344) = 0.011 with the windows that calibrate and as much with those
    // that test; errors next to each other repel each other here. Four times both together are 0.06.
    let panel = together();
    let pipeline = fit(&Persistence, &panel.rows(0..ROWS), VALIDATION);
    for (own, averaged) in cover(&pipeline, &panel) {
        assert!((0.74..0.86).contains(&own), "{own}");
        assert!(averaged > 0.95, "{averaged}");
    }
}

#[test]
fn areas_are_saved_with_the_model_to_the_last_bit() {
    let panel = panel(15 * DAY, 9, 0.05).with_zones(zones(9));
    for kind in kinds() {
        let pipeline = fit(kind.as_ref(), &panel.rows(0..14 * DAY), 0);
        let again = Pipeline::load(&pipeline.files().unwrap(), &kinds()).unwrap();
        assert_eq!(again.areas(), pipeline.areas(), "{}", kind.name());
        assert_eq!(again.files().unwrap(), pipeline.files().unwrap());
    }
}

#[test]
fn a_model_that_was_saved_before_there_were_areas_has_none() {
    let panel = panel(15 * DAY, 9, 0.05).with_zones(zones(9));
    let pipeline = fit(&Persistence, &panel, 0);
    let mut parts = pipeline.files().unwrap().parts().unwrap();
    parts.parameters.as_object_mut().unwrap().remove("areas").unwrap();
    parts.tensors.retain(|name, _| !name.starts_with("areas."));
    let old = Pipeline::load(&Files::of(&parts).unwrap(), &kinds()).unwrap();
    assert!(old.areas().is_none());
    let outlook = old.outlook(&panel, &[200]).unwrap();
    let answer = old.forecast_areas(&panel, &[200], &outlook, &quantiles());
    assert_eq!(answer.unwrap(), None);
    let again = pipeline.forecast(&panel, &[200], &quantiles()).unwrap();
    assert_eq!(old.forecast(&panel, &[200], &quantiles()).unwrap(), again);
}

#[test]
fn members_beyond_the_series_of_the_model_are_malformed() {
    let panel = panel(15 * DAY, 3, 0.0).with_zones(zones(3));
    let mut parts = fit(&Persistence, &panel, 0).files().unwrap().parts().unwrap();
    parts.parameters["areas"]["list"][0]["members"] = serde_json::json!([3]);
    let error = Pipeline::load(&Files::of(&parts).unwrap(), &kinds());
    let error = error.err().unwrap();
    assert!(error.is_refusal() && error.to_string().contains("[3]"), "{error}");
}

#[test]
fn a_panel_without_zones_has_the_city_alone() {
    let panel = panel(15 * DAY, 3, 0.0);
    let pipeline = fit(&Persistence, &panel, 0);
    let areas = pipeline.areas().unwrap();
    assert!(!areas.has_zones());
    assert_eq!(areas.list().len(), 1);
    assert_eq!(areas.list()[0].members, [0, 1, 2]);
}

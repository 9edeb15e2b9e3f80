//! The promises of detectors for tables.

use arterial_models::detector::{FittedTableDetector, Table, TableDetector};
use arterial_models::detectors::{for_tables, table_detector};
use arterial_models::{Error, Progress, Silent};
use ndarray::{Array1, Array2, Axis, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROWS: usize = 1200;
const COLUMNS: usize = 4;

fn table(values: Array2<f64>) -> Table {
    let names = (0..values.ncols()).map(|column| format!("column {column}")).collect();
    Table::new(names, values).unwrap()
}

/// Rows of four columns, of which the second follows the first, and behind them eight rows that are far off.
fn values() -> Array2<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(11);
    let mut noise = || (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
    let mut values = Array2::from_shape_simple_fn((ROWS + 8, COLUMNS), &mut noise);
    for mut row in values.rows_mut() {
        row[1] = 100.0 + 20.0 * row[0] + 2.0 * row[1];
        row[3] = row[3].exp();
    }
    for row in 0..8 {
        values[(ROWS + row, 0)] = 9.0 + row as f64 / 10.0;
        values[(ROWS + row, 2)] = -9.0;
    }
    values
}

/// The same with a tenth of the values missing.
fn with_gaps() -> Array2<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(12);
    values().mapv(|value| {
        if generator.random::<f64>() < 0.1 {
            f64::NAN
        } else {
            value
        }
    })
}

fn fit(kind: &dyn TableDetector, training: &Table) -> Box<dyn FittedTableDetector> {
    kind.fit(training, 1, &Silent)
        .unwrap_or_else(|error| panic!("{}: {error}", kind.name()))
}

fn bits(values: &Array1<f64>) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn assert_sound(strangeness: &Array1<f64>, name: &str) {
    assert!(
        strangeness.iter().all(|value| value.is_finite() && *value >= 0.0),
        "{name}"
    );
}

#[test]
fn kinds_are_found_by_their_names_and_other_names_are_refused() {
    for kind in for_tables() {
        assert_eq!(table_detector(kind.name()).unwrap().name(), kind.name());
    }
    let Err(refusal) = table_detector("oracle") else {
        panic!("an oracle was found");
    };
    assert!(refusal.to_string().contains("knn"), "{refusal}");
}

#[test]
fn what_is_far_off_is_stranger_than_all_but_a_few() {
    for kind in for_tables() {
        let table = table(values());
        let strangeness = fit(kind.as_ref(), &table).strangeness(&table).unwrap();
        let mut usual = strangeness.iter().copied().take(ROWS).collect::<Vec<_>>();
        usual.sort_by(f64::total_cmp);
        let high = usual[ROWS * 99 / 100];
        assert!(
            strangeness.iter().skip(ROWS).all(|value| *value > high),
            "{}: {strangeness}",
            kind.name()
        );
    }
}

#[test]
fn shares_name_the_columns_that_are_off() {
    for kind in for_tables() {
        let table = table(values());
        let fitted = fit(kind.as_ref(), &table);
        let rows = [ROWS, 3, ROWS + 7];
        let shares = fitted.shares(&table, &rows).unwrap();
        assert_eq!(shares.dim(), (3, COLUMNS));
        for row in shares.rows() {
            assert!(row.iter().all(|share| *share >= 0.0), "{}: {row}", kind.name());
            assert!(
                (row.sum() - 1.0).abs() < 1e-9 || row.sum() == 0.0,
                "{}: {row}",
                kind.name()
            );
        }
        for row in [shares.row(0), shares.row(2)] {
            assert!(row[0] + row[1] + row[2] > 0.7, "{}: {row}", kind.name());
            assert!(row[3] < 0.3, "{}: {row}", kind.name());
        }
        assert!(fitted.shares(&table, &[ROWS + 8]).is_err(), "{}", kind.name());
    }
}

#[test]
fn a_loaded_detector_scores_the_same_bits() {
    for kind in for_tables() {
        for values in [values(), with_gaps()] {
            let table = table(values);
            let fitted = fit(kind.as_ref(), &table);
            let again = kind.load(&fitted.save().unwrap()).unwrap();
            assert_eq!(again.name(), kind.name());
            assert_eq!(again.columns(), fitted.columns());
            let (one, other) = (fitted.strangeness(&table).unwrap(), again.strangeness(&table).unwrap());
            assert_eq!(bits(&one), bits(&other), "{}", kind.name());
        }
    }
}

#[test]
fn the_same_seed_scores_the_same_bits_at_any_number_of_threads() {
    for kind in for_tables() {
        let table = table(with_gaps());
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bits(&fit(kind.as_ref(), &table).strangeness(&table).unwrap()))
        };
        assert!(run(1) == run(3), "{}", kind.name());
    }
}

#[test]
fn a_row_scores_the_same_alone_as_among_others() {
    for kind in for_tables() {
        let whole = table(with_gaps());
        let fitted = fit(kind.as_ref(), &whole);
        let together = fitted.strangeness(&whole).unwrap();
        for row in [0, 300, ROWS] {
            let one = table(whole.values().select(Axis(0), &[row]));
            let alone = fitted.strangeness(&one).unwrap();
            assert_eq!(alone[0].to_bits(), together[row].to_bits(), "{}", kind.name());
        }
    }
}

#[test]
fn missing_values_give_scores_and_leave_what_is_far_off_strange() {
    for kind in for_tables() {
        let training = table(with_gaps());
        let fitted = fit(kind.as_ref(), &training);
        assert_sound(&fitted.strangeness(&training).unwrap(), kind.name());
        let nothing = f64::NAN;
        let probe = table(array![
            [nothing, nothing, nothing, nothing],
            [12.0, nothing, -12.0, nothing],
            [0.0, 100.0, 0.0, 1.0],
        ]);
        let strangeness = fitted.strangeness(&probe).unwrap();
        assert_sound(&strangeness, kind.name());
        assert!(strangeness[1] > strangeness[0], "{}: {strangeness}", kind.name());
        assert!(strangeness[1] > strangeness[2], "{}: {strangeness}", kind.name());
    }
}

#[test]
fn constant_and_empty_columns_change_nothing_and_break_nothing() {
    for kind in for_tables() {
        let mut all = values();
        all.push_column(Array1::from_elem(ROWS + 8, 5.0).view()).unwrap();
        all.push_column(Array1::from_elem(ROWS + 8, f64::NAN).view()).unwrap();
        let table = table(all);
        let strangeness = fit(kind.as_ref(), &table).strangeness(&table).unwrap();
        assert_sound(&strangeness, kind.name());
        let usual = strangeness.iter().take(ROWS).sum::<f64>() / ROWS as f64;
        assert!(strangeness[ROWS] > usual, "{}", kind.name());
    }
}

#[test]
fn a_table_of_one_value_gives_one_score() {
    for kind in for_tables() {
        let table = table(Array2::from_elem((5000, 2), 3.5));
        let strangeness = fit(kind.as_ref(), &table).strangeness(&table).unwrap();
        assert_sound(&strangeness, kind.name());
        assert!(
            strangeness
                .iter()
                .all(|value| value.to_bits() == strangeness[0].to_bits()),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn a_million_rows_of_one_value_are_quick_and_all_alike() {
    for kind in for_tables() {
        let table = table(Array2::from_elem((1_000_000, 1), -2.0));
        let fitted = fit(kind.as_ref(), &table);
        let strangeness = fitted.strangeness(&table).unwrap();
        assert!(
            strangeness
                .iter()
                .all(|value| value.to_bits() == strangeness[0].to_bits()),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn a_table_that_says_nothing_is_refused_with_what_is_needed() {
    for kind in for_tables() {
        for rows in [0, 1, 3] {
            let refusal = kind.fit(&table(Array2::zeros((rows, 2))), 1, &Silent).err();
            assert!(
                matches!(&refusal, Some(Error::NotEnoughData { got, .. }) if *got == rows),
                "{}: {refusal:?}",
                kind.name()
            );
        }
        let missing = table(Array2::from_elem((100, 2), f64::NAN));
        let refusal = kind.fit(&missing, 1, &Silent).err().map(|error| error.to_string());
        assert!(
            refusal
                .as_ref()
                .is_some_and(|text| text.contains("missing values only")),
            "{}: {refusal:?}",
            kind.name()
        );
    }
}

#[test]
fn an_infinite_value_is_refused_with_its_column_and_row() {
    let names = vec!["speed".to_owned(), "flow".to_owned()];
    let refusal = Table::new(names, array![[1.0, 2.0], [3.0, f64::INFINITY]]).unwrap_err();
    let text = refusal.to_string();
    assert!(
        text.contains("flow") && text.contains("row 2") && refusal.is_bad_input(),
        "{text}"
    );
}

#[test]
fn other_columns_than_the_fitted_ones_are_refused() {
    for kind in for_tables() {
        let training = table(values());
        let fitted = fit(kind.as_ref(), &training);
        let mut names = training.columns().to_vec();
        names.swap(0, 1);
        let swapped = Table::new(names, training.values().clone()).unwrap();
        let fewer = table(training.values().select(Axis(1), &[0, 1]));
        for other in [swapped, fewer] {
            assert!(
                fitted.strangeness(&other).is_err_and(|error| error.is_bad_input()),
                "{}",
                kind.name()
            );
            assert!(fitted.shares(&other, &[0]).is_err(), "{}", kind.name());
        }
    }
}

#[test]
fn a_table_without_rows_has_no_scores() {
    for kind in for_tables() {
        let fitted = fit(kind.as_ref(), &table(values()));
        let empty = table(Array2::zeros((0, COLUMNS)));
        assert_eq!(fitted.strangeness(&empty).unwrap().len(), 0, "{}", kind.name());
        assert_eq!(fitted.shares(&empty, &[]).unwrap().dim(), (0, COLUMNS));
    }
}

#[test]
fn huge_and_tiny_numbers_give_scores() {
    for kind in for_tables() {
        let mut values = values();
        values[(0, 0)] = f64::MAX;
        values[(1, 0)] = f64::MIN;
        values[(2, 1)] = f64::MIN_POSITIVE;
        let table = table(values);
        assert_sound(&fit(kind.as_ref(), &table).strangeness(&table).unwrap(), kind.name());
    }
}

struct Stopped;

impl Progress for Stopped {
    fn report(&self, _done: u64, _total: u64, _message: &str) {}

    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_fit_that_is_told_to_stop_stops() {
    for kind in for_tables() {
        let stopped = kind.fit(&table(values()), 1, &Stopped).err();
        assert!(matches!(stopped, Some(Error::Cancelled)), "{}", kind.name());
    }
}

#[test]
fn parts_of_another_kind_are_refused() {
    let kinds = for_tables();
    let table = table(values());
    for kind in &kinds {
        let parts = fit(kind.as_ref(), &table).save().unwrap();
        for other in kinds.iter().filter(|other| other.name() != kind.name()) {
            assert!(other.load(&parts).is_err(), "{} took {}", other.name(), kind.name());
        }
    }
}

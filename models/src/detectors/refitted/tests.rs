use arterial_datasets::time::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::detector::SeriesDetector;

const ROWS: usize = 2500;

/// A rhythm with noise of one column and its mirror image; in the rows of `strange` the image does not follow.
fn verdicts(kind: &dyn SeriesDetector, strange: &[usize]) -> Vec<Verdict> {
    let mut generator = ChaCha8Rng::seed_from_u64(4);
    let columns = ["speed".to_owned(), "flow".to_owned()];
    let mut watch = kind.start(&columns, 1).unwrap();
    (0..ROWS)
        .map(|row| {
            let noise = 0.1 * (generator.random::<f64>() + generator.random::<f64>() - 1.0);
            let value = (row as f64 * std::f64::consts::TAU / 48.0).sin() + noise;
            let image = if strange.contains(&row) { value + 8.0 } else { -value };
            watch.observe(Timestamp(row as i64 * 300_000_000), &[value, image])
        })
        .collect()
}

#[test]
fn a_row_that_does_not_follow_the_others_is_above_the_line_and_named() {
    let kinds: [&dyn SeriesDetector; 2] = [&SeriesIsolationForest, &SeriesAutoencoder];
    for kind in kinds {
        let verdicts = verdicts(kind, &[1500, 2200]);
        for row in [1500, 2200] {
            assert!(verdicts[row].score.is_alert(), "{}: {:?}", kind.name(), verdicts[row]);
            assert!(
                verdicts[row].reason.contains("flow"),
                "{}: {:?}",
                kind.name(),
                verdicts[row]
            );
        }
        let others = verdicts
            .iter()
            .enumerate()
            .filter(|(row, _)| !(1500..1510).contains(row) && !(2200..2210).contains(row));
        let alerts = others.filter(|(_, verdict)| verdict.score.is_alert()).count();
        assert!(alerts <= 5, "{}: {alerts} false alerts in {ROWS} rows", kind.name());
    }
}

#[test]
fn it_says_that_it_learns_and_for_how_long() {
    let verdicts = verdicts(&SeriesIsolationForest, &[100]);
    assert_eq!(verdicts[0].reason, "learning: 1 of 300 rows");
    assert_eq!(verdicts[299].reason, "learning: 300 of 300 rows");
    assert!(!verdicts[300].reason.contains("learning"));
    assert!(
        verdicts[..300]
            .iter()
            .all(|verdict| verdict.score == AnomalyScore::NONE)
    );
}

#[test]
fn rows_without_a_value_are_nothing_to_learn_from() {
    let mut watch = SeriesIsolationForest.start(&["speed".to_owned()], 1).unwrap();
    for row in 0..400 {
        let verdict = watch.observe(Timestamp(row * 300_000_000), &[f64::NAN]);
        assert_eq!(verdict.reason, "learning: 0 of 300 rows");
    }
    let verdict = watch.observe(Timestamp(400 * 300_000_000), &[1.0]);
    assert_eq!(verdict.reason, "learning: 1 of 300 rows");
}

#[test]
fn fits_come_at_growing_intervals_and_memory_is_bounded() {
    let mut memory = Memory::new();
    let mut fits = Vec::new();
    for row in 1..=20_000_u64 {
        memory.keep(Array1::zeros(1));
        if memory.is_due() {
            fits.push(row);
        }
    }
    assert_eq!(fits, [150, 300, 600, 1200, 2400, 4800, 8896, 12_992, 17_088]);
    assert_eq!(memory.table().nrows(), 4096);
}

/// A model that nothing can be learned by.
struct Never;

impl Model for Never {
    const KIND: &'static str = "never";
    const WIDEST_VIEW: usize = 8;

    fn fit(rows: Array2<f64>, _seed: u64) -> Result<Self> {
        Err(Error::invalid("rows", rows.nrows(), "none at all"))
    }

    fn strangeness(&self, _row: ArrayView1<'_, f64>) -> Result<f64> {
        Ok(1.0)
    }

    fn shares(&self, row: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        Ok(row.to_owned())
    }
}

#[test]
fn a_fit_that_fails_is_told_of_in_every_row_that_it_leaves_unjudged() {
    let mut watch = Refitted::<Never>::start(&["speed".to_owned()], 1, View::new(1, &[])).unwrap();
    let verdicts: Vec<Verdict> = (0..400)
        .map(|row| watch.observe(Timestamp(row * 300_000_000), &[1.0]))
        .collect();
    assert!(verdicts.iter().all(Verdict::is_learning));
    assert_eq!(verdicts[299].reason, "learning: 300 of 300 rows");
    assert_eq!(
        verdicts[300].reason,
        "learning: `never` could not be fitted: `rows` is `300`, accepted: none at all"
    );
    assert_eq!(
        watch.observe(Timestamp(0), &[f64::NAN]).reason,
        verdicts[300].reason,
        "a row without a value is no better known"
    );
}

#[test]
fn more_columns_than_can_be_fitted_are_refused_with_what_is_accepted() {
    let kinds: [(&dyn SeriesDetector, usize); 2] = [(&SeriesIsolationForest, 819), (&SeriesAutoencoder, 512)];
    for (kind, most) in kinds {
        let columns: Vec<String> = (0..900).map(|number| format!("sensor {number}")).collect();
        let said = kind.start(&columns, 1).err().unwrap().to_string();
        let expected = format!(
            "`number of columns` is `900`, accepted: 1 to {most} for `{}`",
            kind.name()
        );
        assert!(said.starts_with(&expected), "{said}");
        assert!(kind.start(&columns[..most], 1).is_ok());
        assert!(kind.start(&columns[..=most], 1).is_err());
    }
}

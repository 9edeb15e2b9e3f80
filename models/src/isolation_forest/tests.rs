use ndarray::{Array1, Array2, Axis, array, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Rows around zero in `columns` columns, and behind them `far` rows at 8.
fn cloud(rows: usize, columns: usize, far: usize) -> Array2<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    let mut noise = || (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
    Array2::from_shape_fn((rows + far, columns), |(row, _)| {
        if row < rows { noise() } else { 8.0 + noise() / 4.0 }
    })
}

fn forest(values: &Array2<f64>, extension: usize) -> Forest {
    let parameters = ForestParameters {
        extension,
        ..ForestParameters::default()
    };
    Forest::fit(parameters, values.view(), 3).unwrap()
}

fn bits(values: &Array1<f64>) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn rows_far_from_the_others_are_the_strangest_at_every_level_of_extension() {
    let values = cloud(2000, 5, 4);
    for extension in 0..5 {
        let scores = forest(&values, extension).score(values.view()).unwrap();
        let (near, far) = scores.view().split_at(Axis(0), 2000);
        let most = near.fold(0.0_f64, |most, score| most.max(*score));
        assert!(far.iter().all(|score| *score > most), "{extension}: {most} {far}");
        let mean = near.mean().unwrap();
        assert!(
            (0.4..0.52).contains(&mean),
            "{extension}: the average row scores {mean}"
        );
    }
}

#[test]
fn an_extended_forest_finds_what_is_strange_in_no_single_column() {
    let mut values = cloud(2000, 2, 0);
    for mut row in values.rows_mut() {
        row[1] = row[0] + 0.05 * row[1];
    }
    let probe = array![[1.5, -1.5], [1.5, 1.5]];
    let of = |extension| forest(&values, extension).score(probe.view()).unwrap();
    let (parallel, extended) = (of(0), of(1));
    assert!(extended[0] - extended[1] > 0.1, "{extended}");
    assert!(extended[0] - extended[1] > parallel[0] - parallel[1]);
}

#[test]
fn a_tree_of_two_rows_splits_them_and_stops() {
    let values = array![[1.0, 5.0], [2.0, 5.0]];
    let forest = forest(&values, 0);
    for tree in &forest.trees {
        assert_eq!(tree.offset.len(), 2);
        assert_eq!(tree.column[1], 0, "the other column is constant");
        assert!((1.0..2.0).contains(&tree.offset[1]));
        assert_eq!(tree.path, [1.0, 1.0]);
    }
    // Every path is as long as the average one, so that the score is one half.
    let scores = forest.score(values.view()).unwrap();
    assert!(scores.iter().all(|score| (score - 0.5).abs() < 1e-15));
}

#[test]
fn rows_that_are_all_alike_make_no_split_and_are_average() {
    let forest = forest(&Array2::from_elem((500, 3), 4.0), 0);
    let scores = forest.score(array![[4.0, 4.0, 4.0], [9.0, 4.0, 4.0]].view()).unwrap();
    assert!(scores.iter().all(|score| (score - 0.5).abs() < 1e-12), "{scores}");
}

#[test]
fn every_training_row_lies_as_deep_as_its_tree_says() {
    // Fewer rows than a tree takes: each tree holds all of them, and leaves of single rows lie at their own depth.
    let values = Array2::from_shape_fn((9, 1), |(row, _)| (row * row) as f64);
    for tree in &forest(&values, 0).trees {
        let depth_of = |value: f64| {
            let (mut node, mut depth) = (1, 0.0);
            while node < tree.offset.len() && tree.offset[node] < f64::MAX {
                node = 2 * node + usize::from(value > tree.offset[node]);
                depth += 1.0;
            }
            (tree.mean[node], depth)
        };
        let depths: Vec<(f64, f64)> = values.column(0).iter().map(|value| depth_of(*value)).collect();
        // Four levels for nine rows: above the last level leaves hold one row each.
        assert!(
            depths
                .iter()
                .all(|(path, depth)| *depth > 3.5 || (path - depth).abs() < 1e-12),
            "{depths:?}"
        );
        let mean = depths.iter().map(|(path, _)| path).sum::<f64>() / 9.0;
        assert!((tree.mean[1] - mean).abs() < 1e-12);
    }
}

#[test]
fn the_mean_path_of_random_splits_is_the_average_path_length() {
    // Between evenly spaced rows each split is as likely as every other, which is what the average path length assumes.
    let forest = forest(&Array2::from_shape_fn((4000, 1), |(row, _)| row as f64), 0);
    let mean = forest.trees.iter().map(|tree| tree.mean[1]).sum::<f64>() / 100.0;
    let expected = average_path_length(256);
    assert!((mean - expected).abs() < 0.4, "{mean} against {expected}");
}

#[test]
fn the_same_seed_gives_the_same_forest_at_any_number_of_threads_and_another_seed_another() {
    let values = cloud(1500, 4, 3);
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let forest = Forest::fit(ForestParameters::default(), values.view(), seed).unwrap();
            let scores = forest.score(values.view()).unwrap();
            (forest, bits(&scores))
        })
    };
    let one = run(1, 5);
    assert!(one == run(4, 5));
    assert!(one.1 != run(4, 6).1);
}

#[test]
fn rows_score_the_same_alone_as_among_others() {
    let values = cloud(700, 3, 2);
    for extension in [0, 1] {
        let forest = forest(&values, extension);
        let together = forest.score(values.view()).unwrap();
        for row in [0, 17, 255, 256, 701] {
            let alone = forest.score(values.slice(s![row..=row, ..])).unwrap();
            assert_eq!(alone[0].to_bits(), together[row].to_bits());
        }
    }
}

#[test]
fn a_missing_value_is_neither_strange_nor_usual() {
    let values = cloud(2000, 3, 4);
    for extension in [0, 2] {
        let forest = forest(&values, extension);
        let average = forest.trees.iter().map(|tree| tree.mean[1]).sum::<f64>() / 100.0;
        let expected = (-average / average_path_length(256)).exp2();
        let probe = array![
            [f64::NAN, f64::NAN, f64::NAN],
            [8.0, 8.0, f64::NAN],
            [8.0, 8.0, 8.0],
            [0.0, 0.0, f64::NAN]
        ];
        let scores = forest.score(probe.view()).unwrap();
        assert!(
            (scores[0] - expected).abs() < 1e-9,
            "a row without values is the average row"
        );
        assert!(
            scores[1] > scores[0] && scores[1] > scores[3],
            "what is known still counts: {scores}"
        );
        assert!(scores[1] < scores[2] + 1e-9, "{scores}");
    }
}

#[test]
fn missing_values_in_training_leave_the_order_of_rows() {
    let mut values = cloud(2000, 3, 4);
    let whole = values.clone();
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    values.mapv_inplace(|value| {
        if generator.random::<f64>() < 0.2 {
            f64::NAN
        } else {
            value
        }
    });
    for extension in [0, 2] {
        let scores = forest(&values, extension).score(whole.view()).unwrap();
        let most = scores.iter().take(2000).fold(0.0_f64, |most, score| most.max(*score));
        assert!(scores.iter().skip(2000).all(|score| *score > most));
    }
}

#[test]
fn the_column_that_is_off_has_the_largest_share() {
    let values = cloud(2000, 4, 0);
    for extension in [0, 1, 3] {
        let forest = forest(&values, extension);
        let shares = forest.shares(array![0.1, 0.0, 9.0, -0.1].view()).unwrap();
        assert!((shares.sum() - 1.0).abs() < 1e-12);
        assert!(shares.iter().all(|share| *share >= 0.0));
        let least = if extension == 0 { 0.8 } else { 0.4 };
        assert!(shares[2] > least, "{extension}: {shares}");
        let nothing = forest.shares(Array1::from_elem(4, f64::NAN).view()).unwrap();
        assert!(nothing.sum().abs() < 1e-15);
    }
}

#[test]
fn a_loaded_forest_is_the_saved_one() {
    let values = cloud(500, 3, 2);
    for extension in [0, 1] {
        let forest = forest(&values, extension);
        let parts = forest.save("forest").unwrap();
        let again = Forest::load(&parts, "forest").unwrap();
        assert_eq!(again, forest);
        assert!(Forest::load(&parts, "other").is_err());
        let name = if extension == 0 { "column" } else { "component_column" };
        let mut wrong = parts.clone();
        let Some(crate::artefact::Tensor::F64(column)) = wrong.tensors.get_mut(name) else {
            panic!("no {name}");
        };
        column.fill(3.0);
        assert!(Forest::load(&wrong, "forest").is_err(), "a column that is not there");
    }
}

#[test]
fn the_largest_numbers_there_are_give_scores() {
    let mut values = cloud(300, 2, 0);
    values[(0, 0)] = f64::MAX;
    values[(1, 0)] = f64::MIN;
    values[(2, 1)] = f64::MIN_POSITIVE;
    for extension in [0, 1] {
        let scores = forest(&values, extension).score(values.view()).unwrap();
        assert!(scores.iter().all(|score| *score > 0.0 && *score <= 1.0));
    }
}

#[test]
fn parameters_out_of_range_and_other_columns_are_refused() {
    let values = cloud(50, 3, 0);
    for (trees, sample) in [(0, 256), (100_000, 256), (100, 1), (100, 5000)] {
        let parameters = ForestParameters {
            trees,
            sample,
            extension: 0,
        };
        assert!(Forest::fit(parameters, values.view(), 1).is_err());
    }
    assert!(Forest::fit(ForestParameters::default(), values.slice(s![..1, ..]), 1).is_err());
    assert!(forest(&values, 0).score(values.slice(s![.., ..2])).is_err());
}

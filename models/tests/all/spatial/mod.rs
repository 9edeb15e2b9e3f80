//! Clusters beside those of scikit-learn.

use arterial_models::spatial::{Dbscan, Position};

#[test]
fn labels_are_those_of_scikit_learn_near_the_pole_and_across_the_date_line_too() {
    let mut places = Vec::new();
    let mut expected = Vec::new();
    for line in include_str!("fixtures/places.csv").lines().skip(1) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        places.push(Position::new(cells[0], cells[1]).unwrap());
        expected.push(usize::try_from(cells[2] as i64).ok());
    }
    assert!(expected.iter().flatten().max().unwrap() >= &4 && expected.contains(&None));
    let dbscan = Dbscan::new(0.2, 5.0).unwrap();
    let labels = dbscan.labels(&places, &vec![1.0; places.len()]).unwrap();
    assert_eq!(labels, expected);
}

use super::*;
use crate::kernels::checks::{self, add, map};

fn norm(x: &[f64], gain: &[f64], shift: &[f64]) -> Vec<f64> {
    let width = gain.len();
    let normalise = |row: &[f64]| -> Vec<f64> {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        (0..width)
            .map(|i| (row[i] - mean) * scale * gain[i] + shift[i])
            .collect()
    };
    x.chunks(width).flat_map(normalise).collect()
}

fn attend(sizes: Sizes, projected: &[f64]) -> Vec<f64> {
    let Sizes {
        length, width, heads, ..
    } = sizes;
    let depth = width / heads;
    let at = |step: usize, part: usize, column: usize| projected[step * 3 * width + part * width + column];
    let mut output = vec![0.0; length * width];
    for head in 0..heads {
        for step in 0..length {
            let score = |other: usize| {
                let dot = (0..depth)
                    .map(|i| at(step, 0, head * depth + i) * at(other, 1, head * depth + i))
                    .sum::<f64>();
                (dot / (depth as f64).sqrt()).exp()
            };
            let total: f64 = (0..length).map(score).sum();
            for i in 0..depth {
                let sum: f64 = (0..length)
                    .map(|other| score(other) * at(other, 2, head * depth + i))
                    .sum();
                output[step * width + head * depth + i] = sum / total;
            }
        }
    }
    output
}

fn formula(sizes: Sizes, [data, parameters]: &[Vec<f64>; 2]) -> Vec<f64> {
    let mut rest = &**parameters;
    let mut take = |count: usize| {
        let (part, after) = rest.split_at(count);
        rest = after;
        part
    };
    let (width, hidden) = (sizes.width, sizes.hidden);
    let projected = map(data, take(3 * width * width), take(3 * width));
    let context: Vec<f64> = projected
        .chunks(sizes.length * 3 * width)
        .flat_map(|one| attend(sizes, one))
        .collect();
    let attended = map(&context, take(width * width), take(width));
    let middle = norm(&add(data, &attended), take(width), take(width));
    let sums = map(&middle, take(width * hidden), take(hidden));
    let active: Vec<f64> = sums.into_iter().map(|x| x.max(0.0)).collect();
    let mapped = map(&active, take(hidden * width), take(width));
    norm(&add(&middle, &mapped), take(width), take(width))
}

#[test]
fn output_and_gradients_agree_with_the_formula() {
    for (length, width, heads, hidden, sequences) in
        [(1, 2, 1, 3, 2), (5, 6, 2, 7, 3), (12, 10, 1, 4, 2), (18, 10, 5, 4, 2)]
    {
        let make = |instructions| EncoderLayer::new(length, width, heads, hidden, instructions).unwrap();
        let sizes = make(Instructions::portable()).sizes;
        checks::agrees_with_formula(make, sequences, &move |inputs| formula(sizes, inputs));
    }
}

#[test]
fn instruction_sets_agree_over_many_and_long_sequences() {
    for (length, width, sequences) in [(7, 12, 60), (12, 60, 20), (16, 48, 5), (131, 12, 3)] {
        let make = |instructions| EncoderLayer::new(length, width, 3, 20, instructions).unwrap();
        checks::instruction_sets_agree(make, sequences);
    }
}

#[test]
fn widths_that_heads_do_not_divide_are_refused() {
    let error = EncoderLayer::new(5, 10, 3, 4, Instructions::detect())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "`heads` is `3`, accepted: divisors of the width, 10");
}

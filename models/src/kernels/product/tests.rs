use pulp::{Simd, WithSimd};

use super::*;
use crate::kernels::Instructions;

/// Numbers without pattern, the same in each run.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn packed_of(instructions: Instructions, matrix: View<'_>) -> Packed {
    let mut packed = Packed::default();
    packed.pack(instructions, matrix);
    packed
}

/// The product in `f64`, element by element.
fn reference(left: View<'_>, right: View<'_>) -> Vec<f64> {
    let at = |view: View<'_>, row, column| f64::from(view.data[row * view.row_step + column * view.column_step]);
    let mut product = Vec::new();
    for row in 0..left.rows {
        for column in 0..right.columns {
            product.push((0..left.columns).map(|k| at(left, row, k) * at(right, k, column)).sum());
        }
    }
    product
}

const SHAPES: [(usize, usize, usize); 11] = [
    (1, 1, 1),
    (3, 5, 9),
    (15, 130, 40),
    (28, 6, 16),
    (5, 3, 7),
    (6, 16, 64),
    (7, 72, 256),
    (13, 300, 65),
    (32, 17, 100),
    (12, 0, 5),
    (9, 600, 31),
];

fn close(got: &[f32], wanted: &[f64]) {
    assert_eq!(got.len(), wanted.len());
    for (&got, &wanted) in got.iter().zip(wanted) {
        assert!((f64::from(got) - wanted).abs() < 1e-4, "{got} is not {wanted}");
    }
}

#[test]
fn products_of_odd_shapes_agree_with_the_definition_in_all_instruction_sets() {
    for instructions in Instructions::available() {
        for (rows, depth, columns) in SHAPES {
            let (a, b) = (numbers(rows * depth, 1), numbers(depth * columns, 2));
            let straight = (View::new(&a, rows, depth), View::new(&b, depth, columns));
            let turned = (
                View::new(&a, depth, rows).transposed(),
                View::new(&b, columns, depth).transposed(),
            );
            for (left, right) in [straight, turned] {
                let packed = packed_of(instructions, right);
                let mut target = vec![9.0; rows * columns];
                multiply(
                    instructions,
                    left,
                    &packed,
                    (Start::Zero, Finish::Keep),
                    &mut target,
                    columns,
                );
                close(&target, &reference(left, right));
            }
        }
    }
}

#[test]
fn starts_and_finishes_are_applied_once_each() {
    let (rows, depth, columns) = (7, 301, 37);
    let (a, b, old) = (
        numbers(rows * depth, 3),
        numbers(depth * columns, 4),
        numbers(rows * columns, 5),
    );
    let bias = numbers(columns, 6);
    let (left, right) = (View::new(&a, rows, depth), View::new(&b, depth, columns));
    let product = reference(left, right);
    let value = |start: Start<'_>, at: usize| match start {
        Start::Zero => product[at],
        Start::Target => product[at] + f64::from(old[at]),
        Start::Bias(bias) => product[at] + f64::from(bias[at % columns]),
        Start::Residual(bias, matrix) => product[at] + f64::from(bias[at % columns]) + f64::from(matrix[at]),
    };
    for instructions in Instructions::available() {
        let packed = packed_of(instructions, right);
        for start in [
            Start::Zero,
            Start::Target,
            Start::Bias(&bias),
            Start::Residual(&bias, &old),
        ] {
            for finish in [Finish::Keep, Finish::Relu, Finish::WherePositive(&old)] {
                let mut target = old.clone();
                multiply(instructions, left, &packed, (start, finish), &mut target, columns);
                let finished = |at: usize| match finish {
                    Finish::Keep => value(start, at),
                    Finish::Relu => value(start, at).max(0.0),
                    Finish::WherePositive(matrix) => {
                        if matrix[at] > 0.0 {
                            value(start, at)
                        } else {
                            0.0
                        }
                    }
                };
                close(&target, &(0..rows * columns).map(finished).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_target_inside_wider_rows_leaves_its_neighbours_alone() {
    let (a, b) = (numbers(10 * 4, 7), numbers(4 * 5, 8));
    let (left, right) = (View::new(&a, 10, 4), View::new(&b, 4, 5));
    for instructions in Instructions::available() {
        let mut target = vec![9.0; 10 * 8];
        let packed = packed_of(instructions, right);
        multiply(
            instructions,
            left,
            &packed,
            (Start::Zero, Finish::Keep),
            &mut target[2..],
            8,
        );
        for row in target.chunks(8) {
            assert!(
                [row[0], row[1], row[7]]
                    .iter()
                    .all(|value| value.to_bits() == 9.0_f32.to_bits())
            );
        }
    }
}

struct Unpacked<'a>(View<'a>, View<'a>, &'a mut [f32], usize);

impl WithSimd for Unpacked<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        multiply_unpacked(simd, self.0, self.1, (self.2, self.3));
    }
}

#[test]
fn products_of_what_is_read_in_place_agree_with_the_definition_in_all_instruction_sets() {
    for instructions in Instructions::available() {
        for (rows, depth, columns) in SHAPES.into_iter().filter(|shape| shape.1 > 0) {
            let (a, b) = (numbers(rows * depth, 9), numbers(depth * (columns + 3), 10));
            let right = View::strided(&b, depth, columns, columns + 3);
            for left in [View::new(&a, rows, depth), View::new(&a, depth, rows).transposed()] {
                let mut target = vec![9.0; rows * (columns + 2)];
                instructions.run(Unpacked(left, right, &mut target, columns + 2));
                let (got, around): (Vec<_>, Vec<_>) = target
                    .chunks(columns + 2)
                    .map(|row| (&row[..columns], &row[columns..]))
                    .unzip();
                close(&got.concat(), &reference(left, right));
                assert!(around.concat().iter().all(|value| value.to_bits() == 9.0_f32.to_bits()));
            }
        }
    }
}

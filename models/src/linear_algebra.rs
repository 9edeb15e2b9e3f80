//! Least squares by normal equations, in 64-bit floats.

use ndarray::{Array1, Array2};

use crate::{Error, Result};

/// Solves `matrix x = right` for a symmetric positive definite matrix, by Cholesky's decomposition.
///
/// # Errors
/// A matrix that is not positive definite, or values that are not finite.
pub(crate) fn solve(mut matrix: Array2<f64>, right: &Array1<f64>) -> Result<Array1<f64>> {
    let size = right.len();
    for column in 0..size {
        for row in column..size {
            let mut value = matrix[(row, column)];
            for before in 0..column {
                value -= matrix[(row, before)] * matrix[(column, before)];
            }
            if row > column {
                matrix[(row, column)] = value / matrix[(column, column)];
            } else if value > 0.0 && value.is_finite() {
                matrix[(column, column)] = value.sqrt();
            } else {
                return Err(Error::Singular("normal equations"));
            }
        }
    }
    let mut solution = right.clone();
    for row in 0..size {
        for before in 0..row {
            solution[row] -= matrix[(row, before)] * solution[before];
        }
        solution[row] /= matrix[(row, row)];
    }
    for row in (0..size).rev() {
        for behind in row + 1..size {
            solution[row] -= matrix[(behind, row)] * solution[behind];
        }
        solution[row] /= matrix[(row, row)];
    }
    Ok(solution)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_solution_fits_the_equations() {
        let matrix = array![[4.0, 2.0, 0.4], [2.0, 5.0, 1.0], [0.4, 1.0, 3.0]];
        let right = array![1.0, -2.0, 0.5];
        let solution = solve(matrix.clone(), &right).unwrap();
        for (got, expected) in matrix.dot(&solution).iter().zip(&right) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_matrix_without_solution_is_refused() {
        assert!(solve(array![[1.0, 1.0], [1.0, 1.0]], &array![1.0, 2.0]).is_err());
        assert!(solve(array![[f64::NAN]], &array![1.0]).is_err());
    }
}

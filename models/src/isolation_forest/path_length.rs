//! How deep a row lies in a random tree on the average.

/// The average depth of one of `rows` rows in a random binary tree that isolates each of them:
///
/// ```text
/// c(n) = 2 H(n - 1) - 2 (n - 1) / n,   H(i) = 1 + 1/2 + ... + 1/i,   c(0) = c(1) = 0
/// ```
///
/// Equation 1 of Liu et al., with the harmonic number summed instead of approximated by a logarithm, which is 8 % too much at
/// n = 3 and matters most where paths end.
#[must_use]
pub fn average_path_length(rows: usize) -> f64 {
    if rows < 2 {
        return 0.0;
    }
    let harmonic: f64 = (1..rows).rev().map(|number| 1.0 / number as f64).sum();
    2.0 * harmonic - 2.0 * (rows - 1) as f64 / rows as f64
}

#[cfg(test)]
mod tests {
    use super::average_path_length;

    #[test]
    fn it_is_the_mean_depth_of_all_random_trees_of_few_rows() {
        // Two rows: one split. Three rows: one of them is cut off first, so depths 1, 2, 2.
        assert!(average_path_length(0).abs() < 1e-15);
        assert!(average_path_length(1).abs() < 1e-15);
        assert!((average_path_length(2) - 1.0).abs() < 1e-15);
        assert!((average_path_length(3) - 5.0 / 3.0).abs() < 1e-15);
        // Four rows split 1:3, 2:2 or 3:1 alike: 1 + (c(3) * 3/4 + c(2) + c(3) * 3/4) / 3.
        let four = 1.0 + (2.0 * 0.75 * 5.0 / 3.0 + 1.0) / 3.0;
        assert!((average_path_length(4) - four).abs() < 1e-15);
    }

    #[test]
    fn it_follows_the_recursion_of_random_splits() {
        // c(n) = 1 + sum over splits i : n - i of (i c(i) + (n - i) c(n - i)) / n, each split alike.
        for rows in 2_usize..200 {
            let of_split = |left: usize| left as f64 / rows as f64 * average_path_length(left);
            let below: f64 = (1..rows).map(|left| 2.0 * of_split(left)).sum::<f64>() / (rows - 1) as f64;
            assert!((average_path_length(rows) - 1.0 - below).abs() < 1e-11, "{rows}");
        }
    }

    #[test]
    fn it_is_near_the_logarithm_of_the_paper_for_many_rows() {
        let of_paper = 2.0 * (255_f64.ln() + 0.577_215_664_901_532_9) - 2.0 * 255.0 / 256.0;
        assert!((average_path_length(256) - of_paper).abs() < 5e-3);
    }
}

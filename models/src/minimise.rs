//! The simplex method of Nelder and Mead (1965), with a fixed start and a fixed number of evaluations.

/// The point near `start` where `error` is least, after about `evaluations` evaluations. `spans` are the edges of the
/// first simplex. `error` may be infinite outside of the allowed range.
pub(crate) fn minimise<const N: usize>(
    start: [f64; N],
    spans: [f64; N],
    evaluations: usize,
    mut error: impl FnMut(&[f64; N]) -> f64,
) -> [f64; N] {
    let mut corners: Vec<([f64; N], f64)> = vec![(start, error(&start))];
    for axis in 0..N {
        let mut corner = start;
        corner[axis] += spans[axis];
        corners.push((corner, error(&corner)));
    }
    let mut used = corners.len();
    while used < evaluations {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        let worst = corners[N];
        let center = center(&corners[..N]);
        let mut attempt = |factor: f64| {
            used += 1;
            let point = std::array::from_fn(|axis| center[axis] + factor * (worst.0[axis] - center[axis]));
            (point, error(&point))
        };
        let reflected = attempt(-1.0);
        corners[N] = if reflected.1 < corners[0].1 {
            let further = attempt(-2.0);
            if further.1 < reflected.1 { further } else { reflected }
        } else if reflected.1 < corners[N - 1].1 {
            reflected
        } else {
            let nearer = attempt(if reflected.1 < worst.1 { -0.5 } else { 0.5 });
            if nearer.1 < worst.1.min(reflected.1) {
                nearer
            } else {
                used += N;
                let best = corners[0].0;
                for corner in &mut corners[1..] {
                    corner.0 = std::array::from_fn(|axis| f64::midpoint(best[axis], corner.0[axis]));
                    corner.1 = error(&corner.0);
                }
                corners[N]
            }
        };
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    corners[0].0
}

fn center<const N: usize>(corners: &[([f64; N], f64)]) -> [f64; N] {
    std::array::from_fn(|axis| corners.iter().map(|corner| corner.0[axis]).sum::<f64>() / corners.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_point_of_a_bowl_is_found() {
        let found = minimise([0.0, 0.0], [0.5, 0.5], 120, |[x, y]| {
            (x - 1.0).powi(2) + 3.0 * (y + 2.0).powi(2)
        });
        assert!(
            (found[0] - 1.0).abs() < 1e-3 && (found[1] + 2.0).abs() < 1e-3,
            "{found:?}"
        );
    }
}

//! What a mistyped name may have been meant to be.

use strsim::osa_distance;

/// The most slips in a name: letters that are wrong, missing, too many, or swapped with the next one.
const SLIPS: usize = 2;

/// Those of `known` that `name` may have been meant to be, the nearest first.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|one| (osa_distance(&name, &one.to_lowercase()), one))
        .filter(|(slips, _)| *slips <= SLIPS)
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_a_slip_or_two_lead_to_are_near_and_others_are_not() {
        let known = ["champion", "challenger", "canary", "shadow"];
        assert_eq!(near("champoin", known), ["champion"]);
        assert_eq!(near("Canry", known), ["canary"]);
        assert_eq!(near("europe", known), [""; 0]);
    }

    #[test]
    fn the_nearest_name_stands_first() {
        assert_eq!(near("Z99", ["Z01", "Z09", "Z19", "north"]), ["Z09", "Z19", "Z01"]);
    }
}

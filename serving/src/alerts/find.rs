//! One alert by its id, or by the beginning of it.

use std::collections::HashMap;
use std::sync::Arc;

use super::revision::AlertRevision;
use super::store::unknown;
use crate::{Error, Result};

/// Several alerts that are named where a beginning is not enough.
const NAMED: usize = 5;

/// The alert whose id is `beginning`, or the only one whose id begins with it.
///
/// # Errors
/// No such alert at hand, or several, which the error names; no beginning at all.
pub(super) fn only<'a>(
    by_id: &'a HashMap<String, Arc<AlertRevision>>,
    beginning: &str,
) -> Result<&'a Arc<AlertRevision>> {
    if beginning.is_empty() {
        return Err(unknown(beginning));
    }
    if let Some(whole) = by_id.get(beginning) {
        return Ok(whole);
    }
    let begin_so: Vec<_> = by_id.iter().filter(|(id, _)| id.starts_with(beginning)).collect();
    match begin_so.as_slice() {
        [] => Err(Error::Unknown {
            what: "alert",
            name: beginning.into(),
            known: "those of `/v1/alerts` and ListAlerts, or the beginnings of their ids".into(),
        }),
        [(_, found)] => Ok(*found),
        several => {
            let ids = several.iter().map(|(id, _)| id.as_str()).collect();
            let accepted = format!("more of the id: {} begin so", some(ids));
            Err(Error::invalid("alert_id", beginning, accepted))
        }
    }
}

/// The first of these ids in their order, and how many more there are.
fn some(mut ids: Vec<&str>) -> String {
    ids.sort_unstable();
    let more = ids.len().saturating_sub(NAMED);
    ids.truncate(NAMED);
    let named = ids.join(", ");
    if more == 0 {
        return named;
    }
    format!("{named} and {more} more")
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::State as Stage;

    use super::*;
    use crate::alerts::revision::examples::revision;

    fn alerts(ids: &[&str]) -> HashMap<String, Arc<AlertRevision>> {
        let alert = |id: &&str| ((*id).to_owned(), Arc::new(revision(1, id, 0, Stage::Open)));
        ids.iter().map(alert).collect()
    }

    #[test]
    fn an_alert_is_found_by_the_beginning_of_its_id_where_no_other_begins_so() {
        let alerts = alerts(&["ab12", "ab34", "ab345"]);
        let found = |beginning: &str| only(&alerts, beginning).map(|one| one.alert.alert_id.as_str());
        assert_eq!(found("ab1").unwrap(), "ab12");
        assert_eq!(found("ab34").unwrap(), "ab34");
        let several = found("ab").unwrap_err().to_string();
        assert!(several.ends_with("ab12, ab34, ab345 begin so"), "{several}");
        let none = found("x").unwrap_err().to_string();
        assert!(none.contains("`/v1/alerts` and ListAlerts"), "{none}");
        let nothing = found("").unwrap_err().to_string();
        assert!(nothing.contains("`alert_id` is missing"), "{nothing}");
    }

    #[test]
    fn of_many_ids_that_begin_alike_the_first_are_named() {
        let ids: Vec<String> = (10..18).map(|number| format!("ab{number}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let said = only(&alerts(&ids), "ab").unwrap_err().to_string();
        assert!(
            said.ends_with("ab10, ab11, ab12, ab13, ab14 and 3 more begin so"),
            "{said}"
        );
    }
}

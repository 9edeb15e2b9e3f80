//! Which kinds of model a command line asks for.

use arterial_models::Forecaster;
use arterial_models::forecasters::by_name;

use crate::{Error, Result};

/// The word for every kind there is.
pub const ALL: &str = "all";

/// The kinds named in `names`, in that order and each once; `all` is every one of `list`. `option` is what asked for them.
///
/// # Errors
/// No name, or one that is not in `list`: the message names those that are.
pub fn choose<'a>(list: &'a [Box<dyn Forecaster>], names: &[String], option: &str) -> Result<Vec<&'a dyn Forecaster>> {
    let mut chosen: Vec<&dyn Forecaster> = Vec::new();
    let mut add = |kind: &'a dyn Forecaster| {
        if chosen.iter().all(|known| known.name() != kind.name()) {
            chosen.push(kind);
        }
    };
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if name == ALL {
            for kind in list {
                add(kind.as_ref());
            }
        } else {
            add(by_name(list, name).map_err(|_| unknown(list, name, option))?);
        }
    }
    if chosen.is_empty() {
        Err(unknown(list, &names.join(","), option))
    } else {
        Ok(chosen)
    }
}

fn unknown(list: &[Box<dyn Forecaster>], name: &str, option: &str) -> Error {
    let known: Vec<&str> = list.iter().map(|kind| kind.name()).collect();
    Error::invalid(
        option,
        name,
        format!("{}, or {ALL} for every one of them", known.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use arterial_models::forecasters::{Persistence, SeasonalNaive};

    fn names(text: &str) -> Result<Vec<&'static str>> {
        let list: Vec<Box<dyn Forecaster>> = vec![Box::new(Persistence), Box::new(SeasonalNaive)];
        let asked: Vec<String> = text.split(',').map(str::to_owned).collect();
        Ok(choose(&list, &asked, "--model")?
            .into_iter()
            .map(Forecaster::name)
            .collect())
    }

    #[test]
    fn models_come_in_the_order_asked_for_and_once() {
        assert_eq!(
            names("seasonal-naive,persistence,seasonal-naive").unwrap(),
            ["seasonal-naive", "persistence"]
        );
        assert_eq!(names("all").unwrap(), ["persistence", "seasonal-naive"]);
        assert_eq!(names("seasonal-naive, all").unwrap(), ["seasonal-naive", "persistence"]);
    }

    #[test]
    fn an_unknown_model_is_refused_with_those_that_exist() {
        for text in ["lstm", "persistence,Lstm", ""] {
            let error = names(text).unwrap_err().to_string();
            assert!(
                error.starts_with("`--model` is") && error.contains("persistence, seasonal-naive, or all"),
                "{error}"
            );
        }
    }
}

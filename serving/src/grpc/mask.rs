//! Field masks (`google.protobuf.FieldMask`): which fields of a message are sent.

use std::collections::BTreeSet;

use arterial_proto::{FieldMask, v1};

use crate::{Error, Result};

/// A message that can be sent in part.
pub trait Maskable {
    /// The names of its fields.
    const FIELDS: &'static [&'static str];

    /// Empties every field that is not in `mask`.
    fn keep(&mut self, mask: &Mask);
}

/// The fields that are sent: all of them, or these.
#[derive(Debug, Clone, Default)]
pub struct Mask(Option<BTreeSet<String>>);

impl Mask {
    /// The fields of `M` that `mask` names; all where it names none, or `*`.
    ///
    /// # Errors
    /// A path that is no field of `M`.
    pub fn of<M: Maskable>(mask: Option<FieldMask>) -> Result<Self> {
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        if paths.is_empty() || paths.iter().any(|path| path == "*") {
            return Ok(Self(None));
        }
        match paths.iter().find(|path| !M::FIELDS.contains(&path.as_str())) {
            Some(unknown) => Err(Error::invalid("read_mask", unknown, M::FIELDS.join(", "))),
            None => Ok(Self(Some(paths.into_iter().collect()))),
        }
    }

    /// Whether all fields are sent.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// `message` with the fields that are sent.
    pub fn apply<M: Maskable>(&self, mut message: M) -> M {
        if !self.is_all() {
            message.keep(self);
        }
        message
    }

    /// Whether a field is sent.
    pub fn has(&self, field: &str) -> bool {
        self.0.as_ref().is_none_or(|fields| fields.contains(field))
    }
}

macro_rules! maskable {
    ($message:ty: $($field:ident)+) => {
        impl Maskable for $message {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn keep(&mut self, mask: &Mask) {
                $(if !mask.has(stringify!($field)) {
                    self.$field = Default::default();
                })+
            }
        }
    };
}

maskable!(v1::Forecast: key origin target_time horizon_minutes quantiles model model_version step_of_ladder data_age_seconds topic
    target issued_at data_digest newest_window newest_revision revised_windows explanation);
maskable!(v1::Alert: alert_id revision sequence kind severity state opened_at changed_at closed_at expected_end topic target key keys
    zone_id road geometry_json peak_score certainty vehicle_hours seen expected_low expected_high unit cause text acknowledgement
    judgement history since peak_at held_back_by merged_into symptom place_name lat lon learning);
maskable!(v1::Table: name columns);
maskable!(v1::Route: rank road_id road_name zones congestion jam_factor speed_kmh free_flow_kmh inputs window_start places);
maskable!(v1::GetModelResponse: model manifest_json card_markdown);

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> FieldMask {
        let paths = paths.iter().map(ToString::to_string).collect();
        FieldMask { paths }
    }

    #[test]
    fn fields_that_are_not_named_are_not_sent() {
        let table = v1::Table {
            name: "alerts".into(),
            columns: vec![v1::Column::default()],
        };
        for all in [
            None,
            Some(mask(&[])),
            Some(mask(&["*"])),
            Some(mask(&["name", "columns"])),
        ] {
            assert_eq!(Mask::of::<v1::Table>(all).unwrap().apply(table.clone()), table);
        }
        let named = Mask::of::<v1::Table>(Some(mask(&["name"]))).unwrap().apply(table);
        assert_eq!((named.name.as_str(), named.columns.len()), ("alerts", 0));
    }

    #[test]
    fn a_field_that_there_is_not_is_refused_with_those_that_there_are() {
        let error = Mask::of::<v1::Table>(Some(mask(&["columns.name"])))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "`read_mask` is `columns.name`, accepted: name, columns");
    }

    #[test]
    fn every_field_of_a_message_can_be_named() {
        // Each message prints its fields by name.
        fn check<M: Maskable + Default + std::fmt::Debug>() {
            let printed = format!("{:?}", M::default());
            assert_eq!(printed.matches(": ").count(), M::FIELDS.len(), "{printed}");
            assert!(
                M::FIELDS.iter().all(|field| printed.contains(&format!("{field}: "))),
                "{printed}"
            );
        }
        check::<v1::Forecast>();
        check::<v1::Alert>();
        check::<v1::Table>();
        check::<v1::Route>();
        check::<v1::GetModelResponse>();
    }
}

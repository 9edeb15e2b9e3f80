//! The names that may stand in answers and parameters, for the description of the interface: taken from the types that have them.

use arterial_models::alerts::{Cause, Kind, Language, Severity, State, Symptom};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::accept::Format;
use super::params::Parameter;
use crate::analytics::HotSpotKind;
use crate::score::{LadderStep, RefusalCode};

macro_rules! names {
    ($($name:ident of $what:ty: $description:literal,)*) => {
        $(
            #[doc = $description]
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new()
                        .schema_type(Type::String)
                        .description(Some($description))
                        .enum_values(Some(<$what>::ALL.iter().map(|one| one.name())))
                        .into()
                }
            }

            impl ToSchema for $name {}
        )*
    };
}

names! {
    AlertKind of Kind: "What an alert is about.",
    AlertSeverity of Severity: "How bad it is, from vehicle hours lost and certainty.",
    AlertState of State: "open, acknowledged, resolved or reopened.",
    AlertCause of Cause: "The likely cause.",
    AlertSymptom of Symptom: "What was strange.",
    LanguageName of Language: "A language of texts.",
    LadderStepName of LadderStep: "Who gave a forecast: the champion, the champion before it, or the key's own profile.",
    RefusalCodeName of RefusalCode: "Why there is no forecast.",
    HotSpotKindName of HotSpotKind: "What clusters.",
    FormatName of Format: "The form of an answer.",
}

macro_rules! parameters {
    ($($what:ty),*) => {
        $(
            impl Parameter for $what {
                fn read(text: &str) -> Result<Self, String> {
                    let found = <$what>::ALL.iter().find(|one| one.name() == text).copied();
                    found.ok_or_else(|| <$what>::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "))
                }
            }
        )*
    };
}

parameters!(Kind, Severity, State, Language, HotSpotKind);

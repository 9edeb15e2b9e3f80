//! The registry's models, newest first.

use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arterial_datasets::schema::instant;

use crate::Result;
use crate::registry_list::{Listed, Shelf};

/// The dataset's name.
pub(super) const NAME: &str = "models";

pub(super) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let whole = |name: &str| Field::new(name, DataType::Int32, false);
    Arc::new(Schema::new(vec![
        text("model"),
        text("model_version"),
        text("topic"),
        text("target"),
        text("kind"),
        text("aliases"),
        whole("horizon_steps"),
        text("step"),
        whole("series"),
        text("timezone"),
        text("data_sha256"),
        Field::new("feature_set", DataType::Utf8, true),
        Field::new("created_at", instant(), false),
    ]))
}

pub(super) async fn rows(shelf: &Shelf) -> Result<RecordBatch> {
    let models = shelf.list().await?;
    let text =
        |of: &dyn Fn(&Listed) -> String| Arc::new(models.iter().map(|one| Some(of(one))).collect::<StringArray>());
    let whole =
        |of: &dyn Fn(&Listed) -> usize| Arc::new(models.iter().map(|one| Some(of(one) as i32)).collect::<Int32Array>());
    let created: TimestampMicrosecondArray = models.iter().map(|one| Some(one.manifest.created_at.0)).collect();
    let sets = models
        .iter()
        .map(|one| one.manifest.features.as_ref().map(ToString::to_string));
    Ok(RecordBatch::try_new(
        schema(),
        vec![
            text(&|one| one.manifest.name.clone()),
            text(&|one| one.manifest.version.to_string()),
            text(&|one| one.manifest.target.topic.clone()),
            text(&|one| one.manifest.target.field.clone()),
            text(&|one| one.manifest.kind.clone()),
            text(&|one| one.alias_names().join(",")),
            whole(&|one| one.manifest.horizon),
            text(&|one| one.manifest.step.to_string()),
            whole(&|one| one.manifest.series),
            text(&|one| one.manifest.timezone.clone()),
            text(&|one| one.manifest.data.sha256.clone()),
            Arc::new(sets.collect::<StringArray>()),
            Arc::new(created.with_timezone("UTC")),
        ],
    )?)
}

//! What the windows of one stream hold, worked out once from its definition.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arterial_datasets::schema;
use arterial_datasets::stream::{Aggregate, Field, FieldType, StreamDefinition};
use sha2::{Digest, Sha256};

use super::fixed::Scale;

/// One place or attribute of which windows keep the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its column in the windows table.
    pub column: String,
    /// Whether it is a text rather than a number.
    pub is_text: bool,
}

/// The shape of a stream's windows.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The stream.
    pub definition: Arc<StreamDefinition>,
    /// The schema of its windows table.
    pub schema: SchemaRef,
    /// The units of each value field.
    pub scales: Vec<Scale>,
    /// The aggregates of each value field, in column order.
    pub aggregates: Vec<Vec<Aggregate>>,
    /// Where the counts of each category field begin, and behind the last one their number.
    pub category_starts: Vec<usize>,
    /// The places and attributes of which the last is kept, in column order.
    pub descriptions: Vec<Description>,
    /// Tells states of another shape apart.
    pub fingerprint: u64,
}

impl Layout {
    /// The shape of `definition`'s windows.
    #[must_use]
    pub fn new(definition: Arc<StreamDefinition>) -> Self {
        let scales = definition
            .value_fields()
            .map(|field| Scale::for_range(field.range))
            .collect();
        let aggregates = definition.value_fields().map(Field::window_aggregates).collect();
        let mut category_starts = vec![0];
        for field in definition.category_fields() {
            category_starts.push(category_starts[category_starts.len() - 1] + field.values.len());
        }
        Self {
            schema: schema::windows(&definition),
            scales,
            aggregates,
            category_starts,
            descriptions: descriptions(&definition),
            fingerprint: fingerprint(&definition),
            definition,
        }
    }

    /// How many value fields there are.
    #[must_use]
    pub fn values(&self) -> usize {
        self.scales.len()
    }

    /// How many category counts there are, all fields together.
    #[must_use]
    pub fn counts(&self) -> usize {
        self.category_starts.last().copied().unwrap_or(0)
    }

    /// The length of a window in microseconds.
    #[must_use]
    pub fn window(&self) -> i64 {
        self.definition.window.0
    }

    /// The start of the window that holds `time`.
    #[inline]
    #[must_use]
    pub fn window_start(&self, time: i64) -> i64 {
        time.div_euclid(self.window()) * self.window()
    }
}

fn descriptions(definition: &StreamDefinition) -> Vec<Description> {
    let described = |field: &Field| {
        let is_text = field.kind == FieldType::Text;
        let columns = field.window_columns().into_iter();
        columns
            .map(move |column| Description { column, is_text })
            .collect::<Vec<_>>()
    };
    definition.descriptive_fields().flat_map(described).collect()
}

/// Everything that the bytes of a state depend on: window length, values with their units, categories with their values.
fn fingerprint(definition: &StreamDefinition) -> u64 {
    let mut digest = Sha256::new();
    digest.update(definition.window.0.to_le_bytes());
    for field in definition.value_fields() {
        digest.update(format!(
            "value {} {:?}\n",
            field.column(),
            Scale::for_range(field.range)
        ));
    }
    for field in definition.category_fields() {
        digest.update(format!("category {} {:?}\n", field.column(), field.values));
    }
    let digest: [u8; 32] = digest.finalize().into();
    u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

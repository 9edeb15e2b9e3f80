//! A dataset as `DataFusion` reads it: streamed by several readers, with the columns, keys, times and days that a query wants.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt, stream};

use super::pushdown;
use crate::flight::{Dataset, Known, Query, Share};

/// A dataset under a query.
pub(super) struct DatasetTable(pub Arc<Dataset>);

impl fmt::Debug for DatasetTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("DatasetTable").field(&self.0.name).finish()
    }
}

#[async_trait]
impl TableProvider for DatasetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.schema)
    }

    fn table_type(&self) -> TableType {
        if self.0.is_view() {
            TableType::View
        } else {
            TableType::Base
        }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if pushdown::is_of_use(filter, &self.0) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.0.schema.project(columns)?),
            None => self.schema(),
        };
        let mut query = Query {
            dataset: self.0.name.clone(),
            columns: Some(schema.fields().iter().map(|field| field.name().clone()).collect()),
            ..Query::default()
        };
        pushdown::narrow(filters, &self.0, &mut query);
        let query = Arc::new(query);
        let known = Arc::new(Known::default());
        let of = self.0.shares(session.config().target_partitions());
        let parts = (0..of).map(|part| {
            Arc::new(Part {
                dataset: Arc::clone(&self.0),
                query: Arc::clone(&query),
                schema: Arc::clone(&schema),
                share: Share { part, of },
                known: Arc::clone(&known),
            }) as Arc<dyn PartitionStream>
        });
        let plan = StreamingTableExec::try_new(Arc::clone(&schema), parts.collect(), None, None, false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// What one reader reads.
struct Part {
    dataset: Arc<Dataset>,
    query: Arc<Query>,
    schema: SchemaRef,
    share: Share,
    known: Arc<Known>,
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Part")
            .field(&self.query)
            .field(&self.share)
            .finish()
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (dataset, query, share) = (Arc::clone(&self.dataset), Arc::clone(&self.query), self.share);
        let known = Arc::clone(&self.known);
        let batches = stream::once(async move { dataset.read_share(&query, Some(share), &known).await })
            .try_flatten()
            .map_err(|error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches.boxed()))
    }
}

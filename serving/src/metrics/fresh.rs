//! What is computed when it is asked for: gauges that grow while nothing happens, and what others count.

use arterial_datasets::time::{SECOND, Timestamp};

use super::Metric;
use crate::state::AppState;

impl AppState {
    /// Every metric as of now, in Prometheus' text format 0.0.4.
    pub fn metrics_text(&self) -> String {
        self.measure();
        self.metrics.render()
    }

    /// Sets what depends on the time of day, and what the lake counts.
    fn measure(&self) {
        let now = self.clock.now();
        let since = |then: Timestamp| now.0.saturating_sub(then.0) as f64 / SECOND as f64;
        for stream in self.live.streams() {
            let definition = stream.definition();
            // After a restart the newest window of the lake says it, until the first commit.
            let newest = stream.latest().map(|start| Timestamp(start.0 + definition.window.0));
            let watermark = stream.closed_until().filter(|known| *known > Timestamp(i64::MIN));
            if let Some(closed) = watermark.or(newest) {
                self.metrics
                    .set_by(Metric::LiveLag, "topic", &definition.name, since(closed));
            }
        }
        for issue in self.scores.newest() {
            let target = issue.target.to_string();
            let end = Timestamp(issue.origin.0 + issue.step.0);
            self.metrics.set_by(Metric::ForecastAge, "target", &target, since(end));
        }
        if let Some(tables) = &self.tables {
            let cache = tables.cache_use();
            self.metrics.set(Metric::LakeBytes, cache.bytes as f64);
            self.metrics.set(Metric::LakeHits, cache.hits as f64);
        }
    }
}

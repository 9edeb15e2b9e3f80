//! Aligned tables for people.

use std::fmt::Write;

use crate::document::{AreaScore, Document, Score};

/// A table: names to the left, numbers to the right.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these column names.
    pub fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            head: head.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the head are not shown.
    pub fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.rows.push(Vec::new());
    }

    /// The table as text: the first column to the left, a column of numbers to the right.
    pub fn render(&self) -> String {
        let columns = self.head.len();
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            lines()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let numeric: Vec<bool> = (0..columns)
            .map(|column| column > 0 && self.is_numeric(column))
            .collect();
        let mut text = String::new();
        for row in lines() {
            let cells = row.iter().take(columns).enumerate().map(|(column, cell)| {
                let space = " ".repeat(widths[column] - cell.chars().count());
                if numeric[column] {
                    format!("{space}{cell}")
                } else {
                    format!("{cell}{space}")
                }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn is_numeric(&self, column: usize) -> bool {
        let number = |cell: &String| cell == "-" || cell.trim_end_matches('%').trim().parse::<f64>().is_ok();
        self.rows.iter().filter_map(|row| row.get(column)).all(number)
    }
}

/// A number with `digits` decimals; `-` where it does not exist.
pub fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A backtest for people: what was measured, then a row a model and step.
pub fn backtest(document: &Document) -> String {
    let (data, protocol) = (&document.data, &document.protocol);
    let split = protocol
        .split
        .clone()
        .unwrap_or_else(|| format!("{} folds", protocol.folds.len()));
    let first = protocol.folds.first();
    let mut text = format!(
        "{}: {} series x {} rows of {} s ({}), {:.1} % missing\n",
        data.path,
        data.series,
        data.steps,
        data.step_seconds,
        data.timezone,
        100.0 * data.missing_share
    );
    let _ = write!(
        text,
        "split {split}: {} training rows, {} test windows from row {}, context {}, horizon {}, seed {}\n\n",
        first.map_or(0, |fold| fold.train_rows),
        protocol.test_windows,
        protocol.test_start,
        protocol.context,
        protocol.horizon,
        protocol.seed
    );
    text.push_str(&scores(&document.scores).render());
    if !document.areas.is_empty() {
        text.push_str("\nMeans over the members of zones and of the city, with intervals of their own:\n");
        text.push_str(&areas(&document.areas).render());
    }
    text.push_str(&remarks(document));
    text
}

fn scores(scores: &[Score]) -> Table {
    let mut table = Table::new([
        "model", "step", "minutes", "MAE", "MAE 1-n", "RMSE", "RMSE 1-n", "MAPE %", "MASE", "wQL", "in 80 %", "width",
        "skill",
    ]);
    let mut before: Option<&str> = None;
    for score in scores {
        if before.is_some_and(|model| model != score.model) {
            table.gap();
        }
        before = Some(&score.model);
        let metrics = &score.metrics;
        table.push([
            score.model.clone(),
            score.step.to_string(),
            format!("{}", score.minutes),
            number(metrics.mae, 3),
            number(score.mae_through, 3),
            number(metrics.rmse, 3),
            number(score.rmse_through, 3),
            number(metrics.mape, 2),
            number(metrics.mase, 3),
            number(metrics.wql, 4),
            number(score.coverage_80.map(|share| 100.0 * share), 1),
            number(score.width_80, 3),
            number(metrics.skill, 3),
        ]);
    }
    table
}

fn areas(scores: &[AreaScore]) -> Table {
    let mut table = Table::new(["model", "level", "step", "minutes", "MAE", "in 80 %", "forecasts"]);
    for score in scores {
        table.push([
            score.model.clone(),
            score.level.name().to_owned(),
            score.step.to_string(),
            format!("{}", score.minutes),
            number(score.mae, 3),
            number(score.coverage_80.map(|share| 100.0 * share), 1),
            score.forecasts.to_string(),
        ]);
    }
    table
}

/// What has to be said so that nobody compares what cannot be compared.
fn remarks(document: &Document) -> String {
    let mut text = String::new();
    for note in &document.notes {
        let _ = writeln!(text, "\nnote: {note}");
    }
    let refused: Vec<&Score> = document.scores.iter().filter(|score| score.refused > 0).collect();
    if !refused.is_empty() {
        text.push_str("\nRefused for want of data; MAE of every model where all of them have a forecast:\n");
        let mut table = Table::new(["model", "step", "refused", "scored", "in common", "MAE in common"]);
        for score in document
            .scores
            .iter()
            .filter(|score| refused.iter().any(|other| other.step == score.step))
        {
            table.push([
                score.model.clone(),
                score.step.to_string(),
                score.refused.to_string(),
                score.forecasts.to_string(),
                score.common.to_string(),
                number(score.metrics.mae_common, 3),
            ]);
        }
        text.push_str(&table.render());
    }
    text.push('\n');
    let mut timing = Table::new(["model", "fit s", "predict s", "forecasts"]);
    for row in &document.timing {
        timing.push([
            row.model.clone(),
            format!("{:.2}", row.fit_seconds),
            format!("{:.2}", row.predict_seconds),
            row.forecasts.to_string(),
        ]);
    }
    text.push_str(&timing.render());
    text.push_str(
        "\n1-n: over steps 1 to this one. skill: 1 - MAE / MAE of seasonal-naive on the same windows. MASE: in units\n",
    );
    let _ = writeln!(
        text,
        "of the series' own seasonal-naive error on the training part (season {} rows). wQL over quantiles {}.",
        document.protocol.mase_season_steps,
        document
            .protocol
            .quantiles
            .iter()
            .map(|fraction| format!("{fraction:.3}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    text
}

//! `auto`: the calibrated sum of evidence that we recommend for any stream.

use arterial_datasets::time::{DAY, Timestamp};

use super::column::Column;
use super::company::{Company, Row};
use super::day::{Clock, Day, Slot, Usual};
use super::evidence::Evidence;
use super::gate::Gate;
use super::line::Line;
use super::{learning, rows_of, usable};
use crate::Result;
use crate::detector::{AnomalyScore, SeriesDetector, Verdict, Watch};

/// Rows before the first score.
pub(super) const WARM: u64 = 150;
/// Rows in which one false alert is accepted where the times do not tell how many there are in a week.
pub(super) const ROWS_A_WEEK: f64 = 2016.0;

/// Asks each row several plain questions, turns each answer into its surprise among the earlier answers, `-ln P` from the tail of their
/// distribution, and adds the surprises up: evidence of different kinds that agrees is what an event looks like, while noise is
/// rarely surprising in more than one way at once.
///
/// A single column is asked for news: was such a value ever seen, such a course of three values, was the level of the last 50 rows ever so
/// far off, was it ever so calm? Rows of several columns are asked in every row: do the values fit the time of the day, each other, and
/// the rows most like this one? Each of the two has its own line, and the higher score is the row's.
///
/// The line is the sum that was news at most once a week so far, not counting the three highest: at most about one false alert a week and
/// series, and three more over the first weeks.
/// Where the times tell no step, 2,016 rows are taken for a week. The first 150 rows have no score, and what needs the time of the day
/// says nothing before the fifth day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Auto;

impl SeriesDetector for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn start(&self, columns: &[String], _seed: u64) -> Result<Box<dyn Watch>> {
        rows_of(columns)?;
        Ok(Box::new(AutoWatch::new(columns)))
    }
}

/// Evidence that is added up, and the line for its sum.
#[derive(Debug)]
struct Voice {
    found: Vec<Evidence>,
    line: Line,
}

impl Voice {
    fn new(line: Line) -> Self {
        Self {
            found: Vec::new(),
            line,
        }
    }

    /// The sum of the surprises in units of the line, which learns it where the `weeks` since the row before are given.
    fn speak(&mut self, pieces: usize, weeks: Option<f64>) -> f64 {
        let total: f64 = self.found.iter().map(|evidence| evidence.surprise).sum();
        let score = total / self.line.now(pieces);
        if let Some(weeks) = weeks {
            self.line.learn(total, weeks);
        }
        score
    }

    /// The most surprising finding.
    fn most(&self) -> Option<&Evidence> {
        self.found.iter().max_by(|a, b| a.surprise.total_cmp(&b.surprise))
    }
}

/// `auto` at work on one stream.
#[derive(Debug)]
pub(super) struct AutoWatch {
    names: Vec<String>,
    rows: u64,
    clock: Clock,
    columns: Vec<Column>,
    days: Vec<Day>,
    gate: Gate,
    news: Voice,
    company: Option<(Company, Voice)>,
}

impl AutoWatch {
    pub(super) fn new(names: &[String]) -> Self {
        let count = names.len();
        Self {
            names: names.to_vec(),
            rows: 0,
            clock: Clock::default(),
            columns: (0..count).map(|number| Column::new(number, count == 1)).collect(),
            days: vec![Day::default(); count],
            gate: Gate::new(),
            news: Voice::new(Line::new()),
            company: (count > 1).then(|| (Company::new(count), Voice::new(Line::of_lasting()))),
        }
    }

    /// The scores of the news and of the company.
    fn weigh(&mut self, at: Timestamp, values: &[f64]) -> (f64, f64) {
        let values: Vec<Option<f64>> = values.iter().map(|value| usable(*value)).collect();
        let slot = self.clock.observe(at);
        let usual = self.days.iter().map(|day| slot.and_then(|slot| day.usual(slot)));
        let usual: Vec<Option<Usual>> = usual.collect();
        self.rows = self.rows.saturating_add(1);
        let weeks = self.clock.weeks().unwrap_or(1.0 / ROWS_A_WEEK);
        let weeks = (self.rows > WARM).then_some(weeks);
        let company = self.company.as_mut().map_or(0.0, |(company, voice)| {
            let row = Row {
                values: &values,
                usual: &usual,
                time: slot.map(|_| at.0.rem_euclid(DAY) as f64 / DAY as f64),
                awaited: slot.is_some_and(|slot| !slot.known) && self.clock.days_are_near(),
                columns: &self.columns,
            };
            voice.found.clear();
            let pieces = company.observe(&row, &mut voice.found);
            voice.speak(pieces, weeks)
        });
        self.ask_columns(slot, &values, &usual);
        (self.news.speak(1, weeks), company)
    }

    /// Gathers the news of the column that has the most. One event is told once, by whatever kind of news; and as more columns have more
    /// news by chance, the logarithm of their number is taken off (Bonferroni's correction).
    fn ask_columns(&mut self, slot: Option<Slot>, values: &[Option<f64>], usual: &[Option<Usual>]) {
        self.news.found.clear();
        let mut highest = 0.0;
        for (number, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let mut news = Vec::new();
            self.columns[number].observe(value, usual[number], &mut news);
            self.learn_day(number, slot, value);
            let total: f64 = news.iter().map(|evidence| evidence.surprise).sum();
            if total > highest {
                (highest, self.news.found) = (total, news);
            }
        }
        let counted = (highest - (values.len() as f64).ln()).max(0.0);
        let share = if self.gate.opens(counted) {
            counted / highest
        } else {
            0.0
        };
        for evidence in &mut self.news.found {
            evidence.surprise *= share;
        }
    }

    fn learn_day(&mut self, number: usize, slot: Option<Slot>, value: f64) {
        if let (Some(slot), Some(slots)) = (slot, self.clock.slots()) {
            let scale = self.columns[number].scale();
            self.days[number].learn(slot, slots, value, scale.centre(), scale.unit());
        }
    }
}

impl Watch for AutoWatch {
    fn observe(&mut self, at: Timestamp, values: &[f64]) -> Verdict {
        let (news, company) = self.weigh(at, values);
        if self.rows <= WARM {
            return learning(self.rows, WARM);
        }
        let score = AnomalyScore::try_from(news.max(company)).unwrap_or(AnomalyScore::NONE);
        let louder = match &self.company {
            Some((_, voice)) if company > news => voice,
            _ => &self.news,
        };
        let reason = match louder.most() {
            Some(most) if score.is_alert() => most.finding.sentence(&self.names),
            _ => String::new(),
        };
        Verdict { score, reason }
    }
}

//! `auto`: the calibrated sum of evidence that we recommend for any stream.

use arterial_datasets::time::{DAY, Timestamp};

use super::column::Column;
use super::company::{Company, Row};
use super::day::{Clock, Day, Slot, Usual};
use super::evidence::{Evidence, Finding};
use super::extent::Extent;
use super::gate::Gate;
use super::line::Line;
use super::{learning, rows_of, usable, without_value};
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
/// the rows most like this one? Each of the two has its own line, and the higher score is the row's. A value that lies outside of all that was
/// seen for days by more than half of their range is above the line whatever else is said.
///
/// Of an incomplete row each question is asked for which enough is known. A column that never had a value is as if it were not there, so
/// that one beside it is a single column; with its first value the comparison of columns begins anew, and counts again 150 rows later.
///
/// The line is the sum that was news at most once a week so far, not counting the three highest: at most about one false alert a week and
/// series, and three more over the first weeks.
/// Where the times tell no step, 2,016 rows are taken for a week. The first 150 rows with a value have no score, and what needs the time
/// of the day says nothing before the fifth day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Auto;

impl SeriesDetector for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn warm_up(&self) -> u64 {
        WARM
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
    /// Those with a value.
    rows: u64,
    clock: Clock,
    columns: Vec<Column>,
    days: Vec<Day>,
    extents: Vec<Extent>,
    gate: Gate,
    news: Voice,
    /// Once two columns had a value; begun anew with the first value of each further one.
    company: Option<(Company, Voice)>,
}

impl AutoWatch {
    pub(super) fn new(names: &[String]) -> Self {
        let count = names.len();
        Self {
            names: names.to_vec(),
            rows: 0,
            clock: Clock::default(),
            columns: (0..count).map(Column::new).collect(),
            days: vec![Day::default(); count],
            extents: vec![Extent::default(); count],
            gate: Gate::new(),
            news: Voice::new(Line::new()),
            company: None,
        }
    }

    /// The scores of the news and of the company.
    fn weigh(&mut self, at: Timestamp, slot: Option<Slot>, values: &[Option<f64>]) -> (f64, f64) {
        let lived = self.columns.iter().filter(|column| column.seen() > 0).count();
        let living = self.living(values);
        if living > lived.max(1) {
            self.company = Some((Company::new(values.len()), Voice::new(Line::of_lasting())));
        }
        let usual = self.days.iter().map(|day| slot.and_then(|slot| day.usual(slot)));
        let usual: Vec<Option<Usual>> = usual.collect();
        let weeks = self.clock.weeks().unwrap_or(1.0 / ROWS_A_WEEK);
        let company = self.company.as_mut().map_or(0.0, |(company, voice)| {
            let row = Row {
                values,
                usual: &usual,
                time: slot.map(|_| at.0.rem_euclid(DAY) as f64 / DAY as f64),
                awaited: slot.is_some_and(|slot| !slot.known) && self.clock.days_are_near(),
                columns: &self.columns,
            };
            voice.found.clear();
            let pieces = company.observe(&row, &mut voice.found);
            let warm = company.rows() > WARM;
            let score = voice.speak(pieces, warm.then_some(weeks));
            if warm { score } else { 0.0 }
        });
        self.ask_columns(slot, values, &usual, living);
        let warm = self.rows > WARM;
        (self.news.speak(1, warm.then_some(weeks)), company)
    }

    /// How many columns ever had a value, up to this row.
    fn living(&self, values: &[Option<f64>]) -> usize {
        let pairs = self.columns.iter().zip(values);
        let living = pairs.filter(|(column, value)| column.seen() > 0 || value.is_some());
        living.count()
    }

    /// Gathers the news of the column that has the most. One event is told once, by whatever kind of news; and as more columns have more
    /// news by chance, the logarithm of the number of those that are `living` is taken off (Bonferroni's correction). The first values of
    /// a column that came later than others are no news, as the first rows are none.
    fn ask_columns(&mut self, slot: Option<Slot>, values: &[Option<f64>], usual: &[Option<Usual>], living: usize) {
        self.news.found.clear();
        let mut highest = 0.0;
        for (number, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let mut news = Vec::new();
            let knows = self.columns[number].seen() >= (self.rows - 1).min(WARM);
            self.columns[number].observe(value, usual[number], living == 1, &mut news);
            self.learn_day(number, slot, value);
            let total: f64 = news.iter().map(|evidence| evidence.surprise).sum();
            if knows && total > highest {
                (highest, self.news.found) = (total, news);
            }
        }
        let counted = (highest - (living as f64).ln()).max(0.0);
        let share = if self.gate.opens(counted) {
            counted / highest
        } else {
            0.0
        };
        for evidence in &mut self.news.found {
            evidence.surprise *= share;
        }
    }

    /// How far outside of all that was seen the farthest value of a row of several columns lies, once the range has been seen for some days,
    /// and which it is. A single column is asked for news of its values instead.
    fn beyond(&mut self, slot: Option<Slot>, values: &[Option<f64>]) -> (f64, Option<Finding>) {
        let settled = slot.is_some_and(|slot| slot.known);
        let mut most = (0.0, None);
        for (column, (extent, value)) in self.extents.iter_mut().zip(values).enumerate() {
            let Some(value) = *value else { continue };
            let far = extent.beyond(value);
            if let Some((low, high)) = extent.ends().filter(|_| settled && far > most.0) {
                let finding = Finding::Beyond {
                    column,
                    value,
                    low,
                    high,
                };
                most = (far, Some(finding));
            }
            extent.learn(value, settled);
        }
        if self.company.is_some() { most } else { (0.0, None) }
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
        let values: Vec<Option<f64>> = values.iter().map(|value| usable(*value)).collect();
        let slot = self.clock.observe(at);
        if values.iter().all(Option::is_none) {
            if let Some((company, _)) = &mut self.company {
                company.interrupt();
            }
            return without_value(self.rows, WARM);
        }
        self.rows = self.rows.saturating_add(1);
        let (news, company) = self.weigh(at, slot, &values);
        let (beyond, farthest) = self.beyond(slot, &values);
        if self.rows <= WARM {
            return learning(self.rows, WARM);
        }
        let score = AnomalyScore::try_from(news.max(company).max(beyond)).unwrap_or(AnomalyScore::NONE);
        let louder = match &self.company {
            Some((_, voice)) if company > news => voice,
            _ => &self.news,
        };
        let most = louder.most().map(|most| most.finding);
        let told = if beyond >= 1.0 { farthest } else { most };
        let reason = match told {
            Some(finding) if score.is_alert() => finding.sentence(&self.names),
            _ => String::new(),
        };
        Verdict { score, reason }
    }
}

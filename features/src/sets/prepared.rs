//! Everything about a panel that does not depend on the horizon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arterial_datasets::Result;
use arterial_datasets::feature::{Waits, Wanted};
use arterial_datasets::panel::{ChannelRole, Panel};
use ndarray::{Array2, ArrayView2, s};

use super::covariates::OBSERVED;
use super::daily::Daily;
use super::frame::compute;
use super::layout::Layout;
use super::level::LEVEL;
use super::neighbours::{NEIGHBOURS, network};
use super::profile::PROFILE;
use super::recent::RECENT;
use super::spread::SPREAD;
use super::standard::State;
use super::target::TARGET;

/// A named column.
pub(super) type Named = (String, Array2<f32>);

/// A panel's values beside what was usual at their time.
pub(super) struct Deviations {
    pub daily: Daily,
    /// The kept columns of [`PROFILE`] for targets on the origin's own day.
    pub today: Arc<Vec<Array2<f32>>>,
    /// The kept columns of [`RECENT`].
    pub recent: Vec<Array2<f32>>,
}

impl Deviations {
    pub fn compute(panel: &Panel, wanted: Option<Wanted<'_>>, waits: Waits<'_>) -> Result<Self> {
        let daily = Daily::new(panel, wanted, waits)?;
        let today = profiles(&daily, 0, waits)?;
        let rows = daily.section.rows.clone();
        let target = panel.target();
        let target = target.slice(s![rows.clone(), ..]);
        let mut profile = Array2::from_elem(target.dim(), f64::NAN);
        for (moment, mut row) in daily.moments[rows].iter().zip(profile.rows_mut()) {
            waits.go_on()?;
            row.zip_mut_with(&today[0].row(daily.row(moment.day, moment.slot)), |to, from| {
                *to = f64::from(*from);
            });
        }
        let layout = Layout {
            ahead: 0,
            ..daily.layout
        };
        let inputs = [("y", target), ("profile", profile.view())];
        let recent = compute(&RECENT, layout, &inputs, waits)?;
        Ok(Self {
            daily,
            today: Arc::new(today),
            recent,
        })
    }

    /// Deviations from the profile, time x series.
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.recent[place(RECENT.kept, "deviation")].view()
    }
}

fn place(names: &[&str], name: &str) -> usize {
    names.iter().position(|kept| *kept == name).unwrap_or(0)
}

/// The profiles for targets `ahead` local days after the origin's.
fn profiles(daily: &Daily, ahead: usize, waits: Waits<'_>) -> Result<Vec<Array2<f32>>> {
    let (work, target_work) = (daily.work_days(0), daily.work_days(ahead));
    let layout = Layout {
        ahead: ahead as i64,
        ..daily.layout
    };
    let inputs = [
        ("y", daily.values.view()),
        ("work", work.view()),
        ("target_work", target_work.view()),
    ];
    compute(&PROFILE, layout, &inputs, waits)
}

/// The features of one panel, horizon apart.
pub struct Prepared {
    pub(super) columns: Vec<String>,
    pub(super) steps: usize,
    pub(super) series: usize,
    pub(super) daily: Daily,
    /// Columns by row of the panel, from the first row that is computed.
    pub(super) rows: Vec<Named>,
    /// Columns by local day.
    pub(super) days: Vec<Named>,
    /// Columns by local day and slot that do not depend on how far the target's day is.
    pub(super) slots: Vec<Named>,
    /// Channels known ahead, by row of the panel and behind its last one.
    pub(super) ahead: Vec<Named>,
    /// Static attributes; one row.
    pub(super) attributes: Vec<Named>,
    /// The kept columns of [`PROFILE`] by days to the target's day.
    tables: Mutex<BTreeMap<usize, Arc<Vec<Array2<f32>>>>>,
}

impl Prepared {
    pub(super) fn new(panel: &Panel, state: &State, wanted: Option<Wanted<'_>>, waits: Waits<'_>) -> Result<Self> {
        let Deviations { daily, today, recent } = Deviations::compute(panel, wanted, waits)?;
        let deviations = recent[place(RECENT.kept, "deviation")].view();
        let neighbours = neighbours(&deviations, state, daily.layout, waits)?;
        let mut rows = named(RECENT.kept, recent);
        rows.extend(named(NEIGHBOURS.kept, neighbours));
        rows.extend(observed(panel, &daily, waits)?);
        let days = named(LEVEL.kept, levels(panel, &daily, waits)?);
        let slots = named(SPREAD.kept, spreads(&daily, &today[0], waits)?);
        let mut prepared = Self {
            columns: Vec::new(),
            steps: panel.steps(),
            series: panel.series().len(),
            daily,
            rows,
            days,
            slots,
            ahead: known_ahead(panel),
            attributes: attributes(state),
            tables: Mutex::new(BTreeMap::from([(0, today)])),
        };
        prepared.columns = prepared.names();
        Ok(prepared)
    }

    /// The profiles for targets `ahead` local days later, made when first asked for.
    pub(super) fn table(&self, ahead: usize) -> Result<Arc<Vec<Array2<f32>>>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&ahead) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(profiles(&self.daily, ahead, Waits::FOR_EVER)?);
        tables.insert(ahead, Arc::clone(&table));
        Ok(table)
    }

    fn names(&self) -> Vec<String> {
        let parts = [&self.rows, &self.days, &self.slots, &self.ahead, &self.attributes];
        let mut names: Vec<String> = parts.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let last = PROFILE.kept.iter().chain(TARGET.kept).chain(&super::matrix::PLAIN);
        names.extend(last.map(|name| (*name).to_owned()));
        names
    }
}

fn named(names: &[&str], columns: Vec<Array2<f32>>) -> Vec<Named> {
    names.iter().map(|name| (*name).to_owned()).zip(columns).collect()
}

fn levels(panel: &Panel, daily: &Daily, waits: Waits<'_>) -> Result<Vec<Array2<f32>>> {
    let [sum, seen, high] = daily.totals(&panel.target(), waits)?;
    let inputs = [("sum", sum.view()), ("seen", seen.view()), ("high", high.view())];
    compute(&LEVEL, daily.layout, &inputs, waits)
}

fn spreads(daily: &Daily, profile: &Array2<f32>, waits: Waits<'_>) -> Result<Vec<Array2<f32>>> {
    let profile = profile.mapv(f64::from);
    let inputs = [("y", daily.values.view()), ("profile", profile.view())];
    compute(&SPREAD, daily.layout, &inputs, waits)
}

fn neighbours(
    deviations: &ArrayView2<f32>,
    state: &State,
    layout: Layout,
    waits: Waits<'_>,
) -> Result<Vec<Array2<f32>>> {
    let learned = state.learned.mean(deviations, waits)?;
    let graph = match &state.graph {
        Some(graph) => graph.mean(deviations, waits)?,
        None => learned.clone(),
    };
    let network = network(deviations, waits)?;
    let inputs = [
        ("graph", graph.view()),
        ("learned", learned.view()),
        ("network", network.view()),
    ];
    compute(&NEIGHBOURS, layout, &inputs, waits)
}

fn observed(panel: &Panel, daily: &Daily, waits: Waits<'_>) -> Result<Vec<Named>> {
    let mut columns = Vec::new();
    for (place, channel) in panel.channels().iter().enumerate() {
        if channel.role == ChannelRole::Observed {
            let values = panel.values().slice(s![daily.section.rows.clone(), .., place]);
            let names: Vec<String> = OBSERVED
                .kept
                .iter()
                .map(|name| format!("{}_{name}", channel.name))
                .collect();
            let made = compute(&OBSERVED, daily.layout, &[("covariate", values)], waits)?;
            columns.extend(names.into_iter().zip(made));
        }
    }
    Ok(columns)
}

fn attributes(state: &State) -> Vec<Named> {
    let row = |values: &Vec<Option<f32>>| {
        Array2::from_shape_fn((1, values.len()), |(_, series)| values[series].unwrap_or(f32::NAN))
    };
    let columns = state.attributes.iter();
    columns
        .map(|(name, values)| (format!("static_{name}"), row(values)))
        .collect()
}

fn known_ahead(panel: &Panel) -> Vec<Named> {
    let channels = panel.channels().iter().enumerate();
    channels
        .filter(|(_, channel)| channel.role == ChannelRole::KnownAhead)
        .map(|(place, channel)| {
            let shape = (panel.known_steps(), panel.series().len());
            let values = Array2::from_shape_fn(shape, |(row, series)| panel.known(row, series, place) as f32);
            (format!("{}_ahead", channel.name), values)
        })
        .collect()
}

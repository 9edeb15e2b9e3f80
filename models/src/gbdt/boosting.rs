//! One output is boosted: tree after tree on what the trees before it left over.

use std::ops::Range;

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::binning::{BLOCK, BLOCKS, Dataset, SHEET};
use super::examples::TargetRows;
use super::gradients::Gradients;
use super::growing::{Grower, RowBuffers, fit_leaves};
use super::histogram::{Builder, Cell};
use super::objective::{Loss, gradients, start};
use super::parameters::GbdtParameters;
use super::scoring::{BlockTree, Room};
use super::split::{Finder, Rule};
use super::tree::Tree;

/// Rows that are scored as one piece of work.
const PIECE: usize = 16 * SHEET;

/// Rows with the scores that boosting has given them so far.
pub(crate) struct Scored<'a> {
    dataset: &'a Dataset,
    target: &'a TargetRows,
    scores: Vec<f32>,
}

impl<'a> Scored<'a> {
    pub(crate) fn new(dataset: &'a Dataset, target: &'a TargetRows, base: f64) -> Self {
        Self {
            dataset,
            target,
            scores: target.margins.iter().map(|margin| margin + base as f32).collect(),
        }
    }

    /// Adds a tree to every score.
    fn add(&mut self, tree: &BlockTree) {
        let dataset = self.dataset;
        let room = || (Room::new(), Vec::new());
        self.scores
            .par_chunks_mut(PIECE)
            .enumerate()
            .for_each_init(room, |(room, codes), (piece, scores)| {
                for (sheet, scores) in scores.chunks_mut(SHEET).enumerate() {
                    dataset.sheet(piece * PIECE / SHEET + sheet, codes);
                    let mut sums = [[0.0; BLOCK]; BLOCKS];
                    tree.add(codes, room, &mut sums[..scores.len().div_ceil(BLOCK)]);
                    scores
                        .iter_mut()
                        .zip(sums.as_flattened())
                        .for_each(|(score, sum)| *score += *sum as f32);
                }
            });
    }

    /// The mean loss of the rows that count.
    fn loss(&self, loss: Loss) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for &row in &self.target.rows {
            let row = row as usize;
            let weight = f64::from(self.target.weight(row));
            sum += weight * loss.value(self.scores[row], self.target.targets[row]);
            weights += weight;
        }
        sum / weights
    }
}

/// An output that is being boosted.
pub(crate) struct Booster<'a, C> {
    parameters: &'a GbdtParameters,
    loss: Loss,
    random: ChaCha8Rng,
    training: Scored<'a>,
    validation: Option<Scored<'a>>,
    builder: Builder<'a, C>,
    gradients: Gradients,
    rows: RowBuffers,
    pub(crate) base: f64,
    pub(crate) trees: Vec<Tree>,
    /// The lowest validation loss and the number of trees that reached it.
    best: (f64, usize),
    /// The validation loss after the last round.
    pub(crate) validation_loss: Option<f64>,
    pub(crate) is_done: bool,
}

impl<'a, C: Cell> Booster<'a, C> {
    /// Starts output number `output` from the best constant.
    pub(crate) fn new(
        parameters: &'a GbdtParameters,
        loss: Loss,
        output: usize,
        training: (&'a Dataset, &'a TargetRows),
        validation: Option<(&'a Dataset, &'a TargetRows)>,
    ) -> Self {
        let base = start(loss, &training.1.counted());
        let mut random = ChaCha8Rng::seed_from_u64(parameters.seed);
        random.set_stream(output as u64);
        let mut booster = Self {
            parameters,
            loss,
            random,
            training: Scored::new(training.0, training.1, base),
            validation: validation.map(|(dataset, target)| Scored::new(dataset, target, base)),
            builder: Builder::new(training.0),
            gradients: Gradients::default(),
            rows: RowBuffers::default(),
            base,
            trees: Vec::new(),
            best: (f64::INFINITY, 0),
            validation_loss: None,
            is_done: false,
        };
        booster.validate();
        booster
    }

    /// Adds one tree.
    pub(crate) fn round(&mut self, cancelled: &(dyn Fn() -> bool + Sync)) {
        self.derive();
        self.sample_rows();
        let columns = self.sample_columns();
        self.builder.select(&columns);
        let dataset = self.training.dataset;
        let grower = Grower {
            dataset,
            builder: &self.builder,
            finder: Finder {
                binner: dataset.binner(),
                rule: Rule::new(self.parameters, &self.gradients),
                columns: &columns,
                monotone: &self.parameters.monotone,
                is_monotone: self.parameters.is_monotone(),
            },
            parameters: self.parameters,
            needs_rows: self.loss.leaf_quantile().is_some(),
            cancelled,
        };
        let mut limb = grower.grow(self.rows.rows());
        let (scores, target) = (&self.training.scores, self.training.target);
        let residual = |row: u32| {
            let row = row as usize;
            (target.targets[row] - scores[row], target.weight(row))
        };
        fit_leaves(
            &mut limb,
            self.loss,
            &grower.finder,
            self.parameters.learning_rate,
            &self.rows.ids,
            residual,
        );
        let tree = limb.block_tree();
        self.trees.push(limb.tree(&grower.finder.rule));
        self.training.add(&tree);
        if let Some(validation) = &mut self.validation {
            validation.add(&tree);
        }
        self.validate();
        // Nothing left to learn, and no other rows or columns to learn it from.
        let is_sampled = self.parameters.row_fraction < 1.0 || self.parameters.column_fraction < 1.0;
        self.is_done |= limb.is_leaf() && !is_sampled;
    }

    /// Drops the trees behind the round with the lowest validation loss.
    pub(crate) fn keep_best(&mut self) {
        if self.validation.is_some() {
            self.trees.truncate(self.best.1);
        }
    }

    fn derive(&mut self) {
        let (loss, target, scores) = (self.loss, self.training.target, &self.training.scores);
        let first = |rows: Range<usize>, values: &mut [f32]| {
            gradients(loss, &scores[rows.clone()], &target.targets[rows.clone()], values);
            target.weigh(rows, values);
        };
        let second = |rows: Range<usize>, values: &mut [f32]| {
            values
                .iter_mut()
                .zip(&scores[rows.clone()])
                .for_each(|(value, score)| *value = loss.curvature(*score));
            target.weigh(rows, values);
        };
        let is_curved = loss.is_curved() || !target.weights.is_empty();
        self.gradients.fill(scores.len(), first, is_curved.then_some(second));
    }

    fn sample_rows(&mut self) {
        let all = &self.training.target.rows;
        let rows = &mut self.rows.ids;
        rows.clear();
        if self.parameters.row_fraction < 1.0 {
            let limit = (self.parameters.row_fraction * 4_294_967_296.0) as u64;
            let random = &mut self.random;
            rows.extend(all.iter().filter(|_| u64::from(random.random::<u32>()) < limit));
        } else {
            rows.extend(all);
        }
        self.rows.derive(&self.gradients);
    }

    fn sample_columns(&mut self) -> Vec<usize> {
        let all = self.training.dataset.binner().columns();
        let count = ((all as f64 * self.parameters.column_fraction).ceil() as usize).clamp(1, all);
        if count == all {
            return (0..all).collect();
        }
        let mut columns = rand::seq::index::sample(&mut self.random, all, count).into_vec();
        columns.sort_unstable();
        columns
    }

    fn validate(&mut self) {
        let Some(validation) = &self.validation else { return };
        let loss = validation.loss(self.loss);
        self.validation_loss = Some(loss);
        if loss < self.best.0 {
            self.best = (loss, self.trees.len());
        }
        self.is_done |= self.trees.len() - self.best.1 >= self.parameters.early_stopping_rounds;
    }
}

//! A whole network as one fused operation: a block of tokens goes through trunk, head and loss and all the way back before the
//! next one is touched, so that nothing but sums is kept.

use std::ops::Range;
use std::sync::Arc;

use super::Batch;
use super::engine::{Engine, Forecast};
use super::inputs::Inputs;
use super::trunk::{Prepared, Settled, Trunk};
use crate::kernels::buffer::Buffer;
use crate::kernels::partition::{Partition, sum_parts};
use crate::kernels::pool::Pool;
use crate::kernels::quantiles::Truth;
use crate::kernels::{Gradients, Layer, Purpose, linear};

/// What a step uses again and again: packed parameters, what each group of blocks keeps, and the threads' workspaces.
pub(super) struct Memory<T: Trunk> {
    packed: Packed<T>,
    groups: Vec<Group>,
    workspaces: Pool<Workspace<T>>,
    /// Gradients of the embeddings of all tokens.
    identities: Buffer,
}

/// The parameters as the passes read them.
pub(super) struct Packed<T: Trunk> {
    trunk: T::Packed,
    head: linear::PackedMap,
}

/// What a group of blocks keeps.
#[derive(Default)]
struct Group {
    /// Gradients of trunk and head.
    sums: Buffer,
    loss: f64,
}

/// What a block needs on its way there and back, and the next one writes over.
struct Workspace<T: Trunk> {
    trunk: T::State,
    head: linear::State,
    /// What the head reads, and its gradient.
    tokens: Buffer,
    tokens_back: Buffer,
    /// What the head gives, and its gradient.
    raw: Buffer,
    raw_back: Buffer,
    weights: Vec<f32>,
}

impl<T: Trunk> Default for Memory<T> {
    fn default() -> Self {
        Self {
            packed: Packed::default(),
            groups: Vec::new(),
            workspaces: Pool::default(),
            identities: Buffer::default(),
        }
    }
}

impl<T: Trunk> Default for Packed<T> {
    fn default() -> Self {
        Self {
            trunk: T::Packed::default(),
            head: linear::PackedMap::default(),
        }
    }
}

impl<T: Trunk> Default for Workspace<T> {
    fn default() -> Self {
        Self {
            trunk: T::State::default(),
            head: linear::State::default(),
            tokens: Buffer::default(),
            tokens_back: Buffer::default(),
            raw: Buffer::default(),
            raw_back: Buffer::default(),
            weights: Vec::new(),
        }
    }
}

impl<T: Trunk> Packed<T> {
    /// Takes all parameters of a network in.
    pub(super) fn pack(&mut self, engine: &Engine<T>, parameters: &[f32], purpose: Purpose) {
        let (_, rest) = parameters.split_at(engine.tables());
        let (trunk, head) = rest.split_at(rest.len() - engine.head.parameters());
        engine.trunk.pack(trunk, &mut self.trunk, purpose);
        engine.head.pack(head, &mut self.head, purpose);
    }
}

impl<T: Trunk> Workspace<T> {
    /// What the head gives for a block.
    fn forward(&mut self, engine: &Engine<T>, packed: &Packed<T>, inputs: &Inputs<'_>, tokens: Range<usize>) {
        let count = tokens.len();
        self.tokens.resize(count * engine.trunk.width());
        self.raw.resize(count * engine.quantiles.row());
        engine
            .trunk
            .forward(&packed.trunk, &mut self.trunk, inputs, tokens, &mut self.tokens);
        engine
            .head
            .forward(&packed.head, &mut self.head, &self.tokens, &mut self.raw);
    }

    /// The loss of a block after its forward pass; leaves the gradient of what the head gives.
    fn compare(&mut self, engine: &Engine<T>, inputs: &Inputs<'_>, tokens: Range<usize>, scale: f32) -> f64 {
        self.raw_back.resize(self.raw.len());
        let weight = |token: usize| inputs.batch.weight[token % inputs.series] * scale;
        self.weights.clear();
        self.weights.extend(tokens.clone().map(weight));
        let truth = Truth {
            base: inputs.base(tokens.clone()),
            target: inputs.target(tokens),
            weights: &self.weights,
        };
        engine
            .quantiles
            .loss(engine.instructions, &mut self.raw, truth, &mut self.raw_back)
    }

    /// The way back of a block after its comparison.
    fn backward(
        &mut self,
        engine: &Engine<T>,
        packed: &Packed<T>,
        inputs: &Inputs<'_>,
        tokens: Range<usize>,
        (identities, sums, begin): (&mut [f32], &mut [f32], bool),
    ) {
        self.tokens_back.resize(self.tokens.len());
        let split = sums.len() - engine.head.parameters();
        let (trunk_sums, head_sums) = sums.split_at_mut(split);
        let head = Gradients {
            output: &self.raw_back,
            data: &mut self.tokens_back,
            parameters: head_sums,
            begin,
        };
        engine.head.backward(&packed.head, &mut self.head, &self.tokens, head);
        let trunk = Gradients {
            output: &self.tokens_back,
            data: identities,
            parameters: trunk_sums,
            begin,
        };
        engine
            .trunk
            .backward(&packed.trunk, &mut self.trunk, inputs, tokens, trunk);
    }
}

impl<T: Trunk> Memory<T> {
    /// The loss of a batch and, if asked for, its gradient by all parameters; `scale` is one over the sum of all weights.
    pub(super) fn step(
        &mut self,
        engine: &Engine<T>,
        parameters: &[f32],
        batch: &Batch,
        (scale, gradient): (f32, Option<&mut [f32]>),
    ) -> f64 {
        let training = gradient.is_some();
        let purpose = if training {
            Purpose::Training
        } else {
            Purpose::Prediction
        };
        self.packed.pack(engine, parameters, purpose);
        let inputs = engine.inputs(parameters, batch);
        let partition = engine.partition(&inputs);
        let identity = if training { engine.trunk.identity().width() } else { 0 };
        self.identities.resize(inputs.tokens() * identity);
        self.groups.resize_with(partition.groups(), Group::default);
        for group in &mut self.groups {
            group.loss = 0.0;
            group.sums.resize(if training {
                parameters.len() - engine.tables()
            } else {
                0
            });
        }
        let (packed, workspaces, chunk) = (&self.packed, &self.workspaces, partition.chunk());
        let target = (&mut *self.identities, identity);
        partition.run(&mut self.groups, target, |group, tokens, identities| {
            let begin = tokens.start % chunk == 0;
            workspaces.with(|workspace| {
                workspace.forward(engine, packed, &inputs, tokens.clone());
                group.loss += workspace.compare(engine, &inputs, tokens.clone(), scale);
                if training {
                    workspace.backward(engine, packed, &inputs, tokens, (identities, &mut group.sums, begin));
                }
            });
        });
        if let Some(gradient) = gradient {
            self.collect(engine, &inputs, gradient);
        }
        self.groups.iter().map(|group| group.loss).sum()
    }

    /// Adds up what all groups and all tokens give.
    fn collect(&self, engine: &Engine<T>, inputs: &Inputs<'_>, gradient: &mut [f32]) {
        let (tables, rest) = gradient.split_at_mut(engine.tables());
        let parts: Vec<&[f32]> = self.groups.iter().map(|group| &*group.sums).collect();
        sum_parts(engine.instructions, &parts, rest);
        engine
            .trunk
            .identity()
            .collect(&engine.shape, inputs, &self.identities, tables);
    }
}

/// Forecasts by parameters that were packed once.
pub(super) struct Predictor<T: Trunk> {
    engine: Arc<Engine<T>>,
    prepared: Box<dyn Prepared>,
}

/// The forward pass of a training step, with parameters that were packed once.
struct Pass<T: Trunk> {
    engine: Arc<Engine<T>>,
    packed: Packed<T>,
    workspaces: Pool<Workspace<T>>,
}

impl<T: Trunk> Predictor<T> {
    pub(super) fn new(engine: Arc<Engine<T>>, parameters: &[f32]) -> Self {
        let (tables, rest) = parameters.split_at(engine.tables());
        let (trunk, head) = rest.split_at(rest.len() - engine.head.parameters());
        let tables = engine.trunk.identity().split(&engine.shape, tables);
        let prepared = engine.trunk.prepare(Settled { tables, trunk, head });
        let prepared = prepared.unwrap_or_else(|| Box::new(Pass::new(Arc::clone(&engine), parameters)));
        Self { engine, prepared }
    }
}

impl<T: Trunk> Pass<T> {
    fn new(engine: Arc<Engine<T>>, parameters: &[f32]) -> Self {
        let mut packed = Packed::default();
        packed.pack(&engine, parameters, Purpose::Prediction);
        Self {
            engine,
            packed,
            workspaces: Pool::default(),
        }
    }
}

impl<T: Trunk> Prepared for Pass<T> {
    fn forward(&self, inputs: &Inputs<'_>, tokens: Range<usize>, raw: &mut [f32]) {
        self.workspaces.with(|workspace| {
            workspace.forward(&self.engine, &self.packed, inputs, tokens);
            raw.copy_from_slice(&workspace.raw);
        });
    }
}

impl<T: Trunk> Forecast for Predictor<T> {
    fn forecast(&self, parameters: &[f32], batch: &Batch) -> Vec<f32> {
        let engine = &*self.engine;
        let inputs = engine.inputs(parameters, batch);
        let row = engine.quantiles.row();
        let mut forecasts = vec![0.0; inputs.tokens() * row];
        let partition = engine.partition(&inputs);
        let mut groups = vec![(); partition.groups()];
        partition.run(&mut groups, (&mut forecasts, row), |(), tokens, raw| {
            self.prepared.forward(&inputs, tokens.clone(), raw);
            engine.quantiles.forecast(engine.instructions, raw, inputs.base(tokens));
        });
        forecasts
    }
}

impl<T: Trunk> Engine<T> {
    fn partition(&self, inputs: &Inputs<'_>) -> Partition {
        Partition::new(inputs.tokens(), self.trunk.block(inputs.series))
    }
}

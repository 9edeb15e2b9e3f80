//! The training loop.

use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoint, Snapshot};
use super::observer::{Observer, Progress};
use super::settings::TrainingSettings;
use crate::kernels::adamw::Moments;
use crate::kernels::awake;
use crate::neural::engine::total_weight;
use crate::neural::optimiser::{Trainable, numbers};
use crate::neural::{Batch, Batches, Network, operation};
use crate::{Error, Result};

/// The mean losses of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochLosses {
    /// Over the batches, while the parameters moved.
    pub training: f64,
    /// On the validation part, after the epoch; none without one.
    pub validation: Option<f64>,
}

/// What a training brings.
#[derive(Debug)]
pub struct Trained {
    /// The network with the weights of the best epoch; without a validation part, of the last one.
    pub network: Network,
    /// Epochs that were run.
    pub epochs: u64,
    /// The epoch of these weights, from 1: the one with the least validation loss, or the last one.
    pub best_epoch: u64,
    /// The losses of all epochs.
    pub losses: Vec<EpochLosses>,
    /// The epoch, from 1, in which the loss was not a number any more, where that ended the training.
    pub diverged: Option<u64>,
}

/// Trains a network until its epochs are over or the validation part, if there is one, has not gained for some of them. Goes on from the state
/// in `checkpoint` where there is one, and then ends bit for bit as if it had never stopped. A training that had diverged when
/// the state was saved ends with the best weights before.
///
/// # Errors
/// [`Error::Invalid`] for settings outside their ranges, batches that do not fit the network, or a checkpoint of another
/// training or of other data; [`Error::Cancelled`] when the observer says so; [`Error::Diverged`] when a loss is not a number.
/// The checkpoint then holds the best weights so far, unless this was the first epoch.
pub fn train(
    network: &Network,
    training: &dyn Batches,
    validation: Option<&dyn Batches>,
    settings: &TrainingSettings,
    observer: &dyn Observer,
    checkpoint: Option<&dyn Checkpoint>,
) -> Result<Trained> {
    settings.check()?;
    for (field, batches) in std::iter::once(("training", training)).chain(validation.map(|part| ("validation", part))) {
        if batches.is_empty() {
            return Err(Error::invalid(format!("{field} batches"), 0, "1 and more"));
        }
        batches.batch(0, 0)?.check(network.shape(), true)?;
    }
    let data = Data { training, validation };
    let mut run = Run::begin(network, data, settings, observer, checkpoint)?;
    while !run.is_over() {
        run.epoch()?;
    }
    run.finish()
}

#[derive(Clone, Copy)]
struct Data<'a> {
    training: &'a dyn Batches,
    validation: Option<&'a dyn Batches>,
}

impl Data<'_> {
    /// What tells these data from others.
    fn digest(&self) -> String {
        let parts = std::iter::once(self.training).chain(self.validation);
        let digests: Vec<String> = parts.map(Batches::digest).collect();
        digests.join(", judged by ")
    }
}

struct Run<'a> {
    network: &'a Network,
    data: Data<'a>,
    settings: &'a TrainingSettings,
    observer: &'a dyn Observer,
    checkpoint: Option<&'a dyn Checkpoint>,
    description: String,
    digest: String,
    trainable: Trainable,
    epoch: u64,
    batch: usize,
    loss_sum: f64,
    losses: Vec<EpochLosses>,
    best: Vec<f32>,
    diverged: Option<u64>,
    started: Instant,
    steps_here: u64,
}

impl<'a> Run<'a> {
    fn begin(
        network: &'a Network,
        data: Data<'a>,
        settings: &'a TrainingSettings,
        observer: &'a dyn Observer,
        checkpoint: Option<&'a dyn Checkpoint>,
    ) -> Result<Self> {
        let batches = (data.training.len(), data.validation.map(Batches::len));
        let description = serde_json::to_string(&(network.kind(), network.shape(), settings, batches))?;
        // Only who may go on later has to know on what.
        let digest = checkpoint.map_or_else(String::new, |_| data.digest());
        let snapshot = match checkpoint.map(Checkpoint::load).transpose()?.flatten() {
            Some(snapshot) => checked(snapshot, network, &description, &digest)?,
            None => beginning(network, &description, &digest),
        };
        let options = settings.optimiser();
        let (parameters, moments) = (snapshot.parameters, snapshot.moments);
        Ok(Self {
            network,
            data,
            settings,
            observer,
            checkpoint,
            description,
            digest,
            trainable: Trainable::new(options, settings.device, parameters, moments),
            epoch: snapshot.epoch,
            batch: snapshot.batch,
            loss_sum: snapshot.loss_sum,
            losses: snapshot.losses,
            best: snapshot.best,
            diverged: snapshot.diverged,
            started: Instant::now(),
            steps_here: 0,
        })
    }

    fn is_over(&self) -> bool {
        let since_best = self.epoch - self.best_epoch();
        let has_no_gain = self.epoch > 0 && since_best >= self.settings.patience;
        self.epoch >= self.settings.epochs || has_no_gain || self.diverged.is_some()
    }

    /// The epoch with the least validation loss, from 1; without a validation part the last one, 0 when there is none yet.
    fn best_epoch(&self) -> u64 {
        let judged = self.losses.iter().zip(1..);
        let judged = judged.filter_map(|(losses, epoch)| Some((losses.validation?, epoch)));
        let least = judged.min_by(|left, right| left.0.total_cmp(&right.0));
        least.map_or(self.epoch, |(_, epoch)| epoch)
    }

    /// The validation losses so far.
    fn validation_losses(&self) -> impl Iterator<Item = f64> {
        self.losses.iter().filter_map(|losses| losses.validation)
    }

    fn epoch(&mut self) -> Result<()> {
        let batches = self.data.training.len();
        while self.batch < batches {
            self.stop_if_cancelled()?;
            let batch = self.data.training.batch(self.epoch, self.batch)?;
            batch.check(self.network.shape(), true)?;
            self.loss_sum += self.step(&batch)?;
            self.batch += 1;
            self.steps_here += 1;
            self.observer.report(&self.progress());
            let every = self.settings.checkpoint_every;
            if every > 0 && self.batch.is_multiple_of(every) && self.batch < batches {
                self.save()?;
            }
        }
        self.end_epoch()
    }

    /// One step; returns the loss before it.
    fn step(&mut self, batch: &Batch) -> Result<f64> {
        let batches = self.data.training.len();
        let step = self.epoch * batches as u64 + self.batch as u64;
        let rate = self.settings.rate(step, batches, self.validation_losses());
        let (network, trainable) = (&*self.network.computation, &mut self.trainable);
        let value = awake(|| -> Result<f64> {
            let loss = operation::loss(network, trainable.row(), batch)?;
            let value = scalar(loss.clone().inner())?;
            if value.is_finite() {
                trainable.step(rate, &mut loss.backward())?;
            }
            Ok(value)
        })?;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.diverge())
        }
    }

    fn end_epoch(&mut self) -> Result<()> {
        let validation = self.data.validation.map(|part| self.validate(part)).transpose()?;
        if validation.is_some_and(|loss| !loss.is_finite()) {
            return Err(self.diverge());
        }
        self.losses.push(EpochLosses {
            training: self.loss_sum / self.data.training.len() as f64,
            validation,
        });
        (self.epoch, self.batch, self.loss_sum) = (self.epoch + 1, 0, 0.0);
        if self.best_epoch() == self.epoch {
            self.best = self.trainable.parameters()?;
        }
        self.save()
    }

    /// The mean loss on the validation part.
    fn validate(&self, part: &dyn Batches) -> Result<f64> {
        let row = self.trainable.row().inner();
        let (mut sum, mut total) = (0.0, 0.0);
        for index in 0..part.len() {
            self.stop_if_cancelled()?;
            let batch = part.batch(0, index)?;
            batch.check(self.network.shape(), true)?;
            let weight = total_weight(&batch);
            let loss = operation::loss(&*self.network.computation, row.clone(), &batch)?;
            sum += weight * scalar(loss)?;
            total += weight;
        }
        Ok(if total > 0.0 { sum / total } else { 0.0 })
    }

    fn stop_if_cancelled(&self) -> Result<()> {
        if self.observer.cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Ends the training in this epoch; what the epochs before have brought is kept where it can be.
    fn diverge(&mut self) -> Error {
        let epoch = self.epoch + 1;
        let batch = (self.batch + 1).min(self.data.training.len());
        let is_kept = self.epoch > 0 && self.checkpoint.is_some();
        if is_kept {
            self.diverged = Some(epoch);
            if let Err(error) = self.save() {
                return error;
            }
        }
        Error::Diverged {
            epoch,
            batch,
            kept: is_kept.then(|| self.best_epoch()),
        }
    }

    fn progress(&self) -> Progress {
        let (batch, batches) = (self.batch, self.data.training.len());
        let done = self.epoch * batches as u64 + batch as u64;
        let left = (self.settings.epochs * batches as u64).saturating_sub(done);
        let each = self.started.elapsed().as_secs_f64() / self.steps_here.max(1) as f64;
        Progress {
            epoch: self.epoch + 1,
            epochs: self.settings.epochs,
            batch,
            batches,
            loss: self.loss_sum / batch.max(1) as f64,
            best: self.validation_losses().min_by(f64::total_cmp),
            left: Duration::try_from_secs_f64(each * left as f64).unwrap_or(Duration::MAX),
        }
    }

    fn save(&self) -> Result<()> {
        let Some(checkpoint) = self.checkpoint else {
            return Ok(());
        };
        checkpoint.save(&Snapshot {
            description: self.description.clone(),
            data: self.digest.clone(),
            epoch: self.epoch,
            batch: self.batch,
            loss_sum: self.loss_sum,
            losses: self.losses.clone(),
            parameters: self.trainable.parameters()?,
            moments: self.trainable.moments()?,
            best: self.best.clone(),
            diverged: self.diverged,
        })
    }

    fn finish(self) -> Result<Trained> {
        Ok(Trained {
            best_epoch: self.best_epoch(),
            epochs: self.epoch,
            network: self.network.with_parameters(self.best)?,
            losses: self.losses,
            diverged: self.diverged,
        })
    }
}

fn scalar(loss: burn::tensor::Tensor<1>) -> Result<f64> {
    Ok(numbers(loss)?.first().copied().map_or(f64::NAN, f64::from))
}

/// The state of a training that has not begun.
fn beginning(network: &Network, description: &str, data: &str) -> Snapshot {
    Snapshot {
        description: description.into(),
        data: data.into(),
        epoch: 0,
        batch: 0,
        loss_sum: 0.0,
        losses: Vec::new(),
        parameters: network.parameters().to_vec(),
        moments: Moments::default(),
        best: network.parameters().to_vec(),
        diverged: None,
    }
}

/// A state of this training on these data and no other.
fn checked(snapshot: Snapshot, network: &Network, description: &str, data: &str) -> Result<Snapshot> {
    if snapshot.description != description {
        return Err(Error::invalid("checkpoint", &snapshot.description, description));
    }
    if snapshot.data != data {
        let accepted = format!("{data}, the data of this training: on others it has to begin anew");
        return Err(Error::invalid("data of the checkpoint", &snapshot.data, accepted));
    }
    let length = network.parameters().len();
    let moments = [snapshot.moments.first.len(), snapshot.moments.second.len()];
    let begun = snapshot.moments.steps > 0;
    if snapshot.parameters.len() != length || snapshot.best.len() != length || (begun && moments != [length; 2]) {
        let found = snapshot.parameters.len();
        return Err(Error::invalid(
            "parameters of the checkpoint",
            found,
            length.to_string(),
        ));
    }
    Ok(snapshot)
}

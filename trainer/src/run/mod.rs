//! A training run: what the command line hands in, what it is told, and what comes of it.

use std::{path::PathBuf, time::Duration};

use crate::{
    data::corpus::{CorpusInfo, Row},
    error::{Error, Result},
    settings::Settings,
};

/// What to train, on what, and for how long.
pub struct Job<'a> {
    /// The `[train]` table.
    pub settings: Settings,
    /// The corpus.
    pub info: CorpusInfo,
    /// Its rows, in the order of their numbers.
    pub rows: &'a mut dyn Iterator<Item = Result<Row>>,
    /// What computes.
    pub device: DeviceKind,
    /// Threads of the CPU; `None` for all cores.
    pub threads: Option<usize>,
    /// Whether an unfinished run in the directory is thrown away; otherwise it is gone on with.
    pub fresh: bool,
    /// What ends the run before its last step.
    pub until: Until,
    /// Who is told of the progress.
    pub watch: &'a dyn Watch,
}

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

/// What ends a run before its last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Until {
    /// Steps of the whole run, those of earlier processes counted, after which this process saves and stops.
    pub steps: Option<u64>,
}

/// Who is told of the progress.
pub trait Watch {
    /// Takes an event; it comes from the thread that trains, and what is done here holds it up.
    fn tell(&self, event: &Event);
}

/// What happens in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// So many of so many bytes of the model are loaded.
    Loading {
        /// Bytes loaded.
        done: u64,
        /// Bytes in all.
        of: u64,
    },
    /// The rows are known, and how they fill windows.
    Packed(Packed),
    /// The run goes on from a checkpoint of this step.
    Resumed {
        /// The steps that are done.
        step: u64,
    },
    /// An optimizer step is done.
    Step(Step),
    /// The held-back rows were looked at.
    Validation(Validation),
    /// A checkpoint is durable.
    Checkpoint {
        /// The steps that are done.
        step: u64,
        /// Its directory.
        dir: PathBuf,
    },
    /// Something that a user should know.
    Note(String),
}

/// What there is to learn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed {
    /// Rows to train on.
    pub rows: u64,
    /// Rows held back.
    pub validation_rows: u64,
    /// Windows of the first epoch.
    pub windows: u64,
    /// Their tokens, padding not counted.
    pub tokens: u64,
    /// Share of the windows' room that is filled.
    pub fill: f64,
    /// Optimizer steps of the whole run.
    pub steps: u64,
}

/// An optimizer step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Its number, from 1.
    pub step: u64,
    /// Optimizer steps of the whole run.
    pub of: u64,
    /// Mean loss of a learned token, in nats.
    pub loss: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Norm of all gradients together, before it was clipped.
    pub gradient_norm: f64,
    /// Tokens of the run so far.
    pub tokens: u64,
    /// Tokens a second, lately.
    pub tokens_per_second: f64,
    /// Share of padding in the windows of the step.
    pub padding: f64,
    /// Share of the device's peak rate that the model's products took, where the peak is known.
    pub mfu: Option<f64>,
    /// Memory in use in bytes, where it is known.
    pub memory: Option<u64>,
    /// Time to the last step, at the rate of late.
    pub left: Duration,
}

/// A look at the held-back rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Validation {
    /// The steps that are done.
    pub step: u64,
    /// Mean loss of a learned token, in nats.
    pub loss: f64,
    /// The same by language code.
    pub languages: Vec<(String, f64)>,
    /// Whether no earlier one was lower.
    pub best: bool,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Steps done, by this process and those before it.
    pub steps: u64,
    /// Steps of the whole run.
    pub of: u64,
    /// Why it ended before the last step, as the end of "stopped: …"; `None` when it is complete.
    pub stopped: Option<String>,
    /// Tokens learned from.
    pub tokens: u64,
    /// Loss of the first step.
    pub first_loss: f64,
    /// Loss of the last step.
    pub last_loss: f64,
    /// The first validation.
    pub first_validation: Option<Validation>,
    /// The last validation.
    pub last_validation: Option<Validation>,
    /// The adapter, or the whole model with `method = "full"`; `None` while the run is not complete.
    pub export: Option<PathBuf>,
}

/// Trains a model.
///
/// # Errors
///
/// Rows, model and settings do not fit together, a file cannot be read or written, or the loss is no finite number.
pub fn train(job: Job<'_>) -> Result<Outcome> {
    for row in job.rows {
        row?;
    }
    Err(Error::refused("the engine is not wired in", ""))
}

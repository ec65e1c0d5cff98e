//! A training run: what the command line hands in, what it is told, and what comes of it.

use std::path::{Path, PathBuf};

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

/// Hears what happens; the one that prints is in the binary.
pub trait Watch {
    /// Hears one thing, from the thread that trains: what is done here holds it up.
    fn hear(&self, news: &News<'_>);
}

/// One thing that happened.
#[derive(Debug)]
pub enum News<'a> {
    /// Something that the user should know, as a sentence without a full stop.
    Note(&'a str),
    /// Work before the first step: what, and how far it is.
    Preparing {
        /// What is done, as "reading weights".
        what: &'a str,
        /// Parts that are done.
        n_done: u64,
        /// All parts, 0 if nobody knows.
        n_all: u64,
    },
    /// The run begins, or goes on.
    Begun {
        /// Steps that were done before.
        step: u64,
        /// Steps of the whole run.
        n_steps: u64,
        /// Numbers that are trained.
        n_trained: u64,
        /// Windows that are held back.
        n_validation: usize,
    },
    /// A step is done.
    Step(&'a Progress),
    /// The held-back windows have been looked at.
    Validated {
        /// Steps done, 0 before the first.
        step: u64,
        /// What came out.
        validation: &'a Validation,
        /// Whether no earlier one was better.
        is_best: bool,
    },
    /// A checkpoint is safe on disk.
    Saved {
        /// Steps done.
        step: u64,
        /// Its directory.
        dir: &'a Path,
    },
}

/// An optimizer step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Its number, from 1.
    pub step: u64,
    /// Steps of the whole run.
    pub n_steps: u64,
    /// Mean loss of a learned token, in nats.
    pub loss: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
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
    /// Seconds to the last step, at the rate of late.
    pub seconds_left: f64,
}

/// A look at the held-back rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Validation {
    /// Mean loss of a learned token, in nats.
    pub loss: f64,
    /// The same by language code, English first.
    pub languages: Vec<(String, f64)>,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Steps done, by this process and those before it.
    pub steps: u64,
    /// Steps of the whole run.
    pub n_steps: u64,
    /// Why it ended before the last step, as the end of "stopped: …"; `None` when it is complete.
    pub stopped: Option<String>,
    /// Tokens learned from.
    pub tokens: u64,
    /// Loss of the first step and of the last one.
    pub losses: Option<(f64, f64)>,
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

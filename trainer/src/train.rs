//! A training from end to end: rows and a model in, a run directory out.

use std::path::PathBuf;

use crate::{
    data::corpus::{CorpusInfo, Row},
    error::{Error, Result},
    run::{self, watch::Watch},
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

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What came of its run.
    pub run: run::train::Outcome,
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

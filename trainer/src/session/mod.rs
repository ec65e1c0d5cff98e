//! A whole training: rows and a base model in, a run directory with an adapter or a model out.

pub mod device;
mod export;
mod learner;
pub mod load;
mod windows;

use std::{num::NonZero, path::PathBuf, sync::Arc, thread};

use burn::tensor::DType;

use crate::{
    data::{
        corpus::{CorpusInfo, Row},
        packed_rows::PackedRows,
        prepare,
    },
    error::{Error, Result},
    memory::Load,
    model::engine::Engine,
    run::{
        directory::RunDir,
        metrics::EvalLine,
        progress,
        stop::{Asked, Stop},
        train::{self, Ended},
        watch::{News, Watch},
    },
    session::{device::DeviceName, windows::Windows},
    settings::{Method, Settings},
    weights::{
        config::{self, ModelConfig},
        source::Weights,
    },
};

/// What to train, on what, and for how long.
pub struct Job<'a> {
    /// The `[train]` table.
    pub settings: Settings,
    /// The corpus.
    pub info: CorpusInfo,
    /// Its rows, in the order of their numbers; read only if the run directory does not hold them yet.
    pub rows: &'a mut dyn Iterator<Item = Result<Row>>,
    /// What computes.
    pub device: DeviceName,
    /// Threads of the CPU; `None` for all cores.
    pub threads: Option<usize>,
    /// Whether an unfinished run in the directory is thrown away; otherwise it is gone on with.
    pub fresh: bool,
    /// Steps of the whole run, those of earlier processes counted, after which this process saves and stops.
    pub stop_after: Option<u64>,
    /// Who is told of the progress.
    pub watch: &'a dyn Watch,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
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
    /// The first and the last validation.
    pub validations: Option<(EvalLine, EvalLine)>,
    /// The adapter, or the whole model with `method = "full"`; `None` while the run is not complete.
    pub export: Option<PathBuf>,
}

/// Trains a model.
///
/// # Errors
///
/// Rows, model and settings do not fit together, a file cannot be read or written, or the loss is no finite number.
pub fn train(job: Job<'_>) -> Result<Outcome> {
    let Job { settings, info, rows, watch, .. } = job;
    let device = job.device.open()?;
    let n_threads =
        job.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    device::use_threads(n_threads);
    let base = ModelConfig::read(&settings.model)?;
    // The closing token comes after all others, so that a row for it leaves no gap.
    let largest_id = match info.closing_added {
        true => info.closing_id.max(info.vocabulary),
        false => info.vocabulary.saturating_sub(1),
    };
    config::check_vocabulary(&base, largest_id, info.closing_added)?;
    let weights = Weights::open(&settings.model, &base, settings.init, settings.seed)?;
    let dir = RunDir::take(&settings.dir)?;

    let mut told = |n_done, _| {
        watch.hear(&News::Preparing { what: "packing rows", n_done, n_all: 0 });
    };
    let packed = Arc::new(PackedRows::open_or_write(dir.path(), &info, rows, &mut told)?);
    let prepared = prepare::prepare(&(packed as _), &info, &settings)?;
    let mut windows = Windows::new(prepared, &settings)?;

    watch.hear(&News::Preparing { what: "reading weights", n_done: 0, n_all: 0 });
    let new_token = info.closing_added.then_some(info.closing_id);
    let dtype = device::dtype(job.device, settings.precision);
    let digest = weights.digest(&base)?;
    let mut engine = Engine::new(base, &settings, new_token, &weights, &device, dtype)?;
    drop(weights);
    // What is still on its way would count as free, and what only the way took as used.
    device.memory_cleanup();
    device.sync().map_err(|error| {
        Error::refused(format!("the device fails with the weights of the model: {error}"), "")
    })?;
    let load = Load {
        config: engine.config(),
        settings: &settings,
        precision: settings.precision.unwrap_or(job.device.precision()),
        windows: settings.micro_windows,
        tokens: settings.tokens.unwrap_or(info.tokens),
        n_trained: engine.parameters().iter().map(|it| it.value.dims()[0]).sum(),
    };
    engine.keep_blocks(load.kept_blocks(job.device.usable_memory()));

    let probe_size = if dtype == DType::BF16 { 8192 } else { 1024 };
    let peak = progress::probe(&device, probe_size, |it| it.cast(dtype));
    let stop = Stop::by_signals(&dir)?.after(job.stop_after);
    let inner = train::Job {
        settings: &settings,
        dir: &dir,
        languages: &info.languages,
        n_places: settings.tokens.unwrap_or(info.tokens),
        base: digest.to_string(),
        corpus: info.digest.clone(),
        device: job.device.to_string(),
        peak,
        fresh: job.fresh,
        stop: &stop,
        watch,
    };
    let mut exported = None;
    let outcome = train::train(&inner, &mut engine, &mut windows, &mut |engine, _step| {
        exported = Some(export::begin(&dir, &settings, &info, digest, engine)?);
        Ok(())
    })?;
    let exported = match exported {
        Some(partial) => Some(export::finish(&dir, &partial, &settings, &info, &outcome)?),
        None => None,
    };
    let stopped = match outcome.ended {
        Ended::Done => None,
        Ended::Patience => Some("the validation loss has stopped falling".to_owned()),
        Ended::Asked(asked) => Some(match asked {
            Asked::Interrupt => "interrupted; the same command goes on".to_owned(),
            Asked::Terminate => "terminated; the same command goes on".to_owned(),
            Asked::File => "asked by the file `STOP`; the same command goes on".to_owned(),
            Asked::Steps => "as many steps as asked for; the same command goes on".to_owned(),
        }),
    };
    Ok(Outcome {
        steps: outcome.step,
        n_steps: outcome.n_steps,
        stopped,
        tokens: outcome.n_tokens,
        losses: outcome.losses,
        validations: outcome.validations,
        export: exported,
    })
}

/// Returns the name of the directory that a run exports to, within its own.
pub fn export_name(method: Method) -> &'static str {
    match method {
        Method::Lora => "adapter",
        Method::Full => "model",
    }
}

//! `crossic train`: the corpus that `[train]` names to an adapter.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    time::Instant,
};

use crossic_trainer::{
    run::metrics::EvalLine,
    session::{self, Job, Outcome, device::DeviceName},
    settings::Method,
};
use serde_json::json;

use super::{Loudness, PipelineArgs, corpus::Corpus, output::quoted, train_watch::Shown};
use crate::{
    config::{self, plan::TrainNode},
    error::{Error, Result},
    report::numbers::thousands,
    training::{corpus, model, rows::Rows, rows::Wanted, since},
};

/// The arguments of `crossic train`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A run that was stopped, in whatever way, is gone on with by the same command.\n\n\
                  Examples:\n  crossic train pipelines/sample.toml\n  \
                  crossic train pipelines/sample.toml --set train.rank=8 --set train.dir=out/rank-8\n  \
                  crossic train pipelines/train-since.toml --since out/train-since/previous"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    how: How,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// How a training behaves.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct How {
    /// Throw an unfinished run in the directory away, and begin anew
    #[arg(long)]
    fresh: bool,
    /// Threads that compute [default: the cores]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// What computes: cpu, cuda, or cuda:1 for the second GPU
    #[arg(long, default_value_t, value_parser = device_name)]
    device: DeviceName,
    /// Learn only rows that came since this corpus: its directory or manifest
    #[arg(long, value_name = "MANIFEST")]
    since: Option<PathBuf>,
    /// Save and stop when the run has done so many steps; the same command goes on
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    stop_after: Option<u64>,
}

/// Reads the name of a device.
pub(super) fn device_name(text: &str) -> std::result::Result<DeviceName, String> {
    text.parse().map_err(|error: crossic_trainer::error::Error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    let node = config::load_training(&args.pipeline.file, &args.pipeline.sets)?;
    train(&node, &args.how, args.json, loudness)
}

/// Trains as a pipeline file says, and prints what came of it.
///
/// # Errors
///
/// Model and corpus are not there or do not fit, or the run fails.
pub(super) fn train(node: &TrainNode, how: &How, json: bool, loudness: Loudness) -> Result<()> {
    let start = Instant::now();
    let settings = &node.settings;
    let base = model::require(settings)?;
    let corpus = Corpus::find(&node.place)?.ok_or_else(|| Error::Directory {
        dir: node.place.clone(),
        what: "holds no corpus yet".to_owned(),
        hint: "build it first: `crossic build FILE`, or `crossic run FILE` for both".to_owned(),
    })?;
    let manifest = &corpus.manifest;
    corpus.fetch(&manifest.tokenizer.file)?;
    let mut info = corpus::info(&corpus.dir, manifest)?;
    model::check_vocabulary(&base, &settings.model, info.vocabulary, &info.tokenizer)?;
    model::check_tokenizer(&settings.model, &info.tokenizer)?;
    for shard in &manifest.shards {
        corpus.fetch(&format!("shards/{}", shard.file))?;
    }
    let wanted = match &how.since {
        None => Wanted::All,
        Some(path) => {
            if let Some(delta) = &manifest.delta {
                corpus.fetch(&format!("memos/{}", delta.file))?;
            }
            let since = since::since(&corpus.dir, manifest, path)?;
            info.digest = since.digest.to_string();
            since.wanted
        }
    };
    let mut rows = Rows::new(&corpus.dir, manifest, &info, wanted);
    let watch = Shown::new(!loudness.quiet && !json);
    let outcome = session::train(Job {
        settings: settings.clone(),
        info,
        rows: &mut rows,
        device: how.device,
        threads: how.threads.map(NonZeroUsize::get),
        fresh: how.fresh,
        stop_after: how.stop_after,
        watch: &watch,
    });
    watch.finish();
    let outcome = outcome?;
    let out = &mut io::stdout().lock();
    let seconds = start.elapsed().as_secs_f64();
    match (json, loudness.quiet) {
        (true, _) => write_json(out, node, &outcome, seconds),
        (false, true) => Ok(()),
        (false, false) => write_text(out, node, &outcome, seconds),
    }
}

fn write_json(
    out: &mut impl Write,
    node: &TrainNode,
    outcome: &Outcome,
    seconds: f64,
) -> Result<()> {
    let document = json!({
        "dir": node.settings.dir,
        "sink": node.sink,
        "steps": outcome.steps,
        "n_steps": outcome.n_steps,
        "tokens": outcome.tokens,
        "complete": outcome.export.is_some(),
        "stopped": outcome.stopped,
        "first_loss": outcome.losses.map(|it| it.0),
        "last_loss": outcome.losses.map(|it| it.1),
        "first_validation": outcome.validations.as_ref().map(|it| &it.0),
        "last_validation": outcome.validations.as_ref().map(|it| &it.1),
        "export": outcome.export,
        "seconds": seconds,
    });
    Ok(writeln!(out, "{document:#}")?)
}

fn write_text(
    out: &mut impl Write,
    node: &TrainNode,
    outcome: &Outcome,
    seconds: f64,
) -> Result<()> {
    let dir = &node.settings.dir;
    writeln!(out, "training: {} in {seconds:.1} s", dir.display())?;
    writeln!(
        out,
        "  {} of {} steps, {} tokens",
        thousands(outcome.steps),
        thousands(outcome.n_steps),
        thousands(outcome.tokens)
    )?;
    if let Some((first, last)) = outcome.losses {
        writeln!(out, "  loss of a step         {first:.3} -> {last:.3}")?;
    }
    if let Some((first, last)) = &outcome.validations {
        write_losses(out, first, last)?;
    }
    if let Some(why) = &outcome.stopped {
        writeln!(out, "stopped: {why}")?;
    }
    let Some(export) = &outcome.export else { return Ok(()) };
    let what = match node.settings.method {
        Method::Lora => "adapter",
        Method::Full => "model",
    };
    writeln!(out, "{what}: {}", export.display())?;
    writeln!(out, "try it: crossic generate {} --prompt \"…\"", quoted(dir))?;
    if node.settings.method == Method::Lora {
        writeln!(out, "one model of it: crossic merge {} --out DIR", quoted(dir))?;
    }
    Ok(())
}

/// Writes how the loss of the held-back rows fell, as a whole and by language.
fn write_losses(out: &mut impl Write, first: &EvalLine, last: &EvalLine) -> Result<()> {
    writeln!(
        out,
        "  loss of held-back rows {:.3} -> {:.3} (perplexity {:.1} -> {:.1})",
        first.eval_loss, last.eval_loss, first.eval_ppl, last.eval_ppl
    )?;
    for (lang, loss) in &last.eval_languages {
        let before = first.eval_languages.get(lang).unwrap_or(loss);
        writeln!(out, "    {lang:<20} {before:.3} -> {loss:.3}")?;
    }
    Ok(())
}

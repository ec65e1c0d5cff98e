//! `crossic build` and `crossic run`: a pipeline file to corpus directories.

use std::{io, num::NonZeroUsize, thread, time::Instant};

use super::{Loudness, PipelineArgs, mirrored, summary};
use crate::{
    config,
    error::Result,
    runtime::{self, Settings},
};

/// The arguments of `crossic build` and `crossic run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: crossic run pipelines/sample.toml --set sinks.corpus.dir=out/mine --workers 2"
)]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Threads that work at once [default: the cores]
    #[arg(short, long)]
    workers: Option<NonZeroUsize>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    let start = Instant::now();
    let plan = config::load(&args.pipeline.file, &args.pipeline.sets)?;
    let cores = || thread::available_parallelism().ok();
    let workers = args.workers.or_else(cores).map_or(1, NonZeroUsize::get);
    let mirrored = mirrored::prepare(&plan)?;
    let mut built =
        runtime::execute(plan, Settings { workers, progress: !loudness.quiet && !args.json })?;
    mirrored::publish(mirrored, &mut built)?;
    let out = &mut io::stdout().lock();
    if args.json {
        return summary::json(out, &built);
    }
    if !loudness.quiet {
        summary::text(out, &built, start.elapsed())?;
    }
    if loudness.verbose {
        summary::times(&mut io::stderr().lock(), workers)?;
    }
    Ok(())
}

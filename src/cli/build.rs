//! `crossic build`: a pipeline file to corpus directories.

use std::{
    io,
    num::NonZeroUsize,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::{Loudness, PipelineArgs, mirrored, summary};
use crate::{
    config::{self, Plan},
    error::Result,
    runtime::{self, Place, Settings},
};

/// The arguments of `crossic build`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) pipeline: PipelineArgs,
    /// Threads that work at once [default: the cores]
    #[arg(short, long)]
    workers: Option<NonZeroUsize>,
    /// File that names every process of the build, one `host:port` a line
    #[arg(long, requires = "process", help_heading = "Several machines")]
    hosts: Option<PathBuf>,
    /// Line of the hosts file that is this process, counted from 0
    #[arg(long, requires = "hosts", value_name = "I", help_heading = "Several machines")]
    pub(super) process: Option<usize>,
    /// Seconds to wait until all processes are there
    #[arg(
        long,
        requires = "hosts",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..),
        help_heading = "Several machines"
    )]
    deadline: u64,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    build(config::load(&args.pipeline.file, &args.pipeline.sets)?, args, loudness)
}

/// Builds the corpora of a plan, and prints what came of it.
pub(super) fn build(plan: Plan, args: &Args, loudness: Loudness) -> Result<()> {
    let start = Instant::now();
    let cores = || thread::available_parallelism().ok();
    let workers = args.workers.or_else(cores).map_or(1, NonZeroUsize::get);
    let deadline = Duration::from_secs(args.deadline);
    let place = |(hosts, process)| Place { hosts, process, deadline };
    let cluster = args.hosts.clone().zip(args.process).map(place);
    let process = cluster.as_ref().map(|place| place.process);
    let mirrored = match process {
        None => mirrored::prepare(&plan)?,
        Some(_) => mirrored::refuse(&plan).map(|()| Vec::new())?,
    };
    let progress = !loudness.quiet && !args.json;
    let mut built = runtime::execute(plan, Settings { workers, progress, cluster })?;
    if process.is_some_and(|process| process != 0) {
        return Ok(());
    }
    mirrored::publish(mirrored, &mut built)?;
    let out = &mut io::stdout().lock();
    if loudness.verbose {
        summary::times(&mut io::stderr().lock(), workers)?;
    }
    if args.json {
        return summary::json(out, &built);
    }
    if !loudness.quiet {
        summary::text(out, &built, start.elapsed())?;
    }
    Ok(())
}

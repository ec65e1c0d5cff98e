//! `crossic check`: every problem of a pipeline file at once.

use std::io::{self, Write};

use super::{PipelineArgs, train_facts::TrainFacts};
use crate::{config, error::Result};

/// The arguments of `crossic check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: crossic check pipelines/crossic-wiki.toml")]
pub(super) struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let plan = config::load(&args.pipeline.file, &args.pipeline.sets)?;
    let train = TrainFacts::of(&plan)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}: ok ({} sources, {} operators, {} sinks)",
        args.pipeline.file.display(),
        plan.sources.len(),
        plan.operators.len(),
        plan.sinks.len()
    )?;
    for note in plan.sources.iter().flat_map(|node| node.source.notes()) {
        writeln!(out, "note: {note}")?;
    }
    for warning in plan.warnings() {
        writeln!(out, "note: {warning}")?;
    }
    if let Some(train) = &train {
        let (line, notes) = train.summary();
        writeln!(out, "{line}")?;
        for note in notes {
            writeln!(out, "note: {note}")?;
        }
    }
    Ok(())
}

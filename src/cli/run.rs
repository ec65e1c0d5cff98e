//! `crossic run`: the corpora of a pipeline file, then the model that is trained on one of them.

use super::{Loudness, build, train};
use crate::{config, error::Result, training::model};

/// The arguments of `crossic run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    build: build::Args,
    #[command(flatten, next_help_heading = "Training")]
    train: train::How,
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    let pipeline = &args.build.pipeline;
    let plan = config::load(&pipeline.file, &pipeline.sets)?;
    let node = plan.train.clone();
    if let Some(node) = &node {
        // A build takes hours: better to hear now that the model is missing.
        model::require(&node.settings).map_err(|error| {
            error.with_hint(|hint| {
                format!("{hint}; `crossic build {}` needs no model", pipeline.file.display())
            })
        })?;
    }
    build::build(plan, &args.build, loudness)?;
    let is_first = args.build.process.is_none_or(|process| process == 0);
    match node {
        Some(node) if is_first => train::train(&node, &args.train, args.build.json, loudness),
        _ => Ok(()),
    }
}

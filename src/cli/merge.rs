//! `crossic merge`: an adapter and its base model to one model.

use std::path::PathBuf;

use crossic_trainer::session::load;

use super::output::{print, quoted};
use crate::error::Result;

/// The arguments of `crossic merge`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The result is a directory in the Hugging Face layout, with the tokenizer.\n\n\
                  Example: crossic merge out/sample-run --out out/merged"
)]
pub(super) struct Args {
    /// Run directory, or the directory of an adapter
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// Directory of the merged model, which must not exist yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Directory of the base model [default: the one that the adapter names]
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    load::merge(&args.from, args.base.as_deref(), &args.out)?;
    print(|out| {
        writeln!(out, "{}: the merged model", args.out.display())?;
        Ok(writeln!(out, "try it: crossic generate {} --prompt \"…\"", quoted(&args.out))?)
    })
}

//! `crossic merge`: an adapter and its base model to one model.

use std::path::PathBuf;

use super::output::{print, write_json};
use crate::{error::Result, report::numbers::thousands};

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
    /// Directory of the merged model; it must not be there yet, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let merged = crossic_trainer::merge::merge(&args.from, &args.out)?;
    print(|out| {
        if args.json {
            let document = serde_json::json!({
                "dir": merged.dir,
                "merged_tensors": merged.n_merged,
                "tensors": merged.n_tensors,
                "bytes": merged.n_bytes,
            });
            return write_json(out, &document);
        }
        writeln!(
            out,
            "{}: {} tensors, {} of them merged, {}",
            merged.dir.display(),
            thousands(merged.n_tensors as u64),
            thousands(merged.n_merged as u64),
            indicatif::HumanBytes(merged.n_bytes)
        )?;
        Ok(())
    })
}

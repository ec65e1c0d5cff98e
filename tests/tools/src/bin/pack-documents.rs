//! Packs the sources of the sample web documents into parquet files.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use crossic_tools::{
    documents::pack,
    error::{self, Error},
};

/// Pack the sources of the sample web documents into parquet files
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: pack-documents data-samples/sources/fineweb-edu data-samples/fineweb-edu"
)]
struct Arguments {
    /// The folder with one `.txt` a document
    sources: PathBuf,
    /// The folder that receives the parquet files
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    for packed in pack::pack(&arguments.sources, &arguments.out)? {
        writeln!(io::stdout(), "{}: {} documents", packed.path.display(), packed.n_documents)?;
    }
    Ok(())
}

//! Prints what the cleaner leaves of dumps, and how fast it is.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use crossic_tools::{
    error::{self, Error},
    residue::{measure, measure::Request, report},
};

/// Count the markup that the cleaner leaves in the articles of dumps
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: residue data-samples/enwiki/20240720/*-pages-articles-multistream.xml.bz2"
)]
struct Arguments {
    /// Dumps of articles, plain or bzip2
    #[arg(required = true)]
    dumps: Vec<PathBuf>,
    /// Most articles of each dump
    #[arg(long, default_value_t = u64::MAX)]
    limit: u64,
    /// Use the redirects between templates; reads each dump twice
    #[arg(long)]
    aliases: bool,
    /// Print so many templates in text that no table knows
    #[arg(long, default_value_t = 0)]
    unknown: usize,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every dump passes the gates.
fn run(arguments: &Arguments) -> Result<bool, Error> {
    let request = Request {
        limit: arguments.limit,
        aliases: arguments.aliases,
        unknown: 0 < arguments.unknown,
    };
    let mut passes = true;
    for dump in &arguments.dumps {
        let found = measure::measure(dump, request)?;
        for line in report::lines(&found, arguments.unknown) {
            writeln!(io::stdout(), "{line}")?;
        }
        passes &= report::passes(&found);
    }
    Ok(passes)
}

//! Packs the sources of the sample wikis into dumps.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use crossic_tools::{
    error::{self, Error},
    samples::pack,
};

/// Pack the sources of the sample wikis into dumps of two dates
#[derive(Debug, Parser)]
#[command(after_help = "Example: pack-samples data-samples/sources data-samples")]
struct Arguments {
    /// The folder with one folder of sources a wiki
    sources: PathBuf,
    /// The folder that receives `<wiki>/<date>/`
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
        let totals = packed.totals;
        writeln!(
            io::stdout(),
            "{} {}: {} pages, {} langlinks, {} redirects, {} kB of XML",
            packed.wiki,
            packed.date,
            totals.n_pages,
            totals.n_langlinks,
            totals.n_redirects,
            totals.n_xml_bytes / 1000
        )?;
    }
    Ok(())
}

//! Trains the small tokenizer of the samples.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use crossic_tools::{
    error::{self, Error},
    tokenizer,
};

/// Train a byte-level BPE tokenizer on text files or page sources
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: train-tokenizer data-samples/tokenizer.json sources/*/pages/*.wiki"
)]
struct Arguments {
    /// The `tokenizer.json` to write
    out: PathBuf,
    /// Text files, or page sources (`.wiki`), of which only the wikitext counts
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The number of tokens, special ones included
    #[arg(long, default_value_t = 8000)]
    vocabulary: usize,
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
    let texts = tokenizer::read_texts(&arguments.files)?;
    let json = tokenizer::train(&texts, arguments.vocabulary)?;
    let n_tokens = tokenizer::vocabulary_of(&json)?;
    fs_err::write(&arguments.out, json + "\n")?;
    let n_bytes: usize = texts.iter().map(String::len).sum();
    writeln!(io::stdout(), "{n_tokens} tokens from {} texts of {n_bytes} bytes", texts.len())?;
    if n_tokens < arguments.vocabulary {
        writeln!(
            io::stderr(),
            "warning: the texts are too small for {} tokens; hint: add files",
            arguments.vocabulary
        )?;
    }
    Ok(())
}

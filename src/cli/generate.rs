//! `crossic generate`: what a model says, for a first look.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
};

use crossic_trainer::generate::{Request, generate};

use super::{Loudness, output::visible, train::Device};
use crate::error::Result;

/// The arguments of `crossic generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The prompt is printed before what follows it.\n\n\
                  Examples:\n  crossic generate out/sample-run --prompt \"The elephant\"\n  \
                  crossic generate out/merged --prompt ช้าง --tokens 200 --temperature 0.7")]
pub(super) struct Args {
    /// Run directory, or the directory of an adapter or a model
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// The text that the model goes on with
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Tokens at most
    #[arg(long, default_value_t = 100)]
    tokens: usize,
    /// 0 for the likeliest token each time; 1 draws as the model says
    #[arg(long, default_value_t = 0.0, value_parser = temperature)]
    temperature: f64,
    /// Seed of the draws
    #[arg(long, default_value_t = 32)]
    seed: u64,
    /// What computes
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    /// Threads that compute [default: the cores]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

fn temperature(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(it) if (0.0..=100.0).contains(&it) => Ok(it),
        _ => Err("it must be a number from 0 to 100".to_owned()),
    }
}

pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    let request = Request {
        model: &args.model,
        prompt: &args.prompt,
        tokens: args.tokens,
        temperature: args.temperature,
        seed: args.seed,
        device: args.device.kind(),
        threads: args.threads.map(NonZeroUsize::get),
    };
    let mut begun = false;
    let mut write = |text: &str| -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !begun {
            begun = true;
            out.write_all(visible(&args.prompt).as_bytes())?;
        }
        // Each piece is flushed: a model on a CPU is slow enough to be watched.
        out.write_all(visible(text).as_bytes())?;
        out.flush()
    };
    let said = generate(&request, &mut write).map_err(|error| match error {
        // A closed pipe is the end that the reader wanted, not an error of the model.
        crossic_trainer::error::Error::Io(error) => crate::error::Error::Io(error),
        error => error.into(),
    })?;
    writeln!(io::stdout().lock())?;
    if loudness.verbose {
        let end = if said.ended { ", then the end" } else { "" };
        let text = format!("{} tokens after {}{end}\n", said.n_tokens, said.n_prompt);
        io::stderr().write_all(text.as_bytes())?;
    }
    Ok(())
}

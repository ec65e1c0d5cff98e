//! Makes synthetic dumps of any size.

use std::{
    io::{self, Write},
    num::NonZero,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Instant,
};

use clap::Parser;
use crossic_tools::{
    error::{self, Error},
    synthetic::make::{self, Request},
};

/// Make dumps of an English wiki and another one from pseudo-words
#[derive(Debug, Parser)]
#[command(after_help = "Example: make-dumps out --english 20000 --target 4000 --edits 0.01")]
struct Arguments {
    /// The folder that receives `<wiki>/<date>/`
    out: PathBuf,
    /// Pages of the English wiki
    #[arg(long)]
    english: u64,
    /// Pages of the other wiki
    #[arg(long)]
    target: u64,
    /// The language of the other wiki; `th` has Thai letters, the others Latin ones
    #[arg(long, default_value = "th")]
    target_lang: String,
    /// The share of articles of the other wiki that have a link, 0 to 1
    #[arg(long, default_value_t = 0.8)]
    links: f64,
    /// The seed; the same arguments give the same files
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The median number of paragraphs of an article
    #[arg(long, default_value_t = 4)]
    paragraphs: u64,
    /// The date of the dump, on the 1st or the 20th
    #[arg(long, default_value = "20240720")]
    date: String,
    /// Make the next dump too, with this share of pages edited, 0 to 1
    #[arg(long)]
    edits: Option<f64>,
    /// Threads that make and compress pages [default: one a core]
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Error> {
    let n_cores = thread::available_parallelism().map_or(1, NonZero::get);
    let request = Request {
        n_english: arguments.english,
        n_target: arguments.target,
        target_lang: arguments.target_lang,
        links: arguments.links,
        seed: arguments.seed,
        paragraphs: arguments.paragraphs,
        date: arguments.date,
        edits: arguments.edits,
        n_threads: arguments.threads.unwrap_or(n_cores),
    };
    let mut started = Instant::now();
    make::make(&request, &arguments.out, |made| {
        let (totals, seconds) = (made.totals, started.elapsed().as_secs_f64());
        let megabytes = totals.n_xml_bytes as f64 / 1e6;
        _ = writeln!(
            io::stdout(),
            "{} {}: {} pages, {} langlinks, {} redirects, {megabytes:.1} MB of XML, {:.1} MB compressed, \
             {seconds:.1} s, {:.1} MB/s",
            made.wiki,
            made.date,
            totals.n_pages,
            totals.n_langlinks,
            totals.n_redirects,
            totals.n_stream_bytes as f64 / 1e6,
            megabytes / seconds
        );
        started = Instant::now();
    })
}

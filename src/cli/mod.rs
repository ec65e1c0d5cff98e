//! The command line: arguments in, exit code out; one file a verb.
//!
//! Exit codes: 0 done, 1 the run failed, 2 the command line or the pipeline file is wrong.
//! Results go to stdout, everything else to stderr; a closed pipe is success.

mod build;
mod calibrate;
mod census;
mod check;
mod corpus;
mod diff;
mod explain;
mod extract;
mod fetch;
mod gc;
mod generate;
mod inspect;
mod list;
mod merge;
mod mirrored;
mod output;
mod page_name;
mod plan;
mod plan_retrieval;
mod plan_skips;
mod run;
mod summary;
mod train;
mod train_facts;
mod train_watch;
mod verify;

use std::{
    error::Error as _,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::{Error, Result};

/// Build cross-lingual corpora from Wikipedia dumps
#[derive(Debug, Parser)]
#[command(name = "crossic", version, arg_required_else_help = true)]
#[command(after_help = "Start with: crossic run pipelines/sample.toml")]
struct Cli {
    /// Print nothing but errors and results
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print where the time went
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Do all that a pipeline file asks for: build its corpora, then train
    #[command(
        after_help = "With `--json`, the result of the build is one document and that of the training another.\n\n\
                      Example: crossic run pipelines/sample.toml --set sinks.corpus.dir=out/mine --workers 2"
    )]
    Run(run::Args),
    /// Build the corpora of a pipeline file
    #[command(
        after_help = "Example: crossic build pipelines/sample.toml --set sinks.corpus.dir=out/mine --workers 2"
    )]
    Build(build::Args),
    /// Train a model on a corpus of a pipeline file, as its `[train]` says
    Train(train::Args),
    /// Make one model of an adapter and its base
    Merge(merge::Args),
    /// Show what a trained model says
    Generate(generate::Args),
    /// Check a pipeline file and its inputs, and show every problem at once
    Check(check::Args),
    /// Measure which threshold a retrieval needs, with documents whose article is known
    Calibrate(calibrate::Args),
    /// Download dumps: what a build needs of them, resumed after a break and checked
    Fetch(fetch::Args),
    /// Show what a build would do, and touch nothing
    Plan(plan::Args),
    /// List sources, operators and sinks with their keys
    List(list::Args),
    /// Show segments of a corpus as a person reads them
    Inspect(inspect::Args),
    /// Tell the fate of a page: its links, pairs and segments, or why it has none
    Explain(explain::Args),
    /// Read a whole corpus again and check every promise it makes
    Verify(verify::Args),
    /// Show what moved between two corpora, such as a corpus and its rebuild
    Diff(diff::Args),
    /// Write the articles of a dump as plain text, with their links
    Extract(extract::Args),
    /// Count the templates of a dump that the cleaner does not know
    Census(census::Args),
    /// Remove leavings of stopped builds and the corpus that a rebuild replaced
    Gc(gc::Args),
    /// Print completions for a shell
    #[command(
        after_help = "Example: crossic completions bash > ~/.local/share/bash-completion/completions/crossic"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A pipeline file and changes to it.
#[derive(Clone, Debug, clap::Args)]
struct PipelineArgs {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Override a key: a dotted key and a TOML value, such as operators.windows.tokens=8192
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// How much to print.
#[derive(Clone, Copy, Debug)]
struct Loudness {
    quiet: bool,
    verbose: bool,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; where they cannot be written, nobody reads them.
            let _printed = error.print().is_ok();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let loudness = Loudness { quiet: cli.quiet, verbose: cli.verbose };
    let result = match &cli.verb {
        Verb::Run(args) => run::run(args, loudness),
        Verb::Build(args) => build::run(args, loudness),
        Verb::Train(args) => train::run(args, loudness),
        Verb::Merge(args) => merge::run(args),
        Verb::Generate(args) => generate::run(args, loudness),
        Verb::Check(args) => check::run(args),
        Verb::Calibrate(args) => calibrate::run(args, loudness),
        Verb::Fetch(args) => fetch::run(args, loudness),
        Verb::Plan(args) => plan::run(args),
        Verb::List(args) => list::run(args),
        Verb::Inspect(args) => inspect::run(args),
        Verb::Explain(args) => explain::run(args),
        Verb::Verify(args) => verify::run(args),
        Verb::Diff(args) => diff::run(args),
        Verb::Extract(args) => extract::run(args, loudness),
        Verb::Census(args) => census::run(args, loudness),
        Verb::Gc(args) => gc::run(args),
        Verb::Completions { shell } => completions(*shell),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _told = tell(&error).is_ok();
            ExitCode::from(error.exit_code())
        }
    }
}

/// Writes an error, its causes and its hint to stderr.
fn tell(error: &Error) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    writeln!(stderr, "error: {error}")?;
    let mut cause = error.source();
    let mut told = error.to_string();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            writeln!(stderr, "  because: {text}")?;
        }
        told = text;
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        writeln!(stderr, "hint: {hint}")?;
    }
    Ok(())
}

fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "crossic", &mut text);
    Ok(io::stdout().lock().write_all(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}

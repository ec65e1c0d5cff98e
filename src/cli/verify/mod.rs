//! `crossic verify`: re-reads a corpus, every checksum and every promise it makes, and lists what is broken.

mod account;
mod check;
mod files;
mod rows;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use self::{account::Counted, check::Check, rows::Rows};
use super::{
    corpus::Corpus,
    output::{print, write_json},
};
use crate::{
    error::{Error, Result},
    report::numbers::{counted, thousands},
};

/// The most problems that are listed; all are counted.
const MAX_LISTED: usize = 20;

/// Re-read a corpus and check every hash and invariant
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  crossic verify out/sample")]
pub(super) struct Args {
    /// Corpus directory: the `dir` of a sink
    dir: PathBuf,
    /// Write the checks as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Summary<'a> {
    ok: bool,
    checks: &'a [Check],
}

/// Runs `crossic verify`.
///
/// # Errors
///
/// The corpus has no readable manifest, or a check failed.
pub(super) fn run(args: &Args) -> Result<()> {
    let corpus = Corpus::open(&args.dir)?;
    corpus.fetch_all()?;
    let checks = check_all(&corpus);
    let n_failed = checks.iter().filter(|check| !check.ok()).count();
    print(|out| match args.json {
        true => write_json(out, &Summary { ok: n_failed == 0, checks: &checks }),
        false => show(out, &checks),
    })?;
    match n_failed {
        0 => Ok(()),
        _ => Err(failed(&args.dir, n_failed, checks.len())),
    }
}

fn failed(dir: &Path, n_failed: usize, n_checks: usize) -> Error {
    Error::Directory {
        dir: dir.to_owned(),
        what: format!("failed {n_failed} of {n_checks} checks"),
        hint: "restore the damaged files from a copy, or remove the directory and build it again"
            .to_owned(),
    }
}

/// Returns every check, done.
fn check_all(corpus: &Corpus) -> Vec<Check> {
    let mut checks = vec![account::manifest(corpus)];
    checks.extend(files::check(corpus));
    let mut rows = Rows::new(corpus);
    let mut counted = Counted::default();
    for shard in &corpus.manifest.shards {
        counted.start_shard();
        rows.shard(shard, |segment| counted.add(segment, corpus.manifest.tokens));
        counted.finish_shard();
    }
    checks.extend(rows.finish());
    checks.extend(account::check(corpus, &counted));
    checks
}

fn show(out: &mut dyn Write, checks: &[Check]) -> Result<()> {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
    for check in checks {
        let state = if check.ok() { "ok    " } else { "FAILED" };
        let n_checked = counted(check.n_checked, check.unit);
        let problems = match check.n_problems {
            0 => String::new(),
            n => format!(", {}", counted(n, "problem")),
        };
        writeln!(out, "{state}  {:width$}  {n_checked}{problems}", check.name)?;
    }
    let problems = || checks.iter().flat_map(|it| it.problems.iter().map(|text| (it.name, text)));
    let n_problems: u64 = checks.iter().map(|check| check.n_problems).sum();
    if n_problems != 0 {
        writeln!(out)?;
    }
    for (name, problem) in problems().take(MAX_LISTED) {
        writeln!(out, "{name}: {problem}")?;
    }
    let n_listed = problems().take(MAX_LISTED).count() as u64;
    if n_listed < n_problems {
        writeln!(out, "… and {} more", thousands(n_problems - n_listed))?;
    }
    Ok(())
}

//! `crossic fetch`: the files of dumps from a mirror to the disk.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Loudness,
    output::{print, visible},
};
use crate::{
    error::{Error, Result},
    fetch::{self, Date, Order, Outcome, error::FetchError},
    report::numbers,
};

/// Download dumps: what a build needs of them, resumed after a break and checked
///
/// The files go to DIR/WIKI/DATE. Run the same command again after a break: it goes on where it
/// stopped, and checks what is already there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crossic fetch enwiki thwiki --date latest\n  \
                        crossic fetch enwiki thwiki --date 20240720 --dir dumps --jobs 3")]
pub(super) struct Args {
    /// The wikis, such as enwiki
    #[arg(required = true, value_name = "WIKI", value_parser = fetch::parse_wiki)]
    wikis: Vec<String>,
    /// The date of the dumps: eight digits, or `latest` for the newest that all wikis have
    #[arg(long, value_parser = fetch::parse_date)]
    date: Date,
    /// Directory above the directories of the wikis
    #[arg(long, default_value = "dumps")]
    dir: PathBuf,
    /// Address above the directories of the wikis
    #[arg(long, value_name = "URL", default_value = "https://dumps.wikimedia.org")]
    mirror: String,
    /// Files at once; Wikimedia asks for no more than 3
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=fetch::MAX_JOBS as i64))]
    jobs: u8,
    /// Give up after so many seconds without progress
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    deadline: u32,
    /// Whom the mirror may write to about these downloads, such as a mail address
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
}

/// Runs `crossic fetch`.
///
/// # Errors
///
/// The mirror has no such dump, a file could not be had or has the wrong checksum, or the disk
/// refuses.
pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    let mut wikis: Vec<String> = Vec::new();
    for wiki in &args.wikis {
        if !wikis.contains(wiki) {
            wikis.push(wiki.clone());
        }
    }
    let order = Order {
        wikis,
        date: args.date.clone(),
        dir: args.dir.clone(),
        mirror: args.mirror.clone(),
        contact: args.contact.clone(),
        n_jobs: usize::from(args.jobs),
        deadline: Duration::from_secs(u64::from(args.deadline)),
        progress: !loudness.quiet,
    };
    let note = |text: &str| {
        if !loudness.quiet {
            // What is said on the way may go unheard.
            let _told = writeln!(io::stderr().lock(), "note: {}", visible(text)).is_ok();
        }
    };
    let outcome = fetch::fetch(&order, &note).map_err(wrong_order)?;
    print(|out| show(out, &order, &outcome))?;
    outcome.failure.map_or(Ok(()), |error| Err(error.into()))
}

/// Tells what the user got wrong from what the mirror did.
fn wrong_order(error: FetchError) -> Error {
    match error {
        FetchError::Mirror { .. } | FetchError::Contact => {
            Error::Usage { what: error.to_string(), hint: error.hint().unwrap_or_default() }
        }
        error => error.into(),
    }
}

/// Writes a line a file, and the part of a pipeline file that reads them all.
fn show(out: &mut dyn Write, order: &Order, outcome: &Outcome) -> Result<()> {
    for file in &outcome.files {
        writeln!(out, "{}  {}  ok", file.path.display(), numbers::bytes(file.n_bytes))?;
    }
    if outcome.failure.is_some() {
        return Ok(());
    }
    for (wiki, dir) in order.wikis.iter().zip(&outcome.dirs) {
        write!(out, "\n{}", source(wiki, dir))?;
    }
    Ok(())
}

/// Returns the lines of a pipeline file that name a dump as a source.
fn source(wiki: &str, dir: &Path) -> String {
    let name = wiki.strip_suffix("wiki").unwrap_or(wiki);
    let dir = toml::Value::String(dir.display().to_string());
    format!("[sources.{name}]\ntype = \"wikipedia-dump\"\ndir = {dir}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_toml_whatever_the_directory_is_called() {
        for (wiki, name, dir) in [
            ("enwiki", "en", "dumps/enwiki/20240720"),
            ("zh_min_nanwiki", "zh_min_nan", "my \"dumps\"\\x/ช้าง"),
        ] {
            let table: toml::Table = source(wiki, Path::new(dir)).parse().unwrap();
            let source = &table["sources"][name];
            assert_eq!(source["dir"].as_str(), Some(dir));
            assert_eq!(source["type"].as_str(), Some("wikipedia-dump"));
        }
    }
}

//! `crossic census`: the templates of dumps that no table knows, so that a maintainer can fill them.

use std::{
    io::Write,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use super::{
    Loudness, extract,
    output::{print, visible, write_json},
};
use crate::{
    error::Result,
    extract::{
        census::{Census, census},
        input,
    },
    report::numbers,
};

/// Count the templates of a dump that the cleaner does not know
///
/// Those that stand in lines of text come first: there a reader sees the hole. The tables to fill
/// are in operators/src/wikitext/tables. Redirects to templates that these know are not counted:
/// they are taken from the tables page and redirect beside the articles, or else from those pages
/// of templates that are read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: crossic census dumps/thwiki/20240720 --top 20")]
pub(super) struct Args {
    /// Directories of dumps, and files of pages: .xml, .xml.bz2, .xml.gz
    #[arg(required = true, value_name = "DIR_OR_FILE")]
    paths: Vec<PathBuf>,
    /// Language of the files, such as th; of a directory with several dumps, the one to take
    #[arg(long, value_name = "CODE")]
    lang: Option<String>,
    /// Show so many templates of each language
    #[arg(long, value_name = "N", default_value_t = 50)]
    top: usize,
    /// Stop after so many articles
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// Threads that work at once [default: the cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Write the census as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `crossic census`.
///
/// # Errors
///
/// A path has no pages, or a file is damaged.
pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    let files = input::find(&args.paths, args.lang.as_deref(), false)?;
    let bar = extract::bar(&files, loudness);
    let limit = args.limit.map(NonZeroU64::get);
    let found = census(&files, extract::jobs(args.jobs), limit, &|n| bar.set_position(n));
    bar.finish_and_clear();
    let mut found = found?;
    if args.json {
        for census in found.values_mut() {
            census.templates.truncate(args.top);
        }
        return print(|out| write_json(out, &found));
    }
    print(|out| {
        for (lang, census) in &found {
            show(out, lang, census, args.top)?;
        }
        Ok(())
    })
}

fn show(out: &mut dyn Write, lang: &str, census: &Census, top: usize) -> Result<()> {
    let thousands = numbers::thousands;
    writeln!(
        out,
        "{lang}: {}, about {} uses of templates, {} of them of {} that no table knows, {} in lines of text; {:.1} % known",
        numbers::counted(census.articles, "article"),
        thousands(census.uses),
        thousands(census.unknown),
        thousands(census.templates.len() as u64),
        thousands(census.unknown_inline),
        100.0 * census.known_share(),
    )?;
    if !census.templates.is_empty() {
        writeln!(out, "{:>8} {:>8}  template: an example (its page)", "in lines", "uses")?;
    }
    for unknown in census.templates.iter().take(top) {
        let (example, page) = (visible(&unknown.example), visible(&unknown.page));
        let (inline, uses) = (thousands(unknown.inline), thousands(unknown.uses));
        writeln!(out, "{inline:>8} {uses:>8}  {}: {example} ({page})", visible(&unknown.name))?;
    }
    Ok(())
}

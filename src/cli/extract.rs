//! `crossic extract`: the articles of dumps as plain text with links, in JSON lines or parquet.

use std::{
    io::{self, IsTerminal, Write},
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use clap::ValueEnum;
use crossic_operators::wikitext::{Headings, Options};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Loudness, output::print};
use crate::{
    error::{Error, Result},
    extract::{
        self, Settings,
        counts::{AllCounts, Counts},
        input::{self, InputFile},
        output::Output,
    },
    io::Staged,
    report::numbers,
};

/// Write the articles of a dump as plain text, with their links
///
/// An article is a line of JSON: id, revision, title, text (paragraphs with a blank line between
/// them), links (target, label, start and end of the label in characters of the text), flags
/// (disambiguation, holes, markup) and residue (each kind of markup that is left, and how often).
/// Redirects and pages of other namespaces are left out and counted. Articles come in the order of
/// the dump. Other names of templates are known where the tables page and redirect of the same dump
/// lie beside its articles.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crossic extract dumps/thwiki/20240720 > thwiki.jsonl\n  \
                        crossic extract dumps/thwiki/20240720 --limit 3\n  \
                        crossic extract thwiki.xml.bz2 --lang th --format parquet --out thwiki.parquet")]
pub(super) struct Args {
    /// Directories of dumps, and files of pages: .xml, .xml.bz2, .xml.gz
    #[arg(required = true, value_name = "DIR_OR_FILE")]
    paths: Vec<PathBuf>,
    /// Language of the files, such as th; of a directory with several dumps, the one to take
    #[arg(long, value_name = "CODE")]
    lang: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Stop after so many articles
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// Threads that work at once [default: the cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Section headings: glue to the paragraph that follows, keep as paragraphs, or drop
    #[arg(long, value_enum, default_value_t = HeadingStyle::Glue)]
    headings: HeadingStyle,
    /// Keep list items
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    lists: bool,
    /// Keep formulas as $…$
    #[arg(long)]
    math: bool,
    /// Keep sections such as References, See also and External links
    #[arg(long)]
    boilerplate: bool,
    /// Pass over damaged blocks of .bz2 files, and count them
    #[arg(long)]
    skip_damaged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A JSON object a line
    Jsonl,
    /// A parquet file; links are the lists link_targets, link_labels, link_starts and link_ends
    Parquet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HeadingStyle {
    Glue,
    Keep,
    Drop,
}

/// Runs `crossic extract`.
///
/// # Errors
///
/// A path has no pages, a file is damaged, or the output cannot be written.
pub(super) fn run(args: &Args, loudness: Loudness) -> Result<()> {
    if args.format == Format::Parquet && args.out.is_none() {
        return Err(Error::Usage {
            what: "parquet needs a file to go to".to_owned(),
            hint: "name one: `--out articles.parquet`".to_owned(),
        });
    }
    let files = input::find(&args.paths, args.lang.as_deref(), args.skip_damaged)?;
    let settings = Settings {
        options: Options {
            headings: match args.headings {
                HeadingStyle::Glue => Headings::Glue,
                HeadingStyle::Keep => Headings::Keep,
                HeadingStyle::Drop => Headings::Drop,
            },
            lists: args.lists,
            boilerplate: args.boilerplate,
            math: args.math,
        },
        n_jobs: jobs(args.jobs),
        limit: args.limit.map(NonZeroU64::get),
        skip_damaged: args.skip_damaged,
    };
    let start = Instant::now();
    let bar = bar(&files, loudness);
    let heard = |n_bytes| bar.set_position(n_bytes);
    let mut counts = None;
    let written = match &args.out {
        Some(path) => to_file(path, args.format, &files, &settings, &heard).map(|found| {
            counts = Some(found);
        }),
        None => print(|mut out| {
            let mut output = Output::Lines(&mut out);
            counts = Some(extract::extract(&files, &settings, &mut output, &heard)?);
            output.finish().map(|_| ())
        }),
    };
    bar.finish_and_clear();
    written?;
    let Some(counts) = counts.filter(|_| !loudness.quiet) else { return Ok(()) };
    let text = summary(&counts, start.elapsed().as_secs_f64());
    // The articles are written; whoever closed stderr does not want to hear of them.
    let _told = io::stderr().lock().write_all(text.as_bytes()).is_ok();
    Ok(())
}

/// Returns the number of threads that was asked for, or that of the cores.
pub(super) fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// Shows on a terminal how much of the files has been read.
pub(super) fn bar(files: &[InputFile], loudness: Loudness) -> ProgressBar {
    let target = match !loudness.quiet && io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let n_bytes = files.iter().map(|file| file.n_bytes).sum();
    let style = ProgressStyle::with_template(
        "  reading  [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {eta} left",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(n_bytes), target).with_style(style.progress_chars("=> "))
}

/// Extracts to a file, which appears whole or not at all.
fn to_file(
    path: &Path,
    format: Format,
    files: &[InputFile],
    settings: &Settings,
    heard: &dyn Fn(u64),
) -> Result<AllCounts> {
    let mut staged = Staged::create(path.parent().unwrap_or(Path::new("")))?;
    let (counts, staged) = match format {
        Format::Jsonl => {
            let mut output = Output::Lines(&mut staged);
            let counts = extract::extract(files, settings, &mut output, heard)?;
            output.finish()?;
            (counts, staged)
        }
        Format::Parquet => {
            let mut output = Output::parquet(staged)?;
            let counts = extract::extract(files, settings, &mut output, heard)?;
            match output.finish()? {
                Some(staged) => (counts, staged),
                None => unreachable!("a parquet file is given back"),
            }
        }
    };
    staged.place(path)?;
    Ok(counts)
}

/// Returns what was counted, some lines a language.
fn summary(counts: &AllCounts, seconds: f64) -> String {
    let mut text = String::new();
    for (lang, counts) in &counts.0 {
        text.push_str(&of_language(lang, counts));
    }
    let n_bytes: u64 = counts.0.values().map(|counts| counts.n_xml_bytes).sum();
    let n_megabytes = n_bytes as f64 / 1e6;
    let rate = n_megabytes / seconds.max(1e-3);
    text + &format!("{n_megabytes:.1} MB of XML in {seconds:.1} s, {rate:.1} MB/s\n")
}

fn of_language(lang: &str, counts: &Counts) -> String {
    let thousands = numbers::thousands;
    let mut text = format!(
        "{lang}: {} -> {}",
        numbers::counted(counts.n_pages, "page"),
        numbers::counted(counts.n_articles, "article")
    );
    for (reason, n_pages) in &counts.refused {
        text += &format!(", {} {reason}", thousands(*n_pages));
    }
    text += &format!(
        "; {:.1} MB of text, {}, {}\n",
        counts.n_text_bytes as f64 / 1e6,
        numbers::counted(counts.n_links, "link"),
        numbers::counted(counts.n_disambiguations, "disambiguation page"),
    );
    if counts.n_lost != 0 {
        text +=
            &format!("{lang}: {} passed over\n", numbers::counted(counts.n_lost, "damaged place"));
    }
    if counts.n_not_utf8 != 0 {
        let pages = numbers::counted(counts.n_not_utf8, "page");
        text += &format!("{lang}: {pages} with bytes that are not UTF-8, which were replaced\n");
    }
    if counts.n_articles == 0 {
        return text;
    }
    let parts = counts.residue.counts().map(|(name, count)| {
        let rate = counts.per_thousand(count);
        format!("{name} {rate:.0}")
    });
    text += &format!("{lang}: left in 1,000 articles: {}", parts.join(", "));
    text += &format!(", holes {:.0}\n", counts.per_thousand(counts.n_holes));
    text
}

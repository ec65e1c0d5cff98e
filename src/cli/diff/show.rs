//! What moved, as a person reads it.

use std::{fmt::Display, io::Write};

use super::facts::{Change, Difference, Link, Links, Moves, Page, Pages, Pair, Pairs, Source};
use crate::{
    cli::output::visible,
    error::Result,
    manifest::RowKind,
    report::numbers::{counted, thousands},
};

/// Columns of what a number counts.
const WIDTH: usize = 42;

/// The same, two columns further in.
const INNER: usize = WIDTH - 2;

/// Writes all that moved.
pub(super) fn show(out: &mut dyn Write, difference: &Difference) -> Result<()> {
    let corpora = &difference.corpora;
    for (what, corpus) in [("old", &corpora.old), ("new", &corpora.new)] {
        let (dir, digest) = (&corpus.dir, visible(&corpus.corpus_digest));
        writeln!(out, "{what}  {dir} (corpus {digest}, crossic {})", visible(&corpus.crossic))?;
    }
    if !difference.moved {
        writeln!(out, "nothing moved")?;
        return notes(out, difference);
    }
    if !difference.knobs.is_empty() {
        writeln!(out, "\nknobs")?;
    }
    let width = difference.knobs.keys().map(|it| it.chars().count()).max().unwrap_or_default();
    for (key, change) in &difference.knobs {
        let text = |it: &Option<serde_json::Value>| {
            it.as_ref().map_or("(none)".to_owned(), |it| visible(&it.to_string()))
        };
        let (old, new) = (text(&change.old), text(&change.new));
        writeln!(out, "  {:width$}  {old} → {new}", visible(key))?;
    }
    for (name, source) in &difference.sources {
        show_source(out, name, source)?;
    }
    for (languages, pairs) in &difference.pairs {
        let rows = match corpora.new.rows {
            RowKind::Segments => "segments",
            RowKind::Documents => "documents",
        };
        show_pairs(out, languages, rows, pairs)?;
    }
    writeln!(out, "\ntokens")?;
    let total = ("all".to_owned(), &difference.total);
    let lines = difference.tokens.iter().map(|(lang, it)| (visible(lang), it)).chain([total]);
    for (lang, change) in lines {
        line(out, &lang, change)?;
    }
    notes(out, difference)
}

fn notes(out: &mut dyn Write, difference: &Difference) -> Result<()> {
    if !difference.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &difference.notes {
        writeln!(out, "note: {}", visible(note))?;
    }
    Ok(())
}

fn show_source(out: &mut dyn Write, name: &str, source: &Source) -> Result<()> {
    let date = optional(&source.date, |date| visible(date));
    writeln!(out, "\n{} ({} {date})", visible(name), visible(&source.wiki))?;
    let total = |of: fn(&Change<Option<super::facts::File>>) -> Option<u64>| {
        thousands(source.files.values().filter_map(of).sum())
    };
    let n_files = source.files.len() as u64;
    let state = match n_files {
        0 => "all the same".to_owned(),
        n => format!(
            "{} and {} the same; those that differ had {} bytes and have {}",
            match n {
                1 => "1 file differs".to_owned(),
                n => format!("{} files differ", thousands(n)),
            },
            match source.same_files {
                1 => "1 is".to_owned(),
                n => format!("{} are", thousands(n)),
            },
            total(|it| Some(it.old.as_ref()?.bytes)),
            total(|it| Some(it.new.as_ref()?.bytes)),
        ),
    };
    writeln!(out, "  input files: {state}")?;
    if let Some(pages) = &source.pages {
        show_pages(out, name, pages)?;
    }
    for (lang, links) in &source.links {
        show_links(out, name, lang, links)?;
    }
    Ok(())
}

fn show_pages(out: &mut dyn Write, source: &str, pages: &Pages) -> Result<()> {
    line(out, "pages", &pages.pages)?;
    line(out, "redirects among them", &pages.redirects)?;
    moves(out, &pages.page_moves, |page| of_page(source, page))?;
    line(out, "articles with text", &pages.texts)?;
    moves(out, &pages.article_moves, |page| of_page(source, page))
}

fn show_links(out: &mut dyn Write, source: &str, lang: &str, links: &Links) -> Result<()> {
    line(out, &format!("links to {}", visible(lang)), &links.links)?;
    moves(out, &links.moves, |link| of_link(source, link))
}

fn show_pairs(out: &mut dyn Write, languages: &str, rows: &str, pairs: &Pairs) -> Result<()> {
    writeln!(out, "\npairs {}", visible(languages))?;
    line(out, "pairs", &pairs.pairs)?;
    count(out, "the same", pairs.same_pairs)?;
    moves(out, &pairs.moves, of_pair)?;
    line(out, rows, &pairs.rows)?;
    count(out, "the same", pairs.same_rows)?;
    count(out, "added", pairs.rows_added)?;
    count(out, "removed", pairs.rows_removed)
}

/// Writes how many there were and are.
fn line(out: &mut dyn Write, what: &str, change: &Change<u64>) -> Result<()> {
    Ok(writeln!(out, "  {what:<WIDTH$} {}", numbers(change))?)
}

fn numbers(change: &Change<u64>) -> String {
    let (old, new) = (thousands(change.old), thousands(change.new));
    match change.new.abs_diff(change.old) {
        0 => format!("{new:>12}"),
        n if change.old < change.new => format!("{new:>12}  was {old}, {} more", thousands(n)),
        n => format!("{new:>12}  was {old}, {} fewer", thousands(n)),
    }
}

fn count(out: &mut dyn Write, what: &str, n: u64) -> Result<()> {
    Ok(writeln!(out, "    {what:<INNER$} {:>12}", thousands(n))?)
}

/// Writes how many moved in each way, with examples.
fn moves<T>(
    out: &mut dyn Write,
    all: &[Moves<T>],
    example: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    for moves in all {
        count(out, &moves.kind, moves.count)?;
        for (reason, n) in &moves.reasons {
            writeln!(out, "      {} {reason}", thousands(*n))?;
        }
        for lines in moves.examples.iter().map(&example) {
            for (number, text) in lines.iter().enumerate() {
                let mark = if number == 0 { "-" } else { " " };
                writeln!(out, "      {mark} {}", visible(text).replace('\n', " "))?;
            }
        }
        let n_shown = moves.examples.len() as u64;
        if 0 < n_shown && n_shown < moves.count {
            writeln!(out, "      … and {} more", thousands(moves.count - n_shown))?;
        }
    }
    Ok(())
}

/// Returns `old → new`, or the one that there is.
fn optional<T: PartialEq>(change: &Change<Option<T>>, text: impl Fn(&T) -> String) -> String {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if old != new => format!("{} → {}", text(old), text(new)),
        (old, new) => new.as_ref().or(old.as_ref()).map(text).unwrap_or_default(),
    }
}

/// Returns `, what: old → new`, or nothing where there is neither.
fn detail<T: PartialEq + Display>(what: &str, change: &Change<Option<T>>) -> String {
    match optional(change, T::to_string) {
        text if text.is_empty() => text,
        text => format!(", {what} {text}"),
    }
}

fn of_page(source: &str, page: &Page) -> Vec<String> {
    let title = optional(&page.title, |title| title.clone());
    let characters = match (page.characters.old, page.characters.new) {
        (None, None) => String::new(),
        _ => format!(", {} characters", optional(&page.characters, |n| thousands(u64::from(*n)))),
    };
    let leads_to = detail("leads to", &page.leads_to);
    let revision = detail("revision", &page.revision);
    vec![
        format!("{source}:{} {title}{leads_to}{revision}{characters}", page.page),
        page.url.clone(),
    ]
}

fn of_link(source: &str, link: &Link) -> Vec<String> {
    let title = link.title.as_deref().unwrap_or_default();
    let names = optional(&link.names, |name| format!("`{name}`"));
    vec![format!("{source}:{} {title}: {names}", link.page), link.url.clone()]
}

fn of_pair(pair: &Pair) -> Vec<String> {
    let sum = |n: &Change<u64>| match (n.old, n.new) {
        (old, new) if old == new => thousands(new),
        (0, n) | (n, 0) => thousands(n),
        (old, new) => format!("{} → {}", thousands(old), thousands(new)),
    };
    let rows = match sum(&pair.rows) {
        one if one == "1" => counted(1, "row"),
        n => format!("{n} rows"),
    };
    let why = pair.why.as_ref().map_or(String::new(), |why| format!("; {why}"));
    let tokens = sum(&pair.tokens);
    let mut lines = vec![format!("{}: {rows}, {tokens} tokens{why}", pair.pair)];
    lines.extend(pair.sides.iter().map(|side| {
        let revision = detail("revision", &side.revision);
        format!("  {}:{} {}{revision} {}", side.lang, side.page, side.title, side.url)
    }));
    lines
}

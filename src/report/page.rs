//! The report page: `report.html`, one file without scripts or anything from elsewhere.

use std::fmt::Write;

use crossic_operators::wikitext::KINDS;

use super::{
    Report,
    ledger::Line,
    numbers::{bytes, counted, percent, thousands},
    statistics::Statistics,
};
use crate::manifest::{Manifest, RowKind};

/// Returns the report page of a corpus; equal corpora have equal pages.
pub fn page(manifest: &Manifest, report: &Report) -> String {
    let mut page = String::new();
    let parts: &[fn(&mut String, &Manifest, &Report) -> std::fmt::Result] =
        &[head, totals, languages, residue, lengths, ledger, rejects, plan, sources, notes];
    for part in parts {
        if part(&mut page, manifest, report).is_err() {
            unreachable!("writing to a string does not fail");
        }
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1c1f23; --paper: #fff; --line: #d6dae0; --soft: #5c6570;
  --bar: #2f6fb3; --bad: #b3352f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #16191d; --line: #353b43;
  --soft: #9aa4b0; --bar: #6aa7e8; --bad: #ef7d76; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.bar { width: 40%; } td.bar div { background: var(--bar); height: .9rem; min-width: 1px; }
code { overflow-wrap: anywhere; } .soft { color: var(--soft); } .bad { color: var(--bad); }
svg { width: 100%; height: auto; } svg rect { fill: var(--bar); } svg text { fill: var(--soft);
  font-size: 11px; text-anchor: middle; } svg line { stroke: var(--line); }
.wide { overflow-x: auto; }
";

fn head(page: &mut String, manifest: &Manifest, _: &Report) -> std::fmt::Result {
    let languages: Vec<&str> =
        manifest.sources.values().map(|source| source.info.lang.as_str()).collect();
    let title = escaped(&format!("Corpus of {}", languages.join(", ")));
    writeln!(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>"
    )?;
    writeln!(
        page,
        "<p class=\"soft\">Built by crossic {}; corpus <code>{}</code>, plan <code>{}</code>.</p>",
        escaped(&manifest.crossic),
        escaped(&manifest.corpus_digest),
        escaped(&manifest.plan_digest)
    )
}

fn totals(page: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    let statistics = &report.statistics;
    let rows = match manifest.rows {
        RowKind::Segments => format!("segments of at most {} tokens", thousands(manifest.tokens)),
        RowKind::Documents => "whole documents".to_owned(),
    };
    let n_bytes = manifest.shards.iter().map(|shard| shard.bytes).sum();
    let shards = format!("{} ({})", thousands(manifest.shards.len() as u64), bytes(n_bytes));
    let compared = match statistics.compared_rows {
        0 => "none".to_owned(),
        n => format!("{} of {}", thousands(statistics.differing_rows), thousands(n)),
    };
    let share = |part| percent(part, statistics.rows);
    writeln!(page, "<h2>Totals</h2>\n<table>")?;
    for (what, value) in [
        ("Rows are", rows),
        ("Rows", thousands(statistics.rows)),
        ("Pairs of articles", thousands(statistics.pairs)),
        ("Tokens", thousands(statistics.tokens)),
        ("Longest row, in tokens", thousands(statistics.longest)),
        ("Share of N that rows fill", percent(statistics.tokens, statistics.capacity)),
        ("Rows in one language only", share(statistics.one_language_rows)),
        ("Rows that begin or end inside a paragraph", share(statistics.cut_rows)),
        ("Compared rows that differ from their text tokenised as a whole", compared),
        ("Shards", shards),
    ] {
        writeln!(page, "<tr><td>{what}</td><td class=\"n\">{}</td></tr>", escaped(&value))?;
    }
    if statistics.web_pairs != 0 {
        let names = manifest.collections().join(", ");
        for (what, n) in [
            ("Pairs with a web document", statistics.web_pairs),
            ("Rows with a web document", statistics.web_rows),
            ("Tokens of rows with a web document", statistics.web_tokens),
        ] {
            let what = format!("{what} ({names})");
            let n = thousands(n);
            writeln!(page, "<tr><td>{}</td><td class=\"n\">{n}</td></tr>", escaped(&what))?;
        }
    }
    writeln!(page, "</table>")
}

fn languages(page: &mut String, _: &Manifest, report: &Report) -> std::fmt::Result {
    let tokens = &report.statistics.tokens_by_language;
    let total = tokens.values().sum();
    writeln!(page, "<h2>Tokens by language</h2>\n<table>")?;
    for (language, n) in tokens {
        bar_row(page, &[language, &thousands(*n), &percent(*n, total)], *n, total)?;
    }
    writeln!(page, "</table>")?;
    if report.links.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "<h2>Linked pairs</h2>\n<p class=\"soft\">By the direction of the links, before any policy \
         or filter.</p>\n<table>\n<tr><th>Language</th><th class=\"n\">to English only</th>\
         <th class=\"n\">from English only</th><th class=\"n\">both</th></tr>"
    )?;
    for (language, links) in &report.links {
        write!(page, "<tr><td>{}</td>", escaped(language))?;
        for n in [links.forward, links.reverse, links.mutual] {
            write!(page, "<td class=\"n\">{}</td>", thousands(n))?;
        }
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</table>")
}

fn residue(page: &mut String, _: &Manifest, report: &Report) -> std::fmt::Result {
    let languages = &report.residue;
    if languages.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "<h2>Residue</h2>\n<p class=\"soft\">How often a kind of markup is left in 1,000 articles, and \
         the share of articles that hold any. A count is a sign, not a verdict: an article on \
         programming holds brackets in its own right. Holes are places in the middle of a sentence \
         where something unknown was dropped.</p>\n<div class=\"wide\"><table>"
    )?;
    write!(page, "<tr><th>Kind</th>")?;
    for (language, of_language) in languages {
        let articles = counted(of_language.articles, "article");
        write!(page, "<th class=\"n\">{}, {articles}</th>", escaped(language))?;
    }
    writeln!(page, "</tr>")?;
    for kind in KINDS {
        write!(page, "<tr><td>{kind}</td>")?;
        for of_language in languages.values() {
            let found = of_language.kinds.get(kind).copied().unwrap_or_default();
            let share = percent(found.articles, of_language.articles);
            write!(page, "<td class=\"n\">{:.1} ({share})</td>", found.per_1000_articles)?;
        }
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</table></div>")
}

/// Writes a row of a table that ends in a bar; its first cell is a name, the others are numbers.
fn bar_row(page: &mut String, cells: &[&str], part: u64, whole: u64) -> std::fmt::Result {
    write!(page, "<tr>")?;
    for (position, cell) in cells.iter().enumerate() {
        let class = if position == 0 { "" } else { " class=\"n\"" };
        write!(page, "<td{class}>{}</td>", escaped(cell))?;
    }
    let width = 100.0 * part as f64 / whole.max(1) as f64;
    writeln!(page, "<td class=\"bar\"><div style=\"width:{width:.1}%\"></div></td></tr>")
}

fn lengths(page: &mut String, manifest: &Manifest, report: &Report) -> std::fmt::Result {
    writeln!(
        page,
        "<h2>Lengths of rows</h2>\n<p class=\"soft\">In sixteenths of N = {}; the last column \
         counts longer rows.</p>",
        thousands(manifest.tokens)
    )?;
    histogram(page, &report.statistics, manifest.tokens)
}

fn histogram(page: &mut String, statistics: &Statistics, n: u64) -> std::fmt::Result {
    const STEP: usize = 40;
    const HEIGHT: u64 = 160;
    let highest = statistics.lengths.iter().copied().max().unwrap_or_default().max(1);
    let width = STEP * statistics.lengths.len().max(1);
    writeln!(
        page,
        "<svg viewBox=\"0 0 {width} {}\" role=\"img\" aria-label=\"Histogram of lengths\">",
        HEIGHT + 40
    )?;
    for (position, count) in statistics.lengths.iter().enumerate() {
        let height = count * HEIGHT / highest;
        let (left, top) = (position * STEP + 3, HEIGHT + 16 - height);
        let middle = position * STEP + STEP / 2;
        let label = match position {
            16 => "more".to_owned(),
            position => (n * (position as u64 + 1) / 16).to_string(),
        };
        writeln!(
            page,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{height}\"><title>{} rows of up to \
             {label} tokens</title></rect>",
            STEP - 6,
            thousands(*count),
        )?;
        let bottom = HEIGHT + 32;
        writeln!(page, "<text x=\"{middle}\" y=\"{bottom}\">{label}</text>")?;
        if *count != 0 {
            let top = top.saturating_sub(4);
            writeln!(page, "<text x=\"{middle}\" y=\"{top}\">{}</text>", brief(*count))?;
        }
    }
    let base = HEIGHT + 16;
    writeln!(page, "<line x1=\"0\" y1=\"{base}\" x2=\"{width}\" y2=\"{base}\"/>\n</svg>")
}

/// Returns a count that fits over a column.
fn brief(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        _ => format!("{:.1}M", n as f64 / 1e6),
    }
}

fn ledger(page: &mut String, _: &Manifest, report: &Report) -> std::fmt::Result {
    writeln!(
        page,
        "<h2>Ledger</h2>\n<p class=\"soft\">Whatever comes in goes somewhere, or the build \
         fails.</p>\n<div class=\"wide\"><table>\n<tr><th>Component</th><th>What</th>\
         <th class=\"n\">In</th><th>Out</th><th></th></tr>"
    )?;
    for line in &report.ledger {
        ledger_row(page, line)?;
    }
    writeln!(page, "</table></div>")
}

fn ledger_row(page: &mut String, line: &Line) -> std::fmt::Result {
    let out: Vec<String> =
        line.out.iter().map(|(name, n)| format!("{} {}", escaped(name), thousands(*n))).collect();
    let state = match line.balances() {
        true => "balances",
        false => "<span class=\"bad\">does not balance</span>",
    };
    writeln!(
        page,
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{state}</td></tr>",
        escaped(&line.stage),
        escaped(&line.what),
        thousands(line.incoming),
        out.join("<br>")
    )
}

fn rejects(page: &mut String, _: &Manifest, report: &Report) -> std::fmt::Result {
    writeln!(page, "<h2>Rejects</h2>")?;
    let most = report.rejects.values().flat_map(|it| it.values()).copied().max();
    let Some(most) = most else {
        return writeln!(page, "<p>Nothing was refused.</p>");
    };
    writeln!(
        page,
        "<p class=\"soft\">Links, pages and pairs that could not be used; <code>rejects/</code> lists each \
         of them.</p>\n<table>"
    )?;
    for (stage, reasons) in &report.rejects {
        for (reason, n) in reasons {
            bar_row(page, &[&format!("{stage}: {reason}"), &thousands(*n)], *n, most)?;
        }
    }
    writeln!(page, "</table>")
}

fn plan(page: &mut String, manifest: &Manifest, _: &Report) -> std::fmt::Result {
    let plan = &manifest.plan;
    writeln!(
        page,
        "<h2>Plan</h2>\n<p class=\"soft\">Profile {}; every setting with its value.</p>\n\
         <div class=\"wide\"><table>\n<tr><th>Component</th><th>Type</th><th>Reads</th>\
         <th>Settings</th></tr>",
        escaped(&plan.profile)
    )?;
    let sink = "(sink)".to_owned();
    let components = plan.sources.iter().chain(&plan.operators).chain([(&sink, &plan.sink)]);
    for (name, component) in components {
        let knobs: Vec<String> = component
            .knobs
            .iter()
            .map(|(knob, value)| format!("<code>{}</code>", escaped(&format!("{knob} = {value}"))))
            .collect();
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            escaped(&component.kind),
            escaped(&component.inputs.join(", ")),
            knobs.join("<br>")
        )?;
    }
    writeln!(page, "</table></div>")
}

fn sources(page: &mut String, manifest: &Manifest, _: &Report) -> std::fmt::Result {
    writeln!(
        page,
        "<h2>Sources</h2>\n<div class=\"wide\"><table>\n<tr><th>Source</th><th>Wiki or collection</th>\
         <th>Dump</th><th>File</th><th class=\"n\">Size</th></tr>"
    )?;
    for (name, source) in &manifest.sources {
        for file in &source.files {
            writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td>\
                 <td class=\"n\">{}</td></tr>",
                escaped(name),
                escaped(&source.info.wiki),
                escaped(&source.info.date),
                escaped(&file.name),
                bytes(file.size)
            )?;
        }
    }
    writeln!(page, "</table></div>")
}

fn notes(page: &mut String, _: &Manifest, report: &Report) -> std::fmt::Result {
    if report.notes.is_empty() {
        return Ok(());
    }
    writeln!(page, "<h2>Notes</h2>\n<ul>")?;
    for note in &report.notes {
        writeln!(page, "<li>{}</li>", escaped(note))?;
    }
    writeln!(page, "</ul>")
}

/// Returns a text that HTML shows as it is.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{manifest, report};

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("<ช้าง & 'co'>"), "&lt;ช้าง &amp; &#39;co&#39;&gt;");
        let page = page(&manifest(), &report());
        assert!(page.contains("no: &lt;redirect&gt; table &amp; more"));
    }

    #[test]
    fn the_page_is_whole_and_needs_nothing_else() {
        let page = page(&manifest(), &report());
        for tag in ["table", "tr", "td", "th", "svg", "p", "h2", "div", "main", "ul", "li"] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
        assert_eq!(page.matches("<rect").count(), 17);
    }

    #[test]
    fn what_is_left_is_told_by_language() {
        let page = page(&manifest(), &report());
        let row = "<tr><td>brackets</td><td class=\"n\">0.0 (0.0 %)</td>\
                   <td class=\"n\">1500.0 (50.0 %)</td></tr>";
        assert!(
            page.contains("<th class=\"n\">en, 1 article</th><th class=\"n\">no, 2 articles</th>")
        );
        assert!(page.contains(row), "{page}");
    }

    #[test]
    fn an_empty_corpus_has_a_page() {
        let page = page(&manifest(), &Report::default());
        assert!(page.contains("Nothing was refused") && page.ends_with("</html>\n"));
    }
}

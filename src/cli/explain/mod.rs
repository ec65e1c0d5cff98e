//! `crossic explain`: the fate of a page, from the dump's tables to the rows of the corpus.

mod fate;
mod lookup;
mod rejects;
mod trace;
mod words;

use std::{collections::BTreeSet, io::Write, path::PathBuf};

use self::fate::{Article, Fate, Found, Link, Listed, PageRef, Pair, Refused, Side};
use super::{
    corpus::Corpus,
    output::{print, visible, write_json},
    page_name::{PageName, nearest, normal},
};
use crate::{
    error::{Error, Result},
    report::numbers::{counted, thousands},
    store::tables::PageRow,
};

/// Tell what became of a page: its links, pairs and rows, or why it has none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crossic explain out/sample en:Elephant\n  \
                        crossic explain out/sample th:2007 --json")]
pub(super) struct Args {
    /// Corpus directory: the `dir` of a sink
    dir: PathBuf,
    /// The page: `en:Elephant`, `th:2007` (a page id), a bare title, or the id of a row
    page: String,
    /// Write what is known as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `crossic explain`.
///
/// # Errors
///
/// The corpus cannot be read, or knows no such page.
pub(super) fn run(args: &Args) -> Result<()> {
    let corpus = Corpus::open(&args.dir)?;
    let mut pages = find(&corpus, &args.page)?;
    let mut fates = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(page) = pages.pop() {
        let Some(info) = corpus.manifest.sources.get(&page.source) else { continue };
        if !seen.insert(page.key()) {
            continue;
        }
        let fate = trace::trace(&corpus, &page, info)?;
        // Who asks for a redirect wants to know about the article, too.
        if let Some(title) = fate.table.as_ref().and_then(|table| table.leads_to.clone()) {
            let found = lookup::resolve(&corpus, &page.source, BTreeSet::from([title]))?;
            pages.extend(found.into_values().map(|row| of_row(&page.source, &row)));
        }
        fates.push(fate);
    }
    print(|out| match args.json {
        true => write_json(out, &fates),
        false => fates.iter().try_for_each(|fate| show(out, fate)),
    })
}

/// Returns the pages that a user's text names, the first of them last.
fn find(corpus: &Corpus, text: &str) -> Result<Vec<PageRef>> {
    let name = PageName::parse(text, corpus);
    let sources: Vec<String> = match &name.source {
        Some((source, _)) => vec![source.clone()],
        None => corpus.manifest.sources.keys().cloned().collect(),
    };
    let mut pages = Vec::new();
    for source in &sources {
        let named = |row: &PageRow| name.page == Some(row.id) || normal(&row.title) == name.title;
        let rows = lookup::select(corpus, source, named)?;
        // An id goes before a title of digits, such as that of a year.
        let row = rows.iter().find(|row| name.page == Some(row.id)).or(rows.first());
        pages.extend(row.map(|row| of_row(source, row)));
    }
    if pages.is_empty() {
        pages = in_rows(corpus, &name, text)?;
    }
    if pages.is_empty() {
        return Err(unknown(corpus, &name, &sources, text)?);
    }
    pages.sort();
    pages.reverse();
    Ok(pages)
}

fn of_row(source: &str, row: &PageRow) -> PageRef {
    let title = Some(normal(&row.title));
    PageRef { title, ..PageRef::new(&(source.to_owned(), row.id, None)) }
}

/// Returns the pages of the corpus's rows that go by this name, or those of the row of this id:
/// a source without tables is known by its rows only.
fn in_rows(corpus: &Corpus, name: &PageName, text: &str) -> Result<Vec<PageRef>> {
    let text = text.trim().to_ascii_lowercase();
    let is_id = 8 <= text.len() && text.bytes().all(|it| it.is_ascii_hexdigit());
    let mut pages = BTreeSet::new();
    for shard in &corpus.manifest.shards {
        for segment in corpus.rows(shard)? {
            let segment = segment?;
            let meant = is_id && segment.id.to_string().starts_with(&text);
            for span in &segment.spans {
                let named = meant || name.names_span(span);
                if let (true, Some((source, _))) =
                    (named, corpus.manifest.source_of_wiki(&span.wiki))
                {
                    let (document, url) = (span.document.clone(), span.url.clone());
                    let title = Some(span.title.clone()).filter(|_| document.is_none());
                    let source = source.to_owned();
                    pages.insert(PageRef { source, page: span.page, document, title, url });
                }
            }
        }
    }
    Ok(pages.into_iter().collect())
}

fn unknown(corpus: &Corpus, name: &PageName, sources: &[String], text: &str) -> Result<Error> {
    let mut near = Vec::new();
    for source in sources {
        let rows = corpus.snapshot::<PageRow>(source)?.into_iter().flatten();
        let titles = rows.filter_map(|row| Some(normal(&row.ok()?.title)));
        let found = nearest(&name.title, titles, 3).into_iter();
        near.extend(found.map(|title| format!("`{source}:{title}`")));
    }
    let hint = match near.as_slice() {
        [] => {
            let names: Vec<&str> = corpus.manifest.sources.keys().map(String::as_str).collect();
            format!("write `SOURCE:TITLE` or `SOURCE:ID`; the sources are {}", names.join(", "))
        }
        near => format!("did you mean {}?", near.join(" or ")),
    };
    let what = format!(
        "no page of namespace 0 in {} is called `{}`",
        sources.join(", "),
        visible(text.trim())
    );
    Ok(Corpus::nothing(what, hint))
}

fn show(out: &mut dyn Write, fate: &Fate) -> Result<()> {
    writeln!(out, "{} ({})", of(&fate.page), fate.url)?;
    writeln!(out, "  {}", fate.verdict)?;
    if fate.page.document.is_none() {
        writeln!(out, "\n  in the dump")?;
        show_listed(out, fate.table.as_ref())?;
        show_article(out, fate.article.as_ref())?;
    }
    if !fate.links.is_empty() {
        writeln!(out, "\n  language links")?;
    }
    for link in &fate.links {
        show_link(out, fate, link)?;
    }
    if !fate.unanswered.is_empty() {
        writeln!(out, "\n  documents")?;
    }
    for refused in &fate.unanswered {
        writeln!(out, "    none was found")?;
        show_refused(out, refused)?;
    }
    if !fate.pairs.is_empty() {
        writeln!(out, "\n  pairs")?;
    }
    for pair in &fate.pairs {
        show_pair(out, fate, pair)?;
    }
    Ok(writeln!(out)?)
}

fn of(page: &PageRef) -> String {
    if let Some(document) = &page.document {
        return format!("{}:{}", page.source, visible(document));
    }
    match &page.title {
        Some(title) => format!("{}:{} {}", page.source, page.page, visible(title)),
        None => format!("{}:{}", page.source, page.page),
    }
}

fn show_listed(out: &mut dyn Write, listed: Option<&Listed>) -> Result<()> {
    let Some(listed) = listed else {
        return Ok(writeln!(out, "    not in the `page` table, or this corpus keeps none")?);
    };
    let what = match (listed.redirect, &listed.leads_to) {
        (true, Some(title)) => format!("a redirect to {}", visible(title)),
        (true, None) => "a redirect, and the dump does not say where to".to_owned(),
        (false, _) if listed.disambiguation => "a disambiguation page".to_owned(),
        (false, _) => "a page of namespace 0".to_owned(),
    };
    Ok(writeln!(out, "    {what}; latest revision {}", listed.latest)?)
}

fn show_article(out: &mut dyn Write, article: Option<&Article>) -> Result<()> {
    let Some(article) = article else {
        return Ok(writeln!(out, "    its text was not asked for, or is not in the article dump")?);
    };
    match article.state.as_str() {
        "text" => writeln!(
            out,
            "    text of {} and {}, from revision {}",
            counted(u64::from(article.n_paragraphs), "paragraph"),
            counted(u64::from(article.n_chars), "character"),
            article.revision
        )?,
        state => writeln!(out, "    no text: {state}")?,
    }
    if !article.residue.is_empty() {
        let found = article.residue.iter().map(|(kind, count)| format!("{kind} {count}"));
        writeln!(out, "    left in it: {}", found.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn show_link(out: &mut dyn Write, fate: &Fate, link: &Link) -> Result<()> {
    let title = visible(&link.title);
    let other = link.other.as_ref();
    let redirect = fate.table.as_ref().is_some_and(|table| table.redirect);
    let here = if redirect { "where this redirect leads" } else { "this page" };
    let (ends, leads) = match link.side {
        Side::Out => (
            format!("to {} `{title}`", link.source),
            other.map_or("no article".to_owned(), |it| format!("the page {}", of(it))),
        ),
        Side::In => (
            format!("from {}, as `{title}`", other.map_or(link.source.clone(), of)),
            here.to_owned(),
        ),
    };
    match &link.refused {
        Some(refused) => {
            writeln!(out, "    {ends}: refused")?;
            show_refused(out, refused)
        }
        None if link.asked && !link.used => {
            Ok(writeln!(out, "    {ends}: documents are searched by this title")?)
        }
        None if link.used => Ok(writeln!(out, "    {ends}: leads to {leads}")?),
        None => Ok(writeln!(out, "    {ends}: the pipeline does not pair these two languages")?),
    }
}

fn show_refused(out: &mut dyn Write, refused: &Refused) -> Result<()> {
    writeln!(out, "      {} ({} of `{}`)", refused.meaning, refused.reason, refused.stage)?;
    Ok(writeln!(out, "      what could be done: {}", refused.remedy)?)
}

fn show_found(out: &mut dyn Write, found: &Found) -> Result<()> {
    let Found { score, retrieval: it } = found;
    let part = |millionths: i32| f64::from(millionths) / 1e6;
    let keywords = match it.keywords.as_slice() {
        [] => "no keywords".to_owned(),
        words => format!("keywords {}", visible(&words.join(", "))),
    };
    writeln!(
        out,
        "      document {}: score {score:.6}, {:.6} with the title, {:.6} with title and keywords",
        it.rank,
        part(it.title_score),
        part(it.full_score)
    )?;
    Ok(writeln!(out, "      asked for `{}`, {keywords}", visible(&it.title))?)
}

fn show_pair(out: &mut dyn Write, fate: &Fate, pair: &Pair) -> Result<()> {
    let alone = pair.other.key() == fate.page.key();
    let with = if alone { "on its own".to_owned() } else { format!("with {}", of(&pair.other)) };
    let state = match (pair.rows.len() as u64, pair.refused.is_empty()) {
        (0, false) => "refused".to_owned(),
        // A pipeline that deals English articles anew pairs none with its own.
        (0, true) => "no rows of this very pair: its articles went into other pairs, \
                      or into another sink"
            .to_owned(),
        (n, _) => counted(n, "row"),
    };
    writeln!(out, "    {with}: {state}")?;
    if let Some(url) = &pair.other.url {
        writeln!(out, "      {}", visible(url))?;
    }
    if let Some(found) = &pair.found {
        show_found(out, found)?;
    }
    for refused in &pair.refused {
        show_refused(out, refused)?;
    }
    for row in &pair.rows {
        let cut = match (row.cut_start, row.cut_end) {
            (false, false) => "",
            (true, false) => ", begins inside a paragraph",
            (false, true) => ", ends inside a paragraph",
            (true, true) => ", begins and ends inside a paragraph",
        };
        let (tokens, ours) = (thousands(row.tokens), thousands(row.tokens_of_page));
        let (index, id) = (row.index, &row.id);
        writeln!(out, "      {index:>3}  {id}  {tokens} tokens, {ours} of this page{cut}")?;
    }
    Ok(())
}

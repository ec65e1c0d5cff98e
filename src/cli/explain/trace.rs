//! Traces a page through a corpus: tables, links, articles, rejects, rows.

use std::collections::{BTreeMap, BTreeSet};

use crossic_operators::{record::Digest, segment::Segment};

use super::{
    fate::{Article, Fate, Link, Listed, PageRef, Pair, Row, Side},
    lookup,
    rejects::{self, Rejects, article_of},
};
use crate::{
    cli::{corpus::Corpus, page_name::normal},
    error::Result,
    manifest::SourceInfo,
    store::tables::{ArticleRow, LinkRow, PageRow, PropRow, RedirectRow},
};

/// Returns everything known of a page.
pub(super) fn trace(corpus: &Corpus, page: &PageRef, info: &SourceInfo) -> Result<Fate> {
    let here = (page.source.as_str(), page.page);
    let row = lookup::select(corpus, here.0, |row: &PageRow| row.id == page.page)?.pop();
    let title = match (&row, &page.title) {
        (Some(row), _) => Some(normal(&row.title)),
        (None, title) => title.clone(),
    };
    let table = row.map(|row| listed(corpus, here.0, &row)).transpose()?;
    let aliases = match &title {
        Some(title) => lookup::aliases(corpus, here.0, title)?,
        None => BTreeSet::new(),
    };
    let article = article(corpus, here)?;
    let rejects = rejects::read(corpus, here, &aliases)?;
    let mut links = links_out(corpus, here, &rejects)?;
    links.extend(links_in(corpus, here, &info.info.lang, &aliases, &rejects)?);
    // A link to a redirect makes a pair of the article behind it.
    let redirect = table.as_ref().is_some_and(|table| table.redirect);
    let promising = if redirect { &[] } else { links.as_slice() };
    let pairs = pairs(corpus, here, promising, rejects)?;
    let revision = article.as_ref().map_or(0, |article| article.revision);
    let mut fate = Fate {
        page: PageRef { title, ..page.clone() },
        lang: info.info.lang.clone(),
        url: info.info.page_url(page.page, revision),
        verdict: String::new(),
        table,
        article,
        links,
        pairs,
    };
    fate.verdict = fate.judge();
    Ok(fate)
}

fn listed(corpus: &Corpus, source: &str, row: &PageRow) -> Result<Listed> {
    let redirects = match row.redirect {
        true => lookup::select(corpus, source, |it: &RedirectRow| it.from == row.id)?,
        false => Vec::new(),
    };
    let named = |it: &PropRow| it.page == row.id && it.name == "disambiguation";
    let disambiguation = !lookup::select(corpus, source, named)?.is_empty();
    Ok(Listed {
        latest: row.latest,
        redirect: row.redirect,
        leads_to: redirects.first().map(|it| normal(&it.title)),
        disambiguation,
    })
}

/// Returns what the article dump says: of several versions of a page the latest.
fn article(corpus: &Corpus, (source, page): (&str, u32)) -> Result<Option<Article>> {
    let rows = lookup::select(corpus, source, |row: &ArticleRow| {
        row.page == page && row.state != "missing"
    })?;
    Ok(rows.into_iter().max_by_key(|row| row.revision).map(|row| Article {
        state: row.state,
        revision: row.revision,
        n_chars: row.n_chars,
        n_paragraphs: row.n_paragraphs,
        digest: row.digest.to_string(),
    }))
}

/// Returns whether the pipeline pairs two sources: the first input of a join with each other one.
fn paired(corpus: &Corpus, one: &str, other: &str) -> bool {
    let joins = corpus.manifest.plan.operators.values().filter(|it| it.kind == "join-langlinks");
    let mut joins = joins.filter_map(|it| it.inputs.split_first());
    joins.any(|(english, targets)| {
        (english == one && targets.iter().any(|it| it == other))
            || (english == other && targets.iter().any(|it| it == one))
    })
}

fn links_out(corpus: &Corpus, here: (&str, u32), rejects: &Rejects) -> Result<Vec<Link>> {
    let mut by_source: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in lookup::select(corpus, here.0, |row: &LinkRow| row.from == here.1)? {
        let mut sources = corpus.manifest.sources.iter();
        if let Some((name, _)) = sources.find(|(_, it)| it.info.lang == row.lang) {
            by_source.entry(name.as_str()).or_default().push(row.title);
        }
    }
    let mut links = Vec::new();
    for (source, titles) in by_source {
        let refused = |title: &str| {
            let mut found = rejects.links.iter().filter(|it| (it.source.as_str(), it.from) == here);
            found
                .find(|it| it.to == source && it.title == normal(title))
                .map(|it| it.refused.clone())
        };
        let wanted = titles.iter().map(|title| normal(title)).collect();
        let pages = lookup::resolve(corpus, source, wanted)?;
        for title in titles {
            let refused = refused(&title);
            let row = pages.get(&normal(&title)).filter(|_| refused.is_none());
            let other = row.map(|row| PageRef {
                source: source.to_owned(),
                page: row.id,
                title: Some(normal(&row.title)),
            });
            let used = paired(corpus, here.0, source);
            links.push(Link {
                side: Side::Out,
                source: source.to_owned(),
                title,
                other,
                refused,
                used,
            });
        }
    }
    Ok(links)
}

fn links_in(
    corpus: &Corpus,
    here: (&str, u32),
    lang: &str,
    aliases: &BTreeSet<String>,
    rejects: &Rejects,
) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for source in corpus.manifest.sources.keys().filter(|name| *name != here.0) {
        let leads = |row: &LinkRow| row.lang == lang && aliases.contains(&article_of(&row.title));
        let rows = lookup::select(corpus, source, leads)?;
        let pages = rows.iter().map(|row| row.from).collect();
        let mut titles = lookup::titles(corpus, source, &pages)?;
        for row in rows {
            let named = normal(&row.title);
            let mut found = rejects.links.iter().filter(|it| it.to == here.0 && it.title == named);
            let found = found.find(|it| it.source == *source && it.from == row.from);
            links.push(Link {
                side: Side::In,
                source: source.clone(),
                title: row.title,
                other: Some(PageRef {
                    source: source.clone(),
                    page: row.from,
                    title: titles.remove(&row.from),
                }),
                refused: found.map(|it| it.refused.clone()),
                used: paired(corpus, here.0, source),
            });
        }
    }
    Ok(links)
}

/// Brings together the pairs that links promise, that were refused, and that have rows.
fn pairs(
    corpus: &Corpus,
    here: (&str, u32),
    links: &[Link],
    rejects: Rejects,
) -> Result<Vec<Pair>> {
    let mut pairs: BTreeMap<(String, u32), Pair> = BTreeMap::new();
    let new = |(source, page): &(String, u32)| Pair {
        other: PageRef { source: source.clone(), page: *page, title: None },
        refused: Vec::new(),
        rows: Vec::new(),
    };
    for link in links.iter().filter(|link| link.used && link.refused.is_none()) {
        if let Some(other) = &link.other {
            let key = (other.source.clone(), other.page);
            pairs.entry(key.clone()).or_insert_with(|| new(&key)).other.title = other.title.clone();
        }
    }
    for (key, refused) in rejects.pairs {
        pairs.entry(key.clone()).or_insert_with(|| new(&key)).refused.push(refused);
    }
    for (key, rows) in rows(corpus, here)? {
        pairs.entry(key.clone()).or_insert_with(|| new(&key)).rows = rows;
    }
    let mut untitled: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for pair in pairs.values().filter(|pair| pair.other.title.is_none()) {
        untitled.entry(pair.other.source.clone()).or_default().insert(pair.other.page);
    }
    for (source, pages) in untitled {
        for (page, title) in lookup::titles(corpus, &source, &pages)? {
            if let Some(pair) = pairs.get_mut(&(source.clone(), page)) {
                pair.other.title = Some(title);
            }
        }
    }
    Ok(pairs.into_values().collect())
}

/// The rows of one pair, which lie one after the other in a shard.
#[derive(Default)]
struct Group {
    pair: Option<Digest>,
    pages: BTreeSet<(String, u32)>,
    rows: Vec<Row>,
}

/// Returns the rows of all pairs that the page is in, by the other page.
fn rows(corpus: &Corpus, here: (&str, u32)) -> Result<BTreeMap<(String, u32), Vec<Row>>> {
    let source = corpus.manifest.sources.get(here.0);
    let wiki = source.map_or("", |source| source.info.wiki.as_str());
    let mut found = BTreeMap::new();
    let mut take = |group: Group| {
        if group.pages.contains(&(here.0.to_owned(), here.1)) {
            // A corpus of target-language documents has rows of one page only.
            let other = group.pages.iter().find(|it| (it.0.as_str(), it.1) != here);
            let key = other.cloned().unwrap_or((here.0.to_owned(), here.1));
            found.insert(key, group.rows);
        }
    };
    for shard in &corpus.manifest.shards {
        let mut group = Group::default();
        for segment in corpus.rows(shard)? {
            let segment = segment?;
            if group.pair != Some(segment.pair) {
                let next = Group { pair: Some(segment.pair), ..Group::default() };
                take(std::mem::replace(&mut group, next));
            }
            for span in &segment.spans {
                if let Some((name, _)) = corpus.manifest.source_of_wiki(&span.wiki) {
                    group.pages.insert((name.to_owned(), span.page));
                }
            }
            group.rows.push(row(&segment, (wiki, here.1), &shard.file));
        }
        take(group);
    }
    Ok(found)
}

fn row(segment: &Segment, (wiki, page): (&str, u32), shard: &str) -> Row {
    let ours = segment.spans.iter().filter(|it| it.wiki == wiki && it.page == page);
    let length = |(start, end): (u32, u32)| u64::from(end.saturating_sub(start));
    Row {
        id: segment.id.to_string(),
        index: segment.index,
        tokens: segment.input_ids.len() as u64,
        tokens_of_page: ours.map(|it| length((it.token_start, it.token_end))).sum(),
        cut_start: segment.spans.iter().any(|span| span.cut_start),
        cut_end: segment.spans.iter().any(|span| span.cut_end),
        shard: shard.to_owned(),
    }
}

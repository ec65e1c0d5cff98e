//! Traces a page through a corpus: tables, links, articles, rejects, rows.

use std::collections::{BTreeMap, BTreeSet};

use crossic_operators::{
    record::Digest,
    segment::{Segment, Span},
};

use super::{
    fate::{Article, Fate, Found, Key, Link, Listed, PageRef, Pair, Row, Side},
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
    if info.documents {
        return document(corpus, page, info);
    }
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
    let mut rejects = rejects::read(corpus, &page.key(), &aliases)?;
    let unanswered = std::mem::take(&mut rejects.unanswered);
    let mut links = links_out(corpus, here, &rejects)?;
    links.extend(links_in(corpus, here, &info.info.lang, &aliases, &rejects)?);
    // A link to a redirect makes a pair of the article behind it.
    let redirect = table.as_ref().is_some_and(|table| table.redirect);
    let promising = if redirect { &[] } else { links.as_slice() };
    let pairs = pairs(corpus, &page.key(), promising, rejects)?;
    let revision = article.as_ref().map_or(0, |article| article.revision);
    let mut fate = Fate {
        page: PageRef { title, ..page.clone() },
        lang: info.info.lang.clone(),
        url: info.info.page_url(page.page, revision),
        verdict: String::new(),
        table,
        article,
        links,
        unanswered,
        pairs,
    };
    fate.verdict = fate.judge();
    Ok(fate)
}

/// Returns everything known of a web document: which pages it was found for.
fn document(corpus: &Corpus, page: &PageRef, info: &SourceInfo) -> Result<Fate> {
    let here = page.key();
    let rejects = rejects::read(corpus, &here, &BTreeSet::new())?;
    let mut fate = Fate {
        page: page.clone(),
        lang: info.info.lang.clone(),
        url: page.url.clone().unwrap_or_default(),
        verdict: String::new(),
        table: None,
        article: None,
        links: Vec::new(),
        unanswered: Vec::new(),
        pairs: pairs(corpus, &here, &[], rejects)?,
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
        residue: row.residue.found().collect(),
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

/// Returns whether documents are searched by the titles that links of `target` into `english` name.
fn asked(corpus: &Corpus, target: &str, english: &str) -> bool {
    let mut stages = corpus.manifest.plan.operators.values().filter(|it| it.kind == "retrieve");
    stages.any(|it| {
        it.inputs.first().is_some_and(|it| it == english)
            && it.inputs.iter().skip(1).any(|it| it == target)
    })
}

fn links_out(corpus: &Corpus, here: (&str, u32), rejects: &Rejects) -> Result<Vec<Link>> {
    let mut by_source: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in lookup::select(corpus, here.0, |row: &LinkRow| row.from == here.1)? {
        let mut sources = corpus.manifest.sources.iter();
        let leads = |it: &SourceInfo| !it.documents && it.info.lang == row.lang;
        if let Some((name, _)) = sources.find(|(_, it)| leads(it)) {
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
                title: Some(normal(&row.title)),
                ..PageRef::new(&(source.to_owned(), row.id, None))
            });
            let used = paired(corpus, here.0, source);
            let asked = asked(corpus, here.0, source);
            links.push(Link {
                side: Side::Out,
                source: source.to_owned(),
                title,
                other,
                refused,
                used,
                asked,
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
                    title: titles.remove(&row.from),
                    ..PageRef::new(&(source.clone(), row.from, None))
                }),
                refused: found.map(|it| it.refused.clone()),
                used: paired(corpus, here.0, source),
                asked: asked(corpus, source, here.0),
            });
        }
    }
    Ok(links)
}

/// Brings together the pairs that links promise, that were refused, and that have rows.
fn pairs(corpus: &Corpus, here: &Key, links: &[Link], rejects: Rejects) -> Result<Vec<Pair>> {
    let mut pairs: BTreeMap<Key, Pair> = BTreeMap::new();
    let new = |key: &Key| Pair {
        other: PageRef::new(key),
        found: None,
        refused: Vec::new(),
        rows: Vec::new(),
    };
    for link in links.iter().filter(|link| link.used && link.refused.is_none()) {
        if let Some(other) = &link.other {
            let key = other.key();
            pairs.entry(key.clone()).or_insert_with(|| new(&key)).other.title = other.title.clone();
        }
    }
    for (key, refused) in rejects.pairs {
        pairs.entry(key.clone()).or_insert_with(|| new(&key)).refused.push(refused);
    }
    for (key, group) in rows(corpus, here)? {
        let pair = pairs.entry(key.clone()).or_insert_with(|| new(&key));
        pair.other.url = group.url;
        (pair.found, pair.rows) = (group.found, group.rows);
    }
    let mut untitled: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let is_untitled = |it: &&PageRef| it.title.is_none() && it.document.is_none();
    for other in pairs.values().map(|pair| &pair.other).filter(is_untitled) {
        untitled.entry(other.source.clone()).or_default().insert(other.page);
    }
    for (source, pages) in untitled {
        for (page, title) in lookup::titles(corpus, &source, &pages)? {
            if let Some(pair) = pairs.get_mut(&(source.clone(), page, None)) {
                pair.other.title = Some(title);
            }
        }
    }
    let mut pairs: Vec<Pair> = pairs.into_values().collect();
    // Documents stand in the order in which they answer.
    let rank = |pair: &Pair| pair.found.as_ref().map_or(0, |it| it.retrieval.rank);
    pairs.sort_by_cached_key(|pair| {
        (pair.other.source.clone(), pair.other.page, rank(pair), pair.other.document.clone())
    });
    Ok(pairs)
}

/// The rows of one pair, which lie one after the other in a shard.
#[derive(Default)]
struct Group {
    pair: Option<Digest>,
    pages: BTreeSet<Key>,
    url: Option<String>,
    found: Option<Found>,
    rows: Vec<Row>,
}

/// Returns the rows of all pairs that the page or document is in, by the other side.
fn rows(corpus: &Corpus, here: &Key) -> Result<BTreeMap<Key, Group>> {
    let mut found = BTreeMap::new();
    let mut take = |group: Group| {
        if group.pages.contains(here) {
            // A corpus of target-language documents has rows of one page only.
            let other = group.pages.iter().find(|it| *it != here);
            found.insert(other.unwrap_or(here).clone(), group);
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
                group.pages.extend(key_of(corpus, span));
                group.url = group.url.take().or_else(|| span.url.clone());
            }
            if let (Some(score), Some(retrieval)) = (segment.score, &segment.retrieval) {
                let (score, retrieval) = (f64::from(score) / 1e6, retrieval.clone());
                group.found = Some(Found { score, retrieval });
            }
            group.rows.push(row(corpus, &segment, here, &shard.file));
        }
        take(group);
    }
    Ok(found)
}

/// Returns which page or document a span is of.
fn key_of(corpus: &Corpus, span: &Span) -> Option<Key> {
    let (source, _) = corpus.manifest.source_of_wiki(&span.wiki)?;
    Some((source.to_owned(), span.page, span.document.clone()))
}

fn row(corpus: &Corpus, segment: &Segment, here: &Key, shard: &str) -> Row {
    let ours = segment.spans.iter().filter(|it| key_of(corpus, it).as_ref() == Some(here));
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

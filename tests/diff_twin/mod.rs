//! The slow and obvious twin of `crossic diff`: everything in maps, every question asked anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crossic::{
    manifest::Manifest,
    sinks::shard_file::ShardReader,
    store::{
        row::Row,
        snapshot,
        tables::{ArticleRow, LinkRow, PageRow, PropRow, RedirectRow},
    },
};
use crossic_operators::segment::Segment;
use serde_json::Value;

/// One source of a corpus, in memory.
struct Wiki {
    lang: String,
    pages: BTreeMap<u32, PageRow>,
    redirects: BTreeMap<u32, RedirectRow>,
    disambiguations: BTreeSet<u32>,
    articles: BTreeMap<u32, ArticleRow>,
    links: BTreeSet<(u32, String, String)>,
}

/// A corpus in memory.
pub(crate) struct Naive {
    /// By name of the source.
    wikis: BTreeMap<String, Wiki>,
    /// Rows by the pages of their pair, as (source, page), English first.
    pairs: BTreeMap<Vec<(String, u32)>, Vec<Segment>>,
    rejects: Vec<Value>,
    n_tokens: u64,
}

fn rows<R: Row>(dir: &Path, manifest: &Manifest, source: &str) -> Vec<R> {
    let mut snapshots = manifest.snapshots.iter();
    match snapshots.find(|it| it.source == source && it.table == R::TABLE) {
        None => Vec::new(),
        Some(it) => snapshot::rows(&dir.join(&it.file)).unwrap().map(|row| row.unwrap()).collect(),
    }
}

impl Naive {
    /// Reads an Arrow corpus whose sources are named by their languages.
    pub(crate) fn read(dir: &Path) -> Naive {
        let manifest = Manifest::read(dir).unwrap();
        let mut wikis = BTreeMap::new();
        for (source, info) in &manifest.sources {
            let wiki = Wiki {
                lang: info.info.lang.clone(),
                pages: rows::<PageRow>(dir, &manifest, source)
                    .into_iter()
                    .map(|it| (it.id, it))
                    .collect(),
                redirects: rows::<RedirectRow>(dir, &manifest, source)
                    .into_iter()
                    .map(|it| (it.from, it))
                    .collect(),
                disambiguations: rows::<PropRow>(dir, &manifest, source)
                    .into_iter()
                    .map(|it| it.page)
                    .collect(),
                articles: rows::<ArticleRow>(dir, &manifest, source)
                    .into_iter()
                    .map(|it| (it.page, it))
                    .collect(),
                links: rows::<LinkRow>(dir, &manifest, source)
                    .into_iter()
                    .map(|it| (it.from, it.lang, it.title))
                    .collect(),
            };
            wikis.insert(source.clone(), wiki);
        }
        let mut by_digest: BTreeMap<String, Vec<Segment>> = BTreeMap::new();
        for shard in &manifest.shards {
            for row in ShardReader::open(&manifest.shard_path(dir, shard)).unwrap() {
                let row = row.unwrap();
                by_digest.entry(row.pair.to_string()).or_default().push(row);
            }
        }
        let mut pairs = BTreeMap::new();
        for rows in by_digest.into_values() {
            let spans = rows.iter().flat_map(|row| &row.spans);
            let pages: BTreeSet<(String, u32)> =
                spans.map(|it| (it.lang.clone(), it.page)).collect();
            // The languages of the samples sort English first.
            pairs.insert(pages.into_iter().collect(), rows);
        }
        let mut rejects = Vec::new();
        for file in manifest.files.keys().filter(|it| it.starts_with("rejects/")) {
            let text = fs_err::read_to_string(dir.join(file)).unwrap();
            rejects.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        let n_tokens = manifest.shards.iter().map(|it| it.tokens).sum();
        Naive { wikis, pairs, rejects, n_tokens }
    }

    /// Says why this corpus lacks a pair; `went` if the other one is older.
    fn why(&self, pair: &[(String, u32)], went: bool) -> String {
        let tense = |now: &str, before: &str| if went { now.to_owned() } else { before.to_owned() };
        let page = |it: &Value| {
            (it["source"].as_str().unwrap().to_owned(), it["page"].as_u64().unwrap() as u32)
        };
        let is_pair = |it: &&Value| {
            !it["english"].is_null() && vec![page(&it["english"]), page(&it["target"])] == pair
        };
        if let Some(reject) = self.rejects.iter().find(is_pair) {
            let reason = reject["reason"].as_str().unwrap();
            return format!("{}: {reason}", tense("refused now", "refused before"));
        }
        for (source, id) in pair {
            if !self.wikis[source].pages.contains_key(id) {
                return format!("{} ({source})", tense("page gone", "page new"));
            }
        }
        for (source, id) in pair {
            if self.wikis[source].pages[id].redirect {
                return format!(
                    "{} ({source})",
                    tense("page became a redirect", "page was a redirect")
                );
            }
        }
        let ends = [(&pair[0], &pair[1]), (&pair[1], &pair[0])];
        let is_link = |it: &&Value| {
            ends.iter().any(|(one, other)| {
                it["source"] == one.0 && it["from"] == one.1 && it["to"] == other.0
            })
        };
        if let Some(reject) = self.rejects.iter().find(is_link) {
            let reason = reject["reason"].as_str().unwrap();
            return format!("{}: {reason}", tense("link refused now", "link refused before"));
        }
        let linked = ends.iter().any(|(one, other)| {
            let lang = &self.wikis[&other.0].lang;
            self.wikis[&one.0].links.iter().any(|it| it.0 == one.1 && it.1 == *lang)
        });
        match linked {
            true => tense("link leads elsewhere", "link led elsewhere"),
            false => tense("link gone", "link new"),
        }
    }
}

/// The state of a page's text, in the words of the command.
fn state(wiki: &Wiki, id: u32) -> String {
    match (wiki.articles.get(&id), wiki.pages.contains_key(&id)) {
        (Some(article), _) => article.state.clone(),
        (None, true) => "not read".to_owned(),
        (None, false) => "no page".to_owned(),
    }
}

/// Returns every count of a difference under a name of its own.
pub(crate) fn counts(old: &Naive, new: &Naive) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (source, one) in &old.wikis {
        wiki_counts(source, one, &new.wikis[source], &mut counts);
    }
    pair_counts(old, new, &mut counts);
    for (when, corpus) in [("old", old), ("new", new)] {
        *counts.entry(format!("tokens {when}")).or_default() += corpus.n_tokens;
        for span in corpus.pairs.values().flatten().flat_map(|row| &row.spans) {
            let n = u64::from(span.token_end - span.token_start);
            *counts.entry(format!("tokens {} {when}", span.lang)).or_default() += n;
        }
    }
    counts.retain(|_, n| *n != 0);
    counts
}

fn wiki_counts(source: &str, old: &Wiki, new: &Wiki, counts: &mut BTreeMap<String, u64>) {
    let mut add = |name: String| *counts.entry(format!("{source} {name}")).or_default() += 1;
    for (when, wiki) in [("old", old), ("new", new)] {
        for page in wiki.pages.values() {
            add(format!("pages {when}"));
            if page.redirect {
                add(format!("redirects {when}"));
            }
        }
        for _ in wiki.articles.values().filter(|it| it.state == "text") {
            add(format!("texts {when}"));
        }
        for (_, lang, _) in &wiki.links {
            add(format!("links to {lang} {when}"));
        }
    }
    for (id, page) in &new.pages {
        if !old.pages.contains_key(id) {
            add(if page.redirect { "added as redirects" } else { "added" }.to_owned());
        }
    }
    for (id, before) in &old.pages {
        let Some(after) = new.pages.get(id) else {
            add(if before.redirect { "removed, were redirects" } else { "removed" }.to_owned());
            continue;
        };
        let disambiguation = [old, new].map(|it| it.disambiguations.contains(id));
        for (name, moved) in [
            ("renamed", before.title != after.title),
            ("became redirects", !before.redirect && after.redirect),
            ("ceased to be redirects", before.redirect && !after.redirect),
            (
                "redirects that lead elsewhere",
                before.redirect && after.redirect && old.redirects.get(id) != new.redirects.get(id),
            ),
            ("became disambiguation pages", disambiguation == [false, true]),
            ("ceased to be disambiguation pages", disambiguation == [true, false]),
        ] {
            if moved {
                add(name.to_owned());
            }
        }
    }
    for id in old.articles.keys().chain(new.articles.keys()).collect::<BTreeSet<_>>() {
        let (before, after) = (state(old, *id), state(new, *id));
        if (before.as_str(), after.as_str()) != ("text", "text") {
            if before != after {
                add(format!("{before} → {after}"));
            }
        } else if old.articles[id].digest != new.articles[id].digest {
            add("text changed".to_owned());
        } else if old.articles[id].revision != new.articles[id].revision {
            add("another revision, the same text".to_owned());
        }
    }
    let holders: BTreeSet<(u32, &String)> =
        old.links.union(&new.links).map(|(from, lang, _)| (*from, lang)).collect();
    for (from, lang) in holders {
        let here = |it: &&(u32, String, String)| it.0 == from && it.1 == *lang;
        let n_gone = old.links.difference(&new.links).filter(here).count();
        let n_come = new.links.difference(&old.links).filter(here).count();
        for n in 0..n_gone.max(n_come) {
            let kind = match (n < n_gone, n < n_come) {
                (true, true) => "name another title",
                (true, false) => "removed",
                _ => "added",
            };
            add(format!("links to {lang} {kind}"));
        }
    }
}

fn pair_counts(old: &Naive, new: &Naive, counts: &mut BTreeMap<String, u64>) {
    for pair in old.pairs.keys().chain(new.pairs.keys()).collect::<BTreeSet<_>>() {
        let languages: Vec<&str> = pair.iter().map(|(lang, _)| lang.as_str()).collect();
        let group = languages.join("+");
        let mut add = |name: String, n: usize| {
            *counts.entry(format!("{group} {name}")).or_default() += n as u64;
        };
        let ids = |corpus: &Naive| -> BTreeSet<String> {
            let rows = corpus.pairs.get(pair);
            rows.into_iter().flatten().map(|row| row.id.to_string()).collect()
        };
        let (before, after) = (ids(old), ids(new));
        add("rows old".to_owned(), before.len());
        add("rows new".to_owned(), after.len());
        add("same_rows".to_owned(), before.intersection(&after).count());
        add("rows_added".to_owned(), after.difference(&before).count());
        add("rows_removed".to_owned(), before.difference(&after).count());
        add("pairs old".to_owned(), usize::from(!before.is_empty()));
        add("pairs new".to_owned(), usize::from(!after.is_empty()));
        if before.is_empty() {
            add("added".to_owned(), 1);
            add(format!("added: {}", old.why(pair, false)), 1);
        } else if after.is_empty() {
            add("removed".to_owned(), 1);
            add(format!("removed: {}", new.why(pair, true)), 1);
        } else if before == after {
            add("same_pairs".to_owned(), 1);
        } else {
            let digest = |corpus: &Naive, (lang, page): &(String, u32)| {
                corpus.wikis[lang].articles[page].digest
            };
            let changed = pair.iter().filter(|it| digest(old, it) != digest(new, it));
            let changed: Vec<&str> = changed.map(|(lang, _)| lang.as_str()).collect();
            add(
                match changed.is_empty() {
                    true => "changed: the same texts, cut otherwise".to_owned(),
                    false => format!("changed: text of {}", changed.join(" and ")),
                },
                1,
            );
        }
    }
}

//! Checks of rows: order, identities, lengths, spans, paragraphs, and the revisions they come from.

use std::collections::BTreeMap;

use crossic_operators::{
    record::{Digest, Identity, Origin},
    segment::{Segment, Span},
    split_windows::pair_id,
    text::Document,
};
use rustc_hash::FxHashMap;

use super::{check::Check, files::first_line};
use crate::{
    cli::corpus::Corpus,
    error::Result,
    manifest::RowKind,
    sinks::Shard,
    store::{
        pack::{PackName, Packs},
        tables::ArticleRow,
    },
};

/// Paragraphs of the articles of a wiki, by page and revision.
type Articles = FxHashMap<(u32, u64), u32>;

/// The checks of rows, while they are done.
pub(super) struct Rows<'a> {
    corpus: &'a Corpus,
    /// By wiki; `None` if the corpus keeps no snapshots, as all but the first of a build do.
    articles: Option<BTreeMap<&'a str, Articles>>,
    /// The texts of documents; `None` if the corpus keeps none.
    documents: Option<Documents>,
    /// Whether `oversize = "drop"` may have left out paragraphs.
    drops: bool,
    last_bucket: Option<u32>,
    pair: Pair,
    readable: Check,
    order: Check,
    buckets: Check,
    pairs: Check,
    ids: Check,
    lengths: Check,
    closing: Check,
    spans: Check,
    paragraphs: Check,
    provenance: Check,
}

/// What is known of the pair whose rows are being read.
#[derive(Default)]
struct Pair {
    place: String,
    id: Option<Digest>,
    origin: Option<Origin>,
    index: u32,
    sides: BTreeMap<(String, Identity), Side>,
}

/// How far the rows of a pair have come in one article.
#[derive(Default)]
struct Side {
    next_paragraph: u32,
    cut: bool,
    /// Paragraphs of the article, if it is known.
    n_paragraphs: Option<u32>,
}

impl<'a> Rows<'a> {
    /// Loads what rows are compared with.
    pub(super) fn new(corpus: &'a Corpus) -> Rows<'a> {
        let mut provenance = Check::new("sources of spans", "span");
        let mut articles = BTreeMap::new();
        let keeps_snapshots = !corpus.manifest.snapshots.is_empty();
        let wikis = corpus.manifest.sources.iter().filter(|(_, it)| !it.documents);
        for (name, source) in wikis.filter(|_| keeps_snapshots) {
            match load_articles(corpus, name) {
                Ok(Some(rows)) => {
                    articles.insert(source.info.wiki.as_str(), rows);
                }
                Ok(None) => provenance.problem(format!("source `{name}` has no list of articles")),
                Err(error) => provenance.problem(first_line(&error.to_string())),
            }
        }
        let texts = match Documents::open(corpus) {
            Ok(texts) => texts.filter(|_| keeps_snapshots),
            Err(error) => {
                provenance.problem(first_line(&error.to_string()));
                None
            }
        };
        Rows {
            corpus,
            articles: keeps_snapshots.then_some(articles),
            documents: texts,
            drops: corpus.window_knob("oversize") == Some("drop"),
            last_bucket: None,
            pair: Pair::default(),
            readable: Check::new("readable shards", "shard"),
            order: Check::new("order of rows", "row"),
            buckets: Check::new("buckets of rows", "row"),
            pairs: Check::new("identities of pairs", "pair"),
            ids: Check::new("identities of rows", "row"),
            lengths: Check::new("lengths of rows", "row"),
            closing: Check::new("closing tokens", "row"),
            spans: Check::new("spans cover rows", "row"),
            paragraphs: Check::new("paragraphs go on", "span"),
            provenance,
        }
    }

    /// Reads a shard and passes each of its rows on.
    pub(super) fn shard(&mut self, shard: &Shard, mut visit: impl FnMut(&Segment)) {
        let ascending = self.last_bucket.is_none_or(|last| last < shard.bucket);
        if !ascending {
            self.order.problem(format!("shard {} is out of the order of buckets", shard.file));
        }
        self.last_bucket = Some(shard.bucket);
        let read = self.corpus.rows(shard).and_then(|rows| {
            for (segment, position) in rows.zip(0_u64..) {
                let segment = segment?;
                self.row(shard, position, &segment);
                visit(&segment);
            }
            Ok(())
        });
        self.end_pair();
        self.readable.see(read.err().map(|error| move || first_line(&error.to_string())));
    }

    /// Returns the checks.
    pub(super) fn finish(self) -> Vec<Check> {
        let mut checks = vec![self.readable, self.order, self.buckets, self.pairs];
        // Rows without token ids have those of their text as a whole, which may differ.
        if self.corpus.has_tokens() {
            checks.extend([self.ids, self.lengths, self.closing, self.spans]);
        }
        checks.extend([self.paragraphs, self.provenance]);
        checks
    }

    fn row(&mut self, shard: &Shard, position: u64, segment: &Segment) {
        let place = || format!("row {position} of {} (`{}`)", shard.file, segment.id);
        self.check_order(segment, &place);
        let buckets = self.corpus.buckets();
        let misplaced = buckets.is_none_or(|n| segment.pair.0[1] % n != u64::from(shard.bucket));
        self.buckets.see(misplaced.then_some(|| match buckets {
            Some(n) => format!("{}: belongs to bucket {}", place(), segment.pair.0[1] % n),
            None => "the manifest does not say how many buckets there are".to_owned(),
        }));
        let id = id_of(segment);
        self.ids.see((id != segment.id).then_some(|| format!("{}: should be `{id}`", place())));
        self.check_tokens(segment, &place);
        self.spans.see(uncovered(segment).map(|what| move || format!("{}: {what}", place())));
        self.check_retrieval(segment, &place);
        self.check_spans(segment, &place);
    }

    /// Rows lie by pair, then by index from 0.
    fn check_order(&mut self, segment: &Segment, place: &dyn Fn() -> String) {
        let same_pair = self.pair.id == Some(segment.pair);
        let expected = if same_pair { self.pair.index + 1 } else { 0 };
        let problem = if self.pair.id.is_some_and(|last| segment.pair < last) {
            Some("its pair comes before that of the row before")
        } else if segment.index != expected {
            Some("its index does not follow")
        } else {
            None
        };
        self.order.see(problem.map(|what| move || format!("{}: {what}", place())));
        if !same_pair {
            self.end_pair();
            self.pair = Pair {
                place: place(),
                id: Some(segment.pair),
                origin: Some(segment.origin),
                ..Pair::default()
            };
        }
        self.pair.index = segment.index;
    }

    fn check_tokens(&mut self, segment: &Segment, place: &dyn Fn() -> String) {
        let manifest = &self.corpus.manifest;
        let ids = &segment.input_ids;
        let length = ids.len() as u64 + u64::from(manifest.tokenizer.bos_id.is_some());
        let too_long = manifest.rows == RowKind::Segments && manifest.tokens < length;
        self.lengths.see(too_long.then_some(|| {
            let n = manifest.tokens;
            format!("{}: {length} tokens, room for BOS counted, where N is {n}", place())
        }));
        let closing = manifest.tokenizer.closing_id;
        let problem = match ids.split_last() {
            Some((last, _)) if *last != closing => Some("does not end in the closing token"),
            Some((_, rest)) if rest.contains(&closing) => Some("holds the closing token inside"),
            Some((_, rest)) if rest.iter().any(|id| manifest.tokenizer.size <= *id) => {
                Some("holds an id that the tokenizer does not have")
            }
            Some(_) => None,
            None => Some("is empty"),
        };
        self.closing.see(problem.map(|what| move || format!("{}: {what}", place())));
    }

    /// Compares spans with the articles they come from and with the rows before.
    fn check_spans(&mut self, segment: &Segment, place: &dyn Fn() -> String) {
        for span in &segment.spans {
            let (n_paragraphs, problem) = self.source_of(span);
            let name = || format!("{}: {}, {}", place(), of(span), span.title);
            self.provenance.see(problem.map(|what| move || format!("{}: {what}", name())));

            let side = self.pair.sides.entry((span.wiki.clone(), span.identity())).or_default();
            let (start, end) = (span.paragraph_start, span.paragraph_end);
            let expected = match span.cut_start {
                true => side.next_paragraph.saturating_sub(1),
                false => side.next_paragraph,
            };
            let follows = start == expected || (self.drops && expected < start);
            let problem = if end <= start {
                Some("has no paragraph")
            } else if !follows {
                Some("does not go on where the row before ended")
            } else if span.cut_start && !side.cut && !self.drops {
                Some("goes on in a paragraph that was not cut")
            } else if n_paragraphs.is_some_and(|n| n < end) {
                Some("has more paragraphs than its article")
            } else {
                None
            };
            self.paragraphs.see(
                problem
                    .map(|what| move || format!("{}: paragraphs {start}..{end}: {what}", name())),
            );
            *side = Side { next_paragraph: end, cut: span.cut_end, n_paragraphs };
        }
    }

    /// Returns the paragraphs of the text that a span is of, if they are known, and what is wrong
    /// with what the span says of its source.
    fn source_of(&mut self, span: &Span) -> (Option<u32>, Option<&'static str>) {
        let source = self.corpus.manifest.source_of_wiki(&span.wiki).map(|(_, source)| source);
        let Some(source) = source.filter(|source| source.info.lang == span.lang) else {
            return (None, Some("no source of the corpus has this wiki and language"));
        };
        let names_document = [span.document.is_some(), span.url.is_some(), span.digest.is_some()];
        if names_document != [source.documents; 3] {
            let what = match source.documents {
                true => "it does not say which document of the collection it is of",
                false => "it is of a wiki, but names a document",
            };
            return (None, Some(what));
        }
        match span.identity() {
            Identity::Page(page) => {
                let Some(articles) = &self.articles else { return (None, None) };
                let articles = articles.get(span.wiki.as_str());
                let n = articles.and_then(|it| it.get(&(page, span.revision))).copied();
                let unlisted = "its revision is not among the articles of the build";
                (n, n.is_none().then_some(unlisted))
            }
            Identity::Text(digest) => {
                let Some(documents) = &mut self.documents else { return (None, None) };
                let n = documents.n_paragraphs(digest);
                (n, n.is_none().then_some("its text is not in the packs"))
            }
        }
    }

    /// A row says how its document was found, or nothing of it: pairs of articles have no score.
    fn check_retrieval(&mut self, segment: &Segment, place: &dyn Fn() -> String) {
        let problem = match (segment.origin, segment.score, &segment.retrieval) {
            (Origin::Wiki, None, None) | (Origin::Web, None, None) => None,
            (Origin::Web, Some(_), Some(_)) => None,
            (Origin::Wiki, ..) => Some("no document was retrieved, but it says how"),
            (Origin::Web, ..) => {
                Some("has a score without its parts, or the parts without a score")
            }
        };
        if let Some(what) = problem {
            self.provenance.problem(format!("{}: {what}", place()));
        }
    }

    /// Checks what can be said of a pair only when all of its rows are known.
    fn end_pair(&mut self) {
        let pair = std::mem::take(&mut self.pair);
        let (Some(id), Some(origin)) = (pair.id, pair.origin) else { return };
        for ((wiki, of), side) in &pair.sides {
            if let Some(n) = side.n_paragraphs
                && side.next_paragraph < n
                && !self.drops
            {
                self.paragraphs.problem(format!(
                    "the pair from {}: {} of {wiki} ends after paragraph {} of {n}",
                    pair.place,
                    shown(*of),
                    side.next_paragraph
                ));
            }
        }
        let sides: Vec<(&str, Identity)> =
            pair.sides.keys().map(|(wiki, of)| (wiki.as_str(), *of)).collect();
        let right = match sides.as_slice() {
            // The rows do not say which side is the English one.
            [one, two] => [pair_id(origin, *one, *two), pair_id(origin, *two, *one)].contains(&id),
            // The other side has no row: nothing to recompute the identity from.
            [_] => true,
            _ => false,
        };
        self.pairs.see((!right).then_some(|| {
            format!("the pair from {}: `{id}` is not the identity of its pages", pair.place)
        }));
    }
}

/// Returns a span's page or document for messages.
fn of(span: &Span) -> String {
    format!("{} of {}", shown(span.identity()), span.wiki)
}

fn shown(identity: Identity) -> String {
    match identity {
        Identity::Page(page) => format!("page {page}"),
        Identity::Text(digest) => format!("document {digest}"),
    }
}

/// The texts of web documents.
struct Documents {
    packs: Packs,
    n_paragraphs: FxHashMap<Digest, u32>,
}

impl Documents {
    /// Opens the packs of a corpus; `None` if none of its sources has documents.
    fn open(corpus: &Corpus) -> Result<Option<Documents>> {
        if !corpus.manifest.sources.values().any(|it| it.documents) {
            return Ok(None);
        }
        let names = corpus.manifest.packs.iter().filter_map(|name| PackName::parse(name));
        let packs = Packs::open(&corpus.dir.join("packs"), &names.collect::<Vec<_>>())?;
        Ok(Some(Documents { packs, n_paragraphs: FxHashMap::default() }))
    }

    /// Returns how many paragraphs a document has; `None` if no pack holds it, or a damaged one.
    fn n_paragraphs(&mut self, digest: Digest) -> Option<u32> {
        if let Some(n) = self.n_paragraphs.get(&digest) {
            return Some(*n);
        }
        let mut text = String::new();
        let found = self.packs.get(digest, &mut text).unwrap_or(false);
        let n = found.then(|| Document::parse(&text).paragraphs().count() as u32)?;
        self.n_paragraphs.insert(digest, n);
        Some(n)
    }
}

fn load_articles(corpus: &Corpus, source: &str) -> Result<Option<Articles>> {
    let Some(rows) = corpus.snapshot::<ArticleRow>(source)? else { return Ok(None) };
    let mut articles = Articles::default();
    for row in rows {
        let row = row?;
        if row.state == "text" {
            articles.insert((row.page, row.revision), row.n_paragraphs);
        }
    }
    Ok(Some(articles))
}

/// Returns the identity that a row should have.
fn id_of(segment: &Segment) -> Digest {
    let bytes: Vec<u8> = segment.input_ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    Digest::of_fields(&[&segment.pair.bytes(), &segment.index.to_le_bytes(), &bytes])
}

/// Says what is wrong if the spans do not cover all tokens but the closing one, each once, in order.
fn uncovered(segment: &Segment) -> Option<String> {
    let mut next = 0;
    for span in &segment.spans {
        let (start, end) = (span.token_start, span.token_end);
        if start != next || end <= start {
            return Some(format!("a span has tokens {start}..{end} where {next} is next"));
        }
        if end - start < span.title_tokens {
            return Some(format!("a span of {} tokens has a longer title", end - start));
        }
        next = end;
    }
    let n_tokens = (segment.input_ids.len() as u32).saturating_sub(1);
    (next != n_tokens).then(|| format!("the spans cover {next} tokens of {n_tokens}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(ranges: &[(u32, u32)]) -> Segment {
        let span = |&(token_start, token_end): &(u32, u32)| Span {
            lang: "th".to_owned(),
            wiki: "thwiki".to_owned(),
            page: 1,
            revision: 2,
            title: "ช้าง".to_owned(),
            paragraph_start: 0,
            paragraph_end: 1,
            token_start,
            token_end,
            title_tokens: 2,
            cut_start: false,
            cut_end: false,
            document: None,
            url: None,
            digest: None,
        };
        Segment {
            id: Digest::default(),
            pair: Digest::default(),
            index: 0,
            origin: Origin::Wiki,
            input_ids: vec![7; 11],
            spans: ranges.iter().map(span).collect(),
            score: None,
            retrieval: None,
        }
    }

    #[test]
    fn spans_must_cover_all_but_the_closing_token() {
        assert_eq!(uncovered(&segment(&[(0, 4), (4, 10)])), None);
        assert!(uncovered(&segment(&[])).is_some());
        assert!(uncovered(&segment(&[(0, 4), (5, 10)])).is_some());
        assert!(uncovered(&segment(&[(0, 4), (4, 11)])).is_some());
        assert!(uncovered(&segment(&[(0, 9), (9, 10)])).is_some());
        assert!(uncovered(&segment(&[(0, 12), (12, 4)])).is_some());
    }

    #[test]
    fn an_identity_depends_on_every_token() {
        let mut other = segment(&[(0, 10)]);
        let id = id_of(&other);
        other.input_ids[3] = 8;
        assert_ne!(id_of(&other), id);
    }
}

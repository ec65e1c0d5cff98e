//! Tests of sealing pairs of an article and a web document: what their rows say, what is copied when
//! only that changes, and that a build from scratch says the same.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{path::Path, sync::Mutex};

use crossic_operators::{
    record::{Directions, Origin, PageId, Text},
    retrieve::keywords::Reach,
    text,
    vocabulary::Vocabulary,
};
use serde_json::json;
use tempfile::TempDir;
use toml::de::ValueDeserializer;

use super::*;
use crate::sinks;

/// Texts in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<Digest, String>>);

impl Memory {
    fn put(&self, text: &str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        self.0.lock().unwrap().insert(digest, text.to_owned());
        digest
    }
}

impl Texts for Memory {
    fn read(&self, digest: Digest, buffer: &mut String) -> bool {
        let texts = self.0.lock().unwrap();
        *buffer = texts.get(&digest).cloned().unwrap_or_default();
        texts.contains_key(&digest)
    }
}

/// A place to seal one bucket in, again and again.
struct Bench {
    dir: TempDir,
    format: &'static str,
    texts: Arc<Memory>,
    splitter: Splitter,
    last: BTreeMap<u32, Record>,
}

impl Bench {
    fn new(format: &'static str, variant: &str, texts: &Arc<Memory>) -> Bench {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples/tokenizer.json");
        let vocabulary = Vocabulary::from_bytes(&fs_err::read(&path).unwrap()).unwrap();
        let config = json!({"tokenizer": path, "tokens": 128, "variant": variant});
        let config = serde_json::from_value(config).unwrap();
        let splitter = Splitter::new(config, Arc::new(vocabulary)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        Bench { dir, format, texts: Arc::clone(texts), splitter, last: BTreeMap::new() }
    }

    fn sealing(&self) -> Sealing {
        let wiki = |wiki: &str, lang: &str| WikiInfo {
            wiki: wiki.to_owned(),
            lang: lang.to_owned(),
            date: String::new(),
            base: String::new(),
        };
        let table = format!("{{ dir = {:?}, buckets = 1 }}", self.dir.path());
        let sink = sinks::ALL.iter().find(|it| it.name == self.format).unwrap();
        let sink = (sink.parse)(ValueDeserializer::parse(&table).unwrap()).unwrap();
        Sealing {
            index: 0,
            stage: 3,
            windows: Digest::of(b"knobs"),
            sink: sink.into(),
            last: Arc::new(self.last.clone()),
            wikis: Arc::new(vec![
                wiki("enwiki", "en"),
                wiki("fineweb-edu", "en"),
                wiki("thwiki", "th"),
            ]),
            texts: self.texts.clone(),
            failure: Failure::default(),
            progress: Progress::new(0, false),
        }
    }

    /// Seals pairs; returns what was done and the rows.
    fn seal(&mut self, pairs: &[Pair]) -> (Sealed, Vec<Segment>) {
        let sealing = self.sealing();
        let pairs = pairs.iter().map(|pair| (*pair, 1)).collect();
        let mut open = sealing.open(0, pairs).unwrap();
        while sealing.step(&mut open, &self.splitter).unwrap() {}
        let sealed = sealing.finish(open).unwrap();
        assert!(!sealing.failure.is_set());
        let record = self.dir.path().join(memos::FOLDER).join(&sealed.memos[0]);
        self.last = [(0, Record::read(&record).unwrap())].into();
        let shard = sealed.bucket.shard.as_ref().unwrap();
        let rows = sealing.sink.rows(shard).unwrap().unwrap().collect::<Result<_>>().unwrap();
        (sealed, rows)
    }
}

fn text(memory: &Memory, title: &str, name: &str) -> Text {
    let paragraphs: Vec<String> =
        (0..9).map(|n| format!("{name} says that {n} is a number. ช้าง.")).collect();
    let text = text::canonical(title, &paragraphs);
    let digest = memory.put(&text);
    let n_chars = text.chars().count() as u32;
    Text { digest, revision: 0, n_chars, n_paragraphs: 9, links: Digest::default() }
}

fn evidence(document: &str, page: PageId) -> Evidence {
    Evidence {
        page,
        document: format!("<urn:uuid:{document}>"),
        url: format!("https://example.org/{document}"),
        rank: 2,
        score: 650_000,
        title_score: 600_000,
        full_score: 700_000,
        title: "Elephant".to_owned(),
        keywords: vec!["Tusk".to_owned(), "Zoo".to_owned()],
        reach: Reach::Prose,
    }
}

/// A pair of a page and a document.
fn web(memory: &Memory, document: &str, page: PageId, evidence: &Evidence) -> Pair {
    Pair {
        english: Side { source: 1, page: 0, text: text(memory, "", document) },
        target: Side {
            source: 2, page, text: text(memory, "ช้าง", &format!("page {page}"))
        },
        origin: Origin::Web,
        directions: Directions::default(),
        evidence: memory.put(&evidence.to_text()),
    }
}

/// A pair of two pages.
fn linked(memory: &Memory, english: PageId, page: PageId) -> Pair {
    Pair {
        english: Side { source: 0, page: english, text: text(memory, "Elephant", "english") },
        origin: Origin::Wiki,
        evidence: Digest::default(),
        ..web(memory, "unused", page, &evidence("unused", page))
    }
}

#[test]
fn rows_of_each_document_of_an_article_say_which_it_is() {
    for format in ["arrow-shards", "jsonl"] {
        for variant in ["crossic", "mix", "mono"] {
            let memory = Arc::new(Memory::default());
            let pairs: Vec<Pair> = ["one", "two", "three"]
                .map(|it| web(&memory, it, 5, &evidence(it, 5)))
                .into_iter()
                .chain([linked(&memory, 7, 5)])
                .collect();
            let (sealed, rows) = Bench::new(format, variant, &memory).seal(&pairs);
            assert_eq!((sealed.work.pairs_split, sealed.bucket.rejects.len()), (4, 0));
            assert_eq!(sealed.bucket.statistics.pairs, 4);
            assert_eq!(sealed.bucket.statistics.web_pairs, 3);
            let mut ids: Vec<Digest> = rows.iter().map(|row| row.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), rows.len());
            let mut named: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
            for row in &rows {
                let is_web = row.origin == Origin::Web;
                let expected = is_web.then(|| evidence("any", 5));
                assert_eq!(row.score, expected.as_ref().map(|it| it.score));
                assert_eq!(row.retrieval, expected.map(|it| it.retrieval()));
                for span in &row.spans {
                    let is_document = span.wiki == "fineweb-edu";
                    assert_eq!(span.digest.is_some(), is_document);
                    assert_eq!(span.document.is_some(), is_document);
                    assert_eq!(span.title.is_empty(), is_document);
                    if let (Some(document), Some(url)) = (&span.document, &span.url) {
                        assert_eq!(span.title_tokens, 0);
                        assert!(document.contains(url.rsplit('/').next().unwrap()));
                        named.entry(row.pair).or_default().push(document.clone());
                    }
                }
            }
            named.values_mut().for_each(Vec::dedup);
            let mut documents: Vec<&str> =
                named.values().flatten().map(|it| it.trim_matches(['<', '>'])).collect();
            documents.sort_unstable();
            let all = ["urn:uuid:one", "urn:uuid:three", "urn:uuid:two"];
            assert_eq!(documents, if variant == "mono" { &[][..] } else { &all[..] });
        }
    }
}

#[test]
fn where_only_the_evidence_changes_rows_are_copied_and_stamped() {
    for format in ["arrow-shards", "jsonl"] {
        let memory = Arc::new(Memory::default());
        let first = [
            web(&memory, "one", 5, &evidence("one", 5)),
            web(&memory, "two", 5, &evidence("two", 5)),
            linked(&memory, 7, 5),
        ];
        let mut bench = Bench::new(format, "crossic", &memory);
        let (built, before) = bench.seal(&first);
        let (kept, same) = bench.seal(&first);
        assert_eq!((kept.work.shards_kept, kept.work.pairs_split), (1, 0));
        assert_eq!((same, &kept.bucket.shard), (before.clone(), &built.bucket.shard));

        let changes: [fn(&mut Evidence); 6] = [
            |it| it.rank = 1,
            |it| it.score += 1,
            |it| it.title_score -= 7,
            |it| it.keywords.truncate(1),
            |it| it.url = "https://example.org/moved".to_owned(),
            |it| it.document = "<urn:uuid:moved>".to_owned(),
        ];
        for change in changes {
            let mut changed = evidence("two", 5);
            change(&mut changed);
            let second = [first[0], web(&memory, "two", 5, &changed), first[2]];
            let (sealed, rows) = bench.seal(&second);
            let work = sealed.work;
            assert_eq!((work.pairs_copied, work.pairs_restamped, work.pairs_split), (3, 1, 0));
            assert!(sealed.added.is_empty() && sealed.removed.is_empty());
            assert_ne!(rows, before);
            // A build that knows nothing of the first one has the same bytes.
            let (scratch, anew) = Bench::new(format, "crossic", &memory).seal(&second);
            assert_eq!((&rows, &sealed.bucket.shard), (&anew, &scratch.bucket.shard));
            let (again, back) = bench.seal(&first);
            assert_eq!((back, again.work.pairs_split), (before.clone(), 0));
        }
    }
}

#[test]
fn another_text_is_another_document() {
    let memory = Arc::new(Memory::default());
    let pairs = |name: &str| [web(&memory, name, 5, &evidence("one", 5)), linked(&memory, 7, 5)];
    let mut bench = Bench::new("arrow-shards", "crossic", &memory);
    let (_, before) = bench.seal(&pairs("one"));
    let (sealed, after) = bench.seal(&pairs("one, corrected"));
    assert_eq!((sealed.work.pairs_copied, sealed.work.pairs_split), (1, 1));
    let web_pair = |rows: &[Segment]| rows.iter().find(|it| it.origin == Origin::Web).unwrap().pair;
    assert_ne!(web_pair(&before), web_pair(&after));
}

#[test]
fn a_document_found_for_another_page_keeps_its_name_and_no_score() {
    let memory = Arc::new(Memory::default());
    let dealt = web(&memory, "one", 5, &evidence("one", 6));
    let mut bench = Bench::new("arrow-shards", "crossic", &memory);
    let (_, rows) = bench.seal(&[dealt]);
    for row in &rows {
        assert_eq!((row.score, &row.retrieval, row.origin), (None, &None, Origin::Web));
    }
    let mut spans = rows.iter().flat_map(|row| &row.spans).filter(|it| it.digest.is_some());
    assert!(spans.all(|it| it.url.as_deref() == Some("https://example.org/one")));
    // Found for this page after all, it gets its scores, and its rows stay.
    let (sealed, rows) = bench.seal(&[web(&memory, "one", 5, &evidence("one", 5))]);
    assert_eq!((sealed.work.pairs_copied, sealed.work.pairs_restamped), (1, 1));
    assert!(rows.iter().all(|row| row.score == Some(650_000) && row.retrieval.is_some()));
}

#[test]
fn a_pair_that_comes_twice_is_taken_once() {
    let memory = Arc::new(Memory::default());
    let other = Evidence { rank: 3, ..evidence("one", 5) };
    let pairs = [
        web(&memory, "one", 5, &evidence("one", 5)),
        web(&memory, "one", 5, &other),
        linked(&memory, 7, 5),
        linked(&memory, 7, 5),
    ];
    let (sealed, rows) = Bench::new("arrow-shards", "crossic", &memory).seal(&pairs);
    let reasons: Vec<Reason> = sealed.bucket.rejects.iter().map(|it| it.reason).collect();
    assert_eq!(reasons, [Reason::DuplicatePair; 2]);
    // What came in is what went out and what was refused.
    assert_eq!(sealed.bucket.pairs_in[&2], 4);
    assert_eq!(sealed.bucket.pairs_out[&2], 2);
    let (_, once) = Bench::new("arrow-shards", "crossic", &memory).seal(&[pairs[2]]);
    let linked: Vec<Segment> = rows.into_iter().filter(|row| row.origin == Origin::Wiki).collect();
    assert_eq!(linked, once);
}

#[test]
fn evidence_that_cannot_be_read_ends_the_run() {
    let memory = Arc::new(Memory::default());
    let bench = Bench::new("arrow-shards", "crossic", &memory);
    let mut pair = web(&memory, "one", 5, &evidence("one", 5));
    pair.evidence = memory.put("not what it should be");
    let sealing = bench.sealing();
    let mut open = sealing.open(0, vec![(pair, 1)]).unwrap();
    assert!(!sealing.step(&mut open, &bench.splitter).unwrap());
    assert!(sealing.failure.is_set());
}

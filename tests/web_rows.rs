//! What the commands say of rows with web documents. The corpus is put together by hand out of the
//! library's parts: a page of the samples, and three documents that were found for it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test may panic")]

mod common_crossic;

use std::{path::Path, sync::Arc};

use common_crossic::Folder;
use crossic::{
    manifest::{Manifest, SourceInfo, Totals, corpus_digest},
    report::{Report, statistics::Counter},
    sinks::{Shard, shard_file::ShardWriter, shards_dir},
    sources::WikiInfo,
    store::{
        pack::{PackName, PackWriter, Packs},
        snapshot,
        tables::ArticleRow,
    },
};
use crossic_operators::{
    record::{Digest, Identity, Origin},
    segment::{Retrieval, Segment},
    split_windows::{Sided, Splitter},
    text::{self, Document},
    vocabulary::Vocabulary,
};
use serde_json::{Value, json};

const COLLECTION: &str = "fineweb-edu";

/// A Thai page of the samples.
struct Page {
    id: u32,
    revision: u64,
    text: String,
}

/// Returns the first Thai article of the corpus in `out`.
fn page(dir: &Path, manifest: &Manifest) -> Page {
    let mut snapshots = manifest.snapshots.iter();
    let file = snapshots.find(|it| it.source == "th" && it.table == "articles").unwrap();
    let mut rows = snapshot::rows::<ArticleRow>(&dir.join(&file.file)).unwrap();
    let row = rows.find_map(|row| row.ok().filter(|it| it.state == "text")).unwrap();
    let names: Vec<PackName> =
        manifest.packs.iter().map(|name| PackName::parse(name).unwrap()).collect();
    let mut text = String::new();
    assert!(Packs::open(&dir.join("packs"), &names).unwrap().get(row.digest, &mut text).unwrap());
    Page { id: row.page, revision: row.revision, text }
}

fn document(name: &str) -> String {
    let paragraphs: Vec<String> =
        (0..40).map(|n| format!("{name} tells of {n} elephants in a row.")).collect();
    text::canonical("", &paragraphs)
}

/// Returns the rows of the page with each document; the last was found for another page.
fn rows(dir: &Path, manifest: &Manifest, page: &Page) -> Vec<Segment> {
    let bytes = fs_err::read(dir.join(&manifest.tokenizer.file)).unwrap();
    let vocabulary = Arc::new(Vocabulary::from_bytes(&bytes).unwrap());
    let config = json!({"tokenizer": "", "tokens": manifest.tokens});
    let splitter = Splitter::new(serde_json::from_value(config).unwrap(), vocabulary).unwrap();
    let mut rows = Vec::new();
    for (name, rank) in [("one", 1), ("two", 2), ("dealt", 0)] {
        let text = document(name);
        let english = Sided {
            lang: "en",
            wiki: COLLECTION,
            page: 0,
            revision: 0,
            document: Document::parse(&text),
            digest: Some(Digest::of(text.as_bytes())),
        };
        let target = Sided {
            lang: "th",
            wiki: "thwiki",
            page: page.id,
            revision: page.revision,
            document: Document::parse(&page.text),
            digest: None,
        };
        let mut segments = splitter.split(Origin::Web, english, target).unwrap().segments;
        for row in &mut segments {
            if rank != 0 {
                row.score = Some(700_000 - rank as i32);
                row.retrieval = Some(Retrieval {
                    rank,
                    title_score: 600_000,
                    full_score: 800_000 - 2 * rank as i32,
                    title: "Elephant".to_owned(),
                    keywords: vec!["Tusk".to_owned(), "Zoo".to_owned()],
                });
            }
            for span in row.spans.iter_mut().filter(|it| it.wiki == COLLECTION) {
                span.document = Some(format!("<urn:uuid:{name}>"));
                span.url = Some(format!("https://example.org/{name}"));
            }
        }
        rows.extend(segments);
    }
    rows.sort_by_key(|row| (row.pair.0[1] % 4, row.pair, row.index));
    rows
}

/// Makes the corpus in `out` one of these rows.
fn publish(folder: &Folder, rows: &[Segment]) {
    let dir = folder.path("out");
    let mut manifest = Manifest::read(&dir).unwrap();
    let info = WikiInfo {
        wiki: COLLECTION.to_owned(),
        lang: "en".to_owned(),
        date: String::new(),
        base: String::new(),
    };
    let source = SourceInfo { info, documents: true, template_aliases: None, files: Vec::new() };
    manifest.sources.insert("a-web".to_owned(), source);
    let mut writer = PackWriter::create(&dir.join("packs")).unwrap();
    for name in ["one", "two", "dealt"] {
        let text = document(name);
        writer.put(Digest::of(text.as_bytes()), &text).unwrap();
    }
    let pack = String::from(writer.seal().unwrap().unwrap());
    manifest.packs.retain(|name| *name != pack);
    manifest.packs.push(pack);

    fs_err::remove_dir_all(shards_dir(&dir)).unwrap();
    manifest.shards.clear();
    // What is left in articles stays: other rows are made of the same articles.
    let report = fs_err::read_to_string(dir.join("report.json")).unwrap();
    let residue = serde_json::from_str::<Report>(&report).unwrap().residue;
    let mut report = Report { residue, ..Report::default() };
    for rows in rows.chunk_by(|one, other| one.pair.0[1] % 4 == other.pair.0[1] % 4) {
        let mut writer = ShardWriter::create(&shards_dir(&dir)).unwrap();
        let mut counter = Counter::default();
        for row in rows {
            writer.push(row).unwrap();
            counter.add(row, manifest.tokens);
        }
        report.statistics.merge(&counter.finish());
        let shard = serde_json::to_value(writer.finish((rows[0].pair.0[1] % 4) as u32).unwrap());
        manifest.shards.push(serde_json::from_value::<Shard>(shard.unwrap()).unwrap());
    }
    let it = &report.statistics;
    manifest.totals = Totals { pairs: it.pairs, rows: it.rows, tokens: it.tokens };
    manifest.corpus_digest = corpus_digest(&manifest.shards).to_string();
    manifest.files.clear();
    fs_err::write(dir.join("report.json"), serde_json::to_string(&report).unwrap()).unwrap();
    manifest.write(&dir).unwrap();
}

/// Returns a folder with the corpus, its rows, and the page that they are of.
fn corpus() -> (Folder, Vec<Segment>, Page) {
    let folder = Folder::new();
    folder.build(&[]).done();
    let dir = folder.path("out");
    let manifest = Manifest::read(&dir).unwrap();
    let page = page(&dir, &manifest);
    let rows = rows(&dir, &manifest, &page);
    publish(&folder, &rows);
    (folder, rows, page)
}

#[test]
fn a_corpus_with_documents_is_whole_and_damage_is_told() {
    let (folder, rows, _) = corpus();
    folder.run(&["verify", "out"]).done();

    let check = |change: &dyn Fn(&mut Segment), expected: &str| {
        let mut rows = rows.clone();
        rows.iter_mut().for_each(change);
        publish(&folder, &rows);
        let ran = folder.run(&["verify", "out"]);
        assert_eq!(ran.code, Some(1), "{expected}");
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    };
    let of = |row: &mut Segment, change: &dyn Fn(&mut crossic_operators::segment::Span)| {
        row.spans.iter_mut().filter(|it| it.wiki == COLLECTION).for_each(change);
    };
    check(&|row| of(row, &|span| span.url = None), "does not say which document");
    check(
        &|row| of(row, &|span| span.digest = Some(Digest::of(b"another text"))),
        "is not the identity of its pages",
    );
    check(
        &|row| of(row, &|span| span.digest = Some(Digest::of(b"another text"))),
        "its text is not in the packs",
    );
    check(&|row| row.retrieval = None, "a score without its parts");
    check(&|row| row.origin = Origin::Wiki, "no document was retrieved");
    check(
        &|row| row.spans.iter_mut().for_each(|span| span.document = Some("x".to_owned())),
        "it is of a wiki, but names a document",
    );
    publish(&folder, &rows);
    folder.run(&["verify", "out"]).done();
}

#[test]
fn inspect_tells_where_a_document_comes_from() {
    let (folder, rows, _) = corpus();
    let shown = folder.run(&["inspect", "out", "--page", "https://example.org/two"]).done();
    for part in [
        "web\n",
        "  score 0.699998\n",
        "0.600000 with the title, 0.799996 with title and keywords",
        "document 2 for `Elephant`, keywords Tusk, Zoo",
        "(fineweb-edu, document <urn:uuid:two>)",
        "https://example.org/two",
        "two tells of 0 elephants",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("urn:uuid:one") && !shown.contains("curid=0"), "{shown}");
    let dealt = folder.run(&["inspect", "out", "--page", "<urn:uuid:dealt>"]).done();
    assert!(dealt.contains("https://example.org/dealt"), "{dealt}");
    assert!(dealt.contains("was found for another page") && !dealt.contains("score 0."), "{dealt}");

    let lines = folder.run(&["inspect", "out", "--json", "-n", "99"]).done();
    let lines: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(&rows) {
        assert_eq!(line["id"], json!(row.id.to_string()));
        assert_eq!(line["retrieval"], json!(row.retrieval));
        for (shown, span) in line["spans"].as_array().unwrap().iter().zip(&row.spans) {
            assert_eq!(shown["document"], json!(span.document));
            assert_eq!(shown["digest"], json!(span.digest.map(|it| it.to_string())));
            if span.url.is_some() {
                assert_eq!(shown["url"], json!(span.url));
            }
        }
    }
}

#[test]
fn explain_tells_the_documents_of_a_page_and_the_pages_of_a_document() {
    let (folder, rows, page) = corpus();
    let name = format!("th:{}", page.id);
    let facts = folder.run(&["explain", "out", &name, "--json"]).done();
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let pairs = facts[0]["pairs"].as_array().unwrap();
    let documents = pairs.iter().filter(|it| it["other"]["source"] == "a-web");
    let mut found = Vec::new();
    for pair in documents {
        let document = pair["other"]["document"].as_str().unwrap();
        let is =
            |row: &&Segment| row.spans.iter().any(|it| it.document.as_deref() == Some(document));
        let expected = rows.iter().find(is).unwrap();
        let mut identities = expected.spans.iter().map(|it| it.identity());
        assert!(identities.any(|it| matches!(it, Identity::Text(_))));
        let of_pair = rows.iter().filter(|row| row.pair == expected.pair).count();
        assert_eq!(pair["rows"].as_array().unwrap().len(), of_pair);
        assert_eq!(
            pair["found"]["rank"].as_u64(),
            expected.retrieval.as_ref().map(|it| u64::from(it.rank))
        );
        found.push((document.to_owned(), pair["found"]["score"].as_f64()));
    }
    // In the order of their ranks; one that was found for another page has none.
    let expected = [("dealt", None), ("one", Some(0.699999)), ("two", Some(0.699998))];
    let expected: Vec<_> =
        expected.map(|(name, score)| (format!("<urn:uuid:{name}>"), score)).to_vec();
    assert_eq!(found, expected);

    let text = folder.run(&["explain", "out", &name]).done();
    for part in ["a-web:<urn:uuid:two>", "https://example.org/two", "document 2: score 0.699998"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for name in ["https://example.org/one", "<urn:uuid:one>", "a-web:<urn:uuid:one>"] {
        let text = folder.run(&["explain", "out", name]).done();
        let head = "a-web:<urn:uuid:one> (https://example.org/one)\n  in the corpus: ";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains(&format!("with th:{}", page.id)), "{text}");
        assert!(!text.contains("in the dump"), "{text}");
    }
    // A language means the wiki, although the documents are English too.
    let text = folder.run(&["explain", "out", "en:Elephant"]).done();
    assert!(text.starts_with("en:"), "{text}");
}

#[test]
fn diff_tells_documents_apart() {
    let (folder, rows, _) = corpus();
    for (name, content) in common_crossic::files(&folder.path("out")) {
        folder.write(&format!("old/{name}"), &content);
    }
    let same = folder.run(&["diff", "old", "out", "--json"]).done();
    assert_eq!(serde_json::from_str::<Value>(&same).unwrap()["moved"], json!(false));
    let is_two =
        |row: &Segment| row.spans.iter().any(|it| it.document.as_deref() == Some("<urn:uuid:two>"));
    let gone = rows.iter().find(|row| is_two(row)).unwrap().pair;
    let kept: Vec<Segment> = rows.into_iter().filter(|row| row.pair != gone).collect();
    publish(&folder, &kept);
    let facts = folder.run(&["diff", "old", "out", "--json"]).done();
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let pairs = &facts["pairs"]["en+th"];
    assert_eq!(pairs["pairs"], json!({"old": 3, "new": 2}));
    let [moves] = &pairs["moves"].as_array().unwrap()[..] else { panic!("{facts}") };
    assert_eq!((&moves["kind"], &moves["count"]), (&json!("removed"), &json!(1)));
    let example = &moves["examples"][0];
    assert_eq!(example["why"], json!("its document is not found for the page, or refused, now"));
    let english = &example["sides"][0];
    assert_eq!(english["title"], json!("<urn:uuid:two>"));
    assert_eq!(english["url"], json!("https://example.org/two"));
}

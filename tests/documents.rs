//! Web documents: the samples, files of every kind, and files that are damaged or anything at all.
//!
//! `UPDATE_GOLDEN=1 cargo test --test documents` writes the golden file anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common_crossic;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use common_crossic::{golden, repository};
use crossic::dump::documents::{
    document::{Row, WebDocument},
    error::DocumentsError,
    file::{Batch, DocumentFile},
    paragraphs::paragraphs,
    paths,
    screen::{Reason, Screen},
};
use crossic_operators::{record::Digest, text::Document};
use flate2::{Compression, write::GzEncoder};
use polars::prelude::{
    DataFrame, IntoColumn, NamedFrom, ParquetCompression, ParquetWriter, Series,
};
use proptest::prelude::*;

/// The screen with which the labels of the samples were written.
fn strict() -> Screen {
    Screen { min_language_score: Some(0.65), min_score: Some(0.5), ..Screen::default() }
}

/// Takes any text of any language.
fn lenient() -> Screen {
    Screen { language: None, min_words: 1, mirrors: true, ..Screen::default() }
}

fn samples() -> Vec<PathBuf> {
    paths::expand(&[repository("data-samples/fineweb-edu").join("*.parquet")]).unwrap()
}

/// Reads a file in batches of about `n_bytes`; what came before an error is returned with it.
fn read(path: &Path, screen: &Screen, n_bytes: usize) -> (Batch, Option<DocumentsError>) {
    let mut all = Batch::default();
    let mut file = match DocumentFile::open(path, screen) {
        Ok(file) => file,
        Err(error) => return (all, Some(error)),
    };
    let mut batch = Batch::default();
    loop {
        let more = match file.next_batch_of(n_bytes, &mut batch) {
            Ok(more) => more,
            Err(error) => {
                assert!(!file.next_batch_of(n_bytes, &mut batch).unwrap());
                assert_eq!(batch, Batch::default());
                return (all, Some(error));
            }
        };
        all.documents.append(&mut batch.documents);
        all.refused.append(&mut batch.refused);
        if !more {
            assert!(file.n_bytes_read() <= file.n_bytes());
            return (all, None);
        }
    }
}

fn read_whole(path: &Path, screen: &Screen) -> Batch {
    let (batch, error) = read(path, screen, 1 << 20);
    assert!(error.is_none(), "{error:?}");
    batch
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The message of the error with which reading a file of these bytes ends.
fn message(name: &str, bytes: &[u8]) -> String {
    let dir = folder();
    let path = dir.path().join(name);
    fs_err::write(&path, bytes).unwrap();
    let (_, error) = read(&path, &lenient(), 1 << 20);
    let message = error.unwrap().to_string();
    assert!(message.contains(name), "{message}");
    message
}

/// A row of `labels.tsv`.
struct Label {
    article: Option<String>,
    near: Option<String>,
    reject: Option<String>,
}

fn labels() -> BTreeMap<String, Label> {
    let text = fs_err::read_to_string(repository("data-samples/fineweb-edu/labels.tsv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("url\tarticle\tnear\treject"));
    let mut labels = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let [url, article, near, reject] = cells[..] else { panic!("{line}") };
        let cell = |it: &str| (it != "-").then(|| it.to_owned());
        let (article, near, reject) = (cell(article), cell(near), cell(reject));
        assert!(article.is_none() || near.is_none(), "{line}");
        assert!(labels.insert(url.to_owned(), Label { article, near, reject }).is_none());
    }
    labels
}

#[test]
fn the_samples_come_to_what_their_labels_say() {
    let labels = labels();
    let mut lowest: BTreeMap<Digest, Digest> = BTreeMap::new();
    let mut documents = Vec::new();
    let mut refused = BTreeMap::new();
    for path in samples() {
        // The ids of refused rows are digests, so their addresses come from a reading without a screen.
        let all = Screen { min_words: 0, ..lenient() };
        let urls: BTreeMap<String, String> = read_whole(&path, &all)
            .documents
            .into_iter()
            .map(|it| (it.source_id, it.url))
            .collect();
        let batch = read_whole(&path, &strict());
        for it in batch.refused {
            refused.insert(urls[&it.source_id].clone(), it.reason);
        }
        for document in &batch.documents {
            let id = lowest.entry(document.digest).or_insert(document.id);
            *id = document.id.min(*id);
        }
        documents.extend(batch.documents);
    }
    documents.sort_by(|a, b| a.url.cmp(&b.url));
    let mut shown = String::new();
    for document in documents {
        if lowest[&document.digest] != document.id {
            refused.insert(document.url.clone(), Reason::Duplicate);
            continue;
        }
        let (n_paragraphs, n_chars) = (document.n_paragraphs, document.text.chars().count());
        writeln!(shown, "{} {n_paragraphs} {n_chars} {}", document.digest, document.url).unwrap();
        assert_eq!(labels[&document.url].reject, None, "{}", document.url);
    }
    for (url, reason) in &refused {
        writeln!(shown, "{} {url}", reason.name()).unwrap();
        assert_eq!(labels[url].reject.as_deref(), Some(reason.name()), "{url}");
    }
    assert_eq!(shown.lines().count(), labels.len());
    let expected = ["duplicate", "low-score", "near-empty", "other-language", "wikipedia-mirror"];
    let found: BTreeSet<&str> = refused.values().map(|it| it.name()).collect();
    assert_eq!(found, BTreeSet::from(expected));
    golden("documents.txt", &shown);
}

#[test]
fn the_labels_name_articles_of_the_samples() {
    let pages = repository("data-samples/sources/enwiki/pages");
    let mut titles = BTreeSet::new();
    for entry in fs_err::read_dir(pages).unwrap() {
        let text = fs_err::read_to_string(entry.unwrap().path()).unwrap();
        titles.extend(text.lines().find_map(|it| it.strip_prefix("title: ")).map(str::to_owned));
    }
    let labels = labels();
    for label in labels.values() {
        for title in label.article.iter().chain(&label.near) {
            assert!(titles.contains(title), "{title}");
        }
    }
    let usable = || labels.values().filter(|it| it.reject.is_none());
    assert!(60 <= usable().count());
    assert!(10 <= usable().filter(|it| it.near.is_some()).count());
    assert!(5 <= usable().filter(|it| it.near.is_none() && it.article.is_none()).count());
}

#[test]
fn every_kind_of_file_gives_the_same_documents() {
    let dir = folder();
    for sample in samples() {
        let expected = read_whole(&sample, &lenient());
        let lines: String = expected
            .documents
            .iter()
            .map(|it| {
                let line = serde_json::json!({ "more": [{}], "text": it.text, "id": it.source_id, "url": it.url });
                format!("{line}\r\n\n")
            })
            .collect();
        let lines = lines.as_bytes();
        let halves = lines.split_at(lines.len() / 2);
        let files = [
            ("plain.jsonl", lines.to_vec()),
            ("with-mark.jsonl", ["\u{feff}".as_bytes(), lines.trim_ascii_end()].concat()),
            ("one.jsonl.gz", gzip(lines)),
            ("two-members.jsonl.gz", [gzip(halves.0), gzip(halves.1)].concat()),
            ("one.jsonl.zst", zstd(lines)),
            ("two-frames.jsonl.zst", [zstd(halves.0), zstd(halves.1)].concat()),
            ("named-wrongly.txt", zstd(lines)),
        ];
        for (name, bytes) in files {
            let path = dir.path().join(name);
            fs_err::write(&path, bytes).unwrap();
            for n_bytes in [1, 1_000, 1 << 20] {
                let (batch, error) = read(&path, &lenient(), n_bytes);
                assert!(error.is_none(), "{name}: {error:?}");
                assert_eq!(batch.documents, expected.documents, "{name}");
            }
        }
        for n_bytes in [1, 3_000, 50_000] {
            let (batch, error) = read(&sample, &strict(), n_bytes);
            assert!(error.is_none(), "{error:?}");
            assert_eq!(batch, read_whole(&sample, &strict()));
        }
    }
}

#[test]
fn bad_lines_are_named() {
    let check = |bytes: &[u8], expected: &[&str]| {
        let message = message("bad.jsonl", bytes);
        for part in expected {
            assert!(message.contains(part), "{message}");
        }
    };
    let good = "{\"text\": \"one\"}\n";
    check(format!("{good}\n{{\"text\": 3}}").as_bytes(), &["line 3, byte 10", "expected a string"]);
    check(format!("{good}{{\"text\": \"cut").as_bytes(), &["line 2", "EOF while parsing"]);
    check(b"[\"one\"]", &["line 1, byte 1", "no JSON object"]);
    check(b"\"one\"", &["line 1", "no JSON object"]);
    check(b"{\"body\": \"one\", \"a\": 1}", &["no key `text`; there is `a`, `body`"]);
    check(b"{}", &["there is none"]);
    check(b"{\"text\": \"one\", \"id\": []}", &["`id` is neither"]);
    check(b"{\"text\": \"one\", \"score\": \"high\"}", &["line 1", "f64"]);
    check(b"{\"text\": \"\xff\"}", &["line 1", "unicode"]);
    check(b"{\"text\": \"\\ud800\"}", &["line 1", "hex escape"]);
    let deep = "[".repeat(100_000);
    check(format!("{{\"text\": \"a\", \"more\": {deep}").as_bytes(), &["EOF while parsing"]);
    check(format!("{{\"text\": \"a\", \"id\": {deep}").as_bytes(), &["recursion limit"]);
    check(b"BZh91AY&SY", &["bzip2 files are not supported", ".zst"]);
    check(&gzip(good.as_bytes())[..20], &["behind line 0", "cut short"]);
    check(&zstd(good.as_bytes())[..12], &["behind line"]);
    check(&[gzip(good.as_bytes()), b"more".to_vec()].concat(), &["behind line 1"]);
}

#[test]
fn other_keys_than_the_text_may_be_absent_or_null() {
    let dir = folder();
    let path = dir.path().join("a.jsonl");
    let check = |line: &str, expected: [&str; 3]| {
        fs_err::write(&path, line).unwrap();
        let [it] = &read_whole(&path, &lenient()).documents[..] else { panic!("{line}") };
        assert_eq!([it.source_id.as_str(), &it.url, it.text.trim()], expected);
    };
    check(r#"{"text": "ช้าง"}"#, ["", "", "ช้าง"]);
    check(r#"{"text": "a", "id": null, "url": null, "score": null}"#, ["", "", "a"]);
    check(r#"{"text": "a", "id": 7, "url": "b", "url_2": {}}"#, ["7", "b", "a"]);
    check(
        r#"{"id": "https://a.example/b", "text": "c"}"#,
        ["https://a.example/b", "https://a.example/b", "c"],
    );
}

#[test]
fn a_line_without_end_takes_no_more_than_the_limit() {
    let long = vec![b' '; (32 << 20) + 1];
    let bytes = zstd(&[b"{\"text\": null}\n", &long[..]].concat());
    let message = message("bomb.jsonl.zst", &bytes);
    assert!(message.contains("line 2: no line end within 33554432 bytes"), "{message}");
}

#[test]
fn empty_files_hold_no_documents() {
    let dir = folder();
    for (name, bytes) in
        [("a", vec![]), ("b", b"\n \n".to_vec()), ("c", gzip(b"")), ("d", zstd(b""))]
    {
        let path = dir.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        assert_eq!(read_whole(&path, &lenient()), Batch::default(), "{name}");
    }
}

/// Writes a parquet file of these columns, two rows a group.
fn parquet(path: &Path, columns: Vec<Series>) {
    packed_parquet(path, columns, ParquetCompression::Uncompressed);
}

fn packed_parquet(path: &Path, columns: Vec<Series>, compression: ParquetCompression) {
    let columns = columns.into_iter().map(IntoColumn::into_column).collect();
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    let file = fs_err::File::create(path).unwrap();
    ParquetWriter::new(file)
        .with_compression(compression)
        .with_row_group_size(Some(2))
        .finish(&mut frame)
        .unwrap();
}

#[test]
fn parquet_files_need_the_columns_that_are_asked_for_only() {
    let dir = folder();
    let path = dir.path().join("a.parquet");
    let texts = |name: &str, values: [Option<&str>; 3]| Series::new(name.into(), values);
    let columns = vec![
        texts("text", [Some("ช้าง"), None, Some("three")]),
        texts("id", [Some("1"), Some("2"), None]),
        texts("url", [None; 3]),
    ];
    parquet(&path, columns.clone());
    let batch = read_whole(&path, &lenient());
    let found: Vec<(&str, &str)> =
        batch.documents.iter().map(|it| (it.source_id.as_str(), it.text.trim())).collect();
    assert_eq!(found, [("1", "ช้าง"), ("", "three")]);
    let refused: Vec<(u64, &str)> =
        batch.refused.iter().map(|it| (it.place, it.reason.name())).collect();
    assert_eq!(refused, [(2, "near-empty")]);

    let check = |more: Option<Series>, screen: &Screen, expected: &str| {
        parquet(&path, columns.iter().cloned().chain(more).collect());
        let message = read(&path, screen, 1).1.unwrap().to_string();
        assert!(message.contains("a.parquet") && message.contains(expected), "{message}");
    };
    let scored = Screen { min_score: Some(1.0), ..lenient() };
    check(None, &scored, "no column `score`; it has `text`, `id`, `url`");
    check(Some(texts("score", [Some("high"); 3])), &scored, "`score` of");
    check(None, &Screen { language: Some("en".to_owned()), ..lenient() }, "no column `language`");
    parquet(&path, vec![Series::new("text".into(), [1, 2]), texts("id", [None; 3]).head(Some(2))]);
    let message = read(&path, &lenient(), 1).1.unwrap().to_string();
    assert!(message.contains("no column `url`") || message.contains("not a string"), "{message}");
    // Scores may be whole numbers.
    let score = Series::new("score".into(), [Some(0_i64), None, Some(1)]);
    parquet(&path, columns.iter().cloned().chain([score]).collect());
    let batch = read_whole(&path, &scored);
    assert_eq!(batch.documents.len(), 1);
    assert!(batch.refused.iter().all(|it| it.reason == Reason::LowScore));
}

fn document(id: &str, text: &str) -> WebDocument {
    WebDocument::new(Row { id: id.to_owned(), text: text.to_owned(), ..Row::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_keeps_its_letters_and_its_form(text in "[ab.\u{e01}\u{0}\u{feff}\u{2028} \t\r\n]{0,60}") {
        let found = paragraphs(&text);
        let letters = |text: &str| -> String { text.chars().filter(|it| it.is_alphanumeric()).collect() };
        prop_assert_eq!(letters(&found.concat()), letters(&text));
        let document = document("a", &text);
        let read: Vec<String> = Document::parse(&document.text).paragraphs().map(str::to_owned).collect();
        prop_assert_eq!(&read, &found);
        prop_assert_eq!(document.n_paragraphs as usize, found.len());
        // Reading the canonical form as a text changes nothing.
        prop_assert_eq!(paragraphs(&document.text), found);
        prop_assert!(read.iter().flat_map(|it| it.lines()).all(|line| line.trim() == line && !line.is_empty()));
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), n_bytes in 1_usize..400) {
        let dir = folder();
        let plain = [b"PAR1", &bytes[..], b"PAR1"].concat();
        for (name, bytes) in [("a", bytes.clone()), ("b", plain), ("c", gzip(&bytes)), ("d.parquet", zstd(&bytes))] {
            let path = dir.path().join(name);
            fs_err::write(&path, bytes).unwrap();
            let (batch, error) = read(&path, &lenient(), n_bytes);
            if let Some(error) = error {
                prop_assert!(error.to_string().contains(name), "{error}");
            } else {
                prop_assert!(batch.documents.iter().all(|it| 0 < it.n_paragraphs));
            }
        }
    }

    #[test]
    fn json_of_any_kind_is_read_or_refused(
        lines in prop::collection::vec("(\\{\"(text|id|url|score|x)\": ?(\"[a-z\\\\\"]{0,4}\"|null|1e9{0,2}|-?[0-9]{0,3}|\\[\\]|\\{\\})(, ?\"text\": ?\"[a-z]{0,3}\")?\\}?)", 0..6),
    ) {
        let dir = folder();
        let path = dir.path().join("a.jsonl");
        fs_err::write(&path, lines.join("\n")).unwrap();
        let (batch, error) = read(&path, &lenient(), 20);
        let n_read = batch.documents.len() + batch.refused.len();
        // A line is an object with a text, or null, in the view of another parser too.
        let good = |line: &&String| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|it| {
            let text = |key: &str| it.get(key).is_none_or(|it| it.is_string() || it.is_null());
            let id = it.get("id").is_none_or(|it| it.is_string() || it.is_number() || it.is_null());
            let score = it.get("score").is_none_or(|it| it.is_number() || it.is_null());
            let twice = line.matches("\"text\":").count() == 2;
            it.get("text").is_some() && text("text") && text("url") && id && score && !twice
        });
        let n_good = lines.iter().take_while(good).count();
        prop_assert_eq!(error.is_none(), n_good == lines.len());
        prop_assert!(n_read <= n_good);
        if error.is_none() {
            prop_assert_eq!(n_read, n_good);
        }
    }
}

#[test]
fn a_parquet_file_with_any_byte_changed_is_read_or_refused() {
    let dir = folder();
    let path = dir.path().join("a.parquet");
    let texts = |name: &str| {
        let values: Vec<Option<String>> = (0..5)
            .map(|n| (n != 3).then(|| format!("{name} {} {}", n / 2, "word ".repeat(n))))
            .collect();
        Series::new(name.into(), values)
    };
    let score = Series::new("score".into(), [0.5, 1.5, 2.5, 3.5, 4.5]);
    let screen = Screen { min_score: Some(1.0), ..lenient() };
    for compression in [ParquetCompression::Uncompressed, ParquetCompression::Zstd(None)] {
        let columns = vec![texts("text"), texts("id"), texts("url"), score.clone()];
        packed_parquet(&path, columns, compression);
        let whole = fs_err::read(&path).unwrap();
        let changed = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            fs_err::write(&path, bytes).unwrap();
            let error = read(&path, &screen, 1 << 20).1;
            if let Some(error) = &error {
                assert!(error.to_string().contains("a.parquet"), "{error}");
            }
            usize::from(error.is_some())
        };
        let n_refused: usize = (0..whole.len())
            .map(|at| {
                // A sign turned, all bits turned, the largest number: in turns, for each costs a file.
                changed(at, [whole[at] ^ (1 << (at % 8)), !whole[at], 0xff][at % 3])
            })
            .sum();
        // The footer and the headers are checked, and they are no small part of so small a file.
        assert!(whole.len() / 20 < n_refused, "{n_refused} of {}", whole.len());
        for length in (0..whole.len()).step_by(7) {
            fs_err::write(&path, &whole[..length]).unwrap();
            let message = read(&path, &screen, 1 << 20).1.unwrap().to_string();
            assert!(message.contains("a.parquet"), "{message}");
        }
    }
}

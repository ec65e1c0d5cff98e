//! Corpora with retrieved documents, by every encoder that needs no download: the same bytes
//! whichever exact way of searching is taken, and whatever has happened to what was kept.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;

use crossic::manifest::Manifest;

mod common_crossic;
use common_crossic::{Folder, repository};

fn folder() -> Folder {
    Folder::with_web("", "threshold = 0.05\nmax-tokens = 32")
}

/// Builds with some knobs of the retrieval into a directory; returns the corpus's digest.
fn build(folder: &Folder, dir: &str, knobs: &[String]) -> String {
    let mut sets = vec![format!("sinks.corpus.dir={dir}")];
    sets.extend(knobs.iter().map(|knob| format!("operators.found.{knob}")));
    let mut line = vec!["build", "pipeline.toml", "--workers", "2"];
    for set in &sets {
        line.extend(["--set", set]);
    }
    folder.run(&line).done();
    let manifest = Manifest::read(&folder.path(dir)).unwrap();
    assert!(manifest.totals.pairs != 0);
    manifest.corpus_digest
}

/// The knobs that take a small encoder with drawn weights.
fn encoder(name: &str) -> Vec<String> {
    let model = repository("trainer/tests/golden_encoders").join(name);
    vec![format!("encoder={name}"), format!("model={}", model.display())]
}

#[test]
fn every_exact_search_finds_the_same() {
    let folder = folder();
    for name in ["lexical", "bert", "gte"] {
        let known = if name == "lexical" { Vec::new() } else { encoder(name) };
        let mut digests = BTreeSet::new();
        // A graph of some dozens of documents is walked whole, so it is exact, too.
        let indexes: &[&str] = if name == "lexical" { &["auto"] } else { &["flat", "hnsw"] };
        for index in indexes {
            for mode in ["fused", "two-step"] {
                let more = [format!("index={index}"), format!("mode={mode}")];
                let dir = format!("out-{name}-{index}-{mode}");
                digests.insert(build(&folder, &dir, &[&known[..], &more].concat()));
            }
        }
        assert_eq!(digests.len(), 1, "{name}");
    }
}

#[test]
fn what_was_kept_and_is_damaged_is_made_again() {
    let folder = folder();
    let knobs = [encoder("bert"), vec!["index=hnsw".to_owned()]].concat();
    let digest = build(&folder, "out", &knobs);
    for prefix in ["graph-", "documents-", "found-"] {
        let memos = fs_err::read_dir(folder.path("out/memos")).unwrap();
        let mut damaged = 0;
        for entry in memos.map(|it| it.unwrap()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) && !name.ends_with(".json") {
                let mut bytes = fs_err::read(entry.path()).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs_err::write(entry.path(), bytes).unwrap();
                damaged += 1;
            }
        }
        assert_eq!(damaged, 2, "a file of each file of documents");
        assert_eq!(build(&folder, "out", &knobs), digest, "{prefix}");
        folder.run(&["verify", "out"]).done();
    }
}

/// Writes a table of two words as model2vec does, with a number a word in two dimensions.
fn write_table(folder: &Folder) {
    let tokenizer = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": null, "decoder": null, "model": {"type": "WordLevel",
        "vocab": {"[UNK]": 0, "vaccine": 1, "elephants": 2}, "unk_token": "[UNK]"}}"#;
    folder.write("table/tokenizer.json", tokenizer.as_bytes());
    let header =
        r#"{"embeddings": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}}    "#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0.5_f32, 0.5, 1.0, 0.0, 0.0, 1.0].iter().flat_map(|it| it.to_le_bytes()));
    folder.write("table/model.safetensors", &bytes);
}

#[test]
fn equal_texts_that_no_encoder_knows_are_refused() {
    let folder = folder();
    write_table(&folder);
    let mut lines = String::new();
    for (id, text) in
        [("a", "zzz"), ("b", "zzz"), ("c", "vaccine"), ("d", "vaccine"), ("e", "elephants")]
    {
        let text = format!("{text} ").repeat(60);
        let line = serde_json::json!({
            "id": id, "text": text, "language": "en", "url": "https://example.org/",
        });
        lines.push_str(&format!("{line}\n"));
    }
    folder.write("words/a.jsonl", lines.as_bytes());
    folder.edit("web/*", "words/*");
    let knobs = ["encoder=static".to_owned(), "model=table".to_owned()];
    build(&folder, "out", &knobs);
    let report = fs_err::read_to_string(folder.path("out/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let lines = report["ledger"].as_array().unwrap();
    let documents = lines.iter().find(|it| it["what"].to_string().contains("documents")).unwrap();
    let out = &documents["out"];
    assert_eq!(
        (&out["no-words"], &out["duplicate"], &out["kept"]),
        (&2.into(), &1.into(), &2.into())
    );
}

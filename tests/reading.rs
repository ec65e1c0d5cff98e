//! The commands that read a corpus: inspect, explain, verify, list.
//!
//! `UPDATE_GOLDEN=1 cargo test --test reading` writes the golden files anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use serde_json::Value;

mod common_crossic;
use common_crossic::{Folder, golden};

/// Returns a folder with a finished corpus in `out`.
fn built() -> Folder {
    let folder = Folder::new();
    folder.build(&[]).done();
    folder
}

#[test]
fn explain_tells_the_fate_of_a_page() {
    let folder = built();
    for (name, page) in [
        // Paired, though one of its links leads through a redirect.
        ("paired", "en:Elephant"),
        // Linked by a title that no page bears.
        ("dead-link", "th:นาฬิกาน้ำสยาม"),
        // Linked to a section of an article.
        ("fragment", "th:ภาษาผึ้ง"),
        // A redirect itself.
        ("redirect", "en:Menam"),
        // In the dump, but no language link leads to it.
        ("not-linked", "en:Paper"),
        // In the later dump only.
        ("unknown", "en:Kite"),
        ("disambiguation", "en:1550"),
    ] {
        let ran = folder.run(&["explain", "out", page]);
        let text = format!("exit {}\n{}{}", ran.code.unwrap(), ran.stdout, ran.stderr);
        golden(&format!("explain/{name}.txt"), &text);
    }
}

#[test]
fn inspect_shows_both_languages_and_where_they_come_from() {
    let folder = built();
    let text = folder.run(&["inspect", "out", "--page", "en:Tea", "-n", "1"]).done();
    golden("inspect.txt", &text);
    assert!(text.contains("en | ") && text.contains("th | ") && text.contains("[SPLIT]"));
    assert!(text.contains("https://th.wikipedia.org/?oldid="));
}

#[test]
fn inspect_writes_json_for_programs() {
    let folder = built();
    let json = folder.run(&["inspect", "out", "-n", "2", "--json"]).done();
    let values: Vec<Value> = serde_json::Deserializer::from_str(&json)
        .into_iter::<Value>()
        .map(Result::unwrap)
        .collect();
    let rows = values.first().unwrap().as_array().unwrap_or(&values);
    assert_eq!(rows.len(), 2, "{json}");
}

#[test]
fn verify_finds_nothing_in_a_whole_corpus_and_the_place_of_damage() {
    let folder = built();
    let whole = folder.run(&["verify", "out"]).done();
    assert!(!whole.contains("FAILED"), "{whole}");

    let manifest: Value = serde_json::from_slice(&folder.read("out/manifest.json")).unwrap();
    let shard = format!("out/shards/{}", manifest["shards"][0]["file"].as_str().unwrap());
    let mut bytes = folder.read(&shard);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write(&shard, &bytes);
    let ran = folder.run(&["verify", "out"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("FAILED"), "{}", ran.stdout);
    assert!(ran.stdout.contains(shard.trim_start_matches("out/")), "{}", ran.stdout);
}

#[test]
fn list_names_every_component_and_key() {
    let text = Folder::empty().run(&["list"]).done();
    for name in [
        "wikipedia-dump",
        "wikipedia-parquet",
        "join-langlinks",
        "filter-pairs",
        "shuffle-pairs",
        "split-windows",
        "arrow-shards",
        "jsonl",
        "repeat-title",
        "many-to-one",
        "headings",
    ] {
        assert!(text.contains(name), "`{name}` is missing in\n{text}");
    }
}

#[test]
fn plan_touches_nothing() {
    let folder = Folder::new();
    let text = folder.run(&["plan", "pipeline.toml"]).done();
    assert!(text.contains("wanted: at most"), "{text}");
    assert!(!folder.path("out").exists());
    let json = folder.run(&["plan", "pipeline.toml", "--json"]).done();
    let plan: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["sinks"]["corpus"]["plan"]["operators"]["windows"]["knobs"]["tokens"], 1024);
}

//! `crossic diff`: golden output, and counts as a slow and obvious twin finds them.
//!
//! `UPDATE_GOLDEN=1 cargo test --test diff` writes the golden files anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeMap, io::Read};

use serde_json::Value;

mod common;
mod common_crossic;
mod diff_twin;
use common_crossic::{Folder, files, golden, repository};
use diff_twin::Naive;

const OLD: &str = "20240720";
const NEW: &str = "20240801";

/// Returns a folder with the samples of both dates, the sample pipeline, and no corpus.
fn samples() -> Folder {
    let folder = Folder::empty();
    for wiki in ["enwiki", "thwiki", "eswiki"] {
        for date in [OLD, NEW] {
            let path = format!("data-samples/{wiki}/{date}");
            for (name, bytes) in files(&repository(&path)) {
                folder.write(&format!("{path}/{name}"), &bytes);
            }
        }
    }
    folder.write("data-samples/tokenizer.json", &folder.read("tokenizer.json"));
    let pipeline = fs_err::read_to_string(repository("pipelines/sample.toml")).unwrap();
    // Nothing is trained here, and not every recipe below has rows that this model could learn.
    let (pipeline, _) = pipeline.split_once("\n[train]\n").unwrap();
    folder.write("pipeline.toml", pipeline.as_bytes());
    folder
}

/// Builds the corpus of a date in `dir`.
fn build(folder: &Folder, date: &str, dir: &str, sets: &[&str]) {
    let dirs =
        ["en", "th", "es"].map(|lang| format!("sources.{lang}.dir=data-samples/{lang}wiki/{date}"));
    let sink = format!("sinks.corpus.dir={dir}");
    let all: Vec<&str> =
        dirs.iter().chain([&sink]).map(String::as_str).chain(sets.to_vec()).collect();
    folder.build(&all).done();
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["diff", "--json"].into_iter().chain(arguments.to_vec()).collect();
    serde_json::from_str(&folder.run(&all).done()).unwrap()
}

/// Returns every count of a difference under a name of its own, as the twin does.
fn counts(difference: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut put = |name: String, n: &Value| {
        let n = n.as_u64().unwrap();
        if n != 0 {
            counts.insert(name, n);
        }
    };
    let object = |value: &Value| value.as_object().unwrap().clone();
    let list = |value: &Value| value.as_array().unwrap().clone();
    for (source, facts) in object(&difference["sources"]) {
        for what in ["pages", "redirects", "texts"] {
            for when in ["old", "new"] {
                put(format!("{source} {what} {when}"), &facts["pages"][what][when]);
            }
        }
        for moves in ["page_moves", "article_moves"] {
            for it in list(&facts["pages"][moves]) {
                put(format!("{source} {}", it["kind"].as_str().unwrap()), &it["count"]);
            }
        }
        for (lang, links) in object(&facts["links"]) {
            for when in ["old", "new"] {
                put(format!("{source} links to {lang} {when}"), &links["links"][when]);
            }
            for it in list(&links["moves"]) {
                let kind = it["kind"].as_str().unwrap();
                put(format!("{source} links to {lang} {kind}"), &it["count"]);
            }
        }
    }
    for (languages, facts) in object(&difference["pairs"]) {
        for when in ["old", "new"] {
            put(format!("{languages} pairs {when}"), &facts["pairs"][when]);
            put(format!("{languages} rows {when}"), &facts["rows"][when]);
        }
        for what in ["same_pairs", "same_rows", "rows_added", "rows_removed"] {
            put(format!("{languages} {what}"), &facts[what]);
        }
        for it in list(&facts["moves"]) {
            let kind = it["kind"].as_str().unwrap();
            put(format!("{languages} {kind}"), &it["count"]);
            for (reason, n) in it["reasons"].as_object().cloned().unwrap_or_default() {
                put(format!("{languages} {kind}: {reason}"), &n);
            }
        }
    }
    for when in ["old", "new"] {
        put(format!("tokens {when}"), &difference["total"][when]);
        for (lang, change) in object(&difference["tokens"]) {
            put(format!("tokens {lang} {when}"), &change[when]);
        }
    }
    counts
}

/// Compares crossic with the twin, there and back.
fn check(folder: &Folder, old: &str, new: &str) {
    for (old, new) in [(old, new), (new, old)] {
        let expected =
            diff_twin::counts(&Naive::read(&folder.path(old)), &Naive::read(&folder.path(new)));
        let found = counts(&json(folder, &[old, new]));
        let names = expected.keys().chain(found.keys());
        let differ: Vec<_> = names
            .filter(|name| expected.get(*name) != found.get(*name))
            .map(|name| (name, expected.get(name), found.get(name)))
            .collect();
        assert!(differ.is_empty(), "{old} {new}: (name, twin, crossic): {differ:#?}");
        assert!(20 < found.len());
    }
}

/// Replaces some text of a packed SQL table, which must be there.
fn edit_table(folder: &Folder, wiki: &str, table: &str, from: &str, to: &str) {
    let path = format!("data-samples/{wiki}/{NEW}/{wiki}-{NEW}-{table}.sql.gz");
    let mut text = String::new();
    let bytes = folder.read(&path);
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    assert!(text.contains(from), "`{from}` is not in {path}");
    folder.write(&path, &common::gz(text.replace(from, to).as_bytes()));
}

#[test]
fn two_dates_of_the_samples() {
    let folder = samples();
    build(&folder, OLD, "july", &[]);
    build(&folder, NEW, "august", &[]);
    check(&folder, "july", "august");
    let text = folder.run(&["diff", "july", "august", "--examples", "2"]).done();
    golden("diff/samples.txt", &text);
    let json = folder.run(&["diff", "july/manifest.json", "august", "--examples", "1", "--json"]);
    golden("diff/samples.json", &json.done());
}

#[test]
fn links_that_move_and_pages_that_turn() {
    let folder = samples();
    build(&folder, OLD, "july", &[]);
    // Thai tea now names Rice, bread in Spanish nothing, and the Thai moon is a disambiguation page.
    edit_table(&folder, "thwiki", "langlinks", "'en','Tea'", "'en','Rice'");
    edit_table(&folder, "enwiki", "langlinks", "'es','Pan'", "'xx','Pan'");
    edit_table(&folder, "eswiki", "langlinks", "'en','Bread'", "'xx','Bread'");
    edit_table(&folder, "enwiki", "redirect", "'Elephant'", "'Tea'");
    edit_table(
        &folder,
        "thwiki",
        "page_props",
        "VALUES (",
        "VALUES (2028,'disambiguation','',NULL),(",
    );
    build(&folder, NEW, "august", &[]);
    check(&folder, "july", "august");
    let found = counts(&json(&folder, &["july", "august"]));
    for name in [
        "th links to en name another title",
        "en links to es removed",
        "en redirects that lead elsewhere",
        "th became disambiguation pages",
        "en+es removed: link gone",
        "en+th removed: refused now: target-disambiguation",
    ] {
        assert!(found.contains_key(name), "{name}: {found:#?}");
    }
}

#[test]
fn other_knobs_are_named_and_other_buckets_are_no_hindrance() {
    let folder = samples();
    build(&folder, OLD, "one", &[]);
    let knobs = ["operators.windows.tokens=512", "operators.long-pairs.min-tokens=300"];
    build(&folder, OLD, "other", &[&knobs[..], &["sinks.corpus.buckets=6"]].concat());
    check(&folder, "one", "other");
    let difference = json(&folder, &["one", "other"]);
    let knobs: Vec<_> = difference["knobs"].as_object().unwrap().iter().collect();
    let text: Vec<String> =
        knobs.iter().map(|(key, it)| format!("{key} {} {}", it["old"], it["new"])).collect();
    assert_eq!(
        text,
        [
            "operators.long-pairs.min-tokens 64 300",
            "operators.windows.tokens 1024 512",
            "sink.buckets 4 6"
        ]
    );
    assert_eq!(difference["sources"]["en"]["files"], serde_json::json!({}));
    let found = counts(&difference);
    assert!(found.contains_key("en+es removed: refused now: target-too-short"), "{found:#?}");
    assert!(found.contains_key("en+th changed: the same texts, cut otherwise"), "{found:#?}");

    // Buckets without a common divisor are read all at once.
    build(&folder, OLD, "third", &["sinks.corpus.buckets=5"]);
    let difference = json(&folder, &["one", "third"]);
    assert_eq!(difference["pairs"]["en+th"]["moves"], serde_json::json!([]));
    assert_eq!(difference["moved"], true);
}

#[test]
fn other_recipes_have_pairs_too() {
    let folder = samples();
    for variant in ["mono", "mix"] {
        let set = format!("operators.windows.variant={variant}");
        build(&folder, OLD, &format!("{variant}/july"), &[&set]);
        build(&folder, NEW, &format!("{variant}/august"), &[&set]);
        let [old, new] = ["july", "august"].map(|it| format!("{variant}/{it}"));
        let text = folder.run(&["diff", &old, &new]).done();
        assert!(text.contains("\n  documents "), "{text}");
        let found = counts(&json(&folder, &[&old, &new]));
        let languages = if variant == "mono" { "th" } else { "en+th" };
        assert_eq!(found[&format!("{languages} added: page new (th)")], 1);
        assert_eq!(found[&format!("{languages} added")], 1);
    }
}

#[test]
fn the_same_corpus_has_not_moved() {
    let folder = samples();
    build(&folder, OLD, "one", &[]);
    build(&folder, OLD, "other", &[]);
    let ran = folder.run(&["diff", "one", "other"]);
    assert_eq!(ran.stderr, "");
    let text = ran.done();
    assert!(text.ends_with("\nnothing moved\n") && text.lines().count() == 3, "{text}");
    let difference = json(&folder, &["one", "other"]);
    assert_eq!(difference["moved"], false);
    assert_eq!(counts(&difference)["en pages old"], 51);
}

#[test]
fn json_lines_are_compared_like_arrow_and_other_sinks_do_without_snapshots() {
    let folder = samples();
    let pipeline = String::from_utf8(folder.read("pipeline.toml")).unwrap();
    let lines =
        "\n[sinks.lines]\ntype = \"jsonl\"\ninputs = [\"windows\"]\ndir = \"lines\"\nbuckets = 3\n";
    folder.write("pipeline.toml", format!("{pipeline}{lines}").as_bytes());
    build(&folder, OLD, "july", &["sinks.lines.dir=july-lines"]);
    build(&folder, NEW, "august", &["sinks.lines.dir=august-lines"]);
    let [arrow, lines] = [["july", "august"], ["july-lines", "august-lines"]]
        .map(|[old, new]| json(&folder, &[old, new]));
    assert_eq!(arrow["tokens"], lines["tokens"]);
    assert_eq!(arrow["total"], lines["total"]);
    assert_eq!(lines["sources"]["en"]["pages"], Value::Null);
    assert_eq!(lines["notes"].as_array().unwrap().len(), 3);
    for languages in ["en+th", "en+es"] {
        for what in ["pairs", "rows", "same_pairs", "same_rows", "rows_added", "rows_removed"] {
            assert_eq!(arrow["pairs"][languages][what], lines["pairs"][languages][what], "{what}");
        }
        let added = &lines["pairs"][languages]["moves"][0];
        let reasons = serde_json::json!({"not known: that corpus keeps no snapshots": 1});
        assert_eq!((&added["kind"], &added["reasons"]), (&"added".into(), &reasons));
    }
    // The rows are the same whatever they are written as.
    let across = json(&folder, &["july", "july-lines"]);
    assert_eq!(across["pairs"]["en+th"]["moves"], serde_json::json!([]));
    assert_eq!(across["knobs"]["sink.type"]["new"], "jsonl");

    let shard = files(&folder.path("july-lines/shards")).into_keys().next().unwrap();
    let path = format!("july-lines/shards/{shard}");
    let mut bytes = folder.read(&path);
    bytes.truncate(bytes.len() / 2);
    folder.write(&path, &bytes);
    let ran = folder.run(&["diff", "july-lines", "august-lines"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains(&format!("of `{path}`")), "{}", ran.stderr);
}

#[test]
fn a_source_of_one_corpus_only() {
    let folder = samples();
    build(&folder, OLD, "three", &[]);
    let pipeline = String::from_utf8(folder.read("pipeline.toml")).unwrap();
    let two = pipeline
        .replace(
            "[sources.es]\ntype = \"wikipedia-dump\"\ndir  = \"data-samples/eswiki/20240720\"\n",
            "",
        )
        .replace("[\"en\", \"th\", \"es\"]", "[\"en\", \"th\"]");
    folder.write("pipeline.toml", two.as_bytes());
    folder.build(&["sinks.corpus.dir=two"]).done();
    let difference = json(&folder, &["three", "two"]);
    assert_eq!(difference["sources"]["es"]["date"], serde_json::json!({"old": OLD, "new": null}));
    assert_eq!(
        difference["notes"],
        serde_json::json!(["eswiki: only the old corpus has this source"])
    );
    let removed = &difference["pairs"]["en+es"]["moves"][0];
    assert_eq!(removed["reasons"], serde_json::json!({"its source is gone": 27}));
    let back = json(&folder, &["two", "three"]);
    let added = &back["pairs"]["en+es"]["moves"][0];
    assert_eq!(added["reasons"], serde_json::json!({"its source is new": 27}));
}

#[test]
fn a_rebuilt_corpus_is_compared_with_the_one_it_replaced() {
    let folder = samples();
    build(&folder, NEW, "corpus", &[]);
    let ran = folder.run(&["diff", "corpus"]);
    golden("diff/no-previous.txt", &ran.failure());
    build(&folder, OLD, "corpus/previous", &[]);
    let text = folder.run(&["diff", "corpus"]).done();
    let named = folder.run(&["diff", "corpus/previous", "corpus/manifest.json"]).done();
    assert_eq!(text, named);
    assert!(text.contains("Western honey bee"));
}

#[test]
fn examples_are_the_largest_and_no_more_than_asked_for() {
    let folder = samples();
    build(&folder, OLD, "july", &[]);
    build(&folder, NEW, "august", &[]);
    let of = |n: &str| json(&folder, &["july", "august", "--examples", n]);
    let moves = |it: &Value| it["sources"]["en"]["pages"]["article_moves"][0].clone();
    let all = moves(&of("1000"));
    let grown = |it: &Value| {
        let n = |when: &str| it["characters"][when].as_i64().unwrap();
        (n("new") - n("old")).abs()
    };
    let all = all["examples"].as_array().unwrap();
    assert!(all.len() == 4 && all.is_sorted_by(|one, other| grown(other) <= grown(one)));
    for n in 0..4 {
        let some = moves(&of(&n.to_string()));
        assert_eq!(some["examples"].as_array().unwrap(), &all[..n]);
        assert_eq!(some["count"], 4);
    }
}

#[test]
fn damaged_and_missing_files_are_named() {
    let folder = samples();
    build(&folder, OLD, "july", &[]);
    build(&folder, NEW, "august", &[]);
    let ran = folder.run(&["diff", "july", "september"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("`september` holds no corpus"), "{}", ran.stderr);
    for part in ["shards/", "snapshots/en-articles", "snapshots/th-langlinks", "rejects/"] {
        let names = files(&folder.path("august"));
        let (name, bytes) = names.iter().find(|(name, _)| name.starts_with(part)).unwrap();
        let path = format!("august/{name}");
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle] = b'\n';
        for damage in [Some(damaged), None] {
            match damage {
                Some(damaged) => folder.write(&path, &damaged),
                None => fs_err::remove_file(folder.path(&path)).unwrap(),
            }
            // The old corpus has pairs that the new one lacks, so its rejects are asked.
            let ran = folder.run(&["diff", "july", "august"]);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{path}");
            assert!(ran.stderr.contains(&path), "{path}: {}", ran.stderr);
        }
        folder.write(&path, bytes);
    }
    folder.run(&["diff", "july", "august"]).done();
}

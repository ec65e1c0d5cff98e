//! The command line and the pipeline file: what is printed where, and every problem with its place.
//!
//! `UPDATE_GOLDEN=1 cargo test --test cli` writes the golden files anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io,
    process::{Child, Stdio},
};

use crossic::manifest::Manifest;

mod common_crossic;
use common_crossic::{Folder, golden};

/// Checks `pipeline.toml` after these replacements: the message must be the golden one.
fn check(folder: &Folder, name: &str, replacements: &[(&str, &str)]) {
    folder.write("pipeline.toml", common_crossic::PIPELINE.as_bytes());
    for (from, to) in replacements {
        folder.edit(from, to);
    }
    let ran = folder.run(&["check", "pipeline.toml"]);
    assert_eq!(ran.stdout, "", "{name}");
    assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
    golden(&format!("check/{name}.txt"), &ran.failure());
}

const JOIN: &str = "type = \"join-langlinks\"";
const FILTER: &str = "[operators.long]\ntype = \"filter-pairs\"\ninputs = [\"pairs\"]\n";

#[test]
fn problems_of_one_component() {
    let folder = Folder::new();
    let check = |name, from, to| check(&folder, name, &[(from, to)]);
    check("toml-syntax", "tokens = 1024", "tokens = = 1024");
    check("key-twice", "tokens = 1024", "tokens = 1024\ntokens = 2048");
    check("unknown-top-key", "[sources.en]", "profil = \"paper\"\n[sources.en]");
    check("unknown-profile", "[sources.en]", "profile = \"papers\"\n[sources.en]");
    check("unknown-type", "join-langlinks", "join-langlink");
    check("type-is-a-number", JOIN, "type = 7");
    check("no-type", JOIN, "");
    check("component-is-no-table", "[sources.en]\ntype", "[sources]\nes = 1\n[sources.en]\ntype");
    check("unknown-key", "tokens = 1024", "token = 1024");
    check("key-missing", "dir = \"out\"", "");
    check("value-of-another-type", "tokens = 1024", "tokens = \"many\"");
    check("value-below-zero", "tokens = 1024", "tokens = -1");
    check("unknown-value", JOIN, "type = \"join-langlinks\"\nlinks = \"both\"");
    check("tokens-too-few", "tokens = 1024", "tokens = 8");
    check("tokens-too-many", "tokens = 1024", "tokens = 10000000");
    check("buckets-none", "buckets = 4", "buckets = 0");
    check("split-token-unknown", "tokens = 1024", "split-token = \"<cut>\"");
    check("end-token-unknown", "tokens = 1024", "variant = \"mix\"\nend-token = \"<end>\"");
    check("tokenizer-missing", "tokenizer.json", "tokenisers.json");
    check("tokenizer-is-a-directory", "tokenizer.json", "dumps");
    check("tokenizer-is-something-else", "tokenizer.json", "pipeline.toml");
    check("directory-missing", "dumps/thwiki", "dumps/siwiki");
}

#[test]
fn problems_between_components() {
    let folder = Folder::new();
    let check = |name, replacements: &[(&str, &str)]| check(&folder, name, replacements);
    check("no-sinks", &[("[sinks.corpus]\n", "[operators.more]\n")]);
    check(
        "section-is-no-table",
        &[("[sources.en]", "sinks = 7\n[sources.en]"), ("[sinks.corpus]", "[operators.more]")],
    );
    check("inputs-missing", &[("inputs = [\"pairs\"]", "")]);
    check("inputs-no-list", &[("[\"pairs\"]", "\"pairs\"")]);
    check("inputs-no-names", &[("[\"pairs\"]", "[7]")]);
    check("inputs-unknown", &[("[\"pairs\"]", "[\"pair\"]")]);
    check("inputs-twice", &[("[\"pairs\"]", "[\"pairs\", \"pairs\"]")]);
    check("inputs-of-another-kind", &[("[\"pairs\"]", "[\"pairs\", \"th\"]")]);
    check("inputs-from-a-sink", &[("[\"pairs\"]", "[\"pairs\", \"corpus\"]")]);
    check("inputs-too-few", &[("[\"en\", \"th\"]", "[\"en\"]")]);
    check(
        "sink-of-two-inputs",
        &[
            ("[\"windows\"]", "[\"windows\", \"more\"]"),
            (
                "[sinks.corpus]",
                "[operators.more]\ntype = \"split-windows\"\ninputs = [\"pairs\"]\ntokenizer = \"tokenizer.json\"\n\n[sinks.corpus]",
            ),
        ],
    );
    check(
        "nothing-reads",
        &[("[operators.windows]", &format!("{FILTER}min-tokens = 0\n\n[operators.windows]"))],
    );
    check(
        "filter-without-tokenizer",
        &[
            ("[operators.windows]", &format!("{FILTER}\n[operators.windows]")),
            ("inputs = [\"pairs\"]\ntokenizer", "inputs = [\"long\"]\ntokenizer"),
        ],
    );
    check(
        "filter-ratio",
        &[
            (
                "[operators.windows]",
                &format!("{FILTER}min-tokens = 0\nmax-length-ratio = 0.5\n[operators.windows]"),
            ),
            ("inputs = [\"pairs\"]\ntokenizer", "inputs = [\"long\"]\ntokenizer"),
        ],
    );
    check(
        "circle",
        &[
            (
                "[operators.windows]",
                "[operators.long]\ntype = \"filter-pairs\"\ninputs = [\"pairs\", \"longer\"]\nmin-tokens = 0\n[operators.longer]\ntype = \"filter-pairs\"\ninputs = [\"long\"]\nmin-tokens = 0\n[operators.windows]",
            ),
            ("inputs = [\"pairs\"]\ntokenizer", "inputs = [\"longer\"]\ntokenizer"),
        ],
    );
    check("name-twice", &[("[operators.pairs]", "[operators.en]"), ("[\"pairs\"]", "[\"en\"]")]);
    check(
        "sinks-of-one-directory",
        &[(
            "[sinks.corpus]",
            "[sinks.lines]\ntype = \"jsonl\"\ninputs = [\"windows\"]\ndir = \"out\"\n\n[sinks.corpus]",
        )],
    );
    check("languages-twice", &[("dumps/thwiki", "dumps/enwiki")]);
    check(
        "several-at-once",
        &[
            ("type = \"join-langlinks\"", "type = \"join-langlink\""),
            ("tokens = 1024", "tokens = 1024\nadvanse = \"each\""),
            ("dumps/thwiki", "dumps/siwiki"),
            ("inputs = [\"windows\"]", "inputs = [\"window\"]"),
            ("buckets = 4", "bucket = 4"),
        ],
    );
}

#[test]
fn overrides_that_do_not_fit() {
    let folder = Folder::new();
    for (name, set) in [
        ("set-unknown-key", "operators.windows.token=512"),
        ("set-unknown-component", "operators.window.tokens=512"),
        ("set-value-of-another-type", "operators.windows.tokens=ช้าง"),
        ("set-without-value", "operators.windows.tokens"),
        ("set-without-key", "=512"),
        ("set-of-two-lines", "operators.windows.tokens=512\nprofile=\"papers\""),
    ] {
        let ran = folder.run(&["check", "pipeline.toml", "--set", set]);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
        golden(&format!("check/{name}.txt"), &ran.failure());
    }
}

#[test]
fn overrides_that_fit() {
    let folder = Folder::new();
    // The shell has eaten the quotes of the first one; the second comes as TOML.
    folder.build(&["sinks.corpus.dir=x", "operators.windows.tokens=512"]).done();
    folder.build(&["sinks.corpus.dir=\"y z\"", "operators.windows.tokens=0x200"]).done();
    let manifest = Manifest::read(&folder.path("x")).unwrap();
    assert_eq!(manifest.tokens, 512);
    assert_eq!(manifest, Manifest::read(&folder.path("y z")).unwrap());
    assert!(!folder.path("out").exists());
}

#[test]
fn a_good_pipeline_is_said_to_be_one() {
    let folder = Folder::new();
    let checked = folder.run(&["check", "pipeline.toml"]).done();
    assert_eq!(checked, "pipeline.toml: ok (2 sources, 2 operators, 1 sinks)\n");
    fs_err::remove_file(folder.path("dumps/thwiki/thwiki-20240720-redirect.sql.gz")).unwrap();
    let checked = folder.run(&["check", "pipeline.toml"]).done();
    assert!(checked.contains("note: thwiki: no `redirect` table"), "{checked}");
    let planned = folder.run(&["plan", "pipeline.toml"]).done();
    assert!(planned.contains("tokens = 1024"), "{planned}");
    assert!(!folder.path("out").exists(), "a check and a plan touch nothing");
}

#[test]
fn a_verbose_build_with_json_tells_the_times_beside_the_result() {
    let folder = Folder::new();
    let ran = folder.run(&["-v", "build", "pipeline.toml", "--json", "--workers", "2"]);
    assert!(ran.stderr.contains("time of 2 workers, dataflow apart: "), "{}", ran.stderr);
    let built: serde_json::Value = serde_json::from_str(&ran.done()).unwrap();
    assert_eq!(built.pointer("/0/work/pairs_kept"), Some(&0.into()), "{built}");
}

/// Returns what a plan says of a source's index.
fn skips(folder: &Folder, source: &str) -> serde_json::Value {
    let planned = folder.run(&["plan", "pipeline.toml", "--json"]).done();
    let planned: serde_json::Value = serde_json::from_str(&planned).unwrap();
    planned.pointer(&format!("/sources/{source}/skips")).unwrap().clone()
}

#[test]
fn a_plan_says_what_the_index_saves() {
    let folder = Folder::new();
    let number = |skips: &serde_json::Value, name: &str| {
        skips.get(name).and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("{skips}"))
    };
    // Before a build: an estimate from the links, of streams of 10, 10, 10, 10, 10 and 5 pages.
    let planned = folder.run(&["plan", "pipeline.toml"]).done();
    let about = planned.lines().filter(|line| line.starts_with("  skips  about ")).count();
    assert_eq!(about, 2, "{planned}");
    let before = skips(&folder, "en");
    assert_eq!(before.get("basis"), Some(&"links".into()));
    let w = number(&before, "wanted_at_most") as f64;
    let starts = [514.0, 14_873.0, 29_447.0, 45_001.0, 60_175.0, 62_511.0];
    let ends = starts.iter().skip(1).copied().chain([64_567.0]);
    assert_eq!((number(&before, "pages"), number(&before, "streams")), (55, 6));
    assert_eq!(number(&before, "of_bytes"), 64_567);
    let read: f64 = starts
        .iter()
        .zip(ends)
        .zip([10, 10, 10, 10, 10, 5])
        .map(|((start, end), n)| (end - start) * (1.0 - (1.0 - w / 55.0).powi(n)))
        .sum();
    let skipped = number(&before, "bytes") as f64;
    assert!((skipped - (64_567.0 - read)).abs() < 2.0, "{skipped} {read}");

    // After it, the pages are known, and none of the same dump has changed.
    folder.build(&[]).done();
    let manifest = Manifest::read(&folder.path("out")).unwrap();
    let articles = manifest.snapshots.iter().find(|it| it.source == "en" && it.table == "articles");
    let after = skips(&folder, "en");
    assert_eq!(after.get("basis"), Some(&"last-build".into()));
    assert_eq!(number(&after, "wanted"), articles.unwrap().rows);
    assert_eq!(number(&after, "articles_changed"), 0);
    assert_eq!(number(&after, "streams_changed"), 0);

    // The dump of the next month: some Thai articles have been edited since.
    fs_err::remove_dir_all(folder.path("dumps/thwiki")).unwrap();
    copy_dump(&folder, "thwiki/20240801", "dumps/thwiki");
    let planned = folder.run(&["plan", "pipeline.toml"]).done();
    golden("cli/plan-skips.txt", &lines_of(&planned, &["  skips ", "  hint "]));
    assert!(0 < number(&skips(&folder, "th"), "articles_changed"));

    // Without an index, nothing is skipped.
    let index = "dumps/enwiki/enwiki-20240720-pages-articles-multistream-index.txt.bz2";
    fs_err::remove_file(folder.path(index)).unwrap();
    assert_eq!(skips(&folder, "en"), serde_json::Value::Null);
    // An index that does not fit says so, and what to do.
    folder.write(index, b"7:1007:Elephant\n");
    golden("cli/plan-other-index.txt", &folder.run(&["plan", "pipeline.toml"]).failure());
}

fn lines_of(text: &str, starts: &[&str]) -> String {
    let lines = text.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
    lines.map(|line| format!("{line}\n")).collect()
}

fn copy_dump(folder: &Folder, sample: &str, to: &str) {
    let from = common_crossic::repository("data-samples").join(sample);
    fs_err::create_dir_all(folder.path(to)).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs_err::copy(entry.path(), folder.path(to).join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_command_line() {
    let folder = Folder::empty();
    let golden = |name: &str, arguments: &[&str]| {
        golden(&format!("cli/{name}.txt"), &folder.run(arguments).failure());
    };
    let ran = folder.run(&[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("Start with: crossic run"), "{}", ran.stderr);
    golden("unknown-verb", &["biuld", "pipeline.toml"]);
    golden("unknown-flag", &["run", "pipeline.toml", "--worker", "2"]);
    golden("no-workers", &["run", "pipeline.toml", "--workers", "0"]);
    golden("no-file", &["run"]);
    golden("file-missing", &["run", "pipelines.toml"]);
    golden("file-is-a-directory", &["run", "."]);
    folder.write("binary.toml", &[0xff, 0xfe, 0]);
    golden("file-is-not-text", &["run", "binary.toml"]);
    let version = folder.run(&["--version"]).done();
    assert_eq!(version, format!("crossic {}\n", env!("CARGO_PKG_VERSION")));
    assert!(folder.run(&["run", "--help"]).done().contains("Example: crossic run"));
}

#[test]
fn a_quiet_run_prints_nothing_and_json_is_json() {
    let folder = Folder::new();
    let ran = folder.run(&["run", "pipeline.toml", "-q"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let ran = folder.run(&["run", "pipeline.toml", "--json"]);
    assert_eq!(ran.stderr, "");
    let corpora: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let manifest = Manifest::read(&folder.path("out")).unwrap();
    assert_eq!(corpora.pointer("/0/corpus_digest"), Some(&manifest.corpus_digest.into()));
}

/// Starts crossic with a pipe for its results that nobody reads any more.
fn unread(folder: &Folder, arguments: &[&str]) -> Child {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = folder.command(arguments);
    command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = Folder::new();
    for arguments in [
        &["list"][..],
        &["completions", "bash"],
        &["--help"],
        &["check", "pipeline.toml"],
        &["plan", "pipeline.toml"],
        &["plan", "pipeline.toml", "--json"],
        &["run", "pipeline.toml"],
        &["run", "pipeline.toml", "--json"],
    ] {
        let output = unread(&folder, arguments).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
    Manifest::read(&folder.path("out")).unwrap();
}

#[test]
fn an_error_that_nobody_reads_is_an_error_still() {
    let folder = Folder::empty();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let status = folder.command(&["run", "pipeline.toml"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

//! Builds over article files of one bzip2 stream, and over damaged ones: with `skip-damaged` they
//! give what is left, whatever the workers, and a rebuild gives what a build from scratch gives.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeMap, path::Path};

use crossic::dump::streams::{is_one_stream, ranges};
use serde_json::Value;

mod common;
mod common_crossic;
use common::one_stream;
use common_crossic::{Folder, assert_same_files, files};

const XML: &str = "dumps/thwiki/thwiki-20240720-pages-articles-multistream.xml.bz2";
const INDEX: &str = "dumps/thwiki/thwiki-20240720-pages-articles-multistream-index.txt.bz2";
const SKIP: &str = "sources.th.skip-damaged=true";

/// How the Thai articles lie in their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Indexed,
    Streams,
    OneStream,
}

const LAYOUTS: [Layout; 3] = [Layout::Indexed, Layout::Streams, Layout::OneStream];

impl Layout {
    /// Makes a folder with the samples, and returns it with the articles in this layout.
    fn folder(self) -> (Folder, Vec<u8>) {
        let folder = Folder::new();
        if self != Layout::Indexed {
            fs_err::remove_file(folder.path(INDEX)).unwrap();
        }
        if self == Layout::OneStream {
            folder.write(XML, &one_stream(&folder.read(XML), 1_000));
        }
        let sound = folder.read(XML);
        (folder, sound)
    }
}

/// Builds into a directory; returns what `--json` prints.
fn build(folder: &Folder, out: &str, workers: &str, sets: &[&str]) -> Value {
    let dir = format!("sinks.corpus.dir={out}");
    let mut arguments = vec!["build", "pipeline.toml", "--json", "--workers", workers];
    arguments.extend(["--set", &dir]);
    arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
    let mut corpora: Value = serde_json::from_str(&folder.run(&arguments).done()).unwrap();
    corpora[0].take()
}

/// Returns what became of the wanted Thai pages.
fn wanted(built: &Value) -> (u64, BTreeMap<String, u64>) {
    let lines = built["report"]["ledger"].as_array().unwrap();
    let is_it = |line: &&Value| line["stage"] == "th" && line["what"] == "wanted pages";
    let line = lines.iter().find(is_it).unwrap();
    let out = line["out"].clone();
    (line["in"].as_u64().unwrap(), serde_json::from_value(out).unwrap())
}

/// Returns the files of a corpus, without those that depend on how it came to be.
fn content(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    files.retain(|name, _| {
        !["packs/", "memos/", "previous/", "manifest.json"].iter().any(|it| name.starts_with(it))
    });
    files
}

/// Panics unless two corpora hold the same; names what differs.
fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (content(left), content(right));
    let names = left.keys().chain(right.keys());
    let different: Vec<_> = names.filter(|name| left.get(*name) != right.get(*name)).collect();
    assert!(different.is_empty(), "these files differ: {different:?}");
}

fn shards(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    files(&dir.join("shards"))
}

#[test]
fn one_stream_gives_what_many_give_on_any_workers() {
    let (folder, _) = Layout::Streams.folder();
    build(&folder, "many", "1", &[]);
    folder.write(XML, &one_stream(&folder.read(XML), 15_000));
    let path = folder.path(XML);
    assert!(is_one_stream(&path).unwrap());
    let n_ranges = ranges(&path, 64, 1 << 20).unwrap().len();
    assert!(2 < n_ranges, "{} bytes are {n_ranges} ranges", folder.read(XML).len());
    for workers in ["1", "2", "4"] {
        build(&folder, &format!("on-{workers}"), workers, &[]);
        assert_same_files(&folder.path("on-1"), &folder.path(&format!("on-{workers}")));
    }
    assert!(shards(&folder.path("on-1")) == shards(&folder.path("many")));
}

#[test]
fn damage_ends_a_build_or_is_passed_over() {
    let mut left: BTreeMap<usize, _> = BTreeMap::new();
    for layout in LAYOUTS {
        let (folder, sound) = layout.folder();
        let whole = build(&folder, "whole", "2", &[SKIP]);
        let n_wanted = wanted(&whole).0;
        assert_eq!(whole["work"]["places_damaged"], 0);
        for part in [4, 6] {
            let mut damaged = sound.clone();
            damaged[sound.len() * part / 9] ^= 4;
            folder.write(XML, &damaged);
            let ran = folder.build(&[]);
            assert_eq!(ran.code, Some(1), "{layout:?} {part}: {}", ran.stderr);
            let error = format!("error: `{XML}`: the bzip2 data is damaged before byte ");
            assert!(ran.stderr.starts_with(&error), "{}", ran.stderr);
            assert!(ran.stderr.contains("of the file)"), "{}", ran.stderr);
            assert!(ran.stderr.contains("set `skip-damaged = true`"), "{}", ran.stderr);
            assert!(!folder.path("out/manifest.json").exists());

            let out = format!("left-{part}");
            let built = build(&folder, &out, "1", &[SKIP]);
            assert_eq!(built["work"]["places_damaged"], 1, "{layout:?} {part}");
            let n_bytes = built["work"]["bytes_damaged"].as_u64().unwrap() as usize;
            assert!(100 < n_bytes && n_bytes < sound.len() / 2, "{layout:?} {part}: {n_bytes}");
            let (n_still, states) = wanted(&built);
            let n_missing = states.get("missing").copied().unwrap_or(0);
            assert!(0 < n_missing, "{layout:?} {part}: {states:?}");
            assert_eq!((n_still, states.values().sum()), (n_wanted, n_wanted));
            folder.run(&["verify", &out]).done();
            build(&folder, "again", "4", &[SKIP]);
            assert_same(&folder.path(&out), &folder.path("again"));
            fs_err::remove_dir_all(folder.path("again")).unwrap();
            // An index or none: the same pages are left.
            if layout != Layout::OneStream {
                let found = (states, shards(&folder.path(&out)));
                assert!(left.entry(part).or_insert_with(|| found.clone()) == &found, "{part}");
            }
        }
        let ran = folder.build(&[SKIP]);
        assert!(ran.stderr.is_empty() || ran.code == Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("note: 1 damaged places of article files, passed over\n"));
    }
}

#[test]
fn a_rebuild_forgets_what_a_damaged_file_lacked() {
    for layout in LAYOUTS {
        let (folder, sound) = layout.folder();
        let mut other = sound.clone();
        let mut damaged = sound.clone();
        damaged[sound.len() * 5 / 9] ^= 4;
        other[sound.len() * 7 / 9] ^= 4;
        // Whole, damaged, the same again, damaged elsewhere, whole.
        for (bytes, step) in [&sound, &damaged, &damaged, &other, &sound].into_iter().zip(0..) {
            folder.write(XML, bytes);
            let scratch = format!("scratch-{step}");
            let expected = build(&folder, &scratch, "1", &[SKIP]);
            let found = build(&folder, "kept", "1", &[SKIP]);
            assert_eq!(expected["report"], found["report"], "{layout:?} {step}");
            assert_same(&folder.path(&scratch), &folder.path("kept"));
            let is_missing = wanted(&found).1.contains_key("missing");
            let may_miss = [1, 2, 3].contains(&step);
            assert_eq!(is_missing, may_miss, "{layout:?} {step}");
            if may_miss {
                // What was passed over with the key ends a build without it, over the same corpus.
                let ran = folder.build(&["sinks.corpus.dir=kept"]);
                assert!(ran.stderr.contains("damaged before byte"), "{layout:?} {}", ran.stderr);
            }
        }
    }
}

#[test]
fn a_stream_without_its_start_is_read_and_planned() {
    let (folder, sound) = Layout::Indexed.folder();
    build(&folder, "out", "1", &[SKIP]);
    // The third stream is the second one with pages.
    let start = memchr::memmem::find_iter(&sound, b"BZh9").nth(2).unwrap();
    for (place, misses) in [(start + 1, false), (start + 7, true)] {
        let mut damaged = sound.clone();
        damaged[place] ^= 4;
        folder.write(XML, &damaged);
        let ran = folder.build(&[]);
        assert!(ran.stderr.contains("no bzip2 stream of"), "{}", ran.stderr);
        let planned = folder.run(&["plan", "pipeline.toml", "--set", SKIP]).done();
        assert!(planned.contains("with an index"), "{planned}");
        let built = build(&folder, "out", "1", &[SKIP]);
        assert_eq!(built["work"]["places_damaged"], 1);
        assert_eq!(wanted(&built).1.contains_key("missing"), misses);
        let scratch = build(&folder, &format!("scratch-{place}"), "1", &[SKIP]);
        assert_eq!(scratch["report"], built["report"]);
    }
}

#[test]
fn a_damaged_head_is_never_passed_over() {
    let (folder, mut damaged) = Layout::Streams.folder();
    damaged[20] ^= 4;
    folder.write(XML, &damaged);
    let ran = folder.build(&[SKIP]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains(XML) && ran.stderr.contains("is damaged"), "{}", ran.stderr);
    assert!(ran.stderr.contains("download the file again"), "{}", ran.stderr);
}

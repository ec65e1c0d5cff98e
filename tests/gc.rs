//! `crossic gc`: leavings go, the corpus and whatever a user keeps beside it stay.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeMap, path::Path};

mod common_crossic;
use common_crossic::{Folder, assert_same_files, files, golden};

const LEAVINGS: &[&str] = &[
    ".tmp-3-4",
    "memos/old.memo",
    "packs/.tmp-1-2",
    "packs/old.pack",
    "rejects/old-0123456789abcdef.jsonl",
    "shards/00000-old.arrow",
    "snapshots/en-page-0123456789abcdef.arrow",
    "tokenizer-0123456789abcdef.json",
];

const STRANGERS: &[&str] = &[
    "mine/shards/00000-old.arrow",
    "notes.txt",
    "shards.bak",
    "shards/kept/by-hand.arrow",
    "tokenizer-mine.json",
];

/// Builds a corpus and leaves things in its directory.
fn littered() -> Folder {
    let folder = Folder::new();
    folder.build(&[]).done();
    for name in LEAVINGS {
        folder.write(&format!("out/{name}"), b"left by a stopped build");
    }
    for name in STRANGERS {
        folder.write(&format!("out/{name}"), b"kept by the user");
    }
    folder
}

/// Copies every file of a directory, or gives it a second name.
fn copy(from: &Path, to: &Path, link: bool) {
    for (name, bytes) in files(from) {
        let path = to.join(&name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        match link {
            true => fs_err::hard_link(from.join(&name), path).unwrap(),
            false => fs_err::write(path, bytes).unwrap(),
        }
    }
}

fn tree(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    files(&folder.path("out"))
}

#[test]
fn leavings_go_and_all_else_stays() {
    let folder = littered();
    let mut expected = tree(&folder);
    let dry = folder.run(&["gc", "out", "--dry-run"]).done();
    assert_eq!(tree(&folder), expected, "a dry run touches nothing");
    golden("gc/dry-run.txt", &dry);
    golden("gc/leavings.txt", &folder.run(&["gc", "out"]).done());
    expected.retain(|name, _| !LEAVINGS.contains(&name.as_str()));
    assert!(STRANGERS.iter().all(|name| expected.contains_key(*name)));
    assert_eq!(tree(&folder), expected);
    assert_eq!(folder.run(&["gc", "out"]).done(), "nothing to remove\n");
    folder.run(&["gc", "out", "--dry-run"]).done();
    assert_eq!(tree(&folder), expected);
}

#[test]
fn a_finished_build_has_nothing_to_remove() {
    let folder = Folder::new();
    folder.build(&[]).done();
    let before = tree(&folder);
    // Nor is the lock made where there is none.
    fs_err::remove_file(folder.path("out/.lock")).unwrap();
    assert_eq!(folder.run(&["gc", "out", "--dry-run"]).done(), "nothing to remove\n");
    assert!(!folder.path("out/.lock").exists());
    assert_eq!(folder.run(&["gc", "out"]).done(), "nothing to remove\n");
    assert_eq!(tree(&folder), before);
    folder.run(&["verify", "out"]).done();
}

#[test]
fn the_corpus_that_was_replaced_goes_as_a_whole() {
    let folder = Folder::new();
    folder.build(&[]).done();
    copy(&folder.path("out"), &folder.path("clean"), false);
    copy(&folder.path("clean"), &folder.path("out/previous"), false);
    let n_bytes: usize = files(&folder.path("clean")).values().map(Vec::len).sum();
    let n_files = files(&folder.path("clean")).len();
    folder.run(&["diff", "out"]).done();
    let text = folder.run(&["gc", "out"]).done();
    let digits: String = text.lines().last().unwrap().chars().filter(|it| *it != ',').collect();
    assert!(digits.starts_with(&format!("freed {n_bytes} bytes")), "{text}");
    assert!(digits.ends_with(&format!("in {n_files} files")), "{text}");
    assert!(!folder.path("out/previous").exists());
    assert_same_files(&folder.path("clean"), &folder.path("out"));
}

#[test]
fn a_previous_corpus_with_a_stranger_loses_only_the_corpus() {
    let folder = Folder::new();
    folder.build(&[]).done();
    copy(&folder.path("out"), &folder.path("clean"), false);
    copy(&folder.path("clean"), &folder.path("out/previous"), false);
    folder.write("out/previous/notes.txt", b"kept by the user");
    folder.write("out/previous/shards/kept/mine", b"kept by the user");
    folder.run(&["gc", "out"]).done();
    let left: Vec<String> = files(&folder.path("out/previous")).into_keys().collect();
    assert_eq!(left, ["notes.txt", "shards/kept/mine"]);
}

#[cfg(unix)]
#[test]
fn files_with_another_name_free_nothing_and_links_are_not_followed() {
    let folder = Folder::new();
    folder.build(&[]).done();
    copy(&folder.path("out"), &folder.path("clean"), false);
    copy(&folder.path("clean"), &folder.path("out/previous"), true);
    let text = folder.run(&["gc", "out"]).done();
    assert!(text.lines().last().unwrap().starts_with("freed 0 bytes in "), "{text}");
    std::os::unix::fs::symlink(folder.path("clean"), folder.path("out/previous")).unwrap();
    std::os::unix::fs::symlink(folder.path("clean/README.md"), folder.path("out/shards/link"))
        .unwrap();
    assert_eq!(folder.run(&["gc", "out"]).done(), "nothing to remove\n");
    fs_err::remove_file(folder.path("out/previous")).unwrap();
    fs_err::remove_file(folder.path("out/shards/link")).unwrap();
    assert_same_files(&folder.path("clean"), &folder.path("out"));
}

#[test]
fn a_directory_that_is_written_is_left_alone() {
    let folder = littered();
    let before = tree(&folder);
    let lock = fs_err::File::open(folder.path("out/.lock")).unwrap().into_parts().0;
    lock.try_lock().unwrap();
    for arguments in [&["gc", "out"][..], &["gc", "out", "--dry-run"]] {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert!(ran.stderr.contains("is being written by another crossic"), "{}", ran.stderr);
        assert_eq!(tree(&folder), before);
    }
    lock.unlock().unwrap();
    folder.run(&["gc", "out"]).done();
}

#[test]
fn what_is_no_corpus_is_refused() {
    let folder = Folder::new();
    folder.write("mine/shards/photo.jpg", b"kept by the user");
    let before = files(&folder.path("mine"));
    let ran = folder.run(&["gc", "mine"]);
    golden("gc/no-corpus.txt", &ran.failure());
    folder.write("mine/manifest.json", b"{}");
    assert_eq!(folder.run(&["gc", "mine"]).code, Some(1));
    fs_err::remove_file(folder.path("mine/manifest.json")).unwrap();
    assert_eq!(files(&folder.path("mine")), before);
    for url in ["s3://bucket/corpus", "https://host/corpus"] {
        let ran = folder.run(&["gc", url]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(&format!("`{url}` is not a local directory")), "{ran:?}");
    }
}

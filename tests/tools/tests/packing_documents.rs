//! Packs web documents and compares them with the samples that are in the repository.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};

use crossic_tools::{documents::pack, error};

const GOOD: &str = "url: a\ndate: b\ndump: c\nlanguage-score: 0.9\nscore: 3\n---\nOne.\n";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-samples")
}

/// Returns an empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs_err::remove_dir_all(&folder).unwrap();
    }
    fs_err::create_dir_all(folder.join("sources")).unwrap();
    folder
}

#[test]
fn the_sources_of_the_samples_give_the_files_of_the_samples() {
    let out = folder("documents-of-the-samples");
    let packed = pack::pack(&samples().join("sources/fineweb-edu"), &out).unwrap();
    assert_eq!(packed.len(), 2);
    for it in packed {
        let name = it.path.file_name().unwrap();
        let expected = fs_err::read(samples().join("fineweb-edu").join(name)).unwrap();
        let found = fs_err::read(&it.path).unwrap();
        assert!(found == expected, "pack the documents again: {name:?} has changed");
    }
}

#[test]
fn bad_sources_are_all_named_and_nothing_is_written() {
    let folder = folder("bad-documents");
    let out = folder.join("out");
    for (name, text) in
        [("a.txt", GOOD), ("b.txt", "url: b\n"), ("c.txt", GOOD), ("d.md", "no source")]
    {
        fs_err::write(folder.join("sources").join(name), text).unwrap();
    }
    let message = error::chain(&pack::pack(&folder.join("sources"), &out).unwrap_err());
    for part in ["2 complaints", "b.txt:1: a line `---`", "c.txt:1: another document"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!out.exists());
    for name in ["a.txt", "b.txt", "c.txt"] {
        fs_err::remove_file(folder.join("sources").join(name)).unwrap();
    }
    let message = error::chain(&pack::pack(&folder.join("sources"), &out).unwrap_err());
    assert!(message.contains("there is no `.txt`"), "{message}");
}

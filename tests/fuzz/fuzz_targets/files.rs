//! Files for the targets whose readers want a path; each target writes the same one again and again.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// Returns the path of a file with these bytes, which stay until another of the same name is put.
pub fn put(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    fs::write(&path, bytes).expect("writing a temporary file");
    path
}

//! Which files of a corpus directory are left over: what no manifest names.
//!
//! Only files that crossic writes are looked at: those in its own folders, and those beside the
//! manifest that bear one of its names. Whatever else a user keeps there stays.

use std::path::{Path, PathBuf};

use crate::{error::Result, manifest::Manifest};

/// The folders of a corpus directory; every file in them is crossic's.
pub const FOLDERS: &[&str] = &["memos", "packs", "rejects", "shards", "snapshots"];

/// Returns the files that the manifest does not name, and the bytes that each would free, sorted.
/// To be called by the holder of the directory's lock: what is being written is not named yet.
///
/// # Errors
///
/// The directory cannot be read.
pub fn unnamed(dir: &Path, manifest: &Manifest) -> Result<Vec<(PathBuf, u64)>> {
    let names = manifest.names();
    let mut found = files(dir, |name| is_aside(name) || is_tokenizer(name))?;
    for folder in FOLDERS {
        found.extend(files(&dir.join(folder), |_| true)?);
    }
    found.retain(|(path, _)| match path.strip_prefix(dir).ok().and_then(Path::to_str) {
        Some(name) => !names.contains(name),
        // No name of a manifest is like this.
        None => true,
    });
    found.sort();
    Ok(found)
}

/// Returns every file of a corpus that crossic has written, named or not, the manifest first: for
/// a directory that is to go as a whole.
///
/// # Errors
///
/// The directory cannot be read.
pub fn all(dir: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = files(dir, |name| {
        let known = ["manifest.json", "README.md", "report.json", "report.html", ".lock"];
        known.contains(&name) || is_aside(name) || is_tokenizer(name)
    })?;
    for folder in FOLDERS {
        found.extend(files(&dir.join(folder), |_| true)?);
    }
    let manifest = dir.join(crate::manifest::FILE_NAME);
    found.sort_by_key(|(path, _)| (*path != manifest, path.clone()));
    Ok(found)
}

/// Returns the files of a folder whose names are taken; none if it is missing. Links and folders
/// are not crossic's.
fn files(folder: &Path, takes: impl Fn(&str) -> bool) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() && takes(&entry.file_name().to_string_lossy()) {
            found.push((entry.path(), frees(&metadata)));
        }
    }
    Ok(found)
}

/// Returns the bytes that a file's removal frees: none while it has another name.
#[cfg(unix)]
fn frees(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    if 1 < metadata.nlink() { 0 } else { metadata.len() }
}

/// Returns the bytes that a file's removal frees.
#[cfg(not(unix))]
fn frees(metadata: &std::fs::Metadata) -> u64 {
    metadata.len()
}

fn is_aside(name: &str) -> bool {
    name.starts_with(".tmp-")
}

/// A tokenizer's copy bears the start of its hash.
fn is_tokenizer(name: &str) -> bool {
    let digits = name.strip_prefix("tokenizer-").and_then(|it| it.strip_suffix(".json"));
    digits.is_some_and(|it| it.len() == 16 && it.bytes().all(|it| it.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokenizer_is_known_by_its_hash() {
        assert!(is_tokenizer("tokenizer-84edc99f9081389b.json"));
        for name in ["tokenizer-mine.json", "tokenizer-84edc99f9081389b.json.bak", "tokenizer-"] {
            assert!(!is_tokenizer(name), "{name}");
        }
    }
}

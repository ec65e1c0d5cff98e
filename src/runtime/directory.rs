//! The corpus directories before a run: theirs to write, and nobody else's.

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    path::Path,
};

use crate::{
    config::Plan,
    error::{Error, Result},
    io,
    manifest::Manifest,
};

/// What a corpus directory may hold before it holds a manifest: the leavings of a stopped build.
const OURS: &[&str] = &["memos", "packs", "previous", "snapshots", "shards", "rejects", ".lock"];

/// The lock of a corpus directory, held while it is written.
pub struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// Makes the directory of every sink and locks it.
pub(super) fn prepare(plan: &Plan) -> Result<Vec<Lock>> {
    let mut locks = Vec::new();
    let wikis = plan.sources.iter().map(|node| node.source.info().wiki.clone()).collect();
    for node in &plan.sinks {
        let dir = node.sink.dir();
        io::create_dir(dir)?;
        // First of all without the lock, whose file has no place in the directory of somebody else.
        ours(dir, &wikis)?;
        locks.push(lock(dir)?);
        // Another build may have ended in between.
        ours(dir, &wikis)?;
        for part in ["memos", "packs", "snapshots", "shards", "rejects", ""] {
            let part = dir.join(part);
            if part.is_dir() {
                io::remove_leftovers(&part)?;
            }
        }
    }
    Ok(locks)
}

/// Returns an error unless the directory holds a corpus of these wikis, or nothing but leavings.
fn ours(dir: &Path, wikis: &BTreeSet<String>) -> Result<()> {
    match Manifest::find(dir)? {
        Some(manifest) => same_wikis(dir, &manifest, wikis),
        None => only_ours(dir),
    }
}

/// Refuses a pipeline of other wikis: its corpus would take the place of one that has nothing to do
/// with it. Any other change only says what has to be done again.
fn same_wikis(dir: &Path, manifest: &Manifest, wikis: &BTreeSet<String>) -> Result<()> {
    if manifest.sources.values().any(|source| wikis.contains(&source.info.wiki)) {
        return Ok(());
    }
    Err(Error::Directory {
        dir: dir.to_owned(),
        what: "holds the corpus of another pipeline, of other wikis".to_owned(),
        hint: "write elsewhere with `--set sinks.NAME.dir=…`, or remove the directory".to_owned(),
    })
}

fn only_ours(dir: &Path) -> Result<()> {
    for entry in fs_err::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !OURS.contains(&&*name) && !name.starts_with(".tmp-") && !is_published(&name) {
            return Err(Error::Directory {
                dir: dir.to_owned(),
                what: format!("is not a corpus directory: it holds `{name}`"),
                hint: "give the sink a directory of its own".to_owned(),
            });
        }
    }
    Ok(())
}

/// Files that a build writes just before its manifest.
fn is_published(name: &str) -> bool {
    matches!(name, "README.md" | "report.json" | "report.html") || name.starts_with("tokenizer-")
}

/// Locks a corpus directory until the lock is dropped.
///
/// # Errors
///
/// Another crossic holds the lock.
pub fn lock(dir: &Path) -> Result<Lock> {
    let path = dir.join(".lock");
    let file = fs_err::File::create(&path)?.into_parts().0;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::Error(cause)) => {
            let message = format!("cannot lock `{}`: {cause}", path.display());
            Err(std::io::Error::new(cause.kind(), message).into())
        }
        Err(TryLockError::WouldBlock) => Err(Error::Directory {
            dir: dir.to_owned(),
            what: "is being written by another crossic".to_owned(),
            hint: "wait for it, or give the sink another directory".to_owned(),
        }),
    }
}

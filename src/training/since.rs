//! Which rows came since an earlier corpus, so that a model which has learned that one learns only these.

use std::path::{Path, PathBuf};

use crossic_operators::record::Digest;
use rustc_hash::FxHashSet;

use super::rows::Wanted;
use crate::{
    error::{Error, Result},
    manifest::{FILE_NAME, Manifest},
    sinks::{shard_file::ShardReader, shards_dir},
    store::{
        memos::{self, DeltaRow},
        snapshot,
    },
};

/// The folder of a corpus directory that holds the corpus that the last build replaced.
const PREVIOUS: &str = "previous";

/// What came since an earlier corpus.
#[derive(Clone, Debug)]
pub struct Since {
    /// The rows that came.
    pub wanted: Wanted,
    /// Digest of both corpora: a run that learned one delta does not go on with another.
    pub digest: Digest,
}

/// Returns which rows of a corpus are not in an earlier one, whose manifest or directory `since` is.
///
/// The delta of the last build is enough if it began with that corpus; otherwise the shards of the
/// earlier corpus are read, beside its manifest or in `previous/`.
///
/// # Errors
///
/// There is no such manifest, its corpus is the same one, or its rows can be told from nothing.
pub fn since(dir: &Path, manifest: &Manifest, since: &Path) -> Result<Since> {
    let before = read(since)?;
    let digests = [before.corpus_digest.as_bytes(), manifest.corpus_digest.as_bytes()];
    let digest = Digest::of_fields(&digests);
    Ok(Since { wanted: wanted(dir, manifest, &before, since)?, digest })
}

fn wanted(dir: &Path, manifest: &Manifest, before: &Manifest, since: &Path) -> Result<Wanted> {
    if before.corpus_digest == manifest.corpus_digest {
        return Err(Error::Nothing {
            what: format!(
                "no row came since `{}`: it is of the corpus in `{}`",
                since.display(),
                dir.display()
            ),
            hint: "give the manifest of an earlier corpus; a build keeps one in `previous`"
                .to_owned(),
        });
    }
    if let (Some(parent), Some(delta)) = (&manifest.parent, &manifest.delta)
        && *parent == before.corpus_digest
    {
        let mut ids = FxHashSet::default();
        for row in snapshot::rows::<DeltaRow>(&dir.join(memos::FOLDER).join(&delta.file))? {
            let row = row?;
            if row.added {
                ids.insert(row.id);
            }
        }
        return some(Wanted::Only(ids), since);
    }
    let Some(folder) = shards_of(before, [&folder_of(since), &dir.join(PREVIOUS)])? else {
        return Err(Error::Directory {
            dir: folder_of(since),
            what: format!(
                "does not hold the rows of the corpus that `{}` describes, and it is not the one \
                 that the last build began with",
                since.display()
            ),
            hint: format!(
                "keep the shards of that corpus beside its `{FILE_NAME}`, or leave out `--since`"
            ),
        });
    };
    let mut ids = FxHashSet::default();
    for shard in &before.shards {
        for row in ShardReader::open(&folder.join(&shard.file))? {
            ids.insert(row?.id);
        }
    }
    Ok(Wanted::Without(ids))
}

fn some(wanted: Wanted, since: &Path) -> Result<Wanted> {
    match &wanted {
        Wanted::Only(ids) if ids.is_empty() => Err(Error::Nothing {
            what: format!("no row came since `{}`: rows only went", since.display()),
            hint: "there is nothing to learn from".to_owned(),
        }),
        _ => Ok(wanted),
    }
}

/// Reads the manifest of a corpus directory, or one that a user has put aside under any name.
fn read(since: &Path) -> Result<Manifest> {
    if since.is_dir() {
        return Manifest::read(since);
    }
    let text = fs_err::read_to_string(since).map_err(|cause| Error::Usage {
        what: cause.to_string(),
        hint: format!(
            "give a corpus directory or its `{FILE_NAME}`, such as `out/sample/previous`"
        ),
    })?;
    serde_json::from_str(&text).map_err(|cause| Error::Usage {
        what: format!("`{}` is not a manifest: {cause}", since.display()),
        hint: format!(
            "give a corpus directory or its `{FILE_NAME}`, such as `out/sample/previous`"
        ),
    })
}

fn folder_of(since: &Path) -> PathBuf {
    match since.is_dir() {
        true => since.to_owned(),
        false => since.parent().unwrap_or(Path::new("")).to_owned(),
    }
}

/// Returns the first directory that holds all shards of a corpus.
fn shards_of(manifest: &Manifest, dirs: [&PathBuf; 2]) -> Result<Option<PathBuf>> {
    if manifest.shard_format != "arrow" {
        return Ok(None);
    }
    let folders = dirs.into_iter().map(|dir| shards_dir(dir));
    // Shards bear their hash, so a file of this name is the one that is meant.
    let mut whole = folders
        .filter(|folder| manifest.shards.iter().all(|shard| folder.join(&shard.file).is_file()));
    Ok(whole.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_without_a_row_that_came_is_nothing_to_learn() {
        let none = Wanted::Only(FxHashSet::default());
        assert_eq!(some(none, Path::new("old")).unwrap_err().exit_code(), 1);
        let one = Wanted::Only([Digest([1, 2])].into_iter().collect());
        assert_eq!(some(one.clone(), Path::new("old")).unwrap(), one);
    }
}

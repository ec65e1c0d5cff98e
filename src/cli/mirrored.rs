//! Corpora in buckets: what is fetched and locked before a build, and uploaded after it.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{
    config::Plan,
    error::{Error, Result},
    garbage,
    manifest::{FILE_NAME, Manifest},
    runtime::Built,
    storage::{
        self,
        lease::{self, Lease},
        mirror::Mirror,
    },
};

/// A corpus in a bucket while it is built.
pub(super) struct Mirrored {
    sink: String,
    place: PathBuf,
    mirror: Mirror,
    lease: Lease,
}

/// Locks the corpora of a plan that lie in buckets, and fetches their manifests.
///
/// # Errors
///
/// A bucket cannot be written, another crossic holds the lock, or the folder is no corpus.
pub(super) fn prepare(plan: &Plan) -> Result<Vec<Mirrored>> {
    let mut mirrored = Vec::new();
    for node in &plan.sinks {
        let place = node.sink.place().to_owned();
        let Some(mirror) = Mirror::of(&place)? else { continue };
        let lease = mirror.lock()?;
        if mirror.pull_manifest(FILE_NAME)? {
            // What the last build left is what this one goes on from.
            for name in names(&Manifest::read(mirror.dir())?) {
                mirror.pull(&name)?;
            }
        } else if let Some(name) = mirror.list("")?.iter().find(|name| !is_ours(name)) {
            return Err(Error::Directory {
                dir: place,
                what: format!("is not a corpus directory: it holds `{name}`"),
                hint: "give the sink a folder of its own".to_owned(),
            });
        }
        mirrored.push(Mirrored { sink: node.name.clone(), place, mirror, lease });
    }
    Ok(mirrored)
}

/// Refuses corpora that lie in buckets, for a build of several processes: these share directories.
///
/// # Errors
///
/// There is such a corpus.
pub(super) fn refuse(plan: &Plan) -> Result<()> {
    for node in &plan.sinks {
        // Not by opening it: whoever is refused needs no credentials and no cache.
        if storage::is_url(node.sink.place()) {
            return Err(Error::Usage {
                what: format!(
                    "several processes cannot build into a bucket: `{}` (sink `{}`)",
                    node.sink.place().display(),
                    node.name
                ),
                hint:
                    "give the sink a directory that all machines share, or build without `--hosts`"
                        .to_owned(),
            });
        }
    }
    Ok(())
}

/// Uploads what was built, each manifest after all that it names, and says where it lies now.
///
/// # Errors
///
/// A bucket cannot be written, or its lock was lost: its manifest is the old one then.
pub(super) fn publish(mirrored: Vec<Mirrored>, built: &mut [Built]) -> Result<()> {
    for Mirrored { sink, place, mirror, lease } in mirrored {
        let Some(built) = built.iter_mut().find(|built| built.sink == sink) else { continue };
        let kept = names(&built.manifest);
        for name in &kept {
            mirror.push(name)?;
        }
        // Not the local file: a reader on this machine may have fetched the old one meanwhile.
        let mut text = serde_json::to_string_pretty(&built.manifest)
            .unwrap_or_else(|_| unreachable!("a manifest is plain data"));
        text.push('\n');
        mirror.push_manifest(&lease, FILE_NAME, text.into_bytes())?;
        for name in COPIES {
            mirror.push(name)?;
        }
        mirror.sweep(&lease, garbage::FOLDERS, &kept)?;
        let listed = mirror.list("")?;
        let old = listed.iter().filter(|it| it.starts_with("tokenizer-") && !kept.contains(*it));
        mirror.delete(old.map(String::as_str))?;
        built.dir = place;
    }
    Ok(())
}

/// Returns every file that a manifest names, by its path in the corpus; it is not among them itself.
pub(super) fn names(manifest: &Manifest) -> BTreeSet<String> {
    let mut names = manifest.names();
    names.remove(FILE_NAME);
    names
}

/// Copies for people, at the top of a corpus; no manifest names them.
const COPIES: [&str; 3] = ["README.md", "report.html", "report.json"];

/// Files at the top that a build writes beside its manifest.
fn is_ours(name: &str) -> bool {
    COPIES.contains(&name) || name == lease::FILE_NAME || name.starts_with("tokenizer-")
}

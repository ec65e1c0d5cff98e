//! Keeps the corpus that a build has replaced, so that the two can be compared.

use std::path::Path;

use crate::{error::Result, io, manifest::Manifest};

/// The folder of a corpus directory that holds the corpus before.
const FOLDER: &str = "previous";

/// Makes `previous/` the corpus of a manifest, by hard links; its own manifest comes last.
///
/// Nothing depends on it: where the file system has no hard links, there is none.
pub(super) fn keep(dir: &Path, manifest: &Manifest) -> Result<()> {
    let previous = dir.join(FOLDER);
    if previous.is_dir() {
        fs_err::remove_dir_all(&previous)?;
    }
    let copies = ["report.json", "README.md", "report.html"].map(str::to_owned);
    for name in manifest.names().into_iter().chain(copies) {
        let (from, to) = (dir.join(&name), previous.join(&name));
        if let Some(folder) = to.parent() {
            io::create_dir(folder)?;
        }
        if from.is_file() && fs_err::hard_link(&from, &to).is_err() {
            return Ok(fs_err::remove_dir_all(&previous)?);
        }
    }
    manifest.write(&previous)
}

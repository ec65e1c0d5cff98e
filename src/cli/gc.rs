//! `crossic gc`: removes what a corpus directory holds beside its corpus.

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::{
    diff::PREVIOUS,
    output::{print, quoted},
};
use crate::{
    error::{Error, Result},
    garbage,
    manifest::Manifest,
    report::numbers::{bytes, counted, thousands},
    runtime::directory,
    storage::is_url,
};

/// Remove from a corpus directory what its corpus does not need
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Leavings of stopped builds go, and with them the corpus that a rebuild replaced \
                  and keeps in `previous`.\nFiles that crossic has not written stay.\n\n\
                  Examples:\n  crossic gc out/sample --dry-run\n  crossic gc out/sample"
)]
pub(super) struct Args {
    /// Corpus directory: the `dir` of a sink
    dir: PathBuf,
    /// Show what would be removed, and touch nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `crossic gc`.
///
/// # Errors
///
/// The directory is a URL or holds no corpus, another crossic writes it, or a file cannot be removed.
pub(super) fn run(args: &Args) -> Result<()> {
    let dir = &args.dir;
    if is_url(dir) {
        return Err(Error::Directory {
            dir: dir.clone(),
            what: "is not a local directory, and no others are cleaned".to_owned(),
            hint: "a build removes what its corpus in a bucket does not need".to_owned(),
        });
    }
    // First of all without the lock, whose file has no place in the directory of somebody else.
    Manifest::read(dir)?;
    let _lock = match args.dry_run && !dir.join(".lock").exists() {
        true => None,
        false => Some(directory::lock(dir)?),
    };
    // A build may have ended in between.
    let manifest = Manifest::read(dir)?;
    let previous = dir.join(PREVIOUS);
    let mut found = garbage::unnamed(dir, &manifest)?;
    if is_folder(&previous) {
        found.extend(garbage::all(&previous)?);
    }
    if !args.dry_run {
        for (path, _) in &found {
            fs_err::remove_file(path)?;
        }
        if is_folder(&previous) {
            remove_folders(&previous)?;
        }
    }
    print(|out| show(out, args, &found))
}

/// Returns whether a path is a folder itself, and not a link to one.
fn is_folder(path: &Path) -> bool {
    fs_err::symlink_metadata(path).is_ok_and(|it| it.is_dir())
}

/// Removes the folders of a corpus and its directory, unless something of the user's is in them.
fn remove_folders(dir: &Path) -> Result<()> {
    let folders = garbage::FOLDERS.iter().map(|folder| dir.join(folder));
    for folder in folders.chain([dir.to_owned()]) {
        match fs_err::remove_dir(&folder) {
            Err(error)
                if ![ErrorKind::NotFound, ErrorKind::DirectoryNotEmpty].contains(&error.kind()) =>
            {
                return Err(error.into());
            }
            _ => {}
        }
    }
    Ok(())
}

fn show(out: &mut dyn Write, args: &Args, found: &[(PathBuf, u64)]) -> Result<()> {
    let sum: u64 = found.iter().map(|(_, n_bytes)| n_bytes).sum();
    for (path, n_bytes) in found {
        let name = path.strip_prefix(&args.dir).unwrap_or(path);
        writeln!(out, "{:>15}  {}", thousands(*n_bytes), name.display())?;
    }
    let files = counted(found.len() as u64, "file");
    let total = counted(sum, "byte");
    let readable = if sum < 1_024 { String::new() } else { format!(" ({})", bytes(sum)) };
    match (found.is_empty(), args.dry_run) {
        (true, _) => writeln!(out, "nothing to remove")?,
        (_, true) => {
            let dir = quoted(&args.dir);
            writeln!(out, "would free {total}{readable} in {files}: crossic gc {dir}")?;
        }
        (_, false) => writeln!(out, "freed {total}{readable} in {files}")?,
    }
    Ok(())
}

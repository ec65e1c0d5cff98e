//! Files that appear whole and stay: written aside, fsynced, renamed, and the directory fsynced.
//!
//! Every change on disk that a resume depends on comes through here, so that a test can make any one of them fail.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// How the name of something unfinished, or on its way out, starts.
pub(super) const ASIDE: &str = ".tmp-";

/// Replaces the content of a file in one step. Errors name the path.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!("{ASIDE}{name}"));
    let result = create(&aside, |file| write(file, bytes)).and_then(|()| rename(&aside, path));
    if result.is_err() {
        // Space may be short: an unfinished file is of no use to anybody.
        fs_err::remove_file(&aside).ok();
    }
    result
}

/// Makes a file with the content that `fill` writes, and makes that content durable; its name is so only after
/// [`sync`] of the directory.
pub(super) fn create(
    path: &Path,
    fill: impl FnOnce(&mut fs_err::File) -> io::Result<()>,
) -> io::Result<()> {
    change(path)?;
    let mut file = fs_err::File::create(path)?;
    fill(&mut file)?;
    change(path)?;
    file.sync_all()
}

/// Writes to a file.
pub(super) fn write(file: &mut fs_err::File, bytes: &[u8]) -> io::Result<()> {
    change(file.path())?;
    file.write_all(bytes)
}

/// Gives a file or directory its final name, durably. A file of that name is replaced.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    change(to)?;
    fs_err::rename(from, to)?;
    sync(parent(to))
}

/// Makes the names in a directory durable.
pub(super) fn sync(dir: &Path) -> io::Result<()> {
    change(dir)?;
    // Only Unix lets a directory be opened and synced.
    if cfg!(unix) { fs_err::File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Makes a directory and those above it, durably.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dir(parent(dir))?;
    change(dir)?;
    match fs_err::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        result => result?,
    }
    sync(parent(dir))
}

/// Removes a directory so that no half of it is ever seen under its name. A missing one is fine.
pub(crate) fn remove_dir(dir: &Path) -> io::Result<()> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let aside = dir.with_file_name(format!("{ASIDE}old-{name}"));
    change(dir)?;
    match fs_err::rename(dir, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    }
    fs_err::remove_dir_all(&aside)
}

/// Removes what a killed run left unfinished in a directory. A missing one has nothing.
pub(super) fn remove_leftovers(dir: &Path) -> io::Result<()> {
    for path in list(dir)? {
        if name(&path).starts_with(ASIDE) {
            if path.is_dir() { fs_err::remove_dir_all(&path)? } else { fs_err::remove_file(&path)? }
        }
    }
    Ok(())
}

/// Returns what lies in a directory, sorted. A missing one has nothing.
pub(super) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs_err::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    let mut paths = entries.map(|it| it.map(|it| it.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Returns the last part of a path, as text for comparing.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the directory of a path by a name that can be opened.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Stands before each operation that changes the disk; fails where a test wants it to.
#[cfg(not(test))]
fn change(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use tests::change;

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    pub(super) fn change(path: &Path) -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => {
                let text = format!("no space left for `{}`", path.display());
                Err(io::Error::new(io::ErrorKind::StorageFull, text))
            }
            Some(n) => {
                LEFT.set(Some(n - 1));
                Ok(())
            }
        }
    }

    /// Runs with only `n_changes` changes of the disk allowed on this thread; those after them fail.
    pub(in crate::run) fn failing_after<T>(n_changes: u32, run: impl FnOnce() -> T) -> T {
        LEFT.set(Some(n_changes));
        let result = run();
        LEFT.set(None);
        result
    }

    #[test]
    fn replacing_leaves_the_old_or_the_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        replace(&path, b"old").unwrap();
        for n in 0.. {
            let result = failing_after(n, || replace(&path, b"new"));
            let bytes = fs_err::read(&path).unwrap();
            assert_eq!(list(dir.path()).unwrap(), [path.as_path()]);
            if result.is_ok() {
                assert_eq!(bytes, b"new");
                assert!(3 < n);
                break;
            }
            assert!(bytes == b"old" || bytes == b"new");
        }
    }

    #[test]
    fn directories_come_and_go_whole() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        create_dir(&inner).unwrap();
        fs_err::write(inner.join("file"), b"").unwrap();
        remove_dir(&inner).unwrap();
        remove_dir(&inner).unwrap();
        assert!(list(&dir.path().join("a")).unwrap().is_empty());
        fs_err::create_dir_all(dir.path().join(".tmp-old-x/deep")).unwrap();
        fs_err::write(dir.path().join(".tmp-y"), b"half").unwrap();
        remove_leftovers(dir.path()).unwrap();
        assert_eq!(list(dir.path()).unwrap(), [dir.path().join("a")]);
    }
}

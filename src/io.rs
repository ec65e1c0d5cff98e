//! Every write of crossic: files appear whole under their final name, or not at all.
//!
//! A file is written aside in the directory of its final name, hashed on the way, fsynced and renamed, and then the
//! directory is fsynced. All writes of the project come through here, so that a test can make any one of them fail.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the name of a file that is being written starts.
const ASIDE: &str = ".tmp-";

/// Bytes gathered before they are hashed and written.
const BUFFER: usize = 128 << 10;

/// A file being written aside; it vanishes unless it is sealed.
#[derive(Debug)]
pub struct Staged {
    writer: BufWriter<Hashed>,
    aside: Aside,
    n_bytes: u64,
}

/// The file itself, and the hash of what has gone into it.
#[derive(Debug)]
struct Hashed {
    file: fs_err::File,
    hasher: blake3::Hasher,
}

/// The path of an unfinished file, which is removed when this is dropped.
#[derive(Debug)]
struct Aside(PathBuf);

impl Staged {
    /// Starts a file in `dir`, which is created if it is missing. Errors name the path.
    pub fn create(dir: &Path) -> io::Result<Staged> {
        let dir = named(dir);
        create_dir(dir)?;
        step(dir)?;
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{ASIDE}{}-{count}", process::id()));
            match fs_err::File::create_new(&path) {
                Ok(file) => {
                    let hashed = Hashed { file, hasher: blake3::Hasher::new() };
                    let writer = BufWriter::with_capacity(BUFFER, hashed);
                    return Ok(Staged { writer, aside: Aside(path), n_bytes: 0 });
                }
                // Another process with our id, here before or on another host, has taken the name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the path of the unfinished file, for messages.
    pub fn path(&self) -> &Path {
        &self.aside.0
    }

    /// Returns the bytes written so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Opens what has been written so far for reading; the unfinished file stays until this is dropped.
    pub fn reopen(&mut self) -> io::Result<fs_err::File> {
        self.writer.flush()?;
        fs_err::File::open(&self.aside.0)
    }

    /// Makes the file durable under the name that `name` gives for its hash, and returns its path and that hash
    /// (BLAKE3, 64 hexadecimal digits). A file of that name and length is kept as it is. Errors name the path.
    pub fn seal(mut self, name: impl FnOnce(&str) -> String) -> io::Result<(PathBuf, String)> {
        self.writer.flush()?;
        let hash = self.writer.get_ref().hasher.finalize().to_hex().to_string();
        let path = self.aside.0.with_file_name(name(&hash));
        // The name carries the hash, so an equal name means equal content. A different length can only come from
        // damage, and then the new file takes the place of the old.
        match fs_err::metadata(&path) {
            // Whoever renamed it may have died before the directory was synced.
            Ok(metadata) if metadata.len() == self.n_bytes => sync_dir(&path)?,
            Ok(_) => self.publish(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.publish(&path)?,
            Err(error) => return Err(error),
        }
        Ok((path, hash))
    }

    /// Makes the file durable as `path` in the directory that it was started in, in place of what was there.
    pub fn place(mut self, path: &Path) -> io::Result<()> {
        self.writer.flush()?;
        self.publish(path)
    }

    fn publish(&mut self, path: &Path) -> io::Result<()> {
        step(path)?;
        self.writer.get_ref().file.sync_all()?;
        step(path)?;
        fs_err::rename(&self.aside.0, path)?;
        sync_dir(path)
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.writer.write(bytes)?;
        self.n_bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        step(self.file.path())?;
        let n = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..n).unwrap_or(bytes));
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After a rename the name is gone already. If it cannot be removed, `remove_leftovers` sees to it later.
        fs_err::remove_file(&self.0).ok();
    }
}

/// Replaces the content of `path` in one step: readers see the old bytes or the new ones. Errors name the path.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut staged = Staged::create(dir)?;
    staged.write_all(bytes)?;
    staged.place(path)
}

/// Returns the BLAKE3 hash of a file's content as 64 hexadecimal digits. Errors name the path.
pub fn hash_file(path: &Path) -> io::Result<String> {
    hash_reader(&mut fs_err::File::open(path)?)
}

/// Returns the BLAKE3 hash of all that is left to read, as 64 hexadecimal digits.
pub fn hash_reader(reader: &mut impl io::Read) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reader)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Removes what interrupted writes left in `dir`, and returns how many files that were. A missing `dir` has none.
/// To be called while nobody writes there.
pub fn remove_leftovers(dir: &Path) -> io::Result<u64> {
    let entries = match fs_err::read_dir(named(dir)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut n_removed = 0;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        if name.is_some_and(|name| name.starts_with(ASIDE)) {
            fs_err::remove_file(&path)?;
            n_removed += 1;
        }
    }
    Ok(n_removed)
}

/// Creates `dir` and the directories above it, durably, where they are missing.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dir(named(dir.parent().unwrap_or(Path::new(""))))?;
    step(dir)?;
    match fs_err::create_dir(dir) {
        // Another worker was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        result => result?,
    }
    sync_dir(dir)
}

/// Makes the entry of `path` in its directory durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    step(path)?;
    let dir = named(path.parent().unwrap_or(Path::new("")));
    // Only Unix lets a directory be opened and synced.
    if cfg!(unix) { fs_err::File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Returns the directory by a name that can be opened: the parent of a bare file name is the empty path.
fn named(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// Stands before each operation that changes the disk; fails where a test wants it to.
#[cfg(not(test))]
fn step(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use tests::step;

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::Cell, sync::Mutex};

    use super::*;

    thread_local! {
        static STEPS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Directories below which one operation is to fail, and how many may pass before it.
    static BELOW: Mutex<Vec<(PathBuf, Option<u32>)>> = Mutex::new(Vec::new());

    pub(super) fn step(path: &Path) -> io::Result<()> {
        step_below(path)?;
        match STEPS_LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other(format!("no space left for `{}`", path.display()))),
            Some(n) => {
                STEPS_LEFT.set(Some(n - 1));
                Ok(())
            }
        }
    }

    /// Runs with only `n_steps` operations on the disk allowed on this thread; the next one fails.
    pub(crate) fn failing_after<T>(n_steps: u32, run: impl FnOnce() -> T) -> T {
        STEPS_LEFT.set(Some(n_steps));
        let result = run();
        STEPS_LEFT.set(None);
        result
    }

    fn step_below(path: &Path) -> io::Result<()> {
        for (_, left) in BELOW.lock().unwrap().iter_mut().filter(|it| path.starts_with(&it.0)) {
            match left.take() {
                Some(0) => {
                    let text = format!("no space left for `{}`", path.display());
                    return Err(io::Error::other(text));
                }
                n => *left = n.map(|n| n - 1),
            }
        }
        Ok(())
    }

    /// Runs with one operation below `dir` failing, on whatever thread: the one after `n_steps`.
    /// Returns whether there were so many.
    pub(crate) fn failing_below<T>(dir: &Path, n_steps: u32, run: impl FnOnce() -> T) -> (T, bool) {
        BELOW.lock().unwrap().push((dir.to_owned(), Some(n_steps)));
        let result = run();
        let mut below = BELOW.lock().unwrap();
        let place = below.iter().position(|it| it.0 == dir).unwrap();
        let (_, left) = below.swap_remove(place);
        (result, left.is_none())
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(dir: &Path, bytes: &[u8]) -> io::Result<(PathBuf, String)> {
        let mut staged = Staged::create(dir)?;
        staged.write_all(bytes)?;
        staged.seal(|hash| format!("{hash}.bin"))
    }

    #[test]
    fn a_sealed_file_bears_the_hash_of_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let (path, hash) = write(dir.path(), "ช้าง".as_bytes()).unwrap();
        assert_eq!(hash, blake3::hash("ช้าง".as_bytes()).to_hex().to_string());
        assert_eq!(hash_file(&path).unwrap(), hash);
        assert_eq!(names(dir.path()), [format!("{hash}.bin")]);
    }

    #[test]
    fn the_same_content_is_kept_once_and_damage_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = write(dir.path(), b"elephant").unwrap();
        let (again, _) = write(dir.path(), b"elephant").unwrap();
        assert_eq!(path, again);
        fs_err::write(&path, b"ele").unwrap();
        write(dir.path(), b"elephant").unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"elephant");
        assert_eq!(names(dir.path()).len(), 1);
    }

    #[test]
    fn missing_directories_are_created() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("out/corpus/packs"), b"elephant").unwrap();
        fs_err::write(dir.path().join("file"), b"").unwrap();
        let error = write(&dir.path().join("file/packs"), b"elephant").unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[test]
    fn an_unsealed_file_vanishes() {
        let dir = tempfile::tempdir().unwrap();
        let mut staged = Staged::create(dir.path()).unwrap();
        staged.write_all(&[7; 3 * BUFFER]).unwrap();
        assert_eq!(names(dir.path()).len(), 1);
        drop(staged);
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[test]
    fn replacing_leaves_the_old_or_the_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.json");
        replace(&path, b"old").unwrap();
        for n in 0.. {
            let result = failing_after(n, || replace(&path, b"new"));
            assert_eq!(names(dir.path()), ["manifest.json"]);
            let bytes = fs_err::read(&path).unwrap();
            match result {
                Ok(()) => {
                    assert_eq!(bytes, b"new");
                    assert!(3 < n);
                    break;
                }
                Err(error) => {
                    assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
                    assert!(bytes == b"old" || bytes == b"new");
                }
            }
        }
    }

    #[test]
    fn a_failed_write_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0.. {
            let result = failing_after(n, || write(dir.path(), &[1; 2 * BUFFER]));
            if result.is_ok() {
                break;
            }
            // The last step is the fsync of the directory, after the rename.
            assert!(names(dir.path()).iter().all(|name| !name.starts_with(ASIDE)));
        }
    }

    #[test]
    fn leftovers_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join(".tmp-1-2"), b"half").unwrap();
        fs_err::write(dir.path().join("whole"), b"whole").unwrap();
        assert_eq!(remove_leftovers(dir.path()).unwrap(), 1);
        assert_eq!(names(dir.path()), ["whole"]);
        assert_eq!(remove_leftovers(&dir.path().join("none")).unwrap(), 0);
    }
}

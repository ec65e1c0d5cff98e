//! A corpus in a bucket, and the local directory in which crossic works on it.
//!
//! Files of a corpus bear their hash and never change, so the local directory is a cache: what is
//! there is right, and what is missing is fetched. Only the manifest is replaced, last of all, after
//! every file that it names is in the bucket.

use std::{
    collections::BTreeSet,
    env,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    error::{Fault, StorageError},
    lease::{self, Lease},
    place::Place,
    reader::Reader,
    remote::{Remote, Written},
};
use crate::io::{Staged, hash_file, replace};

/// The variable that names the directory of all caches.
const CACHE: &str = "CROSSIC_CACHE";

/// Hexadecimal digits at the end of a file's name that are taken for its hash; fewer are not.
const N_HASH_DIGITS: usize = 16;

/// The largest file whose name stays the same, such as the manifest, in bytes.
const N_MOST_BYTES: u64 = 256 << 20;

/// A corpus in a bucket, with a local directory.
#[derive(Debug)]
pub struct Mirror {
    dir: PathBuf,
    remote: Remote,
    /// The manifest as it was pulled or pushed last.
    manifest: Mutex<Option<Written>>,
}

/// Returns the directory in which crossic works on a corpus: the path itself, or the cache of a URL
/// in `$CROSSIC_CACHE`, `$XDG_CACHE_HOME/crossic`, `~/.cache/crossic` or the system's directory for
/// temporary files.
pub fn local_dir(path: &Path) -> PathBuf {
    if !super::is_url(path) {
        return path.to_owned();
    }
    let set = |name: &str| env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let cache = set(CACHE)
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("crossic")))
        .or_else(|| Some(set("HOME")?.join(".cache/crossic")))
        .unwrap_or_else(|| env::temp_dir().join("crossic"));
    let text = path.to_string_lossy();
    let hash = blake3::hash(text.trim_end_matches('/').as_bytes()).to_hex();
    cache.join(hash.chars().take(32).collect::<String>())
}

impl Mirror {
    /// Returns the mirror of a corpus, `None` for a local directory. Fails if nothing can be written
    /// there: a web server, or wrong settings.
    pub fn of(path: &Path) -> io::Result<Option<Mirror>> {
        let Place::Remote(url) = Place::parse(path)? else { return Ok(None) };
        if url.scheme().is_web() {
            let what = "can only be read: a corpus needs `s3://` or `gs://`";
            return Err(StorageError::new(&url, Fault::BadUrl(what)).into());
        }
        let dir = local_dir(path);
        fs_err::create_dir_all(&dir)?;
        Ok(Some(Mirror { dir, remote: Remote::new(&url)?, manifest: Mutex::default() }))
    }

    /// Returns the local directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes the lock of the corpus; see [`Lease`]. Fails, naming the holder, if there is one.
    pub fn lock(&self) -> io::Result<Lease> {
        self.lock_for(lease::LEASE)
    }

    fn lock_for(&self, lease: Duration) -> io::Result<Lease> {
        Lease::take(&self.remote, lease)
    }

    /// Makes a file of the corpus present locally, and returns its path. The content must have the
    /// hash that the name ends in; a name without one is fetched every time, and must not be large.
    pub fn pull(&self, name: &str) -> io::Result<PathBuf> {
        let remote = self.object(name)?;
        let path = self.dir.join(name);
        let Some(digits) = hash_digits(name) else {
            let (bytes, _) = remote.get(N_MOST_BYTES)?;
            replace(&path, &bytes)?;
            return Ok(path);
        };
        if path.is_file() {
            return Ok(path);
        }
        let version = remote.head()?;
        let mut reader = Reader::new(remote.clone(), version);
        let mut staged = Staged::create(path.parent().unwrap_or(&self.dir))?;
        let mut hasher = blake3::Hasher::new();
        let mut bytes = vec![0; 128 << 10];
        loop {
            let n_read = reader.read(&mut bytes)?;
            let Some(more @ [_, ..]) = bytes.get(..n_read) else { break };
            hasher.update(more);
            staged.write_all(more)?;
        }
        if !hasher.finalize().to_hex().starts_with(digits) {
            return Err(StorageError::new(remote.url(), Fault::Damaged).into());
        }
        let file_name = name.rsplit_once('/').map_or(name, |(_, file_name)| file_name).to_owned();
        Ok(staged.seal(|_| file_name)?.0)
    }

    /// Makes files of the corpus present locally.
    pub fn pull_all<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        names.into_iter().try_for_each(|name| self.pull(name).map(|_| ()))
    }

    /// Fetches the manifest, or removes the local one if the bucket has none; returns whether it has.
    pub fn pull_manifest(&self, name: &str) -> io::Result<bool> {
        let path = self.dir.join(name);
        match self.object(name)?.get(N_MOST_BYTES) {
            Ok((bytes, written)) => {
                replace(&path, &bytes)?;
                *self.manifest() = Some(written);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *self.manifest() = None;
                match fs_err::remove_file(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                    result => result.map(|()| false),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn manifest(&self) -> MutexGuard<'_, Option<Written>> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uploads a finished local file, unless its name bears its hash and one of that size is there.
    pub fn push(&self, name: &str) -> io::Result<()> {
        let remote = self.object(name)?;
        let path = self.dir.join(name);
        if let Some(digits) = hash_digits(name) {
            let size = fs_err::metadata(&path)?.len();
            match remote.head() {
                Ok(version) if version.size == size => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            if !hash_file(&path)?.starts_with(digits) {
                let what = format!("`{}` is not what its name says", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
        remote.put_file(&path)
    }

    /// Replaces the manifest, after everything that it names was pushed. Fails if the lock was lost,
    /// or if the bucket's manifest is not the one that was pulled.
    pub fn push_manifest(&self, lease: &Lease, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        let remote = self.object(name)?;
        lease.check()?;
        let mut manifest = self.manifest();
        // A process that slept through its lease finds here what another has published since.
        let put = match &*manifest {
            Some(pulled) => remote.put_if_unchanged(bytes.clone(), pulled),
            None => remote.put_if_absent(bytes.clone()),
        };
        let written = match put {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Perhaps it was our own writing, whose answer was lost.
                match remote.get(N_MOST_BYTES)? {
                    (found, written) if found == bytes => written,
                    _ => return Err(error),
                }
            }
            result => result?,
        };
        *manifest = Some(written);
        Ok(())
    }

    /// Returns the names of the files directly in a folder of the corpus, as `packs/x.pack`; `""` is
    /// the corpus itself.
    pub fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        if folder.is_empty() {
            return Ok(self.remote.list()?.into_iter().map(|(name, _)| name).collect());
        }
        let names = self.object(folder)?.list()?;
        Ok(names.into_iter().map(|(name, _)| format!("{folder}/{name}")).collect())
    }

    /// Removes files of the corpus from the bucket; those that are gone already do not matter.
    pub fn delete<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        names.into_iter().try_for_each(|name| self.object(name)?.delete())
    }

    /// Removes what lies in these folders of the bucket and is not in `kept`; returns how many files
    /// that were. To be called after the manifest was pushed. Fails if the lock was lost.
    pub fn sweep(
        &self,
        lease: &Lease,
        folders: &[&str],
        kept: &BTreeSet<String>,
    ) -> io::Result<u64> {
        let mut n_removed = 0;
        for folder in folders {
            for name in self.list(folder)?.iter().filter(|name| !kept.contains(*name)) {
                // Without the lock it could be what another build has just uploaded.
                lease.check()?;
                self.delete([name.as_str()])?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }

    /// Returns the way to a file. Names come from a manifest that anyone may have written.
    fn object(&self, name: &str) -> io::Result<Remote> {
        let plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0'])
        };
        if !name.split('/').all(plain) {
            let what = format!("the corpus names a file `{name}`, which could lie anywhere");
            return Err(StorageError::new(self.remote.url(), Fault::Other(what)).into());
        }
        self.remote.join(name)
    }
}

/// Returns the hash that a name bears: `packs/<hash>.pack`, `shards/00001-<hash>.arrow`.
fn hash_digits(name: &str) -> Option<&str> {
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let digits = stem.rsplit_once('-').map_or(stem, |(_, digits)| digits);
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (N_HASH_DIGITS <= digits.len() && digits.bytes().all(is_digit)).then_some(digits)
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;

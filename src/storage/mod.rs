//! Lets a URL stand where a path does: `s3://bucket/folder`, `gs://…`, and `http(s)://…` to read.
//!
//! The functions here take a path and look whether it is a URL; nobody above has to know.

mod clients;
pub mod error;
pub mod lease;
pub mod mirror;
pub mod place;
mod reader;
pub mod remote;
mod runtime;
mod web;

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{Mutex, PoisonError},
};

use self::{
    place::{Place, Url},
    reader::Reader,
    remote::{Remote, Version},
};

/// A file to read, wherever it lies.
#[derive(Debug)]
pub enum File {
    /// In the file system.
    Local(fs_err::File),
    /// Behind a URL.
    Remote(Box<Reader>),
}

impl File {
    /// Returns the bytes from `offset` on, `n_bytes` of them or as many as there are, and reads no
    /// others. Where reading goes on afterwards is not said.
    pub fn bytes_at(&mut self, offset: u64, n_bytes: usize) -> io::Result<Vec<u8>> {
        match self {
            File::Local(file) => {
                let mut bytes = Vec::with_capacity(n_bytes);
                file.seek(SeekFrom::Start(offset))?;
                file.take(n_bytes as u64).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            File::Remote(reader) => reader.bytes_at(offset, n_bytes as u64),
        }
    }
}

/// Returns whether a path is a URL.
pub fn is_url(path: &Path) -> bool {
    path.to_str().and_then(Url::parse).is_some()
}

/// Opens a file, and returns it with its size in bytes. Errors name the path or URL.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    match Place::parse(path)? {
        Place::Local(path) => {
            let file = fs_err::File::open(path)?;
            let metadata = file.metadata()?;
            // A folder opens without complaint on Unix; only reading it fails, and less clearly.
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((File::Local(file), metadata.len()))
        }
        Place::Remote(url) => {
            let reader = Reader::new(Remote::new(&url)?, version(&url)?);
            let n_bytes = reader.n_bytes();
            Ok((File::Remote(Box::new(reader)), n_bytes))
        }
    }
}

/// Returns the size of a file in bytes. Errors name the path or URL.
pub fn size(path: &Path) -> io::Result<u64> {
    match Place::parse(path)? {
        Place::Local(path) => Ok(fs_err::metadata(path)?.len()),
        Place::Remote(url) => Ok(version(&url)?.size),
    }
}

/// Returns the BLAKE3 hash of a file as 64 hexadecimal digits, reading all of it. Errors name the
/// path or URL.
pub fn hash(path: &Path) -> io::Result<String> {
    crate::io::hash_reader(&mut open(path)?.0)
}

/// Returns the names of the files in a folder, in order. Names that are not UTF-8 are left out, and
/// of a web server's folder only those that could be a dump's file are found. Errors name the path
/// or URL.
pub fn file_names(folder: &Path) -> io::Result<Vec<String>> {
    match Place::parse(folder)? {
        Place::Local(folder) => {
            let mut names = Vec::new();
            for entry in fs_err::read_dir(folder)? {
                let entry = entry?;
                // Looking through links, since dumps are often linked from a shared place.
                let is_file = fs_err::metadata(entry.path()).is_ok_and(|it| it.is_file());
                names.extend(entry.file_name().into_string().ok().filter(|_| is_file));
            }
            names.sort_unstable();
            Ok(names)
        }
        Place::Remote(url) if url.scheme().is_web() => clients::linked_names(&url),
        Place::Remote(url) => {
            Ok(Remote::new(&url)?.list()?.into_iter().map(|(name, _)| name).collect())
        }
    }
}

/// Returns what a file was when this process saw it first: a run that reads a file many times reads
/// one content, or fails.
fn version(url: &Url) -> io::Result<Version> {
    static VERSIONS: Mutex<BTreeMap<String, Version>> = Mutex::new(BTreeMap::new());
    let lock = || VERSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let name = url.to_string();
    if let Some(version) = lock().get(&name) {
        return Ok(version.clone());
    }
    let version = Remote::new(url)?.head()?;
    lock().insert(name, version.clone());
    Ok(version)
}

impl Read for File {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            File::Local(file) => file.read(bytes),
            File::Remote(reader) => reader.read(bytes),
        }
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            File::Local(file) => file.seek(to),
            File::Remote(reader) => reader.seek(to),
        }
    }
}

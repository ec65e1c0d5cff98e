//! What can be done with an object behind a URL, blocking; the library's stores are made in
//! `clients.rs`.

use std::{future::poll_fn, io, io::Read, ops::Range, path::Path, sync::Arc, time::Duration};

use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    UpdateVersion,
};

use super::{
    clients,
    error::{Fault, StorageError},
    place::Url,
    runtime,
};

/// How often a range is asked for again after its connection was lost, unless bytes came.
const N_ATTEMPTS: u32 = 6;

/// How many bytes are progress: the attempts begin anew.
const N_PROGRESS_BYTES: usize = 64 << 10;

/// Files above this size are uploaded in parts of it, in bytes.
const N_PART_BYTES: usize = 8 << 20;

/// An object behind a URL, or a folder of objects.
#[derive(Clone, Debug)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    url: Url,
}

/// Which content of an object is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Size in bytes.
    pub size: u64,
    /// The server's mark for this content, if it has one.
    pub e_tag: Option<String>,
}

/// What an object was when it was written, to replace only that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written(UpdateVersion);

impl Remote {
    /// Returns the way to what a URL names. Fails if the environment's settings are wrong.
    pub fn new(url: &Url) -> io::Result<Remote> {
        let store = clients::store(url).map_err(|error| StorageError::of(url, &error))?;
        Ok(Remote { store, url: url.clone() })
    }

    /// Returns the way to a folder of another store, for tests.
    #[cfg(test)]
    pub(super) fn over(store: Arc<dyn ObjectStore>, url: &Url) -> Remote {
        Remote { store, url: url.clone() }
    }

    /// Returns the way to a file below this folder.
    pub fn join(&self, name: &str) -> io::Result<Remote> {
        Ok(Remote { store: Arc::clone(&self.store), url: self.url.join(name)? })
    }

    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns size and mark of an object. Fails with `NotFound` if there is none.
    pub fn head(&self) -> io::Result<Version> {
        let meta = self.wait(|remote| async move { remote.store.head(remote.url.key()).await })?;
        Ok(Version { size: meta.size, e_tag: meta.e_tag })
    }

    /// Returns a range of an object, to be held in memory. Fails if it is not `version` any more.
    pub fn get_range(&self, version: &Version, range: Range<u64>) -> io::Result<Vec<u8>> {
        Ok(runtime::wait(self.clone().fetch(version.clone(), range))??)
    }

    /// Returns a small object as a whole, and what it was. Fails with `NotFound` if there is none,
    /// and if it has more than `n_most_bytes`.
    pub fn get(&self, n_most_bytes: u64) -> io::Result<(Vec<u8>, Written)> {
        let got = self.wait(move |remote| async move {
            let got = remote.store.get(remote.url.key()).await?;
            let written =
                UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
            if n_most_bytes < got.meta.size {
                return Ok(None);
            }
            Ok(Some((got.bytes().await?, Written(written))))
        })?;
        match got {
            Some((bytes, written)) => Ok((bytes.into(), written)),
            None => {
                let what = format!("it is larger than {n_most_bytes} bytes");
                Err(StorageError::new(&self.url, Fault::Other(what)).into())
            }
        }
    }

    /// Returns the names of the objects directly in this folder, with their sizes, in order.
    pub fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let found = self.wait(|remote| async move {
            remote.store.list_with_delimiter(Some(remote.url.key())).await
        })?;
        let mut names: Vec<(String, u64)> = found
            .objects
            .iter()
            .filter_map(|meta| Some((meta.location.filename()?.to_owned(), meta.size)))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Writes an object, whether there is one or not.
    pub fn put(&self, bytes: Vec<u8>) -> io::Result<Written> {
        self.put_as(bytes, PutMode::Overwrite)
    }

    /// Writes an object that must not be there yet; `AlreadyExists` if it is.
    pub fn put_if_absent(&self, bytes: Vec<u8>) -> io::Result<Written> {
        self.put_as(bytes, PutMode::Create)
    }

    /// Replaces an object that must still be what it was; `AlreadyExists` if it is not.
    pub fn put_if_unchanged(&self, bytes: Vec<u8>, written: &Written) -> io::Result<Written> {
        self.put_as(bytes, PutMode::Update(written.0.clone()))
    }

    fn put_as(&self, bytes: Vec<u8>, mode: PutMode) -> io::Result<Written> {
        let put = self.wait(|remote| async move {
            let options = PutOptions::from(mode);
            remote.store.put_opts(remote.url.key(), PutPayload::from(bytes), options).await
        })?;
        Ok(Written(put.into()))
    }

    /// Uploads a local file, in parts if it is large; the object appears whole or not at all.
    pub fn put_file(&self, path: &Path) -> io::Result<()> {
        let mut file = fs_err::File::open(path)?;
        let mut part = next_part(&mut file)?;
        if part.len() < N_PART_BYTES {
            return self.put(part).map(|_| ());
        }
        let mut upload =
            self.wait(|remote| async move { remote.store.put_multipart(remote.url.key()).await })?;
        loop {
            if part.is_empty() {
                break self.wait(|_| async move {
                    let end = upload.complete().await.map(|_| ());
                    if end.is_err() {
                        upload.abort().await.ok();
                    }
                    end
                });
            }
            let sending = upload.put_part(PutPayload::from(part));
            let step = self.wait(|_| sending).and_then(|()| next_part(&mut file));
            match step {
                Ok(next) => part = next,
                Err(error) => {
                    // The parts cost money as long as they lie there.
                    self.wait(|_| async move { upload.abort().await }).ok();
                    break Err(error);
                }
            }
        }
    }

    /// Removes an object, if it is there.
    pub fn delete(&self) -> io::Result<()> {
        match self.wait(|remote| async move { remote.store.delete(remote.url.key()).await }) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Runs an operation of the library and says what its error means here.
    fn wait<T, F>(&self, operation: impl FnOnce(Remote) -> F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let result = runtime::wait(operation(self.clone()))?;
        result.map_err(|error| StorageError::of(&self.url, &error).into())
    }

    /// Reads a range, and goes on where a lost connection has left off.
    pub(super) async fn fetch(
        self,
        version: Version,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        let n_wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(n_wanted);
        let mut attempts = 0;
        while bytes.len() < n_wanted {
            let n_before = bytes.len();
            let rest = range.start + n_before as u64..range.end;
            let lost = self.fetch_once(&version, rest, n_wanted, &mut bytes).await?;
            if let Some(lost) = lost {
                attempts = match N_PROGRESS_BYTES < bytes.len() - n_before {
                    true => 1,
                    false => attempts + 1,
                };
                if N_ATTEMPTS < attempts {
                    return Err(StorageError::of(&self.url, &lost));
                }
                tokio::time::sleep(Duration::from_millis(100 << attempts)).await;
            }
        }
        Ok(bytes)
    }

    /// Appends what one request brings; returns how its connection was lost.
    async fn fetch_once(
        &self,
        version: &Version,
        range: Range<u64>,
        n_wanted: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<Error>, StorageError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let got = self.store.get_opts(self.url.key(), options).await;
        let got = got.map_err(|error| StorageError::of(&self.url, &error))?;
        let same_mark = match (&got.meta.e_tag, &version.e_tag) {
            (Some(now), Some(then)) => now == then,
            _ => true,
        };
        if got.meta.size != version.size || !same_mark {
            return Err(StorageError::new(&self.url, Fault::Changed));
        }
        let mut stream = got.into_stream();
        while bytes.len() < n_wanted {
            match poll_fn(|context| stream.as_mut().poll_next(context)).await {
                Some(Ok(more)) => {
                    // A server may send more than it was asked for.
                    let n_more = more.len().min(n_wanted - bytes.len());
                    bytes.extend_from_slice(more.get(..n_more).unwrap_or_default());
                }
                Some(Err(lost)) => return Ok(Some(lost)),
                None => {
                    let source = "the answer is shorter than it says".into();
                    return Ok(Some(Error::Generic { store: "range", source }));
                }
            }
        }
        Ok(None)
    }
}

/// Reads the next part of a file, empty at its end.
fn next_part(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(N_PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part)
}

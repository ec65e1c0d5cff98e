//! Where a file lies: a local path, or a URL in the place of one.
//!
//! The rest of crossic carries a URL in a `PathBuf`, as the user wrote it. That is sound as long as
//! the path is only joined, displayed and asked for its file name or folder; `Path::components` would lose a
//! slash, so nothing else may take a URL apart but this file.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use object_store::path::Path as Key;

use super::error::{Fault, StorageError};

/// The kinds of remote storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Amazon S3, and servers that speak like it.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// A web server, unencrypted.
    Http,
    /// A web server.
    Https,
}

impl Scheme {
    /// Every scheme with its name.
    const ALL: [(&str, Scheme); 4] =
        [("s3", Scheme::S3), ("gs", Scheme::Gs), ("http", Scheme::Http), ("https", Scheme::Https)];

    /// Returns the scheme's name, as a URL begins with it.
    pub fn name(self) -> &'static str {
        Scheme::ALL.iter().find(|(_, scheme)| *scheme == self).map_or("", |(name, _)| name)
    }

    /// Returns whether a web server is meant, which cannot list and cannot be written to.
    pub fn is_web(self) -> bool {
        matches!(self, Scheme::Http | Scheme::Https)
    }
}

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    scheme: Scheme,
    host: String,
    key: Key,
}

/// Where a file or folder lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file system.
    Local(PathBuf),
    /// Behind a URL.
    Remote(Url),
}

impl Place {
    /// Tells a URL from a path. Fails if it looks like a URL that cannot be used.
    pub fn parse(path: &Path) -> Result<Place, StorageError> {
        match path.to_str().and_then(Url::parse) {
            None => Ok(Place::Local(path.to_owned())),
            Some(url) => Ok(Place::Remote(url?)),
        }
    }

    /// Returns the place of a file in this folder.
    pub fn join(&self, name: &str) -> Result<Place, StorageError> {
        match self {
            Place::Local(path) => Ok(Place::Local(path.join(name))),
            Place::Remote(url) => url.join(name).map(Place::Remote),
        }
    }

    /// Returns the last part of the path, empty if there is none.
    pub fn file_name(&self) -> String {
        match self {
            Place::Local(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Place::Remote(url) => url.key.filename().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Local(path) => path.display().fmt(formatter),
            Place::Remote(url) => url.fmt(formatter),
        }
    }
}

impl Url {
    /// Takes a URL apart; returns `None` for what is a local path.
    pub fn parse(text: &str) -> Option<Result<Url, StorageError>> {
        let (scheme, rest) = text.split_once("://")?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let named = !scheme.is_empty() && scheme.bytes().all(is_word);
        named.then(|| Url::take_apart(text, scheme, rest).map_err(|what| bad(text, what)))
    }

    fn take_apart(text: &str, scheme: &str, rest: &str) -> Result<Url, &'static str> {
        let known = Scheme::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme));
        let Some((_, scheme)) = known.copied() else {
            return Err("is of another kind than `s3://`, `gs://`, `https://` and `http://`");
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err(if scheme.is_web() { "names no host" } else { "names no bucket" });
        }
        if host.contains('@') {
            return Err("holds a user name, which would end up in messages");
        }
        if scheme.is_web() && path.contains(['?', '#']) {
            return Err("holds a `?` or `#`, which the files below it could not keep");
        }
        let path = path.trim_end_matches('/');
        // A key of S3 may hold a percent sign; in the address of a page it is an escape.
        let key = if scheme.is_web() { Key::from_url_path(path) } else { Key::parse(path) };
        let key = key.map_err(|_| "has an empty part, `.` or `..` in its path")?;
        Ok(Url { text: text.to_owned(), scheme, host: host.to_owned(), key })
    }

    /// Returns the URL of a file below this one.
    pub fn join(&self, name: &str) -> Result<Url, StorageError> {
        let text = format!("{}/{name}", self.text.trim_end_matches('/'));
        let (_, rest) = text.split_once("://").unwrap_or_default();
        Url::take_apart(&text, self.scheme.name(), rest).map_err(|what| bad(&text, what))
    }

    /// Returns the kind of storage.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the bucket, or the web server with its port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the path below the host, with its escapes resolved.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

fn bad(text: &str, what: &'static str) -> StorageError {
    StorageError::new(text, Fault::BadUrl(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Result<(Scheme, &str, &str), &str>>) {
        let found = Url::parse(text);
        let found = found.map(|url| {
            url.map(|url| (url.scheme, url.host.clone(), url.key.to_string()))
                .map_err(|error| error.to_string())
        });
        let expected = expected.map(|it| {
            it.map(|(scheme, host, key)| (scheme, host.to_owned(), key.to_owned()))
                .map_err(|what| format!("`{text}` {what}"))
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn urls_and_paths() {
        check("dumps/enwiki", None);
        check("/dumps//enwiki", None);
        check("C:\\dumps", None);
        check("a b://c", None);
        check("s3://bucket", Some(Ok((Scheme::S3, "bucket", ""))));
        check("s3://bucket/", Some(Ok((Scheme::S3, "bucket", ""))));
        check("S3://bucket/a/ช้าง/", Some(Ok((Scheme::S3, "bucket", "a/ช้าง"))));
        check("gs://bucket/a%20b", Some(Ok((Scheme::Gs, "bucket", "a%20b"))));
        check("https://host/a%20b/", Some(Ok((Scheme::Https, "host", "a b"))));
        check("http://[::1]:80/a", Some(Ok((Scheme::Http, "[::1]:80", "a"))));
    }

    #[test]
    fn urls_that_cannot_be_used() {
        check("https:///a", Some(Err("names no host")));
        check("s3:///a", Some(Err("names no bucket")));
        check(
            "https://me:secret@host/a",
            Some(Err("holds a user name, which would end up in messages")),
        );
        check("s3://b/a/../c", Some(Err("has an empty part, `.` or `..` in its path")));
        check("https://h/a//c", Some(Err("has an empty part, `.` or `..` in its path")));
        check(
            "https://h/a?b",
            Some(Err("holds a `?` or `#`, which the files below it could not keep")),
        );
        check(
            "ftp://h/a",
            Some(Err("is of another kind than `s3://`, `gs://`, `https://` and `http://`")),
        );
    }

    #[test]
    fn a_path_carries_a_url_through_join_and_file_name() {
        for folder in ["https://host/enwiki/20240720", "https://host/enwiki/20240720/"] {
            let path = Path::new(folder).join("page.sql.gz");
            assert_eq!(path.to_str(), Some("https://host/enwiki/20240720/page.sql.gz"));
            assert_eq!(path.file_name().and_then(|it| it.to_str()), Some("page.sql.gz"));
            assert_eq!(path.parent().and_then(Path::to_str), Some(folder.trim_end_matches('/')));
            let joined = Place::parse(Path::new(folder)).unwrap().join("page.sql.gz").unwrap();
            assert_eq!(joined, Place::parse(&path).unwrap());
            assert_eq!(joined.file_name(), "page.sql.gz");
            assert_eq!(joined.to_string(), path.display().to_string());
        }
        assert_eq!(Path::new("s3://bucket").join("x").to_str(), Some("s3://bucket/x"));
    }
}

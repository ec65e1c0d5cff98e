//! What can go wrong behind a URL: one error that names the URL and the remedy.

use std::{env, error::Error as _, fmt, io};

use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};

use super::place::{Scheme, Url};

/// What went wrong behind a URL.
#[derive(Debug)]
pub struct StorageError {
    url: String,
    fault: Fault,
}

/// What can go wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The URL cannot be used.
    BadUrl(&'static str),
    /// There is nothing behind it.
    NotFound,
    /// The bucket does not exist.
    NoBucket(String),
    /// The server knows us and refuses, or does not know us.
    Refused(&'static str),
    /// Nobody has told who we are.
    NoCredentials,
    /// The server cannot be reached, or does not answer in time.
    Unreachable(&'static str),
    /// The file is another one than when it was opened.
    Changed,
    /// The server does not send parts of files.
    NoRanges,
    /// Somebody else has written the object first.
    Taken,
    /// Another crossic, named here, writes the corpus.
    Locked(String),
    /// The lock of the corpus may be somebody else's by now.
    LockLost,
    /// The content has another hash than its name says.
    Damaged,
    /// Something else; the text says what.
    Other(String),
}

impl StorageError {
    pub(super) fn new(url: impl fmt::Display, fault: Fault) -> StorageError {
        StorageError { url: url.to_string(), fault }
    }

    /// Says what an error of the library means for this URL.
    pub(super) fn of(url: &Url, error: &Error) -> StorageError {
        let text = chain(error);
        let fault = match error {
            _ if text.contains("NoSuchBucket") => Fault::NoBucket(url.host().to_owned()),
            Error::NotFound { .. } => Fault::NotFound,
            Error::PermissionDenied { .. } => Fault::Refused("access is denied (403)"),
            Error::Unauthenticated { .. } => Fault::Refused("the server asks who we are (401)"),
            Error::AlreadyExists { .. } | Error::Precondition { .. } => Fault::Taken,
            // Listing has no errors of its own for these: the status is only in the text.
            Error::Generic { .. } if text.contains("status code: 403") => {
                Fault::Refused("access is denied (403)")
            }
            Error::Generic { .. } if text.contains("status code: 401") => {
                Fault::Refused("the server asks who we are (401)")
            }
            Error::Generic { .. } if text.contains("status code: 404") => Fault::NotFound,
            Error::NotSupported { .. } if url.scheme().is_web() => Fault::NoRanges,
            // Without credentials the library asks a server that only the provider's machines have.
            _ if !has_credentials(url.scheme()) && tells_of_credentials(&text) => {
                Fault::NoCredentials
            }
            _ => match transport(error) {
                Some(HttpErrorKind::Connect) => Fault::Unreachable("the host cannot be reached"),
                Some(HttpErrorKind::Timeout) => Fault::Unreachable("no answer in time"),
                Some(HttpErrorKind::Interrupted) => {
                    Fault::Unreachable("the connection is lost again and again")
                }
                _ => Fault::Other(text),
            },
        };
        StorageError::new(url, fault)
    }

    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let is = |name: &str| self.url.starts_with(name);
        let hint = match &self.fault {
            Fault::BadUrl(_) => "write it as `s3://bucket/folder` or `https://host/folder`",
            Fault::NotFound if is("http") => "open it in a browser: the dump may have been removed",
            Fault::NotFound => {
                "check the bucket and the name; list it with the provider's own tool"
            }
            Fault::NoBucket(_) => "check the bucket's name and AWS_ENDPOINT_URL",
            Fault::Refused(_) | Fault::NoCredentials if is("s3") => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION) to a key that may \
                 use the bucket, or AWS_SKIP_SIGNATURE=true for a public one"
            }
            Fault::Refused(_) | Fault::NoCredentials if is("gs") => {
                "set GOOGLE_APPLICATION_CREDENTIALS to the file of an account that may use the \
                 bucket, or GOOGLE_SKIP_SIGNATURE=true for a public one"
            }
            Fault::Refused(_) => {
                "open it in a browser: the server may want it to be asked for less"
            }
            Fault::Unreachable(_) => "check the address and the network, and run the command again",
            Fault::Locked(_) => {
                "wait for it; if it has died, its lock is taken over once it has been still for a minute"
            }
            Fault::LockLost => "check the network and run the command again",
            Fault::Damaged => "remove it from the bucket and build the corpus again",
            Fault::Changed => "run the command again, and do not replace files while it runs",
            Fault::NoRanges => "download the files and name the folder they are in",
            Fault::Other(text) if text.contains("redirect") && is("s3") => {
                "set AWS_REGION to the region of the bucket"
            }
            Fault::Other(text) if text.contains("not allowed") && is("s3") => {
                "set AWS_ALLOW_HTTP=true if the server is to be talked to without encryption"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        match &self.fault {
            Fault::BadUrl(what) => write!(formatter, "`{url}` {what}"),
            Fault::NotFound => write!(formatter, "`{url}`: there is nothing of that name"),
            Fault::NoBucket(bucket) => {
                write!(formatter, "`{url}`: there is no bucket `{bucket}`")
            }
            Fault::Refused(what) | Fault::Unreachable(what) => write!(formatter, "`{url}`: {what}"),
            Fault::NoCredentials => write!(formatter, "`{url}`: no credentials were found"),
            Fault::Changed => write!(formatter, "`{url}`: the file was replaced while it was read"),
            Fault::NoRanges => {
                write!(formatter, "`{url}`: the server sends files only as a whole")
            }
            Fault::Taken => write!(formatter, "`{url}`: somebody else has written it"),
            Fault::Locked(holder) => {
                write!(
                    formatter,
                    "`{url}`: the corpus is being written by another crossic: {holder}"
                )
            }
            Fault::LockLost => {
                write!(formatter, "`{url}`: the lock was lost, and the manifest is left as it is")
            }
            Fault::Damaged => write!(formatter, "`{url}`: the content is not what the name says"),
            Fault::Other(what) => write!(formatter, "`{url}`: {what}"),
        }
    }
}

impl std::error::Error for StorageError {}

impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> io::Error {
        let kind = match &error.fault {
            Fault::BadUrl(_) => io::ErrorKind::InvalidInput,
            Fault::NotFound | Fault::NoBucket(_) => io::ErrorKind::NotFound,
            Fault::Refused(_) | Fault::NoCredentials => io::ErrorKind::PermissionDenied,
            Fault::Unreachable(_) => io::ErrorKind::TimedOut,
            Fault::Taken => io::ErrorKind::AlreadyExists,
            Fault::Locked(_) | Fault::LockLost => io::ErrorKind::ResourceBusy,
            Fault::Damaged => io::ErrorKind::InvalidData,
            Fault::Changed | Fault::NoRanges | Fault::Other(_) => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// Returns what to do about an error of the system, if it comes from behind a URL.
pub fn hint(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<StorageError>()?.hint()
}

/// Returns whether the environment says who we are, or that nobody needs to know.
fn has_credentials(scheme: Scheme) -> bool {
    let names: &[&str] = match scheme {
        Scheme::S3 => &[
            "AWS_ACCESS_KEY_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_SKIP_SIGNATURE",
        ],
        Scheme::Gs => &[
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "GOOGLE_SKIP_SIGNATURE",
            "SERVICE_ACCOUNT",
        ],
        Scheme::Http | Scheme::Https => return true,
    };
    names.iter().any(|name| env::var_os(name).is_some())
}

/// Returns whether the request that failed was one for credentials.
fn tells_of_credentials(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["/latest/api/token", "meta-data", "metadata", "credential"]
        .iter()
        .any(|word| text.contains(word))
}

/// Returns how the connection failed, if it was that.
fn transport(error: &Error) -> Option<HttpErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

/// Writes the error and its causes as one line of bounded length.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(600).collect()
}

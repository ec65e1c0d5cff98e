//! What ends a training run, and what to do about it.

use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What ends a training run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file or directory is not what it should be.
    #[error("`{path}` {what}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// Inputs that are right each by itself do not fit together.
    #[error("{what}")]
    Refused {
        /// What does not fit.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// The loss or a gradient is not a finite number.
    #[error("{what} is not a finite number at step {step}")]
    NonFinite {
        /// Loss, or the name of the parameter.
        what: String,
        /// The optimizer step, from 1.
        step: u64,
        /// The rows that were learned from.
        rows: Vec<String>,
    },
}

impl Error {
    /// Returns an error about a file.
    pub fn file(path: &Path, what: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::File { path: path.to_owned(), what: what.into(), hint: hint.into() }
    }

    /// Returns an error about inputs that do not fit together.
    pub fn refused(what: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::Refused { what: what.into(), hint: hint.into() }
    }

    /// Returns what to do next, if we know it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Io(_) => None,
            Error::File { hint, .. } | Error::Refused { hint, .. } => {
                (!hint.is_empty()).then(|| hint.clone())
            }
            Error::NonFinite { rows, .. } => Some(format!(
                "look at what was learned from with `crossic inspect`: rows {}; then lower \
                 `learning-rate`, or leave these rows out",
                rows.join(", ")
            )),
        }
    }
}

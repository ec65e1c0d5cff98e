//! What ends a run: fatal errors, their exit codes and hints.

use std::{io::ErrorKind, path::PathBuf};

use crate::{
    cluster::error::ClusterError,
    config::issue,
    dump::{
        documents::error::DocumentsError,
        error::{DumpError, DumpErrorKind},
        parquet::ParquetError,
    },
    fetch::error::FetchError,
    storage,
    store::StoreError,
};

/// A fatal error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pipeline file has problems; the text shows all of them.
    #[error("`{name}` is not a pipeline that can run ({n_issues} {problems})\n\n{text}", problems = if *.n_issues == 1 { "problem" } else { "problems" })]
    Pipeline {
        /// The path as the user gave it.
        name: String,
        /// How many problems.
        n_issues: usize,
        /// All of them, with places.
        text: String,
    },
    /// A file or directory could not be read or written; the cause names it.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A dump is damaged.
    #[error("{0}")]
    Dump(#[from] DumpError),
    /// A bzip2 file of articles is damaged, which a source may be told to pass over.
    #[error("{0}")]
    Articles(#[source] DumpError),
    /// A file of the corpus is damaged.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A parquet input is damaged or of another schema.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// A file of web documents is damaged or of another schema.
    #[error("{0}")]
    Documents(#[from] DocumentsError),
    /// Files of a dump could not be fetched.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// The processes of a run cannot work together, or one of them failed.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// A training run, a merge or a text of a model failed.
    #[error("{0}")]
    Train(#[from] crossic_trainer::error::Error),
    /// A worker of the dataflow panicked.
    #[error("a worker stopped: {0}")]
    Worker(String),
    /// The directory holds something else.
    #[error("`{}` {what}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The account does not balance: a bug of crossic.
    #[error("the ledger does not balance: {0}")]
    Ledger(String),
    /// Nothing came of the run.
    #[error("{what}")]
    Nothing {
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The command line asks for something that is not there.
    #[error("{what}")]
    Usage {
        /// What.
        what: String,
        /// What to do about it.
        hint: String,
    },
}

impl Error {
    /// Returns the exit code: 1 the run failed, 2 the command line or the pipeline file is wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Pipeline { .. } | Error::Usage { .. } => 2,
            _ => 1,
        }
    }

    /// Returns what to do next, where it is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Directory { hint, .. }
            | Error::Nothing { hint, .. }
            | Error::Usage { hint, .. } => Some(hint.clone()),
            Error::Pipeline { .. } => {
                Some("run `crossic list` to see every component and its keys".to_owned())
            }
            Error::Dump(DumpError { kind: DumpErrorKind::Io { cause, .. }, .. }) => {
                storage::error::hint(cause)
            }
            Error::Dump(error) => error.hint().map(str::to_owned),
            Error::Articles(error) => {
                let first = error.hint().unwrap_or("download the file again");
                Some(format!(
                    "{first}; or set `skip-damaged = true` in its source: the pages that the \
                     damage hides are then missing, and counted"
                ))
            }
            Error::Fetch(error) => error.hint(),
            Error::Cluster(error) => error.hint().map(str::to_owned),
            Error::Train(crossic_trainer::error::Error::Io(error)) => match is_full(error) {
                true => Some(
                    "free some space and run the same command again: it goes on from the last \
                     checkpoint"
                        .to_owned(),
                ),
                false => storage::error::hint(error),
            },
            Error::Train(error) => error.hint(),
            Error::Ledger(_) => {
                Some("this is a bug of crossic: please report it with the pipeline file".to_owned())
            }
            Error::Io(error) | Error::Store(StoreError::Io(error)) if is_full(error) => Some(
                "free some space and run the same command again: the last corpus is untouched"
                    .to_owned(),
            ),
            Error::Io(error) => storage::error::hint(error),
            _ => None,
        }
    }

    /// Returns the error with another hint, where it has one that can be changed.
    pub fn with_hint(mut self, change: impl FnOnce(&str) -> String) -> Error {
        if let Error::Directory { hint, .. }
        | Error::Nothing { hint, .. }
        | Error::Usage { hint, .. } = &mut self
        {
            *hint = change(hint);
        }
        self
    }

    /// Returns the error that shows all problems of a pipeline file.
    pub fn pipeline(source: &issue::Source, issues: &[issue::Issue]) -> Error {
        Error::Pipeline {
            name: source.name.clone(),
            n_issues: issues.len(),
            text: issue::render(source, issues),
        }
    }
}

/// Returns whether a disk has no room for more.
fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// The result of anything that may end a run.
pub type Result<T> = std::result::Result<T, Error>;

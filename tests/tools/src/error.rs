//! What can go wrong while test inputs are made.

use std::{error::Error as StdError, fmt, io, path::PathBuf};

use polars::error::PolarsError;

/// A place in a source file that is not as it should be.
#[derive(Debug)]
pub struct Complaint {
    /// The file, as it was opened.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// Why a tool stopped.
#[derive(Debug)]
pub enum Error {
    /// Reading or writing failed; the message names the path.
    Io(io::Error),
    /// Sources are bad; all complaints are collected before the tool stops.
    Sources(Vec<Complaint>),
    /// A request makes no sense.
    Request(String),
    /// The tokenizer library refused.
    Tokenizer(Box<dyn StdError + Send + Sync>),
    /// The parquet library refused.
    Parquet(PolarsError),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(_) => write!(formatter, "a file could not be read or written"),
            Error::Request(message) => write!(formatter, "{message}"),
            Error::Tokenizer(_) => write!(formatter, "the tokenizer could not be trained"),
            Error::Parquet(_) => write!(formatter, "a parquet file could not be written"),
            Error::Sources(complaints) => {
                write!(formatter, "{} complaints about the sources", complaints.len())?;
                complaints.iter().try_for_each(|complaint| write!(formatter, "\n  {complaint}"))
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            Error::Tokenizer(error) => Some(error.as_ref()),
            Error::Parquet(error) => Some(error),
            Error::Sources(_) | Error::Request(_) => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        Error::Parquet(error)
    }
}

/// Returns the whole chain of causes as one line for the terminal.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

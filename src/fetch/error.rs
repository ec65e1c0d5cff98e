//! What ends a download: one error type that names the address or the file, and the remedy.

use std::{io, path::PathBuf, time::Duration};

use super::http::Trouble;

/// Why files could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address of the mirror cannot be used.
    #[error("`{mirror}` is no address of a mirror: {what}")]
    Mirror {
        /// The address as it was given.
        mirror: String,
        /// What is wrong with it.
        what: String,
    },
    /// The contact cannot be part of a request.
    #[error("the contact has a character that no request may hold")]
    Contact,
    /// The mirror does not have it.
    #[error("`{url}` is not there")]
    NotFound {
        /// The address.
        url: String,
        /// What the mirror has instead, as far as it is known.
        hint: String,
    },
    /// The mirror refused, and asking again would not help.
    #[error("the mirror answered {status} to `{url}`")]
    Refused {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
    },
    /// Nothing more came for as long as we were ready to wait.
    #[error("`{url}`: gave up after {:.1} s without progress", waited.as_secs_f64())]
    GaveUp {
        /// The address.
        url: String,
        /// How long nothing had come.
        waited: Duration,
        /// What happened last.
        #[source]
        trouble: Trouble,
    },
    /// The mirror wants us to wait longer than we are ready to.
    #[error("`{url}`: the mirror answered {status} and asks to wait {} s", wait.as_secs())]
    AskedToWait {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// How long it asks us to wait.
        wait: Duration,
    },
    /// The file came twice, and is not what the list of checksums says.
    #[error("`{name}` has the wrong SHA-1 checksum: expected {expected}, got {got}")]
    Checksum {
        /// The name of the file.
        name: String,
        /// The checksum of the list, 40 hexadecimal digits.
        expected: String,
        /// The checksum of what came, 40 hexadecimal digits.
        got: String,
    },
    /// A list of the mirror cannot be used.
    #[error("`{url}` {what}")]
    List {
        /// The address.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// The dump lacks files that a build needs.
    #[error("the dump of {date} of {wiki} has no {}", missing.join(", no "))]
    Incomplete {
        /// The wiki.
        wiki: String,
        /// The date of the dump.
        date: String,
        /// What is missing, such as `langlinks.sql.gz`.
        missing: Vec<String>,
    },
    /// No date has all files of all wikis.
    #[error("the mirror has no complete dump of {}", wikis.join(" and "))]
    NoDate {
        /// The wikis, which shall be of one date.
        wikis: Vec<String>,
        /// The dates that were looked at.
        dates: Vec<String>,
    },
    /// Another process writes the file.
    #[error("`{}` is being written by another crossic", path.display())]
    Busy {
        /// The unfinished file.
        path: PathBuf,
    },
    /// A file could not be read or written; the cause names it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another download failed, so this one was left to a later run.
    #[error("stopped because another download failed")]
    Stopped,
}

impl FetchError {
    /// Returns what to do next, where it is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            FetchError::Mirror { .. } => "give one such as https://dumps.wikimedia.org".to_owned(),
            FetchError::Contact => "give a mail address or the address of a page".to_owned(),
            FetchError::NotFound { hint, .. } => hint.clone(),
            FetchError::Refused { status: 401 | 403, .. } => {
                "say who you are with `--contact`, or take another mirror with `--mirror`"
                    .to_owned()
            }
            FetchError::Refused { .. } => "try another mirror with `--mirror`".to_owned(),
            FetchError::GaveUp { .. } => {
                "run the same command again to go on where it stopped; `--deadline` sets how long \
                 to wait"
                    .to_owned()
            }
            FetchError::AskedToWait { wait, .. } => format!(
                "run the same command again later, or with `--deadline {}`",
                wait.as_secs().saturating_mul(2)
            ),
            FetchError::Checksum { .. } => {
                "the mirror may be changing the file or be damaged: try \
                                            again later, or another mirror with `--mirror`"
                    .to_owned()
            }
            FetchError::List { .. } => {
                "is `--mirror` the address above the directories of the wikis?".to_owned()
            }
            FetchError::Incomplete { .. } => {
                "a new dump takes days to be made: take an older date, \
                                              or the newest complete one with `--date latest`"
                    .to_owned()
            }
            FetchError::NoDate { dates, .. } => match dates.is_empty() {
                true => "the wikis have no date in common: fetch each on its own".to_owned(),
                false => format!("these dates were looked at: {}", dates.join(", ")),
            },
            FetchError::Busy { .. } => "wait for it, or end it".to_owned(),
            FetchError::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
                "free some space and run the same command again: what has come is kept".to_owned()
            }
            FetchError::Io(_) | FetchError::Stopped => return None,
        };
        Some(hint)
    }
}

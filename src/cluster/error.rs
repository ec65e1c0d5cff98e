//! What keeps processes from working together, and what to do about it.

use std::{io, path::PathBuf};

/// Why a cluster does not come about, or ends.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The hosts file cannot be used.
    #[error("`{}`{}: {what}", path.display(), if *.line == 0 { String::new() } else { format!(", line {line}") })]
    Hosts {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 stands for the file as a whole.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// This process cannot listen where the hosts file says.
    #[error("cannot listen on `{address}` as process {process}: {cause}")]
    Listen {
        /// The line of the hosts file.
        address: String,
        /// The index of this process.
        process: usize,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A process that must be there cannot be reached.
    #[error("{name} did not answer within {seconds} s: {cause}")]
    Missing {
        /// Index and address.
        name: String,
        /// How long it was waited for.
        seconds: f32,
        /// What came of the last attempt.
        cause: String,
    },
    /// A process, named first, ended or keeps the others from going on.
    #[error("{0}")]
    Fault(String),
    /// What a process has to say is longer than a message may be.
    #[error("a message of {n_bytes} bytes to process 0; {most} are the most")]
    TooLong {
        /// Its length.
        n_bytes: usize,
        /// The greatest length.
        most: usize,
    },
    /// A connection could not be handed to the dataflow, or a thread not be started.
    #[error("cannot set up the connections between processes: {0}")]
    Setup(#[source] io::Error),
}

impl ClusterError {
    /// Returns what to do next, where it is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ClusterError::Hosts { .. } => {
                Some("a hosts file has one `host:port` a line, the first for process 0")
            }
            ClusterError::Listen { cause, .. } => match cause.kind() {
                io::ErrorKind::AddrInUse => Some(
                    "another program listens there: end it, or write another port in the hosts file",
                ),
                io::ErrorKind::AddrNotAvailable => Some(
                    "that is no address of this machine: check `--process` and its line in the hosts file",
                ),
                _ => None,
            },
            ClusterError::Missing { .. } => Some(
                "start every process with the same hosts file, and let their ports through the firewall",
            ),
            ClusterError::Fault(_) | ClusterError::TooLong { .. } | ClusterError::Setup(_) => None,
        }
    }
}

//! The first bytes of a connection: who calls whom, what for, and whether both would do the same.
//!
//! A caller says hello, the called one answers in the same form. The head of a hello, magic,
//! protocol, process and length, is the same in every version, so that versions can refuse each
//! other in words. What does not begin with the magic is no crossic and gets no answer.

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Instant,
};

use serde::{Deserialize, Serialize};

use super::socket::read_until;

const MAGIC: [u8; 8] = *b"crossic\n";

/// Changes with what is said on a connection.
const PROTOCOL: u16 = 1;

/// Most bytes of a hello after its head.
const MAX_BYTES: u16 = 8 * 1024;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Between process 0 and another one: who is there, who failed, who is done.
    Control,
    /// Between any two: the records of the dataflow.
    Mesh,
}

/// What all processes of a cluster must have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Common {
    /// Of crossic.
    pub(super) version: String,
    /// Of the plan, in hexadecimal digits.
    pub(super) digest: String,
    /// Lines of the hosts file.
    pub(super) processes: usize,
    /// Workers of each process.
    pub(super) workers: usize,
}

impl Common {
    /// Returns in words what is different at another process, the reference's index being known.
    pub(super) fn differs_from(&self, reference: &Common, index: usize) -> Option<String> {
        let them = format!("process {index}");
        if self.version != reference.version {
            let (ours, theirs) = (tame(&self.version), tame(&reference.version));
            return Some(format!("runs crossic {ours}, but {them} runs crossic {theirs}"));
        }
        if self.processes != reference.processes {
            let (ours, theirs) = (self.processes, reference.processes);
            return Some(format!("has a hosts file of {ours} lines, but {them} one of {theirs}"));
        }
        if self.workers != reference.workers {
            let (ours, theirs) = (self.workers, reference.workers);
            return Some(format!("runs {ours} workers instead of {theirs} as {them} does"));
        }
        if self.digest != reference.digest {
            return Some(format!("runs another pipeline, or has other inputs, than {them}"));
        }
        None
    }
}

/// What is said first on a connection, by both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) kind: Kind,
    /// The process that speaks.
    pub(super) from: usize,
    /// The process it believes to speak to.
    pub(super) to: usize,
    pub(super) common: Common,
    /// The number that process 0 gave this run, once it is known.
    pub(super) session: Option<u64>,
    /// In an answer: why the caller is turned away, as a sentence about whom it names.
    pub(super) refusal: Option<String>,
}

/// What came in place of a hello.
#[derive(Debug)]
pub(super) enum Misheard {
    /// Nothing, or something that is no crossic.
    Stray(io::Error),
    /// A crossic that speaks otherwise.
    Protocol {
        /// The process it says it is.
        from: usize,
        /// In words.
        what: String,
    },
}

impl From<io::Error> for Misheard {
    fn from(error: io::Error) -> Misheard {
        Misheard::Stray(error)
    }
}

/// Says hello.
pub(super) fn say(mut stream: &TcpStream, hello: &Hello) -> io::Result<()> {
    let body = serde_json::to_vec(hello)?;
    let number = |n: usize| u16::try_from(n).map_err(io::Error::other);
    let mut bytes = MAGIC.to_vec();
    for it in [PROTOCOL, number(hello.from)?, number(body.len())?] {
        bytes.extend(it.to_be_bytes());
    }
    bytes.extend(body);
    stream.write_all(&bytes)
}

/// Hears a hello before the deadline.
pub(super) fn hear(stream: &TcpStream, until: Instant) -> Result<Hello, Misheard> {
    let stray = |what: &str| Misheard::Stray(io::Error::new(io::ErrorKind::InvalidData, what));
    // The magic alone first: a stray may hang up, or wait for an answer, after a few bytes.
    let mut magic = [0; 8];
    read_until(stream, &mut magic, until)?;
    if magic != MAGIC {
        return Err(stray("it is no crossic that answers"));
    }
    let mut numbers = [0; 6];
    read_until(stream, &mut numbers, until)?;
    let [a, b, c, d, e, f] = numbers;
    let [protocol, from, length] = [[a, b], [c, d], [e, f]].map(u16::from_be_bytes);
    if MAX_BYTES < length {
        return Err(stray("its hello is too long"));
    }
    // Read in any case: closing a connection with unread bytes may destroy the answer.
    let mut body = vec![0; usize::from(length)];
    read_until(stream, &mut body, until)?;
    if protocol != PROTOCOL {
        let what = format!("speaks protocol {protocol} instead of {PROTOCOL}: another version");
        return Err(Misheard::Protocol { from: usize::from(from), what });
    }
    serde_json::from_slice(&body).map_err(|_| stray("its hello cannot be read"))
}

/// Returns a peer's words fit for a terminal: no control characters, and not without end.
pub(super) fn tame(text: &str) -> String {
    let harmless = |it: char| if it.is_control() && it != '\n' { '\u{FFFD}' } else { it };
    text.chars().take(4_000).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common() -> Common {
        Common { version: "0.1.0".to_owned(), digest: "ab".to_owned(), processes: 3, workers: 2 }
    }

    #[test]
    fn differences_are_told_in_words() {
        let check = |change: fn(&mut Common), words: &str| {
            let mut other = common();
            change(&mut other);
            assert_eq!(other.differs_from(&common(), 0).as_deref(), Some(words));
        };
        assert_eq!(common().differs_from(&common(), 0), None);
        check(
            |it| it.version = "0.2.0\u{1b}".to_owned(),
            "runs crossic 0.2.0\u{FFFD}, but process 0 runs crossic 0.1.0",
        );
        check(|it| it.processes = 2, "has a hosts file of 2 lines, but process 0 one of 3");
        check(|it| it.workers = 3, "runs 3 workers instead of 2 as process 0 does");
        check(|it| it.digest.clear(), "runs another pipeline, or has other inputs, than process 0");
    }

    #[test]
    fn what_a_peer_says_is_made_harmless() {
        assert_eq!(tame("ช้าง\n\u{1b}[2J"), "ช้าง\n\u{FFFD}[2J");
        assert_eq!(tame(&"a".repeat(10_000)).len(), 4_000);
    }
}

//! What is said on the control channel after the handshake: JSON behind its length.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use serde::{Deserialize, Serialize};

/// Most bytes of a message to process 0, which may carry what a process has to report.
pub(super) const MAX_TO_FIRST: usize = 64 << 20;

/// Most bytes of a message from process 0.
pub(super) const MAX_FROM_FIRST: usize = 64 << 10;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Message {
    /// I am alive.
    Heartbeat,
    /// From process 0: these are still missing.
    Waiting { processes: Vec<usize> },
    /// From process 0: all are there; connect to each other under this number.
    Meet { session: u64 },
    /// A process failed; the run is over.
    Failed { process: usize, reason: String },
    /// To process 0: this process is through with the dataflow, and this is what it reports.
    Done { payload: String },
    /// From process 0: the corpora are published; all may go.
    Published,
}

impl Message {
    /// Returns the message as it is sent.
    pub(super) fn to_bytes(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 4];
        serde_json::to_writer(&mut bytes, self)?;
        let n_bytes = bytes.len() - 4;
        if most < n_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"));
        }
        let length = u32::try_from(n_bytes).map_err(io::Error::other)?;
        for (byte, it) in bytes.iter_mut().zip(length.to_be_bytes()) {
            *byte = it;
        }
        Ok(bytes)
    }

    /// Sends the message.
    pub(super) fn send(&self, mut stream: &TcpStream, most: usize) -> io::Result<()> {
        stream.write_all(&self.to_bytes(most)?)
    }

    /// Receives a message of at most so many bytes; memory grows only with what arrives.
    pub(super) fn receive(mut stream: impl Read, most: usize) -> io::Result<Message> {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if most < length {
            let what = format!("a message of {length} bytes; {most} are the most");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut bytes = Vec::new();
        stream.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The text of a message that cannot be read is no matter of ours: only that it cannot.
        let unreadable =
            |_| io::Error::new(io::ErrorKind::InvalidData, "a message that cannot be read");
        serde_json::from_slice(&bytes).map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_way() {
        let messages = [
            Message::Heartbeat,
            Message::Waiting { processes: vec![1, 3] },
            Message::Meet { session: u64::MAX },
            Message::Failed { process: 2, reason: "ช้าง\n\"".to_owned() },
            Message::Done { payload: "{\"a\": [1]}".to_owned() },
            Message::Published,
        ];
        let mut bytes = Vec::new();
        messages.iter().for_each(|it| bytes.extend(it.to_bytes(1000).unwrap()));
        let mut rest = bytes.as_slice();
        for message in messages {
            assert_eq!(Message::receive(&mut rest, 1000).unwrap(), message);
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let check = |bytes: &[u8], kind: io::ErrorKind| {
            assert_eq!(Message::receive(bytes, 1000).unwrap_err().kind(), kind, "{bytes:?}");
        };
        check(b"", io::ErrorKind::UnexpectedEof);
        check(b"\0\0\0\x02{", io::ErrorKind::UnexpectedEof);
        check(b"\0\0\0\x02{}", io::ErrorKind::InvalidData);
        check(b"\xff\xff\xff\xff", io::ErrorKind::InvalidData);
        let long = Message::Done { payload: "a".repeat(1000) };
        assert_eq!(long.to_bytes(1000).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}

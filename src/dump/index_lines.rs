//! Takes the lines of a multistream index apart: `offset:page:title`, where a title may hold colons.

use std::path::{Path, PathBuf};

use memchr::memchr;

use crate::dump::{
    error::{DumpError, DumpErrorKind},
    index_error::IndexFault,
    streams::Streams,
    window::{N_STEP_BYTES, Window},
};

/// The longest line that is read, in bytes; a title has at most 255, escaped at most six times that.
const N_LINE_BYTES: usize = 16 << 10;

/// What one line says; its title is of no use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the page's stream begins, in bytes of the multistream file.
    pub offset: u64,
    /// The page's number.
    pub page: u32,
}

/// The lines of an index in order, pulled one by one without copying.
pub struct Lines {
    path: PathBuf,
    window: Window,
    n_lines: u64,
}

impl Lines {
    /// Opens an index: plain, gzip or bzip2. Fails if it is empty or of another format.
    pub fn open(path: &Path) -> Result<Self, DumpError> {
        Self::open_in_steps(path, N_STEP_BYTES)
    }

    /// Opens like [`Lines::open`], pulling about `n_bytes` of text at once.
    pub fn open_in_steps(path: &Path, n_bytes: usize) -> Result<Self, DumpError> {
        let window = Window::new(Streams::whole(path)?, n_bytes.max(1));
        Ok(Self { path: path.to_owned(), window, n_lines: 0 })
    }

    /// Returns the next line, or `None` at the end. Fails on a line that is no entry, and on damage.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, DumpError> {
        loop {
            let text = self.window.text();
            let (line, n_taken) = match memchr(b'\n', text) {
                Some(n) => (text.get(..n), n + 1),
                None if N_LINE_BYTES < text.len() => (None, 0),
                None if self.window.fill("line")? => continue,
                // The last line may lack its end.
                None if self.window.text().is_empty() => return Ok(None),
                None => (Some(self.window.text()), self.window.text().len()),
            };
            self.n_lines += 1;
            let Some(line) = line.filter(|line| line.len() <= N_LINE_BYTES) else {
                let limit = N_LINE_BYTES;
                return Err(self.error(IndexFault::LongLine { line: self.n_lines, limit }));
            };
            let Some(entry) = parse(line) else {
                return Err(self.error(IndexFault::NotAnEntry { line: self.n_lines }));
            };
            self.window.advance(n_taken);
            return Ok(Some(entry));
        }
    }

    /// Returns the number of the line that was returned last, from 1.
    pub fn n_lines(&self) -> u64 {
        self.n_lines
    }

    /// Returns an error about this index.
    pub(crate) fn error(&self, fault: IndexFault) -> DumpError {
        DumpError { path: self.path.clone(), kind: DumpErrorKind::Index(fault) }
    }
}

/// Takes one line apart, without its end; returns `None` if it is no entry.
fn parse(line: &[u8]) -> Option<Entry> {
    let (offset, rest) = number(line)?;
    let (page, _) = number(rest)?;
    Some(Entry { offset, page: u32::try_from(page).ok()? })
}

/// Takes digits and a colon from the front; returns their number and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            }
            b':' if 0 < place => return Some((number, text.get(place + 1..)?)),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Entry, parse};

    #[test]
    fn lines_that_are_entries_and_lines_that_are_not() {
        for (line, expected) in [
            ("514:1007:Elephant", Some((514, 1007))),
            ("0:1:ช้าง: a: b", Some((0, 1))),
            ("18446744073709551615:4294967295:", Some((u64::MAX, u32::MAX))),
            ("007:08:x\r", Some((7, 8))),
            ("18446744073709551616:1:x", None),
            ("1:4294967296:x", None),
            ("", None),
            ("1", None),
            ("1:2", None),
            (":2:x", None),
            ("1::x", None),
            ("-1:2:x", None),
            ("+1:2:x", None),
            (" 1:2:x", None),
            ("1:2 :x", None),
            ("<mediawiki>", None),
        ] {
            let expected = expected.map(|(offset, page)| Entry { offset, page });
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }
}

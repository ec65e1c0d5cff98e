//! Decodes the bzip2 streams of a file one after another, from the first that starts in a range.

use std::io::{self, BufRead};

use bzip2::{Decompress, Status};
use memchr::memmem;

use crate::dump::{
    gzip::{Fault, skip_padding},
    input::Input,
};

/// What every non-empty stream has after `BZh` and its level: the mark of a first block.
const BLOCK_MARK: &[u8] = b"1AY&SY";
/// What an empty stream has there: the mark of the end, then the checksum of nothing.
const END_MARK: &[u8] = b"\x17rE8P\x90\0\0\0\0";
/// The longest that a start needs to be recognised.
pub(crate) const N_START_BYTES: usize = 14;

/// What [`Chain::read`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Text was appended, or may be by the next call.
    Text,
    /// A stream has ended and another starts at the chain's offset.
    Between,
    /// The last stream of the file has ended.
    End,
}

/// Streams of a file, from a start up to the end of the file.
pub(crate) struct Chain {
    input: Input,
    decoder: Option<Decompress>,
    ended: bool,
}

impl Chain {
    /// Starts with the stream at the input's offset.
    pub(crate) fn new(input: Input) -> Self {
        Self { input, decoder: None, ended: false }
    }

    /// Returns how many bytes of the file are taken; between streams, where the next one starts.
    pub(crate) fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// Appends about `n_bytes` of text and never goes beyond the end of a stream.
    pub(crate) fn read(&mut self, text: &mut Vec<u8>, n_bytes: usize) -> Result<Step, Fault> {
        if self.ended {
            return Ok(Step::End);
        }
        text.reserve(n_bytes);
        let enough = text.len() + n_bytes;
        let decoder = self.decoder.get_or_insert_with(|| Decompress::new(false));
        while text.len() < enough {
            let bytes = self.input.fill_buf().map_err(Fault::Io)?;
            let at_end = bytes.is_empty();
            let (n_in, n_out) = (decoder.total_in(), text.len());
            let status = decoder.decompress_vec(bytes, text);
            // Also after an error: it is told where the decoder had come to.
            let n_taken = decoder.total_in().wrapping_sub(n_in);
            self.input.consume(usize::try_from(n_taken).unwrap_or(usize::MAX));
            let status = status.map_err(|error| Fault::Damaged(io::Error::other(error)))?;
            if status == Status::StreamEnd {
                self.decoder = None;
                let another = skip_padding(&mut self.input, b'B')?;
                self.ended = !another;
                return Ok(if another { Step::Between } else { Step::End });
            }
            if n_taken == 0 && text.len() == n_out {
                return Err(match at_end {
                    true => Fault::Truncated,
                    false => Fault::Damaged(io::Error::other("the decoder makes no progress")),
                });
            }
        }
        Ok(Step::Text)
    }
}

/// Returns the first offset in `from..to` at which a stream starts, and leaves the input anywhere.
pub(crate) fn find_start(input: &mut Input, from: u64, to: u64) -> io::Result<Option<u64>> {
    let finder = memmem::Finder::new(b"BZh");
    input.go_to(from)?;
    let mut base = from;
    let mut window: Vec<u8> = Vec::new();
    while base < to {
        let bytes = input.fill_buf()?;
        let n_bytes = bytes.len();
        window.extend_from_slice(bytes);
        input.consume(n_bytes);
        for place in finder.find_iter(&window) {
            let offset = base + place as u64;
            if to <= offset {
                return Ok(None);
            }
            if window.get(place..).is_some_and(is_start) {
                return Ok(Some(offset));
            }
        }
        if n_bytes == 0 {
            return Ok(None);
        }
        // A start may be cut by the end of what was read; it is seen whole the next time.
        let n_done = window.len().saturating_sub(N_START_BYTES - 1);
        window.drain(..n_done);
        base += n_done as u64;
    }
    Ok(None)
}

/// Returns whether `bytes` begin as a stream does.
pub(crate) fn is_start(bytes: &[u8]) -> bool {
    match bytes {
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] => {
            rest.starts_with(BLOCK_MARK) || rest.starts_with(END_MARK)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_start;

    #[test]
    fn a_start_has_a_level_and_a_mark() {
        for (bytes, expected) in [
            (&b"BZh91AY&SY"[..], true),
            (b"BZh11AY&SYabc", true),
            (b"BZh01AY&SY", false),
            (b"BZh91AY&S", false),
            (b"BZh9\x17rE8P\x90\0\0\0\0", true),
            (b"BZh9\x17rE8P\x90\0\0\0\x01", false),
            (b"BZh", false),
        ] {
            assert_eq!(is_start(bytes), expected, "{bytes:?}");
        }
    }
}

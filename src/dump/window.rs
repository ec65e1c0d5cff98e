//! A sliding window on decompressed text: what is done is dropped, what is needed stays whole.

use crate::dump::{
    error::{DumpError, DumpErrorKind, Position},
    streams::{Progress, Streams},
};

/// How much text is pulled at once, in bytes.
pub(crate) const N_STEP_BYTES: usize = 256 << 10;
/// The longest piece of text that is kept whole: longer than any real row, page text or statement.
pub(crate) const N_LIMIT_BYTES: usize = 256 << 20;

/// The text that was pulled and is not done yet.
pub(crate) struct Window {
    streams: Streams,
    bytes: Vec<u8>,
    // Everything before this is done and will be dropped when room is needed.
    n_done: usize,
    n_dropped: u64,
    n_step_bytes: usize,
    own_end: Option<u64>,
    ended: bool,
    // What ended the reading, told once the text before it is wanted no more.
    failure: Option<DumpError>,
}

impl Window {
    /// Starts at the streams' first byte, pulling about `n_step_bytes` at once.
    pub(crate) fn new(streams: Streams, n_step_bytes: usize) -> Self {
        Self {
            streams,
            bytes: Vec::new(),
            n_done: 0,
            n_dropped: 0,
            n_step_bytes,
            own_end: None,
            ended: false,
            failure: None,
        }
    }

    /// Returns the text that is not done.
    pub(crate) fn text(&self) -> &[u8] {
        self.bytes.get(self.n_done..).unwrap_or_default()
    }

    /// Returns the byte `ahead` of the first that is not done, if it was pulled.
    pub(crate) fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.n_done + ahead).copied()
    }

    /// Returns the text offset of the first byte that is not done.
    pub(crate) fn offset(&self) -> u64 {
        self.n_dropped + self.n_done as u64
    }

    /// Returns the position of the byte `ahead` of the first that is not done.
    pub(crate) fn position(&self, ahead: usize) -> Position {
        let pulled = self.streams.position();
        let text = self.offset() + ahead as u64;
        // In a plain file both offsets are the same thing, and then the exact one is known.
        let plain = self.streams.start() == 0 && pulled.compressed == pulled.text;
        Position { compressed: if plain { text } else { pulled.compressed }, text }
    }

    /// Marks `n_bytes` more as done.
    pub(crate) fn advance(&mut self, n_bytes: usize) {
        self.n_done = self.bytes.len().min(self.n_done + n_bytes);
    }

    /// Pulls more text, at least doubling what is not done; returns false at the end of the file.
    ///
    /// `what` names the thing that is being read, for the error when it is too long.
    pub(crate) fn fill(&mut self, what: &'static str) -> Result<bool, DumpError> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.ended {
            return Ok(false);
        }
        let n_kept = self.bytes.len() - self.n_done;
        if N_LIMIT_BYTES < n_kept {
            let at = self.position(n_kept);
            return Err(self.error(DumpErrorKind::TooLong { what, limit: N_LIMIT_BYTES, at }));
        }
        self.bytes.drain(..self.n_done);
        self.n_dropped += self.n_done as u64;
        self.n_done = 0;
        // Doubling keeps the cost of rereading a long row in proportion to its length.
        let enough = n_kept + n_kept.max(self.n_step_bytes);
        while self.bytes.len() < enough {
            let n_wanted = enough - self.bytes.len();
            match self.streams.read(&mut self.bytes, n_wanted) {
                Err(error) if self.streams.is_checked() && n_kept < self.bytes.len() => {
                    self.failure = Some(error);
                    break;
                }
                Err(error) => return Err(error),
                Ok(Progress::Text) => {}
                Ok(Progress::OwnEnd) => {
                    self.own_end = Some(self.n_dropped + self.bytes.len() as u64);
                    break;
                }
                Ok(Progress::End) => {
                    self.ended = true;
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Returns the text offset at which the range's own text ends, once it is known.
    pub(crate) fn own_end(&self) -> Option<u64> {
        self.own_end
    }

    /// Returns the streams behind the window.
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Returns an error about the file.
    pub(crate) fn error(&self, kind: DumpErrorKind) -> DumpError {
        self.streams.error(kind)
    }
}

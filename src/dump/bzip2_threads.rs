//! Decodes the blocks of a bzip2 file on several threads and gives their text in order, each block
//! only once its checksum was right.

use std::{collections::VecDeque, io};

use crate::{
    crew::{Crew, Promise},
    dump::{
        bzip2_blocks::{Block, Blocks, Flaw, Item},
        gzip::Fault,
        input::Input,
    },
};

/// What stands for text that is lost: it ends a page that has begun, and no page begins with it.
const GAP: &[u8] = b"</mediawiki>";

/// A block with its text, or with why it has none.
type Decoded = (Block, io::Result<Vec<u8>>);

/// What has been taken from the file and not been given yet.
enum Pending {
    Block(Promise<Decoded>),
    /// A block that was waited for already.
    Known(Decoded),
    End(u32, u64),
    Bad(Flaw, u64),
    Failed(io::Error),
}

/// The text of a bzip2 file.
pub(crate) struct Threads {
    blocks: Blocks,
    decoders: Crew<Block, Decoded>,
    pending: VecDeque<Pending>,
    most_pending: usize,
    ended: bool,
    skips: bool,
    offset: u64,
    /// Checksum of the blocks of the stream so far; `None` once one of them was lost.
    sum: Option<u32>,
    n_lost: u64,
}

impl Threads {
    /// Starts so many threads. Damaged blocks are passed over if `skips`, else they end the reading.
    pub(crate) fn new(input: Input, n_threads: usize, skips: bool) -> Threads {
        let decoders = Crew::new(n_threads, |block: Block| {
            let text = block.decode();
            (block, text)
        });
        Threads {
            blocks: Blocks::new(input),
            decoders,
            pending: VecDeque::new(),
            most_pending: 2 * n_threads.max(1) + 2,
            ended: false,
            skips,
            offset: 0,
            sum: Some(0),
            n_lost: 0,
        }
    }

    /// Returns the byte of the file behind what has been given.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many places of the file were damaged and passed over.
    pub(crate) fn n_lost(&self) -> u64 {
        self.n_lost
    }

    /// Appends the text of the next block; returns false at the end of the file.
    pub(crate) fn read(&mut self, text: &mut Vec<u8>) -> Result<bool, Fault> {
        loop {
            self.fill();
            let Some(pending) = self.pending.pop_front() else {
                return Ok(false);
            };
            match pending {
                Pending::Failed(error) => return Err(Fault::Io(error)),
                Pending::End(sum, behind) => {
                    self.offset = behind;
                    if self.sum.replace(0).is_some_and(|found| found != sum) {
                        let what = "the checksum of a stream is another";
                        self.lose(Fault::Damaged(io::Error::other(what)))?;
                    }
                }
                Pending::Bad(flaw, at) => {
                    self.offset = at;
                    self.sum = None;
                    self.lose(match flaw {
                        Flaw::Truncated => Fault::Truncated,
                        Flaw::Trailing => Fault::Trailing,
                        Flaw::Markless => {
                            Fault::Damaged(io::Error::other("a block or an end is missing"))
                        }
                    })?;
                    text.extend_from_slice(GAP);
                    return Ok(true);
                }
                Pending::Block(_) | Pending::Known(_) => {
                    let (block, decoded) = self.wait(pending)?;
                    self.offset = block.end();
                    match decoded.or_else(|error| self.joined(&block, error)) {
                        Ok(found) => {
                            let add = |sum: u32| sum.rotate_left(1) ^ block.sum();
                            self.sum = self.sum.map(add);
                            text.extend_from_slice(&found);
                        }
                        Err(error) => {
                            self.sum = None;
                            self.lose(Fault::Damaged(error))?;
                            text.extend_from_slice(GAP);
                        }
                    }
                    return Ok(true);
                }
            }
        }
    }

    /// Gives the threads as much to do as they may have.
    fn fill(&mut self) {
        while !self.ended && self.pending.len() < self.most_pending {
            let pending = match self.blocks.next() {
                Ok(None) => {
                    self.ended = true;
                    return;
                }
                Ok(Some(Item::End(sum, behind))) => Pending::End(sum, behind),
                Ok(Some(Item::Bad(flaw, at))) => Pending::Bad(flaw, at),
                Ok(Some(Item::Block(block))) => Pending::Block(self.decoders.start(block)),
                Err(error) => {
                    self.ended = true;
                    Pending::Failed(error)
                }
            };
            self.pending.push_back(pending);
        }
    }

    /// Waits for a block; decoding always ends.
    fn wait(&self, pending: Pending) -> Result<Decoded, Fault> {
        match pending {
            Pending::Known(decoded) => Ok(decoded),
            Pending::Block(promise) => promise
                .wait()
                .ok_or_else(|| Fault::Io(io::Error::other("a thread that decodes has stopped"))),
            _ => unreachable!("only blocks are waited for"),
        }
    }

    /// Tries a block together with the one behind it, if that cannot be decoded either: what parts
    /// them may be data that looks like a mark.
    fn joined(&mut self, block: &Block, error: io::Error) -> io::Result<Vec<u8>> {
        self.fill();
        match self.pending.pop_front() {
            Some(pending @ Pending::Block(_)) => {
                let Ok(waited) = self.wait(pending) else { return Err(error) };
                if let (next, Err(_)) = &waited
                    && let Some(text) = block.join(next).and_then(|whole| whole.decode().ok())
                {
                    return Ok(text);
                }
                self.pending.push_front(Pending::Known(waited));
            }
            Some(pending) => self.pending.push_front(pending),
            None => {}
        }
        Err(error)
    }

    fn lose(&mut self, fault: Fault) -> Result<(), Fault> {
        if !self.skips {
            return Err(fault);
        }
        self.n_lost += 1;
        Ok(())
    }
}

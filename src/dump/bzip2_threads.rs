//! Decodes the blocks of a bzip2 file, or of a range of it, and gives their text in order, each block
//! only once its checksum was right: on threads of its own, or in place for callers that are many.

use std::{collections::VecDeque, io, ops::Range};

use crate::{
    crew::{Crew, Promise},
    dump::{
        bzip2_block::Block,
        bzip2_blocks::{Bad, Blocks, Flaw, Item},
        gzip::Fault,
        input::Input,
        streams::{Lost, Progress},
    },
};

/// What stands for text that is lost: it ends a page that has begun, and no page begins with it.
const GAP: &[u8] = b"</mediawiki>";

/// A block with its text, or with why it has none.
type Decoded = (Block, io::Result<Vec<u8>>);

/// What has been taken from the file and not been given yet.
enum Pending {
    /// A block that a thread decodes, and the byte in which it begins.
    Block(u64, Promise<Decoded>),
    /// A block that is decoded when it is wanted.
    Raw(Block),
    /// A block that was waited for already.
    Known(Decoded),
    End(u32, u64),
    Bad(Bad),
    Failed(io::Error),
}

/// How a range of a file was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Anywhere: to the range belong the blocks that begin in it, and what is wrong between these
    /// and the next one.
    Anywhere,
    /// Between streams: the range begins with one and ends where another is known to begin.
    Streams,
}

/// The text of a bzip2 file, or of a range of it.
pub(crate) struct Threads {
    blocks: Blocks,
    decoders: Option<Crew<Block, Decoded>>,
    pending: VecDeque<Pending>,
    most_pending: usize,
    ended: bool,
    skips: bool,
    offset: u64,
    own_end: u64,
    cut: Cut,
    own_ended: bool,
    /// Checksum of the blocks of the stream so far; `None` where one of them was lost or lies before
    /// the range.
    sum: Option<u32>,
    lost: Lost,
}

impl Threads {
    /// Starts so many threads on a whole file. Damaged blocks are passed over if `skips`, else they
    /// end the reading.
    pub(crate) fn new(input: Input, n_threads: usize, skips: bool) -> Threads {
        let decoders = Crew::new(n_threads, |block: Block| {
            let text = block.decode();
            (block, text)
        });
        Threads {
            decoders: Some(decoders),
            most_pending: 2 * n_threads.max(1) + 2,
            ..Threads::over(Blocks::new(input, None), 0..u64::MAX, Cut::Streams, skips)
        }
    }

    /// Reads a range of a file, each block when it is wanted.
    pub(crate) fn in_place(
        mut input: Input,
        own: Range<u64>,
        cut: Cut,
        skips: bool,
    ) -> io::Result<Threads> {
        // The stream that a range is cut from was seen from its start only in the first one.
        let whole_streams = own.start == 0 || cut == Cut::Streams;
        let blocks = match whole_streams {
            true => {
                input.go_to(own.start)?;
                Blocks::new(input, (cut == Cut::Streams).then_some(own.end))
            }
            false => Blocks::within(input, &own)?,
        };
        let sum = whole_streams.then_some(0);
        Ok(Threads { sum, ..Threads::over(blocks, own, cut, skips) })
    }

    fn over(blocks: Blocks, own: Range<u64>, cut: Cut, skips: bool) -> Threads {
        Threads {
            blocks,
            decoders: None,
            pending: VecDeque::new(),
            most_pending: 1,
            ended: false,
            skips,
            offset: own.start,
            own_end: own.end,
            cut,
            own_ended: false,
            sum: Some(0),
            lost: Lost::default(),
        }
    }

    /// Returns the byte of the file behind what has been given.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns what was damaged and passed over.
    pub(crate) fn lost(&self) -> Lost {
        self.lost
    }

    /// Appends the text of the next block, or says that the range or the file has ended.
    pub(crate) fn read(&mut self, text: &mut Vec<u8>) -> Result<Progress, Fault> {
        loop {
            self.fill();
            let Some(pending) = self.pending.pop_front() else {
                return Ok(Progress::End);
            };
            if !self.own_ended && self.own_end <= self.start(&pending) {
                self.own_ended = true;
                self.pending.push_front(pending);
                return Ok(Progress::OwnEnd);
            }
            match pending {
                Pending::Failed(error) => return Err(Fault::Io(error)),
                Pending::End(sum, behind) => {
                    self.offset = behind;
                    if self.sum.replace(0).is_some_and(|found| found != sum) {
                        let what = "the checksum of a stream is another";
                        self.lose(0, Fault::Damaged(io::Error::other(what)))?;
                    }
                }
                Pending::Bad(bad) => {
                    self.offset = bad.at;
                    self.sum = None;
                    let n_bytes = bad.lost.end - bad.lost.start;
                    let fault = match bad.flaw {
                        Flaw::Truncated => Fault::Truncated,
                        Flaw::Trailing => Fault::Trailing,
                        Flaw::Markless => {
                            Fault::Damaged(io::Error::other("a block or an end is missing"))
                        }
                    };
                    self.lose(n_bytes, fault)?;
                    text.extend_from_slice(GAP);
                    return Ok(Progress::Text);
                }
                Pending::Block(..) | Pending::Raw(_) | Pending::Known(_) => {
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
                            self.lose(block.end() - block.start, Fault::Damaged(error))?;
                            text.extend_from_slice(GAP);
                        }
                    }
                    return Ok(Progress::Text);
                }
            }
        }
    }

    /// Returns the byte in which something begins, where that tells whether the range owns it.
    fn start(&self, pending: &Pending) -> u64 {
        match pending {
            Pending::Block(start, _) => *start,
            Pending::Raw(block) | Pending::Known((block, _)) => block.start,
            // Whoever reads the range behind an arbitrary cut looks for a block, and sees nothing of
            // what is wrong before the first one.
            Pending::Bad(bad) if bad.is_block || self.cut == Cut::Streams => bad.lost.start,
            Pending::Bad(_) | Pending::End(..) | Pending::Failed(_) => 0,
        }
    }

    /// Takes as much from the file as may wait, and gives it to the threads where there are some.
    fn fill(&mut self) {
        while !self.ended && self.pending.len() < self.most_pending {
            let pending = match self.blocks.next() {
                Ok(None) => {
                    self.ended = true;
                    return;
                }
                Ok(Some(Item::End(sum, behind))) => Pending::End(sum, behind),
                Ok(Some(Item::Bad(bad))) => Pending::Bad(bad),
                Ok(Some(Item::Block(block))) => match &self.decoders {
                    Some(decoders) => Pending::Block(block.start, decoders.start(block)),
                    None => Pending::Raw(block),
                },
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
            Pending::Raw(block) => {
                let text = block.decode();
                Ok((block, text))
            }
            Pending::Block(_, promise) => promise
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
            Some(pending @ (Pending::Block(..) | Pending::Raw(_))) => {
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

    fn lose(&mut self, n_bytes: u64, fault: Fault) -> Result<(), Fault> {
        if !self.skips {
            return Err(fault);
        }
        // What lies behind the range is counted by whoever owns it.
        if !self.own_ended {
            self.lost.n_places += 1;
            self.lost.n_bytes += n_bytes;
        }
        Ok(())
    }
}

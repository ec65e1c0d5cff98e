//! Rows laid into windows: which tokens of which rows a window holds, told from the lengths of rows alone.
//!
//! No token is read here, so a whole epoch can be laid out to count its steps, or to go on in its middle.

pub mod best_fit;
pub mod concat_chop;
pub mod split_aligned;

use crate::{
    data::corpus::{CorpusInfo, RowKind, Rows},
    error::{Error, Result},
    settings::Sampler,
};

/// A row that is to be laid into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLength {
    /// Number of the row.
    pub row: u32,
    /// Tokens of the row; at least 1, and for samplers of whole segments at most the room of a window.
    pub length: u32,
}

/// Tokens of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of the row.
    pub row: u32,
    /// First token.
    pub start: u32,
    /// One past the last token.
    pub end: u32,
}

impl Piece {
    /// Returns the number of tokens.
    pub fn n_tokens(&self) -> u32 {
        self.end - self.start
    }
}

impl From<RowLength> for Piece {
    fn from(segment: RowLength) -> Piece {
        Piece { row: segment.row, start: 0, end: segment.length }
    }
}

/// The pieces of rows that make up a window, in order; the BOS is not among them.
pub type Layout = Vec<Piece>;

/// The windows of a stream of rows.
#[derive(Debug)]
pub enum Layouts<I> {
    /// The next segments that fit whole.
    SplitAligned(split_aligned::SplitAligned<I>),
    /// Whole segments that fit best.
    BestFit(best_fit::BestFit<I>),
    /// The stream cut every so many tokens.
    ConcatChop(concat_chop::ConcatChop<I>),
}

impl<I: Iterator<Item = RowLength>> Layouts<I> {
    /// Returns the windows of a stream, with `room` tokens each: N without the BOS. [`check`] says whether the sampler
    /// is fit for the rows.
    pub fn new(sampler: Sampler, room: u32, segments: I) -> Layouts<I> {
        match sampler {
            Sampler::SplitAligned => {
                Layouts::SplitAligned(split_aligned::SplitAligned::new(room, segments))
            }
            Sampler::BestFit => Layouts::BestFit(best_fit::BestFit::new(room, segments)),
            Sampler::ConcatChop => {
                Layouts::ConcatChop(concat_chop::ConcatChop::new(room, segments))
            }
        }
    }
}

impl<I: Iterator<Item = RowLength>> Iterator for Layouts<I> {
    type Item = Layout;

    fn next(&mut self) -> Option<Layout> {
        match self {
            Layouts::SplitAligned(layouts) => layouts.next(),
            Layouts::BestFit(layouts) => layouts.next(),
            Layouts::ConcatChop(layouts) => layouts.next(),
        }
    }
}

/// Returns the tokens of rows that a window of N = `n_tokens` has room for: N without the BOS, if there is one.
///
/// # Errors
///
/// The sampler does not fit the kind of the rows, or a row is too long for a window, or N is no useful number.
pub fn check(sampler: Sampler, n_tokens: usize, info: &CorpusInfo, rows: &dyn Rows) -> Result<u32> {
    let n_bos = usize::from(info.bos_id.is_some());
    // One token alone has nothing to be predicted from.
    let room = u32::try_from(n_tokens.saturating_sub(n_bos)).ok().filter(|_| 1 < n_tokens);
    let Some(room) = room.filter(|it| 0 < *it) else {
        return Err(Error::refused(
            format!("a window of {n_tokens} tokens cannot be learned from"),
            format!("set `tokens`; the corpus was made for {}", info.tokens),
        ));
    };
    if sampler == Sampler::ConcatChop {
        return Ok(room);
    }
    if info.kind == RowKind::Documents {
        return Err(Error::refused(
            format!(
                "the sampler `{}` wants segments, but the rows of this corpus are whole documents",
                sampler.name()
            ),
            "set `sampler = \"concat-chop\"`",
        ));
    }
    let lengths = (0..rows.len()).map(|row| rows.length(row));
    let (n_long, longest) = lengths
        .filter(|it| (room as usize) < *it)
        .fold((0_usize, 0), |(n_long, longest), it| (n_long + 1, longest.max(it)));
    if 0 < n_long {
        let bos = if n_bos == 0 { "" } else { " with its BOS" };
        return Err(Error::refused(
            format!(
                "{n_long} segments are longer than a window of {n_tokens} tokens{bos}; the longest has {longest}"
            ),
            format!(
                "set `tokens` to {} at least (the corpus was made for {}), or `sampler = \"concat-chop\"`, which cuts \
                 segments",
                longest + n_bos,
                info.tokens
            ),
        ));
    }
    Ok(room)
}

#[cfg(test)]
mod tests;

//! One side of a pair while it is cut: its paragraphs as a queue of token pieces.

use std::collections::VecDeque;

use crate::{
    segment::Span,
    text::{DELIMITER, Document},
    vocabulary::Vocabulary,
};

/// One side's article and what identifies it.
#[derive(Clone, Copy, Debug)]
pub struct Sided<'a> {
    /// Language code.
    pub lang: &'a str,
    /// Name of the wiki.
    pub wiki: &'a str,
    /// Page id.
    pub page: u32,
    /// Revision; 0 where the source has none.
    pub revision: u64,
    /// Title and paragraphs.
    pub document: Document<'a>,
}

/// A paragraph, or what is left of one.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    /// Number of the paragraph in the article.
    pub(super) paragraph: u32,
    /// The paragraph's text, whole even when a part of it is used up.
    pub(super) text: &'a str,
    /// Ids with the delimiter that follows inside a segment.
    pub(super) with: Vec<u32>,
    /// Ids without the delimiter, made when first needed.
    bare: Option<Vec<u32>>,
    /// Where each id of the whole paragraph ends in `text`, made when the paragraph is cut.
    ends: Option<Vec<usize>>,
    /// Whether an earlier segment holds the beginning.
    pub(super) cut_start: bool,
}

impl Piece<'_> {
    /// Returns the ids as they stand at the end of a segment, without the delimiter.
    pub(super) fn bare(&mut self, vocabulary: &Vocabulary) -> &[u32] {
        self.bare.get_or_insert_with(|| vocabulary.encode_next(self.text))
    }

    /// Returns the end of each id of the whole paragraph, in bytes of `text`.
    pub(super) fn ends(&mut self, vocabulary: &Vocabulary) -> &[usize] {
        self.ends.get_or_insert_with(|| vocabulary.encode_ends(self.text))
    }

    /// Cuts off the first `n` ids of the bare form; the rest stays.
    pub(super) fn take_front(&mut self, n: usize, vocabulary: &Vocabulary) -> Vec<u32> {
        let delimiter = vocabulary.encode_next(DELIMITER);
        let bare = self.bare(vocabulary).to_vec();
        let (head, tail) = bare.split_at(n.min(bare.len()));
        // The delimiter may have merged into the last token only: the heads agree.
        self.with = match self.with.strip_prefix(head) {
            Some(rest) => rest.to_vec(),
            None => [tail, &delimiter].concat(),
        };
        self.bare = Some(tail.to_vec());
        self.cut_start = true;
        head.to_vec()
    }
}

/// The queue of one side.
#[derive(Debug)]
pub(super) struct Queue<'a> {
    pub(super) side: Sided<'a>,
    pub(super) pieces: VecDeque<Piece<'a>>,
    /// Paragraphs of the article.
    pub(super) n_paragraphs: usize,
    /// Whether a segment has borne the title.
    pub(super) titled: bool,
}

impl<'a> Queue<'a> {
    pub(super) fn new(side: Sided<'a>, vocabulary: &Vocabulary) -> Queue<'a> {
        let mut delimited = String::new();
        let pieces: VecDeque<Piece> = side
            .document
            .paragraphs()
            .zip(0..)
            .map(|(text, paragraph)| {
                delimited.clear();
                delimited.push_str(text);
                delimited.push_str(DELIMITER);
                let with = vocabulary.encode_next(&delimited);
                Piece { paragraph, text, with, bare: None, ends: None, cut_start: false }
            })
            .collect();
        Queue { side, n_paragraphs: pieces.len(), pieces, titled: false }
    }
}

/// One side's part of a segment.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) title: Vec<u32>,
    /// Ids with delimiter, without, and the paragraph they come from.
    pub(super) chunks: Vec<Chunk>,
}

/// Some tokens of a paragraph.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) paragraph: u32,
    pub(super) with: Vec<u32>,
    pub(super) bare: Option<Vec<u32>>,
    pub(super) cut_start: bool,
    pub(super) cut_end: bool,
}

impl Chunk {
    /// Takes the whole piece; `last` says whether it may stand at the end of the segment.
    pub(super) fn whole(mut piece: Piece<'_>, last: bool, vocabulary: &Vocabulary) -> Chunk {
        if last {
            piece.bare(vocabulary);
        }
        Chunk {
            paragraph: piece.paragraph,
            with: piece.with,
            bare: piece.bare,
            cut_start: piece.cut_start,
            cut_end: false,
        }
    }
}

impl Part {
    /// Appends the part to `ids`; `closing` says that nothing but the closing token follows.
    pub(super) fn write(self, side: &Sided<'_>, closing: bool, ids: &mut Vec<u32>) -> Option<Span> {
        let (first, last) = (self.chunks.first()?, self.chunks.last()?);
        let mut span = Span {
            lang: side.lang.to_owned(),
            wiki: side.wiki.to_owned(),
            page: side.page,
            revision: side.revision,
            title: side.document.title.to_owned(),
            paragraph_start: first.paragraph,
            paragraph_end: last.paragraph + 1,
            token_start: ids.len() as u32,
            token_end: 0,
            title_tokens: self.title.len() as u32,
            cut_start: first.cut_start,
            cut_end: last.cut_end,
        };
        ids.extend(self.title);
        let n_chunks = self.chunks.len();
        for (chunk, position) in self.chunks.into_iter().zip(1..) {
            match chunk.bare {
                Some(bare) if closing && position == n_chunks => ids.extend(bare),
                _ => ids.extend(chunk.with),
            }
        }
        span.token_end = ids.len() as u32;
        Some(span)
    }
}

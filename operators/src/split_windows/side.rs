//! One side of a pair while it is cut: its paragraphs as a queue of token pieces.

use std::collections::VecDeque;

use crate::{
    record::{Digest, Identity},
    segment::Span,
    text::{DELIMITER, Document},
    vocabulary::Vocabulary,
};

/// One side's article and what identifies it.
#[derive(Clone, Copy, Debug)]
pub struct Sided<'a> {
    /// Language code.
    pub lang: &'a str,
    /// Name of the wiki, or of the collection of documents.
    pub wiki: &'a str,
    /// Page id; 0 for a web document.
    pub page: u32,
    /// Revision; 0 where the source has none.
    pub revision: u64,
    /// Title and paragraphs.
    pub document: Document<'a>,
    /// Digest of the text, for a web document: it is what identifies it.
    pub digest: Option<Digest>,
}

impl Sided<'_> {
    /// Returns what the side is, whatever becomes of it.
    pub fn identity(&self) -> Identity {
        self.digest.map_or(Identity::Page(self.page), Identity::Text)
    }
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
    ///
    /// The delimiter may have merged with the last mark, never with a word before: where the ids
    /// of the last word and the delimiter close the ids that are known, only that word is encoded
    /// anew.
    pub(super) fn bare(&mut self, vocabulary: &Vocabulary) -> &[u32] {
        let (text, with) = (self.text, &self.with);
        self.bare.get_or_insert_with(|| {
            let word = text.rfind(' ').and_then(|at| text.get(at..)).unwrap_or(text);
            let closed = vocabulary.encode_next(&format!("{word}{DELIMITER}"));
            match with.strip_suffix(closed.as_slice()) {
                Some(head) => [head, &vocabulary.encode_next(word)].concat(),
                None => vocabulary.encode_next(text),
            }
        })
    }

    /// Returns the end of each id of the whole paragraph, in bytes of `text`.
    pub(super) fn ends(&mut self, vocabulary: &Vocabulary) -> &[usize] {
        self.ends.get_or_insert_with(|| vocabulary.encode_ends(self.text))
    }

    /// Cuts off the first `n` ids of the bare form as a piece; the rest stays.
    pub(super) fn take_front(&mut self, n: usize, vocabulary: &Vocabulary) -> Self {
        let delimiter = vocabulary.encode_next(DELIMITER);
        let bare = self.bare(vocabulary).to_vec();
        let (head, tail) = bare.split_at(n.min(bare.len()));
        let front = Piece {
            with: [head, &delimiter].concat(),
            bare: Some(head.to_vec()),
            ends: None,
            ..*self
        };
        // The delimiter may have merged into the last token only: the heads agree.
        self.with = match self.with.strip_prefix(head) {
            Some(rest) => rest.to_vec(),
            None => [tail, &delimiter].concat(),
        };
        self.bare = Some(tail.to_vec());
        self.cut_start = true;
        front
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
pub(super) struct Part<'a> {
    pub(super) title: Vec<u32>,
    pub(super) chunks: Vec<Chunk<'a>>,
}

/// A paragraph, or a part of one, in a segment.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    pub(super) piece: Piece<'a>,
    /// Whether a later segment holds the rest, or nothing does.
    pub(super) cut_end: bool,
    /// Whether the closing token follows, so that the delimiter is left out.
    closes: bool,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(piece: Piece<'a>, cut_end: bool) -> Chunk<'a> {
        Chunk { piece, cut_end, closes: false }
    }

    /// Leaves out the delimiter, unless that takes more tokens than there is room for: a mark and
    /// the delimiter may be one token where the mark alone is several.
    pub(super) fn close(&mut self, vocabulary: &Vocabulary, spare: usize) {
        let limit = self.piece.with.len().saturating_add(spare);
        self.closes = self.piece.bare(vocabulary).len() <= limit;
    }

    /// Returns the ids as the segment holds them.
    pub(super) fn ids(&self) -> &[u32] {
        match (&self.piece.bare, self.closes) {
            (Some(bare), true) => bare,
            _ => &self.piece.with,
        }
    }
}

impl Part<'_> {
    /// Appends the part to `ids`; a part without text is no part of the segment.
    pub(super) fn write(self, side: &Sided<'_>, ids: &mut Vec<u32>) -> Option<Span> {
        let (first, last) = (self.chunks.first()?, self.chunks.last()?);
        let mut span = Span {
            lang: side.lang.to_owned(),
            wiki: side.wiki.to_owned(),
            page: side.page,
            revision: side.revision,
            title: side.document.title.to_owned(),
            paragraph_start: first.piece.paragraph,
            paragraph_end: last.piece.paragraph + 1,
            token_start: ids.len() as u32,
            token_end: 0,
            title_tokens: self.title.len() as u32,
            cut_start: first.piece.cut_start,
            cut_end: last.cut_end,
            document: None,
            url: None,
            digest: side.digest,
        };
        ids.extend(self.title);
        for chunk in &self.chunks {
            ids.extend(chunk.ids());
        }
        span.token_end = ids.len() as u32;
        Some(span)
    }
}

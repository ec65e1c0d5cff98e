//! Reads segments back: every token of a side must be the next one of its paragraphs.

use crossic_operators::{
    segment::Span,
    split_windows::{Advance, Config, Counts, Oversize, RepeatTitle},
    text::DELIMITER,
    vocabulary::Vocabulary,
};
use proptest::prelude::*;

/// A title and paragraphs.
pub type Article = (String, Vec<String>);

/// How far one side has been read back from the segments.
pub struct Reader<'a> {
    article: &'a Article,
    /// The next paragraph.
    pub paragraph: usize,
    /// Tokens of the paragraph that earlier segments hold.
    offset: usize,
    titled: bool,
    n_tokens: u64,
    n_truncated: u64,
    n_dropped: u64,
    n_cut: u64,
}

impl<'a> Reader<'a> {
    pub fn new(article: &'a Article) -> Reader<'a> {
        Reader {
            article,
            paragraph: 0,
            offset: 0,
            titled: false,
            n_tokens: 0,
            n_truncated: 0,
            n_dropped: 0,
            n_cut: 0,
        }
    }

    /// Reads a span back, token by token; `last` says that only the closing token follows.
    pub fn read(
        &mut self,
        config: &Config,
        vocabulary: &Vocabulary,
        span: &Span,
        ids: &[u32],
        last: bool,
    ) -> Result<(), TestCaseError> {
        let (title, text) = ids.split_at(span.title_tokens as usize);
        self.read_title(config, vocabulary, span, title)?;
        self.n_tokens += text.len() as u64;
        let range = span.paragraph_start as usize..span.paragraph_end as usize;
        prop_assert!(!range.is_empty() && range.end <= self.article.1.len());
        if config.oversize == Oversize::Drop && self.paragraph < range.start {
            self.n_dropped += (range.start - self.paragraph) as u64;
            self.paragraph = range.start;
        }
        prop_assert_eq!(self.paragraph, range.start);
        prop_assert_eq!(span.cut_start, 0 < self.offset);
        let delimiter = vocabulary.encode_next(DELIMITER);
        let mut rest = text;
        for number in range.clone() {
            let paragraph = &self.article.1[number];
            let bare = vocabulary.encode_next(paragraph);
            let with = vocabulary.encode_next(&format!("{paragraph}{DELIMITER}"));
            let (used, unused) = bare.split_at(self.offset);
            let ends = number + 1 == range.end;
            if ends && span.cut_end {
                let end: &[u32] = if last { &[] } else { &delimiter };
                let n = rest.len().checked_sub(end.len()).expect("room for the delimiter");
                prop_assert!(0 < n && n <= unused.len());
                prop_assert_eq!(rest, [&unused[..n], end].concat());
                self.n_cut += u64::from(self.offset == 0);
                self.offset += n;
                let n_left = unused.len() - n;
                if config.oversize == Oversize::Truncate || n_left == 0 {
                    self.n_truncated += n_left as u64;
                    (self.paragraph, self.offset) = (number + 1, 0);
                }
                return Ok(());
            }
            let delimited = match with.strip_prefix(used) {
                Some(with) => with.to_vec(),
                None => [unused, &delimiter].concat(),
            };
            // A delimiter may stay before the closing token where it saves a token of a full segment.
            let full = delimited.len() < unused.len() && rest == delimited;
            let expected = if last && ends && !full { unused.to_vec() } else { delimited };
            let (start, after) = rest.split_at_checked(expected.len()).expect("enough tokens");
            prop_assert_eq!(start, expected);
            rest = after;
            (self.paragraph, self.offset) = (number + 1, 0);
        }
        prop_assert!(rest.is_empty());
        Ok(())
    }

    fn read_title(
        &mut self,
        config: &Config,
        vocabulary: &Vocabulary,
        span: &Span,
        title: &[u32],
    ) -> Result<(), TestCaseError> {
        let wanted = match config.repeat_title {
            RepeatTitle::Every => true,
            RepeatTitle::First => !self.titled,
            RepeatTitle::None => false,
        };
        self.titled = true;
        // A web document has no title, and nothing stands for it.
        let wanted = wanted && !self.article.0.is_empty();
        let text = format!("{}{DELIMITER}", self.article.0);
        let (first, next) = (vocabulary.encode(&text), vocabulary.encode_next(&text));
        match (wanted, span.token_start) {
            (false, _) => prop_assert!(title.is_empty()),
            // The first side may find no room after the second side's title is written.
            (true, 0) if config.advance == Advance::Each => {
                prop_assert!(title == first || title == next);
            }
            (true, 0) => prop_assert_eq!(title, first),
            (true, _) => prop_assert_eq!(title, next),
        }
        Ok(())
    }

    /// Compares what was read with the account of the splitter.
    pub fn finish(mut self, config: &Config, counts: Counts) -> Result<(), TestCaseError> {
        let n_paragraphs = self.article.1.len();
        if config.oversize == Oversize::Drop {
            self.n_dropped += (n_paragraphs - self.paragraph) as u64;
            prop_assert_eq!(0 < self.n_dropped, 0 < counts.tokens_dropped);
        } else {
            prop_assert_eq!((self.paragraph, self.offset), (n_paragraphs, 0), "text is lost");
            prop_assert_eq!(counts.tokens_dropped, self.n_truncated);
        }
        prop_assert_eq!(counts.paragraphs_in, n_paragraphs as u64);
        prop_assert_eq!(counts.paragraphs_dropped, self.n_dropped);
        prop_assert_eq!(counts.paragraphs_cut, self.n_cut);
        prop_assert_eq!(counts.tokens_in, self.n_tokens + counts.tokens_dropped);
        Ok(())
    }
}

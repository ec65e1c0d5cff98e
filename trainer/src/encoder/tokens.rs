//! From a text to the ids of its first tokens.

use std::path::Path;

use tokenizers::{PostProcessor, Tokenizer, TruncationDirection};

use crate::error::{Error, Result};

/// File name of the tokenizer.
pub(super) const FILE: &str = "tokenizer.json";

/// Longest tokenizer that is read.
const MAX_BYTES: u64 = 1 << 30;

/// Letters of a text that are looked at first, for each token that is wanted.
const LETTERS: usize = 8;

/// Tokens beyond the last that is wanted: what follows the end of a piece cannot change what is so far before it.
const MARGIN: usize = 8;

/// A tokenizer that cuts.
#[derive(Debug)]
pub(super) struct Cutter {
    tokenizer: Tokenizer,
    max_tokens: usize,
    n_special: usize,
    lower: bool,
}

impl Cutter {
    /// Opens the tokenizer of a directory, which makes no more than `max_tokens` ids below `vocab_size` of a text.
    ///
    /// # Errors
    ///
    /// The file is missing or no tokenizer, adds no special tokens, has ids that the model has no row for, or leaves no
    /// room for a text.
    pub(super) fn open(
        dir: &Path,
        vocab_size: usize,
        max_tokens: usize,
        lower: bool,
    ) -> Result<Cutter> {
        let path = dir.join(FILE);
        let hint = "fetch the tokenizer.json of the encoder; a vocab.txt or a sentencepiece.bpe.model alone is not read";
        let n_bytes = match fs_err::metadata(&path) {
            Ok(it) => it.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::file(&path, "does not exist", hint));
            }
            Err(error) => return Err(error.into()),
        };
        if MAX_BYTES < n_bytes {
            return Err(Error::file(&path, format!("is longer than {MAX_BYTES} bytes"), ""));
        }
        let mut tokenizer = Tokenizer::from_bytes(fs_err::read(&path)?).map_err(|cause| {
            Error::file(&path, format!("cannot be read as a tokenizer: {cause}"), hint)
        })?;
        // Files carry the length and the padding of whoever saved them.
        tokenizer.with_padding(None);
        let untruncated = tokenizer.with_truncation(None).map(|_| ());
        untruncated
            .map_err(|cause| Error::file(&path, format!("cannot be used: {cause}"), hint))?;
        let largest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if vocab_size <= largest as usize {
            return Err(Error::file(
                &path,
                format!("has token id {largest}, but the model's embedding has {vocab_size} rows"),
                "tokenizer and weights are of different models: fetch both again",
            ));
        }
        let n_special = tokenizer.get_post_processor().map_or(0, |it| it.added_tokens(false));
        if n_special == 0 {
            return Err(Error::file(
                &path,
                "adds no token at the beginning of a text, which is unsupported",
                "encoders are trained with one, such as `[CLS]` or `<s>`",
            ));
        }
        if max_tokens <= n_special {
            return Err(Error::refused(
                format!("{max_tokens} tokens of a text are too few: {n_special} are special ones"),
                "the usual length is 256 or 512",
            ));
        }
        Ok(Cutter { tokenizer, max_tokens, n_special, lower })
    }

    /// Returns the ids of a text, special ones included; an empty text has special ones alone.
    ///
    /// # Errors
    ///
    /// The tokenizer cannot take the text.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let lower = self.lower.then(|| text.to_lowercase());
        let text = lower.as_deref().unwrap_or(text);
        let wanted = self.max_tokens - self.n_special;
        let mut letters = (wanted + MARGIN).saturating_mul(LETTERS);
        let refused = |cause: tokenizers::Error| {
            let hint = "is tokenizer.json that of the encoder, and whole?";
            Error::refused(format!("the encoder's tokenizer refuses a text: {cause}"), hint)
        };
        // A book is not cut into tokens for the sake of its first page.
        loop {
            let piece = beginning(text, letters);
            let mut encoding = self.tokenizer.encode_fast(piece, false).map_err(refused)?;
            if piece.len() == text.len() || wanted + MARGIN <= encoding.len() {
                encoding.truncate(wanted, 0, TruncationDirection::Right);
                let encoding =
                    self.tokenizer.post_process(encoding, None, true).map_err(refused)?;
                return Ok(encoding.get_ids().to_vec());
            }
            letters = letters.saturating_mul(4);
        }
    }
}

/// Returns about the first `letters` of a text, up to the white space after them: words are cut into tokens one by one,
/// so that no token of a whole word depends on what follows.
fn beginning(text: &str, letters: usize) -> &str {
    let rest = text.char_indices().skip(letters);
    let end = rest.into_iter().find(|(_, it)| it.is_whitespace()).map(|(place, _)| place);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn a_beginning_ends_where_a_word_does() {
        assert_eq!(beginning("one two three", 0), "one");
        assert_eq!(beginning("one two three", 3), "one");
        assert_eq!(beginning("one two three", 4), "one two");
        assert_eq!(beginning("один два", 2), "один");
        assert_eq!(beginning("one two three", 9), "one two three");
        assert_eq!(beginning("ไม่มีช่องว่าง", 3), "ไม่มีช่องว่าง");
        assert_eq!(beginning("", 5), "");
    }
}

//! A tokenizer as crossic uses it: texts in pieces, and the special tokens that end a segment.

use std::str::FromStr;

use tokenizers::Tokenizer;

use crate::record::Digest;

/// Why a `tokenizer.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// The bytes are not a tokenizer.
    #[error("not a Hugging Face `tokenizer.json`: {0}")]
    Format(String),
    /// The tokenizer refuses a plain text.
    #[error("the tokenizer cannot encode plain text: {0}")]
    Encode(String),
}

/// A special token that crossic writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialToken {
    /// Its text.
    pub text: String,
    /// Its id.
    pub id: u32,
    /// Whether the tokenizer lacked it, so that the model needs one more embedding row.
    pub added: bool,
}

/// A tokenizer that encodes the pieces of a text so that their ids, put together, are those of the
/// whole text wherever the tokenizer allows it.
#[derive(Clone)]
pub struct Vocabulary {
    tokenizer: Tokenizer,
    /// Text put before a piece that follows other text, and the number of ids it takes, for
    /// tokenizers that mark the start of a text (SentencePiece's dummy prefix).
    anchor: Option<(&'static str, usize)>,
    bos: Option<u32>,
    digest: Digest,
}

/// Pieces as they meet in segments, in several scripts, to see whether pieces need an anchor.
const PROBES: &[[&str; 3]] = &[
    ["Rice\n\n", "Rice is a grain. It feeds half of us.\n\n", "ข้าว"],
    ["Elefante\n\n", "“¿Qué?”, dijo.\n\n", "1492: un año"],
    ["ช้าง\n\n", "ช้างเป็นสัตว์เลี้ยงลูกด้วยนม\n\n", "(ใหญ่)"],
    ["Moon!\n\n", "'Tis 3.5 km.\n\n", "القمر"],
];

impl Vocabulary {
    /// Reads a `tokenizer.json`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Vocabulary, VocabularyError> {
        let format = |cause: &dyn std::fmt::Display| VocabularyError::Format(cause.to_string());
        let text = std::str::from_utf8(bytes).map_err(|cause| format(&cause))?;
        let mut tokenizer = Tokenizer::from_str(text).map_err(|cause| format(&cause))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|cause| format(&cause))?;
        // An article about tokenizers may spell a special token: it is text, not the token.
        tokenizer.set_encode_special_tokens(true);
        let encode_error = |cause: tokenizers::Error| VocabularyError::Encode(cause.to_string());
        let ids = |text: &str, special: bool| -> Result<Vec<u32>, VocabularyError> {
            Ok(tokenizer.encode_fast(text, special).map_err(encode_error)?.get_ids().to_vec())
        };
        let plain = ids("a", false)?;
        let framed = ids("a", true)?;
        let bos = (plain.len() < framed.len() && !framed.starts_with(&plain))
            .then(|| framed.first().copied())
            .flatten();

        let mut anchor = None;
        if !pieces_agree(&tokenizer, None).map_err(encode_error)? {
            let candidate = ("\n", ids("\n", false)?.len());
            if pieces_agree(&tokenizer, Some(candidate)).map_err(encode_error)? {
                anchor = Some(candidate);
            }
        }
        Ok(Vocabulary { tokenizer, anchor, bos, digest: Digest::of(bytes) })
    }

    /// Returns the ids of a text, without special tokens.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        encode_with(&self.tokenizer, text)
    }

    /// Returns the ids of a piece that follows other text, without special tokens.
    pub fn encode_next(&self, text: &str) -> Vec<u32> {
        encode_next(&self.tokenizer, self.anchor, text)
    }

    /// Returns where each id of a piece that follows other text ends, in bytes of `text`.
    pub(crate) fn encode_ends(&self, text: &str) -> Vec<usize> {
        let (anchor, skip) = self.anchor.unwrap_or(("", 0));
        let Ok(encoding) = self.tokenizer.encode(format!("{anchor}{text}"), false) else {
            return Vec::new();
        };
        let end = |&(_, end): &(usize, usize)| end.saturating_sub(anchor.len());
        encoding.get_offsets().iter().skip(skip).map(end).collect()
    }

    /// Returns the text of ids, special tokens included.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids, false).unwrap_or_default()
    }

    /// Returns the token that the tokenizer itself puts before a text.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// Returns the digest of the file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the number of ids in use, added tokens included.
    pub fn size(&self) -> u32 {
        let vocab = self.tokenizer.get_vocab(true);
        vocab.values().max().map_or(0, |id| id + 1)
    }

    /// Returns the token that closes a segment.
    ///
    /// `auto` takes `[SPLIT]` or the first reserved special token, and adds `[SPLIT]` where there is
    /// none; `add` always adds it; any other text must be a special token of the tokenizer.
    pub fn split_token(&self, choice: &str) -> Result<SpecialToken, String> {
        match choice {
            "auto" => Ok(self.reserved().unwrap_or_else(|| self.added("[SPLIT]"))),
            "add" => Ok(self.special("[SPLIT]").unwrap_or_else(|| self.added("[SPLIT]"))),
            text => self.special(text).ok_or_else(|| {
                format!("`{text}` is not a special token of the tokenizer ({})", self.specials())
            }),
        }
    }

    /// Returns the token that closes a document.
    pub fn end_token(&self, choice: &str) -> Result<SpecialToken, String> {
        const KNOWN: &[&str] =
            &["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>", "[SEP]"];
        match choice {
            "auto" => KNOWN.iter().find_map(|text| self.special(text)).ok_or_else(|| {
                format!(
                    "no end-of-text token is known in the tokenizer; name one in `end-token` ({})",
                    self.specials()
                )
            }),
            text => self.special(text).ok_or_else(|| {
                format!("`{text}` is not a special token of the tokenizer ({})", self.specials())
            }),
        }
    }

    fn special(&self, text: &str) -> Option<SpecialToken> {
        let decoder = self.tokenizer.get_added_tokens_decoder();
        let (id, _) = decoder.iter().find(|(_, token)| token.special && token.content == text)?;
        Some(SpecialToken { text: text.to_owned(), id: *id, added: false })
    }

    fn reserved(&self) -> Option<SpecialToken> {
        const MARKS: &[&str] = &["reserved_special_token", "<unused", "[unused", "<|extra_"];
        let decoder = self.tokenizer.get_added_tokens_decoder();
        let reserved = decoder
            .iter()
            .filter(|(_, token)| token.special)
            .filter(|(_, token)| MARKS.iter().any(|mark| token.content.contains(mark)))
            .min_by_key(|(id, _)| **id)
            .map(|(id, token)| SpecialToken { text: token.content.clone(), id: *id, added: false });
        self.special("[SPLIT]").or(reserved)
    }

    fn added(&self, text: &str) -> SpecialToken {
        SpecialToken { text: text.to_owned(), id: self.size(), added: true }
    }

    fn specials(&self) -> String {
        let decoder = self.tokenizer.get_added_tokens_decoder();
        let mut specials: Vec<_> = decoder
            .iter()
            .filter(|(_, token)| token.special)
            .map(|(id, token)| (*id, format!("`{}`", token.content)))
            .collect();
        specials.sort();
        let shown: Vec<String> = specials.iter().take(8).map(|(_, text)| text.clone()).collect();
        match specials.len() - shown.len() {
            0 if shown.is_empty() => "it has none".to_owned(),
            0 => format!("it has {}", shown.join(", ")),
            more => format!("it has {} and {more} more", shown.join(", ")),
        }
    }
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vocabulary({})", self.digest)
    }
}

fn encode_with(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    // A tokenizer that encoded the probes encodes every text: it fails for missing tokens only.
    tokenizer.encode_fast(text, false).map(|it| it.get_ids().to_vec()).unwrap_or_default()
}

fn encode_next(tokenizer: &Tokenizer, anchor: Option<(&str, usize)>, text: &str) -> Vec<u32> {
    match anchor {
        None => encode_with(tokenizer, text),
        Some((anchor, n_ids)) => {
            let mut ids = encode_with(tokenizer, &format!("{anchor}{text}"));
            ids.drain(..n_ids.min(ids.len()));
            ids
        }
    }
}

/// Says whether the ids of the probes' pieces are those of the whole probes.
fn pieces_agree(
    tokenizer: &Tokenizer,
    anchor: Option<(&str, usize)>,
) -> Result<bool, tokenizers::Error> {
    for [first, second, third] in PROBES {
        let whole = tokenizer.encode_fast(format!("{first}{second}{third}"), false)?;
        let mut pieces = encode_with(tokenizer, first);
        pieces.extend(encode_next(tokenizer, anchor, second));
        pieces.extend(encode_next(tokenizer, anchor, third));
        if whole.get_ids() != pieces {
            return Ok(false);
        }
    }
    Ok(true)
}

//! Keeps the pairs that are long enough on both sides and of comparable length.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    context::{Context, Measure, Texts},
    flow::{Flow, Kind},
    memo::{self, Memo},
    operator::{self, Descriptor, Inputs, Key, Operator},
    record::{Digest, Pair, Side},
    reject::{Reason, Subject},
    text::Document,
    vocabulary::Vocabulary,
};

pub(crate) const OPERATOR: Descriptor = Descriptor {
    name: "filter-pairs",
    summary: "Keep pairs that are long enough and of comparable length",
    reads: "pairs",
    writes: Kind::Pairs,
    keys: &[
        Key {
            name: "tokenizer",
            default: "",
            about: "tokenizer.json that counts tokens; needed for min-tokens",
        },
        Key {
            name: "min-tokens",
            default: "64",
            about: "fewest tokens of a side, title not counted; 0 for no limit",
        },
        Key {
            name: "min-chars",
            default: "0",
            about: "fewest characters of a side, title counted; 0 for no limit",
        },
        Key {
            name: "max-length-ratio",
            default: "0.0",
            about: "most times one side may be longer than the other, in characters; 0 for no limit",
        },
    ],
    paper: "min-tokens = 0",
    parse: operator::parse::<Config>,
};

/// The knobs of `filter-pairs`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    tokenizer: Option<PathBuf>,
    #[serde(default = "default_min_tokens")]
    min_tokens: usize,
    #[serde(default)]
    min_chars: u32,
    #[serde(default)]
    max_length_ratio: f64,
}

fn default_min_tokens() -> usize {
    64
}

impl Operator for Config {
    fn inputs(&self) -> Inputs {
        Inputs::of(Kind::Pairs, 1, "pairs")
    }

    fn output(&self) -> Kind {
        Kind::Pairs
    }

    fn tokenizer(&self) -> Option<&Path> {
        self.tokenizer.as_deref().filter(|_| self.min_tokens > 0)
    }

    fn misfit(&self) -> Option<String> {
        if self.min_tokens > 0 && self.tokenizer.is_none() {
            return Some("`min-tokens` needs `tokenizer`, or set it to 0".to_owned());
        }
        let ratio = self.max_length_ratio;
        (ratio != 0.0 && !(ratio >= 1.0 && ratio.is_finite()))
            .then(|| format!("`max-length-ratio` is {ratio}, but must be 0 or at least 1"))
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        operator::knobs_of(self)
    }

    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s> {
        let resources = cx.resources();
        let limits = Limits {
            min_tokens: self.min_tokens,
            min_chars: self.min_chars,
            max_length_ratio: self.max_length_ratio,
        };
        let vocabulary =
            self.tokenizer().and_then(|path| resources.vocabularies.get(path)).cloned();
        let (texts, memo) = (Arc::clone(&resources.texts), Arc::clone(&resources.memo));
        let pairs = differential_dataflow::collection::concatenate(
            cx.scope,
            inputs.into_iter().map(Flow::pairs),
        );
        cx.tally(&pairs, |pair: &Pair| (Measure::PairsIn, pair.target.source, 1));
        let kept = cx.try_map(
            pairs,
            |pair| Subject::from(pair),
            move |pair| {
                limits.admit(pair, vocabulary.as_deref(), (&*texts, &*memo)).map(|()| *pair)
            },
        );
        cx.tally(&kept, |pair: &Pair| (Measure::PairsOut, pair.target.source, 1));
        Flow::Pairs(kept)
    }
}

#[derive(Clone, Copy)]
struct Limits {
    min_tokens: usize,
    min_chars: u32,
    max_length_ratio: f64,
}

impl Limits {
    /// Says whether a pair may stay; texts are read only when the cheap limits hold.
    fn admit(
        self,
        pair: &Pair,
        vocabulary: Option<&Vocabulary>,
        texts: (&dyn Texts, &dyn Memo),
    ) -> Result<(), Reason> {
        let (english, target) = (&pair.english, &pair.target);
        if english.text.n_chars < self.min_chars {
            return Err(Reason::EnglishTooShort);
        }
        if target.text.n_chars < self.min_chars {
            return Err(Reason::TargetTooShort);
        }
        let long = f64::from(english.text.n_chars.max(target.text.n_chars));
        let short = f64::from(english.text.n_chars.min(target.text.n_chars));
        if self.max_length_ratio != 0.0 && short * self.max_length_ratio < long {
            return Err(Reason::LengthRatio);
        }
        let Some(vocabulary) = vocabulary else { return Ok(()) };
        if !self.has_tokens(english, vocabulary, texts) {
            return Err(Reason::EnglishTooShort);
        }
        if !self.has_tokens(target, vocabulary, texts) {
            return Err(Reason::TargetTooShort);
        }
        Ok(())
    }

    /// Says whether a side has enough tokens; each text is judged once.
    fn has_tokens(
        self,
        side: &Side,
        vocabulary: &Vocabulary,
        (texts, memo): (&dyn Texts, &dyn Memo),
    ) -> bool {
        let text = side.text.digest;
        let question = Digest::of_fields(&[
            b"filter-pairs/min-tokens",
            &self.min_tokens.to_le_bytes(),
            &vocabulary.digest().bytes(),
            &text.bytes(),
        ]);
        let answer = memo::ask(memo, question, || {
            let mut buffer = String::new();
            texts.read(text, &mut buffer).then(|| u32::from(self.counts(&buffer, vocabulary)))
        });
        // Without an answer the run is ending: the error is kept elsewhere.
        answer != Some(0)
    }

    /// Tokenises paragraph after paragraph until the limit is reached.
    fn counts(self, text: &str, vocabulary: &Vocabulary) -> bool {
        let mut n_tokens = 0;
        for paragraph in Document::parse(text).paragraphs() {
            n_tokens += vocabulary.encode(paragraph).len();
            if self.min_tokens <= n_tokens {
                return true;
            }
        }
        n_tokens >= self.min_tokens
    }
}

//! Cuts pairs into segments of at most N tokens that end in [SPLIT] (paper, §2.2), or writes them
//! as whole documents for the paper's Mix-PT and X-MONO-PT baselines.

mod cut;
mod side;
mod splitter;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::{
    side::Sided,
    splitter::{Counts, Splitter, Work, pair_id},
};
use crate::{
    context::{Context, Measure},
    flow::{Flow, Kind, Windows},
    operator::{self, Descriptor, Inputs, Key, Operator},
    record::Pair,
    vocabulary::Vocabulary,
};

pub(crate) const OPERATOR: Descriptor = Descriptor {
    name: "split-windows",
    summary: "Cut pairs into segments of at most N tokens",
    reads: "pairs",
    writes: Kind::Windows,
    keys: &[
        Key { name: "tokenizer", default: "", about: "path of a Hugging Face tokenizer.json" },
        Key {
            name: "tokens",
            default: "4096",
            about: "N: most tokens of a segment, everything counted",
        },
        Key {
            name: "variant",
            default: "\"crossic\"",
            about: "crossic (segments), mix (each article a document) or mono (target articles only)",
        },
        Key {
            name: "direction",
            default: "\"english-first\"",
            about: "english-first, target-first or mixed (a seeded coin for each pair)",
        },
        Key { name: "seed", default: "32", about: "seed of the coin of `direction = \"mixed\"`" },
        Key {
            name: "advance",
            default: "\"paired\"",
            about: "when a paragraph pair does not fit: paired (both sides stop) or each (a side that fits goes on)",
        },
        Key {
            name: "oversize",
            default: "\"sentence\"",
            about: "a paragraph pair longer than N: cut at a sentence or token, truncate, or drop",
        },
        Key {
            name: "repeat-title",
            default: "\"every\"",
            about: "titles on every segment, the first one of a pair, or none",
        },
        Key {
            name: "split-token",
            default: "\"auto\"",
            about: "auto (a reserved token, else added), add, or the text of a special token",
        },
        Key {
            name: "end-token",
            default: "\"auto\"",
            about: "token that ends a document of mix and mono: auto or the text of a special token",
        },
    ],
    paper: "",
    parse: operator::parse::<Config>,
};

/// The knobs of `split-windows`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Path of the tokenizer.
    pub tokenizer: PathBuf,
    /// Most tokens of a segment.
    #[serde(default = "default_tokens")]
    pub tokens: usize,
    /// What becomes of a pair.
    #[serde(default)]
    pub variant: Variant,
    /// Which language comes first.
    #[serde(default)]
    pub direction: Direction,
    /// Seed of the coin.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// What stops when a paragraph pair does not fit.
    #[serde(default)]
    pub advance: Advance,
    /// What becomes of a paragraph pair longer than N.
    #[serde(default)]
    pub oversize: Oversize,
    /// Which segments bear titles.
    #[serde(default)]
    pub repeat_title: RepeatTitle,
    /// What closes a segment.
    #[serde(default = "auto")]
    pub split_token: String,
    /// What closes a document.
    #[serde(default = "auto")]
    pub end_token: String,
}

fn default_tokens() -> usize {
    4096
}

fn default_seed() -> u64 {
    32
}

fn auto() -> String {
    "auto".to_owned()
}

/// What becomes of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Both sides in one segment: the paper's CrossIC-PT.
    #[default]
    Crossic,
    /// Each article a document of its own: Mix-PT.
    Mix,
    /// The target article as a document: X-MONO-PT.
    Mono,
}

/// Which language comes first in a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// English, then the target language.
    #[default]
    EnglishFirst,
    /// The target language, then English.
    TargetFirst,
    /// One coin for each pair.
    Mixed,
}

/// What stops when the next paragraph pair does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advance {
    /// Both sides.
    #[default]
    Paired,
    /// Only a side whose next paragraph does not fit alone.
    Each,
}

/// What becomes of a paragraph pair that no segment can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oversize {
    /// Cut at the end of a sentence, else at white space, else between tokens.
    #[default]
    Sentence,
    /// Cut between tokens.
    Token,
    /// Keep what fits, drop the rest of the paragraphs.
    Truncate,
    /// Drop the longer paragraph, and the other one if it does not fit either.
    Drop,
}

/// Which segments of a pair bear titles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatTitle {
    /// All of them.
    #[default]
    Every,
    /// The first one in which the side appears.
    First,
    /// None.
    None,
}

impl Operator for Config {
    fn inputs(&self) -> Inputs {
        Inputs::of(Kind::Pairs, 1, "pairs")
    }

    fn output(&self) -> Kind {
        Kind::Windows
    }

    fn tokenizer(&self) -> Option<&Path> {
        Some(&self.tokenizer)
    }

    fn misfit(&self) -> Option<String> {
        (self.tokens < splitter::MIN_TOKENS || 1 << 20 < self.tokens).then(|| {
            format!(
                "`tokens` is {}, but must be between {} (room for titles and a little text) and {}",
                self.tokens,
                splitter::MIN_TOKENS,
                1 << 20
            )
        })
    }

    fn problem(&self, vocabulary: &Vocabulary) -> Option<String> {
        match self.variant {
            Variant::Crossic => vocabulary.split_token(&self.split_token).err(),
            Variant::Mix | Variant::Mono => vocabulary.end_token(&self.end_token).err(),
        }
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        operator::knobs_of(self)
    }

    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s> {
        let Some(vocabulary) = cx.resources().vocabularies.get(&self.tokenizer) else {
            unreachable!("check loads every tokenizer")
        };
        let Ok(splitter) = Splitter::new(self.clone(), Arc::clone(vocabulary)) else {
            unreachable!("check looks up the closing token")
        };
        let pairs = differential_dataflow::collection::concatenate(
            cx.scope,
            inputs.into_iter().map(Flow::pairs),
        );
        cx.tally(&pairs, |pair: &Pair| (Measure::PairsIn, pair.target.source, 1));
        Flow::Windows(Windows { pairs, splitter: Arc::new(splitter) })
    }
}

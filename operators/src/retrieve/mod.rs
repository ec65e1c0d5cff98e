//! Pairs articles with web documents that say something about them (paper, §3.4).
//!
//! Everything that decides which documents an article gets is computed in integers, so that scores
//! are the same on every machine.

mod ask;
pub mod encoder;
pub mod evidence;
mod gather;
pub mod index;
pub mod keywords;
pub mod library;
pub mod links;
pub mod near;
pub mod query;
mod question;
pub mod search;
mod titles;
pub mod vector;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    context::{Context, Measure},
    flow::{Flow, Kind, Rows},
    operator::{self, Descriptor, Inputs, Key, Operator},
    record::Pair,
};

pub(crate) const OPERATOR: Descriptor = Descriptor {
    name: "retrieve",
    summary: "Pair articles with web documents that are near to their title and keywords",
    reads: "wiki (English), one target wiki or more, then documents",
    writes: Kind::Pairs,
    keys: &[
        Key {
            name: "encoder",
            default: "\"lexical\"",
            about: "what makes vectors of texts: lexical (hashed words, needs no files), bert, gte or static",
        },
        Key {
            name: "model",
            default: "",
            about: "directory of the encoder in the format of Hugging Face; not for lexical",
        },
        Key {
            name: "max-tokens",
            default: "512",
            about: "tokens (words, for lexical) at the start of a document that count",
        },
        Key {
            name: "dimensions",
            default: "all",
            about: "first numbers of a vector that count, for encoders that are trained for it (gte)",
        },
        Key {
            name: "threshold",
            default: "the encoder's",
            about: "least mean cosine of a document with title, and with title and keywords: 0 to 1",
        },
        Key {
            name: "calibration",
            default: "",
            about: "file that `crossic calibrate` wrote, for its threshold",
        },
        Key { name: "top", default: "3", about: "most documents of an article" },
        Key {
            name: "skip-near-duplicates",
            default: "true",
            about: "pass over a document whose text is nearly that of a better one",
        },
        Key {
            name: "device",
            default: "\"cpu\"",
            about: "where a neural encoder computes: cpu, cuda or cuda:N (needs the feature `cuda`)",
        },
        Key {
            name: "mode",
            default: "\"fused\"",
            about: "fused (one search with the mean of both questions) or two-step (the paper's two searches)",
        },
        Key {
            name: "index",
            default: "\"auto\"",
            about: "flat (exact), hnsw (a graph), or auto: flat below 100,000 documents; lexical has its own, exact",
        },
        Key { name: "links", default: "16", about: "hnsw: links of a document in each layer" },
        Key { name: "effort", default: "200", about: "hnsw: candidates while a document is added" },
        Key {
            name: "breadth",
            default: "128",
            about: "hnsw: candidates while a question is searched",
        },
        Key { name: "keywords", default: "10", about: "most keywords of an article" },
        Key {
            name: "keyword-order",
            default: "\"rarity\"",
            about: "rarity (tf-idf of the linked article, with fallbacks) or text (the first ones)",
        },
        Key {
            name: "english-lead",
            default: "true",
            about: "with fewer than 3 keywords, take links from the lead of the English article; its text is read for that",
        },
    ],
    paper: "keyword-order = \"text\"\nenglish-lead = false\nskip-near-duplicates = false\nmode = \"two-step\"",
    parse: operator::parse::<Config>,
};

/// The knobs of `retrieve`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What makes vectors of texts.
    #[serde(default)]
    pub encoder: EncoderKind,
    /// Where the encoder's files lie.
    pub model: Option<PathBuf>,
    /// Tokens of a document that count.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: usize,
    /// Numbers of a vector that count.
    pub dimensions: Option<usize>,
    /// Least mean cosine of a hit.
    pub threshold: Option<f64>,
    /// File with a threshold that was measured.
    pub calibration: Option<PathBuf>,
    /// Most documents of an article.
    #[serde(default = "default_top")]
    pub top: usize,
    /// Whether only one of several nearly equal documents is taken.
    #[serde(default = "yes")]
    pub skip_near_duplicates: bool,
    /// Where a neural encoder computes.
    #[serde(default = "default_device")]
    pub device: String,
    /// How documents are searched.
    #[serde(default)]
    pub mode: Mode,
    /// What finds them.
    #[serde(default)]
    pub index: IndexKind,
    /// `hnsw`: links of a document and layer.
    #[serde(default = "default_links")]
    pub links: u16,
    /// `hnsw`: candidates while a document is added.
    #[serde(default = "default_effort")]
    pub effort: u16,
    /// `hnsw`: candidates while a question is searched.
    #[serde(default = "default_breadth")]
    pub breadth: u16,
    /// Most keywords of an article.
    #[serde(default = "default_keywords")]
    pub keywords: usize,
    /// How keywords are chosen.
    #[serde(default)]
    pub keyword_order: KeywordOrder,
    /// Whether the lead of the English article may give keywords.
    #[serde(default = "yes")]
    pub english_lead: bool,
}

fn default_max_tokens() -> usize {
    512
}

fn default_top() -> usize {
    3
}

fn default_device() -> String {
    "cpu".to_owned()
}

fn default_links() -> u16 {
    16
}

fn default_effort() -> u16 {
    200
}

fn default_breadth() -> u16 {
    128
}

fn default_keywords() -> usize {
    10
}

fn yes() -> bool {
    true
}

/// What makes vectors of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderKind {
    /// Hashed words with weights: no model, nothing to download.
    #[default]
    Lexical,
    /// A sentence encoder of BERT's kind.
    Bert,
    /// Alibaba's gte.
    Gte,
    /// A table of vectors by token, as model2vec makes it.
    Static,
}

impl EncoderKind {
    /// Returns the name as the pipeline file writes it.
    pub fn name(self) -> &'static str {
        match self {
            EncoderKind::Lexical => "lexical",
            EncoderKind::Bert => "bert",
            EncoderKind::Gte => "gte",
            EncoderKind::Static => "static",
        }
    }
}

/// How documents are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One search with the sum of both questions.
    #[default]
    Fused,
    /// A search for each question, then the mean of both scores.
    TwoStep,
}

/// What finds the nearest vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexKind {
    /// `flat` for a file of less than 100,000 documents, `hnsw` for others.
    #[default]
    Auto,
    /// Every vector is looked at.
    Flat,
    /// A graph.
    Hnsw,
}

/// How keywords are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeywordOrder {
    /// The most telling first, with fallbacks.
    #[default]
    Rarity,
    /// In the order of the text.
    Text,
}

impl Config {
    /// Returns how a graph is built and walked.
    pub fn graph(&self) -> index::hnsw::Settings {
        index::hnsw::Settings { links: self.links, effort: self.effort, breadth: self.breadth }
    }
}

impl Operator for Config {
    fn inputs(&self) -> Inputs {
        Inputs {
            kind: Kind::Wiki,
            min: 3,
            last: Some(Kind::Documents),
            what: "the English wiki, each target wiki, then the documents",
        }
    }

    fn output(&self) -> Kind {
        Kind::Pairs
    }

    fn retrieval(&self) -> Option<&Config> {
        Some(self)
    }

    fn misfit(&self) -> Option<String> {
        let needs_model = self.encoder != EncoderKind::Lexical;
        if needs_model && self.model.is_none() {
            let name = self.encoder.name();
            return Some(format!(
                "`encoder = \"{name}\"` needs `model`, the directory of its files"
            ));
        }
        if let (false, Some(model)) = (needs_model, &self.model) {
            let shown = Path::display(model);
            return Some(format!(
                "`model` is `{shown}`, but `encoder = \"lexical\"` reads no files"
            ));
        }
        if self.threshold.is_some() && self.calibration.is_some() {
            return Some(
                "`threshold` and `calibration` both give a threshold: keep one".to_owned(),
            );
        }
        if let Some(threshold) = self.threshold.filter(|it| !(0.0..=1.0).contains(it)) {
            return Some(format!("`threshold` is {threshold}, but must be between 0 and 1"));
        }
        for (key, found, most) in [
            ("top", self.top, 100),
            ("keywords", self.keywords, 100),
            ("max-tokens", self.max_tokens, 65_536),
        ] {
            if found > most || (found == 0 && key != "keywords") {
                return Some(format!("`{key}` is {found}, but must be between 1 and {most}"));
            }
        }
        let settings =
            index::hnsw::Settings { links: self.links, effort: self.effort, breadth: self.breadth };
        settings.check().err().map(|error| error.to_string())
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        operator::knobs_of(self)
    }

    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s> {
        let mut inputs = inputs;
        let Some(documents) = inputs.pop().map(Flow::documents) else {
            unreachable!("check asks for documents")
        };
        let mut wikis = inputs.into_iter().map(Flow::wiki);
        let Some(english) = wikis.next() else { unreachable!("check asks for two wikis") };
        let pairs: Vec<Rows<'s, Pair>> =
            wikis.map(|target| ask::ask(cx, self, (&english, &target), &documents)).collect();
        let pairs = differential_dataflow::collection::concatenate(cx.scope, pairs);
        cx.tally(&pairs, |pair: &Pair| (Measure::PairsOut, pair.target.source, 1));
        Flow::Pairs(pairs)
    }
}

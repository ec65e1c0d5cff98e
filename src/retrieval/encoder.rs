//! Encoders as a run uses them, and the threshold that goes with each.

use std::path::Path;

use crossic_operators::{
    record::Digest,
    retrieve::{
        Config, EncoderKind,
        encoder::{
            Encoder as _, Role,
            frequencies::Frequencies,
            lexical::Lexical,
            static_table::{StaticTable, Table},
        },
        index::shape::Shape,
        library::Questions,
        vector::{Form, Vector},
    },
};
use crossic_trainer::{
    encoder::{self as neural, fingerprint::fingerprint, int8::Scale},
    session::device::DeviceName,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::usage;
use crate::{
    clock::{self, Activity},
    error::Result,
};

/// Words of a usual document, against which the lexical encoder weighs the length of others.
const USUAL_WORDS: u32 = 400;

/// Documents of an article while a threshold is measured.
const TOP: usize = 3;

/// Texts that go to an encoder at once.
const BATCH: usize = 1024;

/// How documents are searched by one operator: its encoder, opened, and its threshold.
#[derive(Debug)]
pub struct Searching {
    /// The knobs.
    pub config: Config,
    /// The encoder.
    pub encoder: Encoder,
    /// Least mean cosine of a hit.
    pub threshold: Threshold,
}

/// A threshold, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threshold {
    /// The pipeline file says it.
    Given(f64),
    /// It was measured.
    Calibrated(Calibration),
    /// It is what the encoder usually needs.
    Usual(f64),
}

/// What a calibration found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Calibration {
    /// Name of the encoder.
    pub encoder: String,
    /// Digest of the encoder.
    pub digest: String,
    /// The threshold that it suggests.
    pub threshold: f64,
    /// Share of the planted documents found that were those of the article, at the threshold.
    pub precision: f64,
    /// Share of the articles whose planted document was found, at the threshold.
    pub recall: f64,
    /// Articles that were asked for.
    pub articles: u64,
    /// Documents beside the planted ones.
    pub documents: u64,
}

impl Threshold {
    /// Returns the threshold, 0 to 1.
    pub fn value(&self) -> f64 {
        match self {
            Threshold::Given(value) | Threshold::Usual(value) => *value,
            Threshold::Calibrated(calibration) => calibration.threshold,
        }
    }

    /// Returns the threshold in millionths.
    pub fn millionths(&self) -> i32 {
        (self.value() * 1e6).round() as i32
    }
}

/// Returns the threshold that an encoder usually needs. The paper's 0.75 belongs to gte; others put
/// related texts elsewhere.
///
/// That of `lexical` is where precision and recall of three measurements meet: it has the best F1 on
/// XQuAD (precision .94), keeps .99 and .89 of the planted counterparts of Vietnamese and Japanese
/// articles, and of the labelled documents of the samples four of five that it keeps are right. At 0.1
/// nineteen of twenty are, but two thirds of the right ones are lost (docs/performance.md).
fn usual(kind: EncoderKind) -> f64 {
    match kind {
        EncoderKind::Lexical => 0.08,
        EncoderKind::Bert => 0.4,
        EncoderKind::Gte => 0.75,
        EncoderKind::Static => 0.4,
    }
}

impl Searching {
    /// Opens the encoder of an operator, and its calibration.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged or does not fit, the device is not there, or the calibration is
    /// that of another encoder.
    pub fn open(config: &Config) -> Result<Searching> {
        let encoder = Encoder::open(config)?;
        let threshold = match (config.threshold, &config.calibration) {
            (Some(value), _) => Threshold::Given(value),
            (None, Some(path)) => Threshold::Calibrated(calibration(path, &encoder)?),
            (None, None) => Threshold::Usual(usual(config.encoder)),
        };
        Ok(Searching { config: config.clone(), encoder, threshold })
    }

    /// Opens the encoder of an operator to measure a threshold: whatever the file says of one does not
    /// count, and every article gets as many documents as the paper takes.
    ///
    /// # Errors
    ///
    /// A file of the encoder is missing, damaged or does not fit, or the device is not there.
    pub fn open_to_calibrate(config: &Config) -> Result<Searching> {
        let config = Config { threshold: Some(0.0), calibration: None, top: TOP, ..config.clone() };
        Searching::open(&config)
    }

    /// Returns what a user should know of the threshold.
    pub fn warning(&self) -> Option<String> {
        let name = self.config.encoder.name();
        match self.threshold {
            Threshold::Given(0.75) if self.config.encoder != EncoderKind::Gte => Some(format!(
                "0.75 is the threshold of gte, not of `{name}`; `crossic calibrate` measures one"
            )),
            Threshold::Usual(value) if self.config.encoder != EncoderKind::Gte => Some(format!(
                "the threshold {value} of `{name}` is not calibrated for these documents; \
                 `crossic calibrate` measures one"
            )),
            _ => None,
        }
    }
}

fn calibration(path: &Path, encoder: &Encoder) -> Result<Calibration> {
    let bytes = fs_err::read(path)?;
    let calibration: Calibration = serde_json::from_slice(&bytes).map_err(|cause| {
        usage(
            format!("`{}` is no calibration: {cause}", path.display()),
            "write it with `crossic calibrate FILE --write PATH`",
        )
    })?;
    if calibration.digest != encoder.digest().to_string() {
        return Err(usage(
            format!("`{}` was measured with another encoder", path.display()),
            "measure it again with `crossic calibrate FILE --write PATH`",
        ));
    }
    Ok(calibration)
}

/// An encoder that is open.
pub enum Encoder {
    /// Hashed words.
    Lexical {
        /// Words of a document that count.
        max_words: usize,
    },
    /// A sentence encoder.
    Neural {
        /// The encoder.
        encoder: Box<neural::Encoder>,
        /// Length of its vectors in 8 bits.
        unit: u32,
        /// What its vectors depend on.
        digest: Digest,
    },
    /// A table of vectors by token.
    Static(Box<StaticTable>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoder({})", self.digest())
    }
}

impl Encoder {
    fn open(config: &Config) -> Result<Encoder> {
        let Some(dir) = config.model.as_deref() else {
            return Ok(Encoder::Lexical { max_words: config.max_tokens });
        };
        if config.encoder == EncoderKind::Static {
            let table = neural::table::Table::open(dir)?;
            let parts = Table {
                rows: &table.rows,
                n_dims: table.width,
                weights: table.weights.as_deref(),
                mapping: None,
            };
            let opened =
                StaticTable::new(&table.tokenizer, parts, config.max_tokens, unit_of(table.width));
            let table = opened.map_err(|cause| {
                let hint = "a table of model2vec is meant";
                usage(format!("`{}`: {cause}", dir.display()), hint)
            })?;
            return Ok(Encoder::Static(Box::new(table)));
        }
        let device: DeviceName = config.device.parse()?;
        // An encoder with fewer positions reads as many tokens as it can.
        let own = neural::Settings { dimensions: config.dimensions, ..Default::default() };
        let most = neural::shape::Shape::read(dir)?.max_tokens;
        let settings = neural::Settings { max_tokens: Some(config.max_tokens.min(most)), ..own };
        let encoder = neural::Encoder::open(dir, &settings, device)?;
        let unit = unit_of(encoder.width());
        let files = fingerprint(dir, &settings)?;
        let digest = Digest::of_fields(&[b"neural", files.as_bytes(), &unit.to_le_bytes()]);
        Ok(Encoder::Neural { encoder: Box::new(encoder), unit, digest })
    }

    /// Returns the digest of everything but its text that decides the vector of a document.
    pub fn digest(&self) -> Digest {
        match self {
            Encoder::Lexical { max_words } => lexical(*max_words, None).digest(Role::Document),
            Encoder::Neural { digest, .. } => *digest,
            Encoder::Static(table) => table.digest(Role::Document),
        }
    }

    /// Returns what its vectors have in common.
    pub(super) fn shape(&self) -> Result<Shape> {
        let (form, unit) = match self {
            Encoder::Lexical { max_words } => (Form::Sparse, lexical(*max_words, None).unit()),
            Encoder::Neural { encoder, unit, .. } => (Form::Dense { dims: encoder.width() }, *unit),
            Encoder::Static(table) => (Form::Dense { dims: table.n_dims() }, table.unit()),
        };
        Shape::new(form, unit).map_err(|cause| usage(cause.to_string(), "take another encoder"))
    }

    /// Returns the vectors of documents, in their order.
    pub(super) fn documents(&self, texts: &[&str]) -> Result<Vec<Vector>> {
        let _clock = clock::start(Activity::Encode);
        match self {
            Encoder::Lexical { max_words } => {
                let lexical = lexical(*max_words, None);
                Ok(texts.par_iter().map(|it| Vector::Sparse(lexical.document(it))).collect())
            }
            Encoder::Neural { encoder, unit, .. } => dense(encoder, *unit, texts),
            Encoder::Static(table) => Ok(in_parallel(table, Role::Document, texts)),
        }
    }

    /// Returns the vectors of title and full question of each article; `frequencies` are those of
    /// all documents.
    pub(super) fn questions(
        &self,
        questions: &[Questions],
        frequencies: Option<&Frequencies>,
    ) -> Result<Vec<(Vector, Vector)>> {
        let _clock = clock::start(Activity::Encode);
        let texts: Vec<&str> =
            questions.iter().flat_map(|it| [it.title.as_str(), it.full.as_str()]).collect();
        let vectors = match self {
            Encoder::Lexical { max_words } => {
                let lexical = lexical(*max_words, frequencies);
                texts.par_iter().map(|it| Vector::Sparse(lexical.question(it))).collect()
            }
            Encoder::Neural { encoder, unit, .. } => dense(encoder, *unit, &texts)?,
            Encoder::Static(table) => in_parallel(table, Role::Question, &texts),
        };
        let mut vectors = vectors.into_iter();
        let pair = || Some((vectors.next()?, vectors.next()?));
        Ok(std::iter::from_fn(pair).collect())
    }
}

fn lexical(max_words: usize, frequencies: Option<&Frequencies>) -> Lexical {
    Lexical::new(max_words, USUAL_WORDS, frequencies.cloned().unwrap_or_default())
}

/// Returns the length of unit vectors in 8 bits: numbers up to eight times their root mean square
/// are kept.
fn unit_of(width: usize) -> u32 {
    (127.0 * (width as f64).sqrt() / 8.0).round().max(127.0) as u32
}

fn dense(encoder: &neural::Encoder, unit: u32, texts: &[&str]) -> Result<Vec<Vector>> {
    let scale = Scale::new(127.0 / unit as f32)?;
    let mut vectors = Vec::with_capacity(texts.len());
    for texts in texts.chunks(BATCH) {
        for row in encoder.encode(texts)?.rows() {
            let mut bytes = Vec::with_capacity(row.len());
            scale.quantise(row, &mut bytes);
            vectors.push(Vector::Dense(bytes));
        }
    }
    Ok(vectors)
}

fn in_parallel(table: &StaticTable, role: Role, texts: &[&str]) -> Vec<Vector> {
    texts.par_chunks(64).flat_map_iter(|texts| table.encode(role, texts)).collect()
}

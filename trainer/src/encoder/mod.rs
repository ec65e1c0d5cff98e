//! Sentence encoders: texts to unit vectors, with the weights of a Hugging Face directory. Forward only.
//!
//! BERT, RoBERTa, XLM-RoBERTa (all-MiniLM-L6-v2, multilingual-e5) and Alibaba's gte (gte-multilingual-base) are the same
//! layers (`layers.rs`) with other names (`load.rs`), other positions and other feed-forward layers. Some are trained
//! with a prefix, such as multilingual-e5 with `query: ` and `passage: `; to put it there is the caller's business.

mod batches;
pub mod fingerprint;
pub mod int8;
mod layers;
mod load;
mod sentence;
pub mod shape;
pub mod table;
mod tokens;

use std::path::Path;

use burn::tensor::{DType, Device};
use rayon::prelude::*;

pub use sentence::Pooling;
use sentence::Sentence;
use shape::{Positions, Shape};

use crate::{
    error::{Error, Result},
    session::device::{self, DeviceName},
    settings::Precision,
};

/// What a user may say about an encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Tokens of a text that are read, special ones included; without it, as many as its files say.
    pub max_tokens: Option<usize>,
    /// Numbers of a vector that are kept, from the first on; only of use with encoders trained for it (Matryoshka).
    pub dimensions: Option<usize>,
    /// Tokens of a batch, padding included; without it, what suits the device.
    pub batch_tokens: Option<usize>,
    /// Number format; without it, the device's own.
    pub precision: Option<Precision>,
}

/// Vectors of one width, end to end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    /// Width of a vector.
    pub width: usize,
    /// The numbers, vector after vector.
    pub numbers: Vec<f32>,
}

impl Vectors {
    /// Returns the vectors, in the order of their texts.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.width.max(1))
    }
}

/// An encoder on a device.
#[derive(Debug)]
pub struct Encoder {
    cutter: tokens::Cutter,
    model: layers::Model,
    pooling: Pooling,
    width: usize,
    max_tokens: usize,
    batch_tokens: usize,
}

impl Encoder {
    /// Opens the encoder of a directory on a device.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged or does not fit the others; the encoder is of a kind that is not computed, and the
    /// message names what; a setting is out of range; the device is not there.
    pub fn open(dir: &Path, settings: &Settings, device: DeviceName) -> Result<Encoder> {
        let dtype = device::dtype(device, settings.precision);
        let batch_tokens = settings.batch_tokens.unwrap_or(match device {
            DeviceName::Cpu => 2048,
            DeviceName::Cuda(_) => 1 << 15,
        });
        let settings = Settings { batch_tokens: Some(batch_tokens), ..*settings };
        Encoder::open_on(dir, &settings, &device.open()?, dtype)
    }

    /// Opens the encoder of a directory on a device of burn's, to compute in a number format of burn's.
    ///
    /// # Errors
    ///
    /// As [`Encoder::open`].
    pub fn open_on(
        dir: &Path,
        settings: &Settings,
        device: &Device,
        dtype: DType,
    ) -> Result<Encoder> {
        let shape = Shape::read(dir)?;
        let sentence = Sentence::read(dir)?;
        let max_tokens = max_tokens(&shape, &sentence, settings.max_tokens)?;
        let width = width(&shape, settings.dimensions)?;
        let pooling = sentence.pooling.unwrap_or(match shape.positions {
            // What sentence-transformers does with a model that says nothing.
            Positions::Table { .. } => Pooling::Mean,
            Positions::Rotary { .. } => Pooling::Cls,
        });
        let cutter = tokens::Cutter::open(dir, shape.vocab_size, max_tokens, sentence.lower)?;
        let model = load::load(&load::open(dir)?, shape, device, dtype)?;
        let batch_tokens = settings.batch_tokens.unwrap_or(2048);
        Ok(Encoder { cutter, model, pooling, width, max_tokens, batch_tokens })
    }

    /// Returns the width of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns how many tokens of a text are read, special ones included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Returns how the tokens of a text become one vector.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Returns the ids of the tokens that are read of a text.
    ///
    /// # Errors
    ///
    /// The tokenizer cannot take the text.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>> {
        self.cutter.ids(text)
    }

    /// Returns the unit vectors of texts, in their order. An empty text has a vector, too.
    ///
    /// Which texts are encoded together changes a vector by rounding alone, less than 1e-6 a number in 32 bits.
    ///
    /// # Errors
    ///
    /// The tokenizer cannot take a text, or the weights make of it something that is not a number.
    pub fn encode<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vectors> {
        let ids: Vec<Vec<u32>> =
            texts.par_iter().map(|it| self.cutter.ids(it.as_ref())).collect::<Result<_>>()?;
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let mut numbers = vec![0.0; texts.len() * self.width];
        for batch in batches::batches(&lengths, self.batch_tokens) {
            let rows: Vec<&[u32]> =
                batch.iter().filter_map(|it| ids.get(*it)).map(Vec::as_slice).collect();
            let pooled = self.model.pooled(&rows, self.pooling);
            let pooled = pooled.chunks_exact(self.model.shape.hidden_size);
            for (number, vector) in batch.into_iter().zip(pooled) {
                let place = numbers.chunks_exact_mut(self.width).nth(number);
                if let (Some(place), Some(vector)) = (place, vector.get(..self.width)) {
                    write_unit(vector, place)?;
                }
            }
        }
        Ok(Vectors { width: self.width, numbers })
    }
}

/// Writes a vector divided by its length.
fn write_unit(vector: &[f32], place: &mut [f32]) -> Result<()> {
    let length = vector.iter().map(|it| f64::from(*it) * f64::from(*it)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return Err(Error::refused(
            "the encoder makes a vector of numbers that are not finite",
            "16 bits may be too few for it: set `precision = \"f32\"`",
        ));
    }
    for (number, place) in vector.iter().zip(place) {
        *place = (f64::from(*number) / length.max(1e-12)) as f32;
    }
    Ok(())
}

/// Returns the tokens of a text that are read.
fn max_tokens(shape: &Shape, sentence: &Sentence, asked: Option<usize>) -> Result<usize> {
    match asked {
        None => Ok(sentence.max_tokens.unwrap_or(shape.max_tokens).min(shape.max_tokens)),
        Some(n) if n <= shape.max_tokens => Ok(n),
        Some(n) => Err(Error::refused(
            format!("`max-tokens` is {n}, but the encoder has positions for {}", shape.max_tokens),
            "a longer text can only be encoded in pieces",
        )),
    }
}

/// Returns the numbers of a vector that are kept.
fn width(shape: &Shape, asked: Option<usize>) -> Result<usize> {
    match asked {
        None => Ok(shape.hidden_size),
        Some(n) if (1..=shape.hidden_size).contains(&n) => Ok(n),
        Some(n) => Err(Error::refused(
            format!("`dimensions` is {n}, but the encoder's vectors have {}", shape.hidden_size),
            format!("valid are 1 to {}", shape.hidden_size),
        )),
    }
}

//! What a retrieval will take, told before anything runs: documents, memory, time of one core.

use std::path::Path;

use crossic_operators::retrieve::{EncoderKind, index::segment};
use crossic_trainer::encoder::shape::{Positions, Shape};
use serde::Serialize;

use super::{encoder::Searching, segment::kind};
use crate::{dump::documents::file::DocumentFile, error::Result, sources::WebDocuments, storage};

/// Bytes of the text of a usual web document, and its tokens; Fineweb-edu has about these.
const TEXT_BYTES: f64 = 4800.0;
const TOKENS: f64 = 1000.0;

/// How much less JSON lines are when compressed, about.
const PACKED: f64 = 2.5;

/// Documents of 512 words and more that one core encodes in a second, and bytes of a document in
/// memory (docs/performance.md, Retrieval).
const LEXICAL_RATE: f64 = 18_000.0;
const LEXICAL_BYTES: u64 = 3_000;

/// Tokens of the whole text that a table takes in a second.
const STATIC_RATE: f64 = 400_000.0;

/// Products of weights and tokens that an encoder on the CPU makes in a second: all-MiniLM-L6-v2
/// reads 2,100 tokens, each with its 10.6 million weights.
const NEURAL_RATE: f64 = 2_100.0 * 10.6e6;

/// Seconds that a vector of one byte takes to enter a graph, for each of its numbers; and bytes of its
/// links. Both were measured with 100,000 vectors of 256 numbers.
const GRAPH_SECONDS: f64 = 183.0 / 100_000.0 / 256.0;
const GRAPH_BYTES: u64 = 162;

/// What is in memory of every document besides its vector.
const DOCUMENT_BYTES: u64 = 56;

/// What one operator will take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Documents, those among them that will be refused.
    pub documents: u64,
    /// Whether they were counted; of JSON lines they are estimated by their bytes.
    pub counted: bool,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes in memory of the largest file's index, about.
    pub index_bytes: u64,
    /// Documents that one core encodes in a second, about; none for a GPU, which nobody has measured.
    pub documents_per_core_second: Option<f64>,
    /// Seconds of one core to encode all documents, about.
    pub encoding_core_seconds: Option<f64>,
    /// Seconds of one core to build the graphs, about; 0 where there are none.
    pub graph_core_seconds: f64,
}

impl Cost {
    /// Estimates what it takes to search the files as an operator does.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or the model's `config.json` cannot.
    pub fn of(searching: &Searching, files: &WebDocuments) -> Result<Cost> {
        let rate = rate(searching)?;
        let dims = searching.encoder.shape()?.dims() as u64;
        let mut cost = Cost {
            documents: 0,
            counted: true,
            bytes: 0,
            index_bytes: 0,
            documents_per_core_second: rate,
            encoding_core_seconds: None,
            graph_core_seconds: 0.0,
        };
        for path in &files.files {
            let n_bytes = storage::size(path)?;
            let counted = DocumentFile::open(path, &files.screen)?.n_documents();
            let n_documents = counted.unwrap_or_else(|| estimated(path, n_bytes));
            let vector = match kind(searching, n_documents as usize)? {
                segment::Kind::Sparse => LEXICAL_BYTES,
                segment::Kind::Flat => dims,
                segment::Kind::Hnsw(_) => {
                    cost.graph_core_seconds += (n_documents * dims) as f64 * GRAPH_SECONDS;
                    dims + GRAPH_BYTES
                }
            };
            cost.documents += n_documents;
            cost.counted &= counted.is_some();
            cost.bytes += n_bytes;
            cost.index_bytes = cost.index_bytes.max(n_documents * (vector + DOCUMENT_BYTES));
        }
        cost.encoding_core_seconds = rate.map(|rate| cost.documents as f64 / rate);
        Ok(cost)
    }
}

/// Returns how many documents a file of JSON lines has by its size.
fn estimated(path: &Path, n_bytes: u64) -> u64 {
    let is_packed = path.extension().is_some_and(|it| it == "gz" || it == "zst");
    let n_bytes = n_bytes as f64 * if is_packed { PACKED } else { 1.0 };
    (n_bytes / TEXT_BYTES).ceil() as u64
}

/// Returns how many documents one core encodes in a second, or `None` if a GPU does that.
fn rate(searching: &Searching) -> Result<Option<f64>> {
    let config = &searching.config;
    Ok(match (config.encoder, config.model.as_deref()) {
        (EncoderKind::Lexical, _) | (_, None) => Some(LEXICAL_RATE),
        (EncoderKind::Static, _) => Some(STATIC_RATE / TOKENS),
        _ if config.device != "cpu" => None,
        (_, Some(dir)) => {
            let shape = Shape::read(dir)?;
            let n_tokens = config.max_tokens.min(shape.max_tokens) as f64;
            Some(neural_rate(&shape) / n_tokens.min(TOKENS))
        }
    })
}

/// Returns how many tokens one core takes in a second.
fn neural_rate(shape: &Shape) -> f64 {
    let (hidden, inner) = (shape.hidden_size as f64, shape.intermediate_size as f64);
    // Gated activations (gte) have a third product.
    let n_products = if matches!(shape.positions, Positions::Rotary { .. }) { 3.0 } else { 2.0 };
    let weights = shape.n_layers as f64 * (4.0 * hidden * hidden + n_products * hidden * inner);
    NEURAL_RATE / weights.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_are_counted_by_their_bytes() {
        assert_eq!(estimated(Path::new("a.jsonl"), 480_000), 100);
        assert_eq!(estimated(Path::new("a.jsonl.gz"), 480_000), 250);
        assert_eq!(estimated(Path::new("a.jsonl.zst"), 0), 0);
    }
}

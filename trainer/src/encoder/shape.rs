//! What `config.json` says about an encoder: its family and its sizes, checked so that nothing later has to.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    weights::{
        config::CONFIG,
        fields::{self, Fields},
    },
};

/// What can be computed, for error messages.
pub(super) const SUPPORTED: &str = "supported are encoders of type bert, roberta and xlm-roberta (all-MiniLM, multilingual-e5, bge) and of type new or \
     gte (gte-multilingual-base), unquantised, with GELU, pooled by mean or by the first token";

/// What tells a token where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// A table with a row a position, added to the words (BERT, RoBERTa).
    Table {
        /// Row of the first token.
        first: usize,
        /// Rows of the table.
        n: usize,
    },
    /// Queries and keys that turn (gte).
    Rotary {
        /// Base of the wavelengths.
        theta: f64,
        /// By how much all wavelengths are stretched.
        stretch: f64,
    },
}

/// The shape of an encoder. Every number has been checked: heads divide, nothing is 0 or absurd.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// What tells a token where it stands; with rotary ones the feed-forward layers are gated, too.
    pub positions: Positions,
    /// Width of a token.
    pub hidden_size: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Layers.
    pub n_layers: usize,
    /// Heads of a layer.
    pub n_heads: usize,
    /// Rows of the word embedding.
    pub vocab_size: usize,
    /// Rows of the embedding of token types; 0 where there is none.
    pub n_types: usize,
    /// Term against division by zero in the norms.
    pub epsilon: f64,
    /// Tokens of a text at most, special ones included.
    pub max_tokens: usize,
}

impl Shape {
    /// Reads `config.json` of a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// The file is missing, is no JSON object, describes a model that is no encoder of a known family (the message
    /// names what is unsupported), or holds numbers that cannot be right.
    pub fn read(dir: &Path) -> Result<Shape> {
        let path = dir.join(CONFIG);
        let map = fields::read_object(&path)?.ok_or_else(|| {
            let hint = "an encoder is a directory in the Hugging Face layout: config.json, safetensors files and \
                        tokenizer.json";
            Error::file(&path, "does not exist", hint)
        })?;
        Shape::parse(&path, &map)
    }

    /// Reads a configuration; `path` is for messages only.
    ///
    /// # Errors
    ///
    /// As [`Shape::read`].
    pub fn parse(path: &Path, map: &Map<String, Value>) -> Result<Shape> {
        let fields = Fields { path: path.to_owned(), map, supported: SUPPORTED };
        let rotary = family(&fields)?;
        refuse_variants(&fields, rotary.is_some())?;
        let hidden_size = fields.size("hidden_size", 1 << 16)?;
        let n_heads = fields.size("num_attention_heads", 1 << 12)?;
        if !hidden_size.is_multiple_of(n_heads) {
            return Err(fields.wrong(format!(
                "says `hidden_size` {hidden_size} and {n_heads} attention heads, which does not divide"
            )));
        }
        let head_dim = hidden_size / n_heads;
        let n_positions = fields.size("max_position_embeddings", 1 << 24)?;
        let (positions, max_tokens) = match rotary {
            None => {
                let first = first_position(&fields)?;
                let max_tokens = n_positions.saturating_sub(first);
                (Positions::Table { first, n: n_positions }, max_tokens)
            }
            Some(kind) => (rope(&fields, kind, head_dim)?, n_positions),
        };
        if max_tokens < 3 {
            return Err(fields.wrong(format!(
                "says `max_position_embeddings` {n_positions}, which leaves {max_tokens} tokens for a text"
            )));
        }
        let epsilon = fields.number("layer_norm_eps")?.unwrap_or(1e-12);
        if !(0.0..1.0).contains(&epsilon) {
            return Err(fields.wrong(format!("says `layer_norm_eps` {epsilon}; it lies in 0..1")));
        }
        Ok(Shape {
            positions,
            hidden_size,
            intermediate_size: fields.size("intermediate_size", 1 << 20)?,
            n_layers: fields.size("num_hidden_layers", 1 << 10)?,
            n_heads,
            vocab_size: fields.size("vocab_size", 1 << 24)?,
            n_types: n_types(&fields, rotary.is_some())?,
            epsilon,
            max_tokens,
        })
    }

    /// Returns the width of a head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.n_heads
    }

    /// Returns the angle per position of each pair of a head's numbers; none where a table says the positions.
    pub(super) fn frequencies(&self) -> Option<Vec<f32>> {
        let Positions::Rotary { theta, stretch } = self.positions else { return None };
        let width = self.head_dim();
        let frequency = |pair: usize| {
            let exponent = (2 * pair) as f32 / width as f32;
            1.0 / (theta as f32).powf(exponent) / stretch as f32
        };
        Some((0..width / 2).map(frequency).collect())
    }
}

/// Where the defaults of rotary embeddings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rotary {
    /// The model's own code, `NewModel`.
    New,
    /// transformers' class, `GteModel`.
    Gte,
}

/// Returns how the positions of a known family are told; none says: by a table.
fn family(fields: &Fields<'_>) -> Result<Option<Rotary>> {
    let model_type = fields.text("model_type")?;
    let class = match fields.get("architectures") {
        Some(Value::Array(classes)) => classes.first().and_then(Value::as_str),
        _ => None,
    };
    let rotary = match model_type {
        Some("bert" | "roberta" | "xlm-roberta") => None,
        Some("new") => Some(Rotary::New),
        Some("gte") => Some(Rotary::Gte),
        other => {
            return Err(fields.unsupported(format!(
                "a model of architecture `{}`, type `{}`",
                class.unwrap_or("none"),
                other.unwrap_or("none")
            )));
        }
    };
    // A classifier or a reranker has the same layers, but nobody trained them to yield vectors.
    match class {
        Some(class)
            if !["Model", "ForMaskedLM", "ForPreTraining"].iter().any(|it| class.ends_with(it)) =>
        {
            Err(fields
                .unsupported(format!("a model of architecture `{class}`, which yields no vectors")))
        }
        _ => Ok(rotary),
    }
}

/// Refuses whatever changes the computation of a known family.
fn refuse_variants(fields: &Fields<'_>, rotary: bool) -> Result<()> {
    if let Some(quantization) = fields.get("quantization_config") {
        let method = quantization.get("quant_method").and_then(Value::as_str).unwrap_or("?");
        return Err(fields.unsupported(format!("quantised weights (`{method}`)")));
    }
    match fields.text("hidden_act")? {
        None | Some("gelu") => {}
        Some(other) => return Err(fields.unsupported(format!("the activation `{other}`"))),
    }
    for key in ["is_decoder", "add_cross_attention", "logn_attention_scale", "logn_attention_clip1"]
    {
        if fields.flag(key)? {
            return Err(fields.unsupported(format!("`{key}` = true")));
        }
    }
    let expected = if rotary { "rope" } else { "absolute" };
    match fields.text("position_embedding_type")? {
        Some(other) if other != expected => {
            Err(fields.unsupported(format!("positions of type `{other}`")))
        }
        _ => match fields.text("layer_norm_type")? {
            None | Some("layer_norm") => Ok(()),
            Some(other) => Err(fields.unsupported(format!("norms of type `{other}`"))),
        },
    }
}

/// Returns the row of the first token in the table of positions.
fn first_position(fields: &Fields<'_>) -> Result<usize> {
    if fields.text("model_type")? == Some("bert") {
        return Ok(0);
    }
    // RoBERTa counts from the row after that of padding.
    let padding = fields.ids("pad_token_id")?.first().copied().unwrap_or(1);
    Ok(padding as usize + 1)
}

/// Returns the rows of the embedding of token types; gte may have none.
fn n_types(fields: &Fields<'_>, rotary: bool) -> Result<usize> {
    const KEY: &str = "type_vocab_size";
    match fields.get(KEY).and_then(Value::as_u64) {
        Some(0) if rotary => Ok(0),
        _ => Ok(fields.optional_size(KEY, 1 << 16)?.unwrap_or(if rotary { 1 } else { 2 })),
    }
}

/// Reads `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling` (before).
fn rope(fields: &Fields<'_>, kind: Rotary, head_dim: usize) -> Result<Positions> {
    if !head_dim.is_multiple_of(2) {
        return Err(fields
            .wrong(format!("makes heads {head_dim} wide; rotary embeddings need an even number")));
    }
    let (table, inner) = match fields.table("rope_parameters")? {
        Some(table) => (Some(table.clone()), table.number("rope_theta")?),
        None => (fields.table("rope_scaling")?, None),
    };
    let default = match kind {
        Rotary::New => 10_000.0,
        Rotary::Gte => 160_000.0,
    };
    let theta = match inner {
        Some(theta) => theta,
        None => fields.number("rope_theta")?.unwrap_or(default),
    };
    let scaling = match &table {
        None => "default",
        Some(table) => match table.text("rope_type")? {
            Some(kind) => kind,
            None => table.text("type")?.unwrap_or("default"),
        },
    };
    let factor = match &table {
        Some(table) if table.get("mixed_b").is_some() => {
            return Err(fields.unsupported("rotary embeddings with `mixed_b`".to_owned()));
        }
        Some(table) => table.number("factor")?,
        None => None,
    };
    let (theta, stretch) = match (scaling, factor) {
        ("default", _) => (theta, 1.0),
        ("linear", Some(factor)) => (theta, factor),
        // The base grows, and all waves once more, so that the shortest stays as it was but for little.
        ("ntk", Some(factor)) => (theta * factor, factor.powf(2.0 / head_dim as f64)),
        ("linear" | "ntk", None) => {
            return Err(fields.wrong("has rotary embeddings without `factor`".to_owned()));
        }
        (other, _) => {
            return Err(fields.unsupported(format!("rotary embeddings of type `{other}`")));
        }
    };
    if !(1.0 < theta && theta < 1e30 && (1.0..1e6).contains(&stretch)) {
        return Err(fields.wrong(format!(
            "says `rope_theta` {theta}, stretched by {stretch}; the first is above 1, the other at least 1"
        )));
    }
    Ok(Positions::Rotary { theta, stretch })
}

//! What `config.json` of a Hugging Face directory says about a model, checked so that nothing later has to.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    weights::fields::{self, Fields},
};

/// File name of a model's configuration.
pub const CONFIG: &str = "config.json";

/// What the trainer can load, for error messages.
const SUPPORTED: &str = "supported are LlamaForCausalLM (Llama 2 to 3.2 and models of the same shape) and \
                         Qwen2ForCausalLM (Qwen2, Qwen2.5), unquantised, with SiLU, full attention and rotary \
                         embeddings of type default or llama3";

/// Families of models that the engine computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Llama: no biases.
    Llama,
    /// Qwen2 and Qwen2.5: q, k and v have biases.
    Qwen2,
}

impl Architecture {
    /// Returns the class name of transformers.
    pub fn class(self) -> &'static str {
        match self {
            Architecture::Llama => "LlamaForCausalLM",
            Architecture::Qwen2 => "Qwen2ForCausalLM",
        }
    }

    fn model_type(self) -> &'static str {
        match self {
            Architecture::Llama => "llama",
            Architecture::Qwen2 => "qwen2",
        }
    }
}

/// The stretching of rotary frequencies of Llama 3.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Llama3Scaling {
    /// By how much long wavelengths are stretched.
    pub factor: f64,
    /// Wavelengths over the original length divided by this are stretched in full.
    pub low_freq_factor: f64,
    /// Wavelengths under the original length divided by this stay as they are.
    pub high_freq_factor: f64,
    /// Tokens of a window when the model was first trained.
    pub original_max_position_embeddings: usize,
}

/// Rotary position embeddings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the wavelengths.
    pub theta: f64,
    /// Stretching, if any.
    pub scaling: Option<Llama3Scaling>,
}

/// The shape of a model. Every number has been checked: heads divide, nothing is 0 or absurd.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Family.
    pub architecture: Architecture,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Blocks.
    pub n_layers: usize,
    /// Query heads of a block.
    pub n_heads: usize,
    /// Key and value heads of a block; divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of a head, an even number.
    pub head_dim: usize,
    /// Rows of the embedding; at least one more than the largest id.
    pub vocab_size: usize,
    /// Term against division by zero in the norms.
    pub rms_norm_eps: f64,
    /// Rotary position embeddings.
    pub rope: Rope,
    /// Whether the head is the embedding.
    pub tied: bool,
    /// Whether q, k and v have biases.
    pub qkv_bias: bool,
    /// Id of the token that begins a text.
    pub bos_id: Option<u32>,
    /// Ids of the tokens that end a text.
    pub eos_ids: Vec<u32>,
    /// Tokens of a window at most.
    pub max_position_embeddings: usize,
    /// The whole file, to write it back when a model is merged.
    pub raw: Map<String, Value>,
}

impl ModelConfig {
    /// Reads `config.json` of a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// The file is missing, is no JSON object, describes a model that the engine does not compute (the message
    /// names what is unsupported), or holds numbers that cannot be right.
    pub fn read(dir: &Path) -> Result<ModelConfig> {
        let path = dir.join(CONFIG);
        let bytes = fields::read_bytes(&path)?.ok_or_else(|| {
            Error::file(
                &path,
                "does not exist",
                "`model` names a directory in the Hugging Face layout: config.json, safetensors files and \
                 the tokenizer",
            )
        })?;
        ModelConfig::parse(&path, &bytes)
    }

    /// Reads the bytes of a `config.json`; `path` is for messages only.
    ///
    /// # Errors
    ///
    /// As [`ModelConfig::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<ModelConfig> {
        let raw = fields::parse_object(path, bytes)?;
        let fields = Fields { path: path.to_owned(), map: &raw, supported: SUPPORTED };
        let architecture = fields.architecture()?;
        fields.refuse_variants(architecture)?;

        let hidden_size = fields.size("hidden_size", 1 << 20)?;
        let n_heads = fields.size("num_attention_heads", 1 << 12)?;
        let n_kv_heads = fields.optional_size("num_key_value_heads", 1 << 12)?.unwrap_or(n_heads);
        if !n_heads.is_multiple_of(n_kv_heads) {
            return Err(fields.wrong(format!(
                "says {n_heads} attention heads and {n_kv_heads} key-value heads, which does not divide"
            )));
        }
        let head_dim = match fields.optional_size("head_dim", 1 << 12)? {
            Some(head_dim) => head_dim,
            None if hidden_size.is_multiple_of(n_heads) => hidden_size / n_heads,
            None => {
                return Err(fields.wrong(format!(
                    "says `hidden_size` {hidden_size} and {n_heads} attention heads, which does not divide, and \
                     no `head_dim`"
                )));
            }
        };
        if !head_dim.is_multiple_of(2) {
            return Err(fields.wrong(format!(
                "makes heads {head_dim} wide; rotary embeddings need an even number"
            )));
        }
        let rms_norm_eps = fields.number("rms_norm_eps")?.unwrap_or(1e-6);
        if !(0.0..1.0).contains(&rms_norm_eps) {
            return Err(
                fields.wrong(format!("says `rms_norm_eps` {rms_norm_eps}; it lies in 0..1"))
            );
        }
        let config = ModelConfig {
            architecture,
            hidden_size,
            intermediate_size: fields.size("intermediate_size", 1 << 22)?,
            n_layers: fields.size("num_hidden_layers", 1 << 12)?,
            n_heads,
            n_kv_heads,
            head_dim,
            vocab_size: fields.size("vocab_size", 1 << 24)?,
            rms_norm_eps,
            rope: fields.rope()?,
            tied: fields.flag("tie_word_embeddings")?,
            qkv_bias: architecture == Architecture::Qwen2,
            bos_id: fields.ids("bos_token_id")?.first().copied(),
            eos_ids: fields.ids("eos_token_id")?,
            max_position_embeddings: fields
                .optional_size("max_position_embeddings", 1 << 31)?
                .unwrap_or(match architecture {
                    Architecture::Llama => 2048,
                    Architecture::Qwen2 => 32_768,
                }),
            raw: Map::new(),
        };
        Ok(ModelConfig { raw, ..config })
    }
}

/// Refuses a corpus with ids that the model has no row for; `closing_added` allows one row more, which training adds.
///
/// # Errors
///
/// `largest_id` is not below the number of embedding rows.
pub fn check_vocabulary(config: &ModelConfig, largest_id: u32, closing_added: bool) -> Result<()> {
    let n_rows = config.vocab_size + usize::from(closing_added);
    if (largest_id as usize) < n_rows {
        return Ok(());
    }
    Err(Error::refused(
        format!(
            "the corpus uses token id {largest_id}, but the model's embedding has {} rows",
            config.vocab_size
        ),
        "corpus and model need the same tokenizer: build the corpus with the tokenizer.json of the model's \
         directory",
    ))
}

impl Fields<'_> {
    fn architecture(&self) -> Result<Architecture> {
        const ALL: [Architecture; 2] = [Architecture::Llama, Architecture::Qwen2];
        let model_type = self.text("model_type")?;
        let class = match self.get("architectures") {
            None => None,
            Some(Value::Array(classes)) => classes.first().and_then(Value::as_str),
            Some(other) => {
                return Err(self.wrong(format!("has {other} for `architectures`, which is a list")));
            }
        };
        let found = match (class, model_type) {
            (None, None) => {
                return Err(self.wrong("lacks `architectures` and `model_type`".to_owned()));
            }
            (Some(class), _) => ALL.into_iter().find(|it| it.class() == class),
            (None, Some(model_type)) => ALL.into_iter().find(|it| it.model_type() == model_type),
        };
        // A file whose two fields contradict each other is no model that we know.
        match found {
            Some(it) if model_type.is_none_or(|text| text == it.model_type()) => Ok(it),
            _ => Err(self.unsupported(format!(
                "a model of architecture `{}`, type `{}`",
                class.unwrap_or("none"),
                model_type.unwrap_or("none")
            ))),
        }
    }

    /// Refuses whatever changes the computation of a known architecture.
    fn refuse_variants(&self, architecture: Architecture) -> Result<()> {
        if let Some(quantization) = self.get("quantization_config") {
            let method = quantization.get("quant_method").and_then(Value::as_str).unwrap_or("?");
            return Err(self.unsupported(format!("quantised weights (`{method}`)")));
        }
        match self.text("hidden_act")? {
            None | Some("silu" | "swish") => {}
            Some(other) => return Err(self.unsupported(format!("the activation `{other}`"))),
        }
        if architecture == Architecture::Llama {
            for key in ["attention_bias", "mlp_bias"] {
                if self.flag(key)? {
                    return Err(self.unsupported(format!("`{key}` = true")));
                }
            }
        }
        if architecture == Architecture::Qwen2 && self.flag("use_sliding_window")? {
            return Err(self.unsupported("`use_sliding_window` = true".to_owned()));
        }
        if let Some(Value::Array(types)) = self.get("layer_types") {
            let other = types.iter().find(|it| it.as_str() != Some("full_attention"));
            if let Some(other) = other {
                return Err(self.unsupported(format!("layers of type {other}")));
            }
        }
        Ok(())
    }

    /// Reads `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling` (before).
    fn rope(&self) -> Result<Rope> {
        let (theta, table) = match self.table("rope_parameters")? {
            Some(table) => (table.number("rope_theta")?, Some(table)),
            None => (None, self.table("rope_scaling")?),
        };
        let theta = match theta {
            Some(theta) => theta,
            None => self.number("rope_theta")?.unwrap_or(10_000.0),
        };
        if theta <= 1.0 {
            return Err(self.wrong(format!("says `rope_theta` {theta}, which is above 1")));
        }
        let Some(table) = table else { return Ok(Rope { theta, scaling: None }) };
        let kind = match table.text("rope_type")? {
            Some(kind) => kind,
            None => table.text("type")?.unwrap_or("default"),
        };
        let scaling = match kind {
            "default" => None,
            "llama3" => Some(table.llama3()?),
            other => {
                return Err(self.unsupported(format!("rotary embeddings of type `{other}`")));
            }
        };
        Ok(Rope { theta, scaling })
    }

    fn llama3(&self) -> Result<Llama3Scaling> {
        let need = |key: &str| {
            self.number(key)?
                .ok_or_else(|| self.wrong(format!("has rotary embeddings without `{key}`")))
        };
        let scaling = Llama3Scaling {
            factor: need("factor")?,
            low_freq_factor: need("low_freq_factor")?,
            high_freq_factor: need("high_freq_factor")?,
            original_max_position_embeddings: self
                .size("original_max_position_embeddings", 1 << 31)?,
        };
        let Llama3Scaling { factor, low_freq_factor: low, high_freq_factor: high, .. } = scaling;
        if factor < 1.0 || low <= 0.0 || high <= low {
            return Err(self.wrong(format!(
                "scales rotary embeddings by factor {factor}, low {low}, high {high}; factor is at least 1 and \
                 0 < low < high"
            )));
        }
        Ok(scaling)
    }
}

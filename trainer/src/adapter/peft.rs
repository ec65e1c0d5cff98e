//! The adapter's files in the layout of PEFT: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! A row that was added to the vocabulary travels as PEFT's trainable token: the row itself, not a difference.

use std::{collections::BTreeMap, path::Path};

use crossic_operators::record::Digest;
use serde_json::{Map, Value, json};

use crate::{
    error::{Error, Result},
    settings::{LINEARS, Precision},
    weights::{
        config::ModelConfig,
        header, names,
        tensor::{Dtype, RawTensor},
        write,
    },
};

/// File name of the adapter's configuration.
pub const CONFIG: &str = "adapter_config.json";
/// File name of the adapter's tensors.
pub const TENSORS: &str = "adapter_model.safetensors";
/// Name of the trained row of the embedding, [1, hidden].
pub const EMBEDDING_ROW: &str = "model.embed_tokens.token_adapter.trainable_tokens_delta";
/// Name of the trained row of a head that is not the embedding, [1, hidden].
pub const HEAD_ROW: &str = "lm_head.token_adapter.trainable_tokens_delta";

/// What PEFT puts before every name.
const PREFIX: &str = "base_model.model.";
/// Keys of what only crossic reads, in the metadata of the tensors' file.
const BASE_DIGEST: &str = "crossic.base-digest";
const BASE_SEED: &str = "crossic.base-seed";
const CLOSING: &str = "crossic.closing";
/// Longest configuration that is read.
const MAX_CONFIG: u64 = 16 << 20;

/// Low-rank adapters of a model's linear layers, and the row of a token that training added.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// Rank of all adapters.
    pub rank: usize,
    /// Numerator of their scale `alpha / rank`.
    pub alpha: f64,
    /// Dropout that they were trained with.
    pub dropout: f64,
    /// Linear layers that have one, by the last part of their name, in the order of [`LINEARS`].
    pub targets: Vec<String>,
    /// The token whose rows were trained, if any.
    pub closing: Option<TrainedToken>,
    /// The model that they were trained beside.
    pub base: Base,
    /// Values by Hugging Face name without PEFT's prefix, e.g. `model.layers.0.self_attn.q_proj.lora_A.weight`.
    pub tensors: BTreeMap<String, Matrix>,
}

/// A token that the tokenizer did not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainedToken {
    /// Its row of the embedding: one that no text used, or one past the last.
    pub id: u32,
    /// Its text; empty if another tool wrote the adapter.
    pub text: String,
}

/// The model beside which adapters were trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its directory or name on the Hub, as the pipeline file gave it.
    pub name: String,
    /// Digest of [`crate::weights::source::Weights::digest`]; none if another tool wrote the adapter.
    pub digest: Option<Digest>,
    /// Seed that its weights were drawn from; none where they lie in files.
    pub seed: Option<u64>,
}

/// A matrix in 32 bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Values, row by row.
    pub values: Vec<f32>,
}

/// Returns the names and shapes of an adapter's tensors: A is [rank, in], B is [out, rank].
pub fn expected(
    config: &ModelConfig,
    rank: usize,
    targets: &[String],
    closing: bool,
) -> Vec<(String, [usize; 2])> {
    let mut all = Vec::new();
    for index in 0..config.n_layers {
        for target in targets {
            let module = names::linear_module(target).zip(names::linear_shape(config, target));
            let Some((module, (n_out, n_in))) = module else { continue };
            all.push((names::layer(index, &format!("{module}.lora_A.weight")), [rank, n_in]));
            all.push((names::layer(index, &format!("{module}.lora_B.weight")), [n_out, rank]));
        }
    }
    if closing {
        all.push((EMBEDDING_ROW.to_owned(), [1, config.hidden_size]));
        if !config.tied {
            all.push((HEAD_ROW.to_owned(), [1, config.hidden_size]));
        }
    }
    all
}

impl Adapter {
    /// Returns what multiplies B·A.
    pub fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }

    /// Writes both files into a directory that exists.
    ///
    /// # Errors
    ///
    /// Writing fails.
    pub fn write(&self, dir: &Path, precision: Precision) -> Result<()> {
        let dtype = match precision {
            Precision::F32 => Dtype::F32,
            Precision::Bf16 => Dtype::Bf16,
        };
        let listed: Vec<write::Listed> = self
            .tensors
            .iter()
            .map(|(name, matrix)| write::Listed {
                name: format!("{PREFIX}{name}"),
                dtype,
                shape: matrix.shape.to_vec(),
            })
            .collect();
        let mut metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        if let Some(digest) = self.base.digest {
            metadata.insert(BASE_DIGEST.to_owned(), digest.to_string());
        }
        if let Some(seed) = self.base.seed {
            metadata.insert(BASE_SEED.to_owned(), seed.to_string());
        }
        if let Some(token) = &self.closing {
            metadata.insert(CLOSING.to_owned(), token.text.clone());
        }
        write::write_file(&dir.join(TENSORS), &metadata, &listed, &mut |it| {
            let name = it.name.strip_prefix(PREFIX).unwrap_or_default();
            let values = self.tensors.get(name).map_or(&[][..], |it| &it.values);
            Ok(RawTensor::from_f32(dtype, it.shape.clone(), values))
        })?;
        write::write_json(&dir.join(CONFIG), &self.config())
    }

    /// Returns `adapter_config.json`: only keys that every version of PEFT knows, but for that of the added token.
    fn config(&self) -> Value {
        let mut config = json!({
            "base_model_name_or_path": self.base.name,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "layers_pattern": null,
            "layers_to_transform": null,
            "lora_dropout": self.dropout,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": self.rank,
            "revision": null,
            "target_modules": self.targets,
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": false,
        });
        let Some(map) = config.as_object_mut() else { return config };
        // PEFT's own files have a whole number here.
        let whole = self.alpha.fract() == 0.0 && self.alpha.abs() < 1e9;
        let alpha = if whole { json!(self.alpha as i64) } else { json!(self.alpha) };
        map.insert("lora_alpha".to_owned(), alpha);
        if let Some(token) = &self.closing {
            let mut rows = Map::from_iter([("embed_tokens".to_owned(), json!([token.id]))]);
            if self.tensors.contains_key(HEAD_ROW) {
                rows.insert("lm_head".to_owned(), json!([token.id]));
            }
            map.insert("trainable_token_indices".to_owned(), Value::Object(rows));
        }
        config
    }

    /// Reads both files of a directory.
    ///
    /// # Errors
    ///
    /// A file is missing or damaged, or the adapter is of a kind that cannot be gone on with: the message says which.
    pub fn read(dir: &Path) -> Result<Adapter> {
        let path = dir.join(CONFIG);
        if MAX_CONFIG < fs_err::metadata(&path)?.len() {
            return Err(Error::file(&path, "is too long for an adapter's configuration", ""));
        }
        let bytes = fs_err::read(&path)?;
        let config: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|error| {
            Error::file(&path, format!("is no JSON object: {error}"), "export the adapter again")
        })?;
        refuse_variants(&path, &config)?;

        let tensors_path = dir.join(TENSORS);
        let file = fs_err::File::open(&tensors_path)?;
        let header = header::read(&file)?;
        let mut tensors = BTreeMap::new();
        for (full_name, entry) in &header.tensors {
            let name = full_name.strip_prefix(PREFIX).unwrap_or(full_name);
            let [n_rows, n_columns] = *entry.shape.as_slice() else {
                return Err(foreign(&tensors_path, full_name));
            };
            let tensor = header::read_tensor(&file, full_name, entry, usize::MAX)?;
            if tensor.first_not_finite().is_some() {
                return Err(Error::file(
                    &tensors_path,
                    format!(
                        "holds a number that is infinite or not a number: tensor `{full_name}`"
                    ),
                    "take the adapter of an earlier checkpoint",
                ));
            }
            let matrix = Matrix { shape: [n_rows, n_columns], values: tensor.to_f32() };
            tensors.insert(name.to_owned(), matrix);
        }
        let number = |key: &str| {
            config.get(key).and_then(Value::as_f64).filter(|it| it.is_finite()).ok_or_else(|| {
                Error::file(&path, format!("lacks the number `{key}`"), "export the adapter again")
            })
        };
        let rank = config.get("r").and_then(Value::as_u64).filter(|it| (1..=1 << 16).contains(it));
        let Some(rank) = rank else {
            return Err(Error::file(&path, "has no rank `r` from 1 to 65536", "export it again"));
        };
        let text = header.metadata.get(CLOSING).cloned().unwrap_or_default();
        Ok(Adapter {
            rank: rank as usize,
            alpha: number("lora_alpha")?,
            dropout: number("lora_dropout")?,
            targets: targets(&path, &config)?,
            closing: trained_id(&path, &config)?.map(|id| TrainedToken { id, text }),
            base: Base {
                name: config
                    .get("base_model_name_or_path")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                digest: header.metadata.get(BASE_DIGEST).and_then(|it| Digest::parse(it)),
                seed: header.metadata.get(BASE_SEED).and_then(|it| it.parse().ok()),
            },
            tensors,
        })
    }

    /// Checks that the adapter belongs to a model: its base, and every name and shape.
    ///
    /// # Errors
    ///
    /// It was trained beside another base (the message names both), or does not have the tensors for this one.
    pub fn check(&self, config: &ModelConfig, name: &str, digest: Digest) -> Result<()> {
        const HINT: &str = "use the model that the adapter was trained beside";
        if let Some(own) = self.base.digest.filter(|own| *own != digest) {
            return Err(Error::refused(
                format!(
                    "the adapter was trained beside `{}` (digest {own}), not beside `{name}` (digest {digest})",
                    self.base.name
                ),
                HINT,
            ));
        }
        let expected = expected(config, self.rank, &self.targets, self.closing.is_some());
        for (tensor, shape) in &expected {
            let what = match self.tensors.get(tensor) {
                Some(matrix) if matrix.shape == *shape => continue,
                Some(matrix) => format!("has tensor `{tensor}` with shape {:?}", matrix.shape),
                None => format!("lacks tensor `{tensor}`"),
            };
            return Err(Error::refused(
                format!(
                    "the adapter {what}; rank {} beside `{name}` asks for {shape:?}",
                    self.rank
                ),
                HINT,
            ));
        }
        if expected.len() != self.tensors.len() {
            let known = |it: &&String| expected.iter().all(|(name, _)| name != *it);
            let name = self.tensors.keys().find(known).map_or("", String::as_str);
            return Err(foreign(Path::new(TENSORS), name));
        }
        // The row lies in the table, or is the next one.
        if let Some(token) = self.closing.as_ref().filter(|it| config.vocab_size < it.id as usize) {
            return Err(Error::refused(
                format!(
                    "the adapter trained token id {}, but the embedding of `{name}` has {} rows",
                    token.id, config.vocab_size
                ),
                HINT,
            ));
        }
        Ok(())
    }
}

fn foreign(path: &Path, name: &str) -> Error {
    Error::file(
        path,
        format!("holds tensor `{name}`, which is no part of an adapter that the trainer knows"),
        "supported are the A and B of linear layers within blocks, and one trained token",
    )
}

/// Refuses adapters that compute something else.
fn refuse_variants(path: &Path, config: &Map<String, Value>) -> Result<()> {
    let unsupported = |what: String| {
        let hint = "supported are plain LoRA adapters of linear layers, with one rank for all";
        Err(Error::file(path, format!("asks for {what}, which is unsupported"), hint))
    };
    match config.get("peft_type").and_then(Value::as_str) {
        Some("LORA") => {}
        other => return unsupported(format!("an adapter of type `{}`", other.unwrap_or("none"))),
    }
    if let Some(bias) = config.get("bias").and_then(Value::as_str).filter(|it| *it != "none") {
        return unsupported(format!("`bias` = \"{bias}\""));
    }
    const OFF: [&str; 13] = [
        "alora_invocation_tokens",
        "alpha_pattern",
        "fan_in_fan_out",
        "layer_replication",
        "layers_to_transform",
        "lora_bias",
        "modules_to_save",
        "rank_pattern",
        "target_parameters",
        "use_bdlora",
        "use_dora",
        "use_qalora",
        "use_rslora",
    ];
    for key in OFF {
        let off = match config.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => true,
            Some(Value::Array(all)) => all.is_empty(),
            Some(Value::Object(all)) => all.is_empty(),
            Some(_) => false,
        };
        if !off {
            return unsupported(format!("`{key}`"));
        }
    }
    Ok(())
}

/// Returns the targets in the order of [`LINEARS`]; PEFT writes them in any.
fn targets(path: &Path, config: &Map<String, Value>) -> Result<Vec<String>> {
    let refused = |what: String| {
        let hint = format!("supported are lists of {}", LINEARS.join(", "));
        Err(Error::file(path, what, hint))
    };
    let listed = match config.get("target_modules") {
        Some(Value::Array(all)) => all,
        Some(other) => return refused(format!("has {other} for `target_modules`")),
        None => return refused("lacks `target_modules`".to_owned()),
    };
    for target in listed {
        if !LINEARS.iter().any(|it| target.as_str() == Some(it)) {
            return refused(format!("names {target} in `target_modules`"));
        }
    }
    let targets = LINEARS.iter().filter(|it| listed.iter().any(|own| own.as_str() == Some(it)));
    Ok(targets.map(|it| (*it).to_owned()).collect())
}

/// Returns the token whose rows were trained: a list, or a list for each table.
fn trained_id(path: &Path, config: &Map<String, Value>) -> Result<Option<u32>> {
    let lists = match config.get("trainable_token_indices") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(tables)) => tables.values().collect(),
        Some(list) => vec![list],
    };
    let id = |list: &Value| match list.as_array()?.as_slice() {
        [only] => u32::try_from(only.as_u64()?).ok(),
        _ => None,
    };
    match lists.split_first().map(|(first, rest)| (id(first), rest)) {
        Some((Some(first), rest)) if rest.iter().all(|it| id(it) == Some(first)) => Ok(Some(first)),
        _ => Err(Error::file(
            path,
            "trains several tokens (`trainable_token_indices`), which is unsupported",
            "supported is one token, the same in embedding and head",
        )),
    }
}

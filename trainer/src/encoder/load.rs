//! The weights of an encoder, from the names that each family gives them to the layers that all share.

use std::path::Path;

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{
    layers::{Layer, Model, Norm},
    shape::{Positions, Shape},
};
use crate::{
    error::{Error, Result},
    model::ops::linear::{Group, Layer as Linear, Trained},
    weights::{
        files::{INDEX, SINGLE, WeightFiles},
        tensor::Dtype,
    },
};

/// Name of the table of words, after a prefix.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// What a model with a head puts before the names of its body.
const PREFIXES: [&str; 5] = ["", "bert.", "roberta.", "new.", "gte."];

/// Opens the weights of a directory.
///
/// # Errors
///
/// There are none in the safetensors format, or a file is damaged.
pub(super) fn open(dir: &Path) -> Result<WeightFiles> {
    for name in [SINGLE, INDEX] {
        if fs_err::exists(dir.join(name))? {
            return WeightFiles::list(dir);
        }
    }
    Err(Error::file(
        dir,
        format!("has neither `{SINGLE}` nor `{INDEX}`"),
        "weights are read in the safetensors format only: fetch a version of the encoder that has them, \
         `pytorch_model.bin` and `model.onnx` are not read",
    ))
}

/// Puts the weights of an encoder on a device.
///
/// # Errors
///
/// A tensor is missing, has another shape than `config.json` says, or holds a number that is not finite.
pub(super) fn load(
    files: &WeightFiles,
    shape: Shape,
    device: &Device,
    dtype: DType,
) -> Result<Model> {
    let has = |name: &str| files.info(name).is_some();
    let prefix = PREFIXES.into_iter().find(|it| has(&format!("{it}{WORDS}"))).unwrap_or_default();
    let loader = Loader { files, prefix, shape: &shape, device, dtype };
    let width = shape.hidden_size;
    let words = loader.matrix(WORDS, shape.vocab_size, width)?;
    let positions = match shape.positions {
        Positions::Table { n, .. } => {
            Some(loader.matrix("embeddings.position_embeddings.weight", n, width)?)
        }
        Positions::Rotary { .. } => None,
    };
    let kind = match shape.n_types {
        0 => None,
        n => {
            let table = loader.matrix("embeddings.token_type_embeddings.weight", n, width)?;
            Some(table.narrow(0, 0, 1))
        }
    };
    let norm = loader.norm("embeddings.LayerNorm")?;
    let fused = has(&format!("{prefix}encoder.layer.0.attention.qkv_proj.weight"));
    let layers = (0..shape.n_layers).map(|number| match (&positions, fused) {
        (Some(_), _) => loader.bert(number),
        (None, true) => loader.new_model(number),
        (None, false) => loader.gte(number),
    });
    let layers = layers.collect::<Result<Vec<Layer>>>()?;
    let device = device.clone();
    Ok(Model { words, positions, kind, norm, layers, device, dtype, shape })
}

/// Reads tensors by name.
struct Loader<'a> {
    files: &'a WeightFiles,
    prefix: &'static str,
    shape: &'a Shape,
    device: &'a Device,
    dtype: DType,
}

impl Loader<'_> {
    /// Returns a layer by the names of BERT and RoBERTa.
    fn bert(&self, number: usize) -> Result<Layer> {
        let (width, inner) = (self.shape.hidden_size, self.shape.intermediate_size);
        let name = |rest: &str| format!("encoder.layer.{number}.{rest}");
        let qkv = ["query", "key", "value"].map(|it| name(&format!("attention.self.{it}")));
        Ok(Layer {
            n_heads: self.shape.n_heads,
            head_dim: self.shape.head_dim(),
            qkv: self.group(&qkv, width, width, true)?,
            output: self.group(&[name("attention.output.dense")], width, width, true)?,
            attention_norm: self.norm(&name("attention.output.LayerNorm"))?,
            up: self.group(&[name("intermediate.dense")], inner, width, true)?,
            down: self.group(&[name("output.dense")], width, inner, true)?,
            output_norm: self.norm(&name("output.LayerNorm"))?,
        })
    }

    /// Returns a layer by the names of `NewModel`, where queries, keys and values, and up and gate, lie in one matrix.
    fn new_model(&self, number: usize) -> Result<Layer> {
        let (width, inner) = (self.shape.hidden_size, self.shape.intermediate_size);
        let name = |rest: &str| format!("encoder.layer.{number}.{rest}");
        let mut qkv = self.group(&[name("attention.qkv_proj")], 3 * width, width, true)?;
        qkv.layers = vec![linear(width); 3];
        // The upper half is let through, the lower one is the gate; a layer has the gate first.
        let both = self.matrix(&name("mlp.up_gate_proj.weight"), 2 * inner, width)?;
        let halves = vec![both.clone().narrow(0, inner, inner), both.narrow(0, 0, inner)];
        Ok(Layer {
            n_heads: self.shape.n_heads,
            head_dim: self.shape.head_dim(),
            qkv,
            output: self.group(&[name("attention.o_proj")], width, width, true)?,
            attention_norm: self.norm(&name("attn_ln"))?,
            up: group(halves, Vec::new()),
            down: self.group(&[name("mlp.down_proj")], width, inner, true)?,
            output_norm: self.norm(&name("mlp_ln"))?,
        })
    }

    /// Returns a layer by the names of transformers' `GteModel`.
    fn gte(&self, number: usize) -> Result<Layer> {
        let (width, inner) = (self.shape.hidden_size, self.shape.intermediate_size);
        let name = |rest: &str| format!("layers.{number}.{rest}");
        let qkv = ["q_proj", "k_proj", "v_proj"].map(|it| name(&format!("self_attn.{it}")));
        let up = ["gate_proj", "up_proj"].map(|it| name(&format!("mlp.{it}")));
        Ok(Layer {
            n_heads: self.shape.n_heads,
            head_dim: self.shape.head_dim(),
            qkv: self.group(&qkv, width, width, true)?,
            output: self.group(&[name("self_attn.o_proj")], width, width, true)?,
            attention_norm: self.norm(&name("post_attention_layernorm"))?,
            up: self.group(&up, inner, width, false)?,
            down: self.group(&[name("mlp.down_proj")], width, inner, true)?,
            output_norm: self.norm(&name("post_mlp_layernorm"))?,
        })
    }

    /// Returns linear layers of one shape that share their input.
    fn group(&self, names: &[String], out: usize, width: usize, biased: bool) -> Result<Group> {
        let weights = names.iter().map(|it| self.matrix(&format!("{it}.weight"), out, width));
        let weights = weights.collect::<Result<Vec<Tensor<2>>>>()?;
        let biased = names.iter().filter(|_| biased);
        let biases = biased.map(|it| self.vector(&format!("{it}.bias"), out));
        Ok(group(weights, biases.collect::<Result<Vec<Tensor<1>>>>()?))
    }

    fn norm(&self, name: &str) -> Result<Norm> {
        let width = self.shape.hidden_size;
        Ok(Norm {
            weight: self.vector(&format!("{name}.weight"), width)?,
            bias: self.vector(&format!("{name}.bias"), width)?,
            epsilon: self.shape.epsilon,
        })
    }

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Tensor<2>> {
        Ok(self.numbers(name, &[rows, columns])?.reshape([rows, columns]))
    }

    fn vector(&self, name: &str, n: usize) -> Result<Tensor<1>> {
        self.numbers(name, &[n])
    }

    /// Returns the numbers of a tensor, which has the shape that `config.json` asks for.
    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Tensor<1>> {
        let name = format!("{}{name}", self.prefix);
        let Some((_, found)) = self.files.info(&name) else {
            return Err(self.files.missing(&[name]));
        };
        if found != shape {
            return Err(Error::file(
                self.files.path(&name),
                format!(
                    "has tensor `{name}` with shape {found:?}, but `config.json` asks for {shape:?}"
                ),
                "config.json and weights are of different models: fetch both again",
            ));
        }
        let raw = self.files.finite(&name)?;
        let stored = match raw.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::Bf16 => DType::BF16,
        };
        let data = TensorData::from_bytes_vec(raw.bytes, [shape.iter().product::<usize>()], stored);
        Ok(Tensor::<1>::from_data(data, (self.device, stored)).cast(self.dtype))
    }
}

fn group(weights: Vec<Tensor<2>>, biases: Vec<Tensor<1>>) -> Group {
    Group {
        layers: weights.iter().map(|it| linear(it.dims()[0])).collect(),
        weight: Tensor::cat(weights, 0),
        bias: (!biases.is_empty()).then(|| Tensor::cat(biases, 0)),
        a: None,
        scale: 1.0,
    }
}

fn linear(out: usize) -> Linear {
    Linear { out, b: None, trained: Trained::default() }
}

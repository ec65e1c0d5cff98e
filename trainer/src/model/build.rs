//! Weights and settings to an engine: what is frozen, what is trained, and where each parameter stands.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{
    block::{Block, Norm},
    ops::linear::{Group, Layer, Trained},
};
use crate::{
    error::Result,
    optimizer::parameter::Parameter,
    settings::{Method, Settings},
    weights::{
        config::ModelConfig,
        names::{self, EMBEDDING, FINAL_NORM, HEAD},
        random,
        source::Weights,
        tensor::{Dtype, RawTensor},
    },
};

/// Builds the parts of an engine.
pub(super) struct Builder<'a> {
    pub(super) config: &'a ModelConfig,
    pub(super) settings: &'a Settings,
    pub(super) weights: &'a Weights,
    pub(super) device: &'a Device,
    pub(super) dtype: DType,
    /// The trained parameters so far.
    pub(super) parameters: Vec<Parameter>,
}

impl Builder<'_> {
    fn full(&self) -> bool {
        self.settings.method == Method::Full
    }

    /// Adds a parameter and returns its position.
    pub(super) fn add(&mut self, name: &str, shape: &[usize], value: Tensor<1>) -> usize {
        let decay = 1 < shape.len();
        self.parameters.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            value,
            decay,
        });
        self.parameters.len() - 1
    }

    /// Reads a weight; with `method = "full"` it becomes a parameter, too.
    fn weight<const D: usize>(&mut self, name: &str) -> Result<(Tensor<D>, Option<usize>)> {
        let raw = self.weights.tensor(name)?;
        let shape = raw.shape.clone();
        let trained = self.full().then(|| {
            let value = flat(&raw, DType::F32, self.device);
            self.add(name, &shape, value)
        });
        let tensor = flat(&raw, self.dtype, self.device);
        let dims: [usize; D] = shape
            .try_into()
            .unwrap_or_else(|_| unreachable!("shapes were checked against the configuration"));
        Ok((tensor.reshape(dims), trained))
    }

    pub(super) fn norm(&mut self, name: &str) -> Result<Norm> {
        let (weight, trained) = self.weight(name)?;
        Ok(Norm { weight, trained, epsilon: self.config.rms_norm_eps })
    }

    pub(super) fn embedding(&mut self) -> Result<(Tensor<2>, Option<usize>)> {
        self.weight(EMBEDDING)
    }

    pub(super) fn final_norm(&mut self) -> Result<Norm> {
        self.norm(FINAL_NORM)
    }

    pub(super) fn head(&mut self) -> Result<Option<(Tensor<2>, Option<usize>)>> {
        match self.config.tied {
            true => Ok(None),
            false => self.weight(HEAD).map(Some),
        }
    }

    pub(super) fn block(&mut self, number: usize) -> Result<Block> {
        let config = self.config;
        Ok(Block {
            number: number as u32,
            n_heads: config.n_heads,
            n_kv_heads: config.n_kv_heads,
            head_dim: config.head_dim,
            input_norm: self.norm(&names::layer(number, "input_layernorm.weight"))?,
            qkv: self.group(number, &["q_proj", "k_proj", "v_proj"], config.qkv_bias)?,
            output: self.group(number, &["o_proj"], false)?,
            middle_norm: self.norm(&names::layer(number, "post_attention_layernorm.weight"))?,
            gate_up: self.group(number, &["gate_proj", "up_proj"], false)?,
            down: self.group(number, &["down_proj"], false)?,
        })
    }

    fn group(&mut self, number: usize, targets: &[&str], biased: bool) -> Result<Group> {
        let (mut weights, mut biases, mut layers) = (Vec::new(), Vec::new(), Vec::new());
        for target in targets {
            let module = names::linear_module(target)
                .unwrap_or_else(|| unreachable!("a linear layer of a block"));
            let name = |rest: &str| names::layer(number, &format!("{module}.{rest}"));
            let (weight, trained_weight) = self.weight::<2>(&name("weight"))?;
            let [out, width] = weight.dims();
            weights.push(weight);
            let mut trained = Trained { weight: trained_weight, ..Trained::default() };
            if biased {
                let (bias, trained_bias) = self.weight::<1>(&name("bias"))?;
                biases.push(bias);
                trained.bias = trained_bias;
            }
            if !self.full() && self.settings.targets.iter().any(|it| it == target) {
                let rank = self.settings.rank;
                let (name_a, name_b) = (name("lora_A.weight"), name("lora_B.weight"));
                let numbers = random::lora_a(self.settings.seed, &name_a, rank, width);
                let data = TensorData::new(numbers, [rank * width]);
                let a = Tensor::from_data(data, (self.device, DType::F32));
                trained.a = Some(self.add(&name_a, &[rank, width], a));
                let b = Tensor::zeros([out * rank], (self.device, DType::F32));
                trained.b = Some(self.add(&name_b, &[out, rank], b));
            }
            layers.push(Layer { out, b: None, trained });
        }
        Ok(Group {
            weight: Tensor::cat(weights, 0),
            bias: (!biases.is_empty()).then(|| Tensor::cat(biases, 0)),
            a: None,
            layers,
            scale: self.settings.alpha / self.settings.rank as f64,
        })
    }
}

/// Puts a weight on the device, its numbers end to end.
fn flat(raw: &RawTensor, dtype: DType, device: &Device) -> Tensor<1> {
    let n: usize = raw.shape.iter().product();
    let stored = match raw.dtype {
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::Bf16 => DType::BF16,
    };
    let data = TensorData::from_bytes_vec(raw.bytes.clone(), [n], stored);
    Tensor::<1>::from_data(data, (device, stored)).cast(dtype)
}

/// Brings the weights that a group computes with up to date with the parameters.
pub(super) fn refresh_group(group: &mut Group, parameters: &[Parameter], dtype: DType) {
    let matrix = |index: Option<usize>| matrix_of(parameters, index, dtype);
    for layer in &mut group.layers {
        layer.b = matrix(layer.trained.b);
    }
    let collect = |of: fn(&Layer) -> Option<usize>| -> Vec<Tensor<2>> {
        group.layers.iter().filter_map(|layer| matrix(of(layer))).collect()
    };
    let a = collect(|it| it.trained.a);
    let weights = collect(|it| it.trained.weight);
    let biases: Vec<Tensor<1>> = group
        .layers
        .iter()
        .filter_map(|layer| vector_of(parameters, layer.trained.bias, dtype))
        .collect();
    if !a.is_empty() {
        group.a = Some(Tensor::cat(a, 0));
    }
    if !weights.is_empty() {
        group.weight = Tensor::cat(weights, 0);
    }
    if !biases.is_empty() {
        group.bias = Some(Tensor::cat(biases, 0));
    }
}

/// Brings a norm up to date with the parameters.
pub(super) fn refresh_norm(norm: &mut Norm, parameters: &[Parameter], dtype: DType) {
    if let Some(weight) = vector_of(parameters, norm.trained, dtype) {
        norm.weight = weight;
    }
}

/// Returns a parameter as a matrix.
pub(super) fn matrix_of(
    parameters: &[Parameter],
    index: Option<usize>,
    dtype: DType,
) -> Option<Tensor<2>> {
    let parameter = parameters.get(index?)?;
    let [rows, columns] = parameter.shape.as_slice() else { return None };
    Some(parameter.value.clone().reshape([*rows, *columns]).cast(dtype))
}

fn vector_of(parameters: &[Parameter], index: Option<usize>, dtype: DType) -> Option<Tensor<1>> {
    Some(parameters.get(index?)?.value.clone().cast(dtype))
}

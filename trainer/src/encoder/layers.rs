//! The layers of an encoder, forward only: attention, then the feed-forward layer, a norm after each.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::{
    sentence::Pooling,
    shape::{Positions, Shape},
};
use crate::model::ops::{
    Layout,
    attention::{self, Masks},
    gelu, layer_norm,
    linear::Group,
    rotary::{self, Rotation},
};

/// Queries whose scores exist at once.
const CHUNK: usize = 256;

/// A norm with weight and bias, shape `[width]` each.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) weight: Tensor<1>,
    pub(super) bias: Tensor<1>,
    pub(super) epsilon: f64,
}

impl Norm {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        layer_norm::forward(x, self.weight.clone(), self.bias.clone(), self.epsilon)
    }
}

/// One layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) n_heads: usize,
    pub(super) head_dim: usize,
    /// Queries, keys, values.
    pub(super) qkv: Group,
    /// Output of attention.
    pub(super) output: Group,
    /// Norm after attention.
    pub(super) attention_norm: Norm,
    /// One product whose result is activated, or two: a gate that is activated, and what it lets through.
    pub(super) up: Group,
    /// Back to the width of a token.
    pub(super) down: Group,
    /// Norm after the feed-forward layer.
    pub(super) output_norm: Norm,
}

/// Tokens of texts as one block of rows, padded at the end to the longest.
struct Batch {
    windows: usize,
    length: usize,
    rotation: Option<Rotation>,
    masks: Masks,
}

impl Layer {
    fn forward(&self, x: Tensor<2>, batch: &Batch) -> Tensor<2> {
        let layout = Layout {
            windows: batch.windows,
            length: batch.length,
            heads: self.n_heads,
            width: self.head_dim,
        };
        let heads = |rows: Tensor<2>| match &batch.rotation {
            Some(rotation) => rotation.forward(rows, layout),
            None => rotary::to_heads(rows, layout),
        };
        let [q, k, v]: [Tensor<2>; 3] = parts(&self.qkv, x.clone());
        let (q, k, v) = (heads(q), heads(k), rotary::to_heads(v, layout));
        let (attended, _) = attention::forward(&q, &k, &v, &batch.masks);
        let [attended] = parts(&self.output, rotary::to_rows(attended, layout));
        let x = self.attention_norm.forward(x + attended);
        let activated = match self.up.layers.len() {
            1 => {
                let [up] = parts(&self.up, x.clone());
                gelu::forward(up)
            }
            _ => {
                let [gate, up] = parts(&self.up, x.clone());
                gelu::gated(gate, up)
            }
        };
        let [y] = parts(&self.down, activated);
        self.output_norm.forward(x + y)
    }
}

/// Returns the outputs of a group of as many layers.
fn parts<const N: usize>(group: &Group, x: Tensor<2>) -> [Tensor<2>; N] {
    group.forward(x, None).0.try_into().unwrap_or_else(|_| unreachable!("a group of {N} layers"))
}

/// The weights of an encoder on a device.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) shape: Shape,
    pub(super) device: Device,
    pub(super) dtype: DType,
    /// Shape `[vocabulary, width]`.
    pub(super) words: Tensor<2>,
    /// Shape `[positions, width]`; none where queries and keys turn.
    pub(super) positions: Option<Tensor<2>>,
    /// The row of type 0, which all tokens of a single text have, shape `[1, width]`.
    pub(super) kind: Option<Tensor<2>>,
    /// Norm after the embeddings.
    pub(super) norm: Norm,
    pub(super) layers: Vec<Layer>,
}

impl Model {
    /// Returns the pooled vectors of texts, one after the other, in 32 bits; no text is without tokens.
    pub(super) fn pooled(&self, texts: &[&[u32]], pooling: Pooling) -> Vec<f32> {
        let lengths: Vec<usize> = texts.iter().map(|it| it.len()).collect();
        let length = lengths.iter().copied().max().unwrap_or(0);
        let batch = self.batch(&lengths, length);
        let mut x = self.embedded(texts, length);
        for layer in &self.layers {
            x = layer.forward(x, &batch);
        }
        let x = x.cast(DType::F32).reshape([texts.len(), length, self.shape.hidden_size]);
        let pooled = match pooling {
            Pooling::Cls => x.narrow(1, 0, 1),
            Pooling::Mean => {
                let weights = lengths.iter().flat_map(|n| {
                    (0..length).map(|place| if place < *n { 1.0 / *n as f32 } else { 0.0 })
                });
                let data = TensorData::new(weights.collect::<Vec<f32>>(), [texts.len(), 1, length]);
                Tensor::<3>::from_data(data, (&self.device, DType::F32)).matmul(x)
            }
        };
        pooled.into_data().iter::<f32>().collect()
    }

    fn batch(&self, lengths: &[usize], length: usize) -> Batch {
        let in_memory = crate::host::runs(&self.device, self.dtype);
        let rotation = self.shape.frequencies().map(|frequencies| {
            let positions: Vec<u32> = lengths.iter().flat_map(|_| 0..length as u32).collect();
            let windows = lengths.len();
            Rotation::of(&frequencies, &positions, windows, self.dtype, &self.device, in_memory)
        });
        let masks = Masks::of_lengths(lengths, length, CHUNK, &self.device, in_memory);
        Batch { windows: lengths.len(), length, rotation, masks }
    }

    /// Returns the normalised embeddings of all tokens, padding included, shape `[texts · length, width]`.
    fn embedded(&self, texts: &[&[u32]], length: usize) -> Tensor<2> {
        let ids = texts.iter().flat_map(|text| {
            let padding = std::iter::repeat_n(0, length - text.len());
            text.iter().map(|it| *it as i32).chain(padding)
        });
        let mut x = rows(&self.words, ids.collect(), &self.device);
        if let (Some(table), Positions::Table { first, .. }) =
            (&self.positions, self.shape.positions)
        {
            let places = texts.iter().flat_map(|_| (first..first + length).map(|it| it as i32));
            x = x + rows(table, places.collect(), &self.device);
        }
        if let Some(kind) = &self.kind {
            x = x + kind.clone();
        }
        self.norm.forward(x)
    }
}

/// Returns rows of a table by their numbers.
fn rows(table: &Tensor<2>, numbers: Vec<i32>, device: &Device) -> Tensor<2> {
    let numbers = Tensor::<1, Int>::from_data(numbers.as_slice(), (device, DType::I32));
    table.clone().select(0, numbers)
}

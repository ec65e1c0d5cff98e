//! Rotary position embeddings in Hugging Face's layout: the two halves of a head rotate against each other.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{Layout, host};
use crate::weights::config::{ModelConfig, Rope};

/// Cosines and sines of every row of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// One row of the width of a head a token.
    cosines: Vec<f32>,
    sines: Vec<f32>,
    /// The same on a device, shape `[windows, 1, length, head width]`.
    tensors: Option<(Tensor<4>, Tensor<4>)>,
}

impl Rotation {
    /// Returns the rotations of `positions`, one window after the other; `in_memory` says that what they turn are 32-bit
    /// numbers in memory.
    pub(crate) fn new(
        config: &ModelConfig,
        positions: &[u32],
        windows: usize,
        dtype: DType,
        device: &Device,
        in_memory: bool,
    ) -> Rotation {
        let frequencies = frequencies(&config.rope, config.head_dim);
        Rotation::of(&frequencies, positions, windows, dtype, device, in_memory)
    }

    /// Returns the rotations of `positions` by `frequencies`, one angle a position for each pair of a head's numbers.
    pub(crate) fn of(
        frequencies: &[f32],
        positions: &[u32],
        windows: usize,
        dtype: DType,
        device: &Device,
        in_memory: bool,
    ) -> Rotation {
        let length = positions.len() / windows.max(1);
        let head_dim = 2 * frequencies.len();
        let table = |of: fn(f32) -> f32| {
            let mut numbers = Vec::with_capacity(positions.len() * head_dim);
            for position in positions {
                // transformers multiplies in 32 bits; so do we, to agree at long range.
                let start = numbers.len();
                numbers.extend(frequencies.iter().map(|it| of(*position as f32 * it)));
                numbers.extend_from_within(start..);
            }
            numbers
        };
        let (cosines, sines) = (table(f32::cos), table(f32::sin));
        let tensor = |numbers: &[f32]| {
            let data = TensorData::new(numbers.to_vec(), [windows, 1, length, head_dim]);
            Tensor::<4>::from_data(data, (device, DType::F32)).cast(dtype)
        };
        let tensors = (!in_memory).then(|| (tensor(&cosines), tensor(&sines)));
        Rotation { cosines, sines, tensors }
    }

    /// Returns rows, shape `[rows, heads · width]`, as heads turned by their position, shape
    /// `[windows, heads, length, width]`.
    pub(crate) fn forward(&self, x: Tensor<2>, layout: Layout) -> Tensor<4> {
        match &self.tensors {
            None => host::turn::to_heads(x, Some((&self.cosines, &self.sines)), layout),
            Some((cosines, sines)) => {
                let x = to_heads(x, layout);
                x.clone() * cosines.clone() + swap_halves(x) * sines.clone()
            }
        }
    }

    /// Returns the gradient of the rows that were turned: the gradient turned back.
    pub(crate) fn backward(&self, dy: Tensor<4>, layout: Layout) -> Tensor<2> {
        match &self.tensors {
            None => host::turn::to_rows(dy, Some((&self.cosines, &self.sines)), layout),
            Some((cosines, sines)) => {
                let dx = dy.clone() * cosines.clone() - swap_halves(dy) * sines.clone();
                to_rows(dx, layout)
            }
        }
    }
}

/// Returns rows, shape `[rows, heads · width]`, as heads, shape `[windows, heads, length, width]`.
pub(crate) fn to_heads(x: Tensor<2>, layout: Layout) -> Tensor<4> {
    if host::holds(&x) {
        return host::turn::to_heads(x, None, layout);
    }
    let Layout { windows, length, heads, width } = layout;
    x.reshape([windows, length, heads, width]).swap_dims(1, 2)
}

/// Returns heads as rows, the inverse of [`to_heads`].
pub(crate) fn to_rows(x: Tensor<4>, layout: Layout) -> Tensor<2> {
    if host::holds(&x) {
        return host::turn::to_rows(x, None, layout);
    }
    let Layout { windows, length, heads, width } = layout;
    x.swap_dims(1, 2).reshape([windows * length, heads * width])
}

/// Returns `(-second half, first half)` of the last dimension.
fn swap_halves(x: Tensor<4>) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let (first, second) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
    Tensor::cat(vec![second.neg(), first], 3)
}

/// Returns the angle per position of each pair of a head's numbers, `head_dim / 2` of them.
///
/// The scaling of Llama 3.1 leaves short waves as they are, slows long ones by `factor`, and blends those between
/// (transformers, `_compute_llama3_parameters`).
pub(crate) fn frequencies(rope: &Rope, head_dim: usize) -> Vec<f32> {
    let half = head_dim / 2;
    let plain = (0..half).map(|pair| {
        let exponent = (2 * pair) as f32 / head_dim as f32;
        1.0 / (rope.theta as f32).powf(exponent)
    });
    let Some(scaling) = &rope.scaling else { return plain.collect() };
    let longest = scaling.original_max_position_embeddings as f64;
    let (low, high) = (scaling.low_freq_factor, scaling.high_freq_factor);
    let scaled = plain.map(|frequency| {
        let wave = 2.0 * std::f64::consts::PI / f64::from(frequency);
        let slow = f64::from(frequency) / scaling.factor;
        let blended = match wave {
            wave if wave < longest / high => f64::from(frequency),
            wave if longest / low < wave => slow,
            wave => {
                let smooth = (longest / wave - low) / (high - low);
                (1.0 - smooth) * slow + smooth * f64::from(frequency)
            }
        };
        blended as f32
    });
    scaled.collect()
}

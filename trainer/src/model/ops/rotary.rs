//! Rotary position embeddings in Hugging Face's layout: the two halves of a head rotate against each other.

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::weights::config::{ModelConfig, Rope};

/// Cosines and sines of every row of a batch, shape `[windows, 1, length, head width]`.
#[derive(Clone, Debug)]
pub(in crate::model) struct Rotation {
    cosines: Tensor<4>,
    sines: Tensor<4>,
}

impl Rotation {
    /// Returns the rotations of `positions`, which hold `windows` times `length` numbers.
    pub(in crate::model) fn new(
        config: &ModelConfig,
        positions: &[u32],
        windows: usize,
        dtype: DType,
        device: &Device,
    ) -> Rotation {
        let length = positions.len() / windows.max(1);
        let frequencies = frequencies(&config.rope, config.head_dim);
        let table = |of: fn(f32) -> f32| {
            let mut numbers = Vec::with_capacity(positions.len() * config.head_dim);
            for position in positions {
                for _half in 0..2 {
                    // transformers multiplies in 32 bits; so do we, to agree at long range.
                    numbers.extend(frequencies.iter().map(|it| of(*position as f32 * it)));
                }
            }
            let data = TensorData::new(numbers, [windows, 1, length, config.head_dim]);
            Tensor::<4>::from_data(data, (device, DType::F32)).cast(dtype)
        };
        Rotation { cosines: table(f32::cos), sines: table(f32::sin) }
    }

    /// Returns `x` turned by its position, shape `[windows, heads, length, head width]`.
    pub(in crate::model) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        x.clone() * self.cosines.clone() + swap_halves(x) * self.sines.clone()
    }

    /// Returns the gradient of what was turned: the gradient turned back.
    pub(in crate::model) fn backward(&self, dy: Tensor<4>) -> Tensor<4> {
        dy.clone() * self.cosines.clone() - swap_halves(dy) * self.sines.clone()
    }
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
pub(in crate::model) fn frequencies(rope: &Rope, head_dim: usize) -> Vec<f32> {
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

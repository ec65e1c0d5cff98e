//! Dropout without state: whether a number stays is a hash of where it stands.
//!
//! A mask is drawn again wherever it is needed (backward pass, recomputed block, resumed run), so that nothing has to be
//! stored, and no order of drawing matters.

use burn::tensor::{DType, Device, Int, Tensor};

use super::host;

/// Where in a run a mask belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u32);

impl Key {
    /// Returns the key of a micro-batch of a step.
    pub fn new(seed: u64, step: u64, micro_batch: u64) -> Key {
        Key(0)
            .with(seed as u32)
            .with((seed >> 32) as u32)
            .with(step as u32)
            .with(micro_batch as u32)
    }

    /// Returns the key of a part of this key's place, such as a block or a group of layers.
    pub(crate) fn with(self, part: u32) -> Key {
        Key(mix(self.0 ^ mix(part.wrapping_add(0x9E37_79B9))))
    }
}

/// Dropout of one place: the probability and the key, or nothing to drop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropout {
    /// Probability that a number is zeroed, less than 1.
    pub(crate) probability: f64,
    /// Where the mask belongs.
    pub(crate) key: Key,
}

impl Dropout {
    /// Returns `x` with some numbers zeroed and the others multiplied by `1 / (1 - p)`; so it does to gradients.
    pub(crate) fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        let limit = (self.probability * f64::from(u32::MAX)) as u32;
        let scale = 1.0 / (1.0 - self.probability);
        if host::holds(&x) {
            return host::mask::apply(x, |index| mix(index ^ self.key.0) < limit, scale as f32);
        }
        let [rows, width] = x.dims();
        let mask = device_mask(self.key, rows * width, limit, scale, &x.device());
        let mask = mask.reshape([rows, width]).cast(x.dtype());
        x * mask
    }
}

/// Returns the mask by tensor operations, for devices that copying it to would cost more.
///
/// The device has signed 32-bit integers: products wrap, and shifts to the right are masked to be logical ones.
fn device_mask(key: Key, n: usize, limit: u32, scale: f64, device: &Device) -> Tensor<1> {
    let index = Tensor::<1, Int>::arange(0..n as i64, (device, DType::I32));
    let mut x = index.bitwise_xor_scalar(key.0 as i32);
    let shifted = |x: &Tensor<1, Int>, by: i32| {
        let low_bits = (u32::MAX >> by) as i32;
        x.clone().bitwise_right_shift_scalar(by).bitwise_and_scalar(low_bits)
    };
    x = x.clone().bitwise_xor(shifted(&x, 16)).mul_scalar(FIRST as i32);
    x = x.clone().bitwise_xor(shifted(&x, 15)).mul_scalar(SECOND as i32);
    x = x.clone().bitwise_xor(shifted(&x, 16));
    // Unsigned order is signed order with the top bit flipped.
    let stays = x.bitwise_xor_scalar(i32::MIN).greater_equal_elem((limit ^ 0x8000_0000) as i32);
    stays.float().cast(DType::F32).mul_scalar(scale)
}

const FIRST: u32 = 0x21F0_AAAD;
const SECOND: u32 = 0xD35A_2D97;

/// Mixes the bits of a number: a bijection of 32 bits that leaves no visible pattern (constants of the "hash prospector" search, public domain).
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(FIRST);
    x ^= x >> 15;
    x = x.wrapping_mul(SECOND);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ones(rows: usize, width: usize) -> Tensor<2> {
        Tensor::ones([rows, width], (&Device::flex(), DType::F32))
    }

    #[test]
    fn host_and_device_draw_the_same_mask() {
        for seed in 0..5 {
            let dropout = Dropout { probability: 1.0 / 3.0, key: Key::new(seed, 7, 1).with(3) };
            let host = dropout.apply(ones(40, 25));
            let limit = (dropout.probability * f64::from(u32::MAX)) as u32;
            let other = device_mask(dropout.key, 1000, limit, 1.5, &Device::flex());
            assert_eq!(host.into_data(), other.reshape([40, 25]).into_data());
        }
    }

    #[test]
    fn keeps_the_share_that_it_should_and_the_mean() {
        let dropout = Dropout { probability: 0.05, key: Key::new(1, 2, 3) };
        let mask = dropout.apply(ones(400, 500));
        let kept = mask.clone().greater_elem(0.0).float().mean().into_scalar::<f32>();
        assert!((kept - 0.95).abs() < 2e-3, "{kept}");
        assert!((mask.mean().into_scalar::<f32>() - 1.0).abs() < 2e-3);
    }

    #[test]
    fn other_keys_draw_other_masks() {
        let mask = |key| Dropout { probability: 0.5, key }.apply(ones(10, 100)).into_data();
        let one = mask(Key::new(1, 1, 0));
        assert_eq!(one, mask(Key::new(1, 1, 0)));
        for key in
            [Key::new(2, 1, 0), Key::new(1, 2, 0), Key::new(1, 1, 1), Key::new(1, 1, 0).with(1)]
        {
            assert_ne!(one, mask(key));
        }
    }
}

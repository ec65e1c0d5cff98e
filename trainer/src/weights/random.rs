//! Numbers that depend on nothing but a seed, a name and a position: the same on every machine, in any order.

use std::{num::NonZero, thread};

use crossic_operators::record::Digest;

use crate::{
    error::{Error, Result},
    weights::{config::ModelConfig, names, names::Role, tensor},
};

/// Standard deviation of the matrices of a random model.
const DEVIATION: f32 = 0.02;

/// A stream of random words for one tensor.
#[derive(Clone, Copy, Debug)]
struct Stream {
    key: u64,
}

impl Stream {
    fn new(seed: u64, name: &str) -> Stream {
        let [key, _] = Digest::of_fields(&[b"weights", &seed.to_le_bytes(), name.as_bytes()]).0;
        Stream { key }
    }

    /// Returns a word of the stream, the finish of SplitMix64 over a Weyl sequence.
    fn word(self, index: u64) -> u64 {
        let mut word = self.key.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Returns a number of mean 0 and deviation 1.
    ///
    /// It is the sum of twelve uniform numbers: normal but for its tails, which end at 6. Whole numbers make it the
    /// same on every machine, which logarithm and cosine are not.
    fn normal(self, index: usize) -> f32 {
        const MEAN: i32 = 12 * 0xffff / 2;
        let first = (index as u64).wrapping_mul(3);
        let words = (0..3).map(|it| self.word(first.wrapping_add(it)));
        let sum: i32 =
            words.map(|it| (0..4).map(|i| (it >> (16 * i) & 0xffff) as i32).sum::<i32>()).sum();
        (sum - MEAN) as f32 / 65_536.0
    }

    /// Returns a number of [-1, 1).
    fn uniform(self, index: usize) -> f32 {
        (self.word(index as u64) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Returns a tensor of a random model, or its first `n_max` numbers: matrices are normal with deviation 0.02, norms
/// are 1, biases are 0.
///
/// # Errors
///
/// The model has no tensor of that name.
pub fn tensor(
    config: &ModelConfig,
    seed: u64,
    name: &str,
    n_max: usize,
) -> Result<tensor::RawTensor> {
    let expected = names::expected(config).into_iter().find(|it| it.name == name);
    let Some(names::Expected { shape, role, .. }) = expected else {
        return Err(Error::refused(format!("a random model has no tensor `{name}`"), ""));
    };
    let n = shape.iter().product::<usize>().min(n_max);
    let values = match role {
        Role::Norm => vec![1.0; n],
        Role::Bias => vec![0.0; n],
        Role::Matrix => normal(seed, name, n, DEVIATION),
    };
    Ok(tensor::RawTensor::from_f32(tensor::Dtype::F32, shape, &values))
}

/// Returns `n` numbers of mean 0.
pub fn normal(seed: u64, name: &str, n: usize, deviation: f32) -> Vec<f32> {
    let stream = Stream::new(seed, name);
    fill(n, |index| stream.normal(index) * deviation)
}

/// Returns the first value of an adapter's A, [rank, n_in]: uniform between ±1/√n_in, as PEFT draws it.
///
/// B begins with zeros, so that an adapter begins with no effect.
pub fn lora_a(seed: u64, name: &str, rank: usize, n_in: usize) -> Vec<f32> {
    let stream = Stream::new(seed, name);
    let bound = 1.0 / (n_in as f32).sqrt();
    fill(rank * n_in, |index| stream.uniform(index) * bound)
}

/// Numbers below which threads are not worth their start.
const CHUNK: usize = 1 << 20;

/// Computes a number for every index, on all cores where there are many.
fn fill(n: usize, value: impl Fn(usize) -> f32 + Sync) -> Vec<f32> {
    let mut values = vec![0.0; n];
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    let n_chunk = n.div_ceil(n_threads).max(CHUNK);
    thread::scope(|scope| {
        for (number, chunk) in values.chunks_mut(n_chunk).enumerate() {
            let value = &value;
            let mut work = move || {
                for (index, it) in chunk.iter_mut().enumerate() {
                    *it = value(number * n_chunk + index);
                }
            };
            if n <= n_chunk {
                work();
            } else {
                scope.spawn(work);
            }
        }
    });
    values
}

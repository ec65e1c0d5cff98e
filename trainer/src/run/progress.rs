//! The numbers of the progress line, and where they come from.
//!
//! MFU is the share of the device's speed that the operations of the model itself make up: operations done again to
//! save memory do not count. The device's speed is not looked up but measured, once at the start, as the speed of one
//! large product of matrices ([`probe`]); it is a log figure and no promise.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

/// What the line after a step says.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run.
    pub n_steps: u64,
    /// Passes over the corpus.
    pub epoch: f64,
    /// Loss, smoothed over about the last twenty steps.
    pub loss: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Norm of all gradients together, before clipping.
    pub grad_norm: f64,
    /// Tokens per second of the step, padding not counted.
    pub tokens_per_second: f64,
    /// Share of the places of the windows that no token fills.
    pub padding: f64,
    /// Share of the device's speed that is put to use, 0 to 1.
    pub mfu: Option<f64>,
    /// Bytes in use, on the device or of this process.
    pub memory: Option<u64>,
    /// Time to the end, at the pace so far.
    pub eta: Duration,
}

/// A mean in which older values fade, as TensorBoard's: the first value counts in full.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Smooth {
    sum: f64,
    weight: f64,
}

/// What is left of a value after a step.
const FADING: f64 = 0.9;

impl Smooth {
    /// Adds a value and returns the mean.
    pub fn add(&mut self, value: f64) -> f64 {
        self.sum = FADING * self.sum + (1.0 - FADING) * value;
        self.weight = FADING * self.weight + (1.0 - FADING);
        self.sum / self.weight
    }
}

/// The measures of a decoder that its operations depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Numbers of the matrices of all blocks, and of the output matrix, tied or not.
    pub n_weights: f64,
    /// Of those, the ones that are trained themselves.
    pub n_trained: f64,
    /// Numbers of all adapters.
    pub n_adapter: f64,
    /// Blocks.
    pub n_layers: f64,
    /// Heads times the length of a head.
    pub attention_width: f64,
}

impl Shape {
    /// Returns the operations of a token in training, in a window of `n_tokens`.
    ///
    /// A product with a matrix of W numbers takes 2W forward, 2W for the gradient of its input, and 2W for that of the
    /// matrix if it is trained. The two products of attention take 2·2·width·n/2 forward, as a token sees half of the
    /// window in the mean, and twice that backward.
    pub fn flops_per_token(&self, n_tokens: f64) -> f64 {
        let products = 4.0 * self.n_weights + 2.0 * self.n_trained + 6.0 * self.n_adapter;
        let attention = 3.0 * 2.0 * self.attention_width * n_tokens * self.n_layers;
        products + attention
    }
}

/// Measures the speed of a product of square matrices, in operations per second; the best of three after one to warm
/// up. A large size is 1024 on a CPU, and 8192 on a GPU.
///
/// Returns `None` if the device fails.
pub fn probe(device: &Device, size: usize, cast: impl Fn(Tensor<2>) -> Tensor<2>) -> Option<f64> {
    let a = cast(Tensor::<2>::ones([size, size], device));
    let operations = 2.0 * (size as f64).powi(3);
    let mut best = 0.0_f64;
    for round in 0..4 {
        let begun = Instant::now();
        let product = a.clone().matmul(a.clone()).narrow(0, 0, 1).narrow(1, 0, 1);
        // Reading one number waits for the product.
        product.try_into_vec_as::<f32>().ok()?;
        if round != 0 {
            best = best.max(operations / begun.elapsed().as_secs_f64().max(1e-9));
        }
    }
    Some(best)
}

/// Returns the bytes of memory that this process has in use, where the system tells.
pub fn process_memory() -> Option<u64> {
    status_bytes(&fs_err::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Returns the most bytes that this process has ever had in use, where the system tells.
pub fn process_peak() -> Option<u64> {
    status_bytes(&fs_err::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

fn status_bytes(status: &str, key: &str) -> Option<u64> {
    let rest = status.lines().find_map(|it| it.strip_prefix(key))?;
    let kilobytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Returns the time to the end, if `n_done` units took `elapsed`. At least one must be done.
pub fn eta(elapsed: Duration, n_done: u64, n_left: u64) -> Duration {
    let seconds = elapsed.as_secs_f64() / n_done.max(1) as f64 * n_left as f64;
    // Nobody waits a thousand years.
    Duration::from_secs_f64(seconds.min(3e10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoothed_mean_is_of_all_values_with_fading_weights() {
        let values = [4.0, 2.0, 8.0, 1.0];
        let mut smooth = Smooth::default();
        assert_eq!(smooth.add(values[0]), values[0]);
        smooth.add(values[1]);
        smooth.add(values[2]);
        let found = smooth.add(values[3]);
        let weights = [0.729, 0.81, 0.9, 1.0];
        let sum: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        let expected = sum / weights.iter().sum::<f64>();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn operations_are_those_of_the_research_page() {
        // Llama-3.1-8B, rank 64 on every linear layer, 4096 tokens: 30 G for the frozen products, 1 G for adapters,
        // and three times 1.07 G for attention, whose backward pass the page counts at 2.5 instead of 2.
        let layer = 4096.0 * (4096.0 * 2.0 + 1024.0 * 2.0 + 14336.0 * 3.0);
        let shape = Shape {
            n_weights: 32.0 * layer + 128_256.0 * 4096.0,
            n_trained: 0.0,
            n_adapter: 167.8e6,
            n_layers: 32.0,
            attention_width: 4096.0,
        };
        let found = shape.flops_per_token(4096.0);
        assert!((found / 1e9 - (30.0 + 1.0 + 3.2)).abs() < 0.5, "{found}");
        let full = Shape { n_trained: shape.n_weights, n_adapter: 0.0, ..shape };
        let found = full.flops_per_token(0.0);
        assert!((found / (6.0 * shape.n_weights) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn memory_is_read_from_the_system() {
        let status = "Name:\tx\nVmHWM:\t  12345 kB\nVmRSS:\t 100 kB\n";
        assert_eq!(status_bytes(status, "VmHWM:"), Some(12345 * 1024));
        assert_eq!(status_bytes("VmRSS: much\n", "VmRSS:"), None);
        assert_eq!(status_bytes("", "VmRSS:"), None);
    }

    #[test]
    fn the_probe_measures_something() {
        let speed = probe(&Device::flex(), 64, |it| it).unwrap();
        assert!(1e6 < speed, "{speed}");
    }

    #[test]
    fn the_time_to_the_end_goes_by_the_pace_so_far() {
        assert_eq!(eta(Duration::from_secs(10), 5, 20), Duration::from_secs(40));
        assert_eq!(eta(Duration::ZERO, 0, 20), Duration::ZERO);
        eta(Duration::MAX, 1, u64::MAX);
    }
}

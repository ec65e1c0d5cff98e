//! The norm of all gradients together, and what it is cut down to.
//!
//! Squares are added up on the device in rows of a fixed length, row sums likewise, so that the order of the additions
//! depends on nothing but the number of values: flex adds up long vectors in an order that its threads settle among
//! themselves, and one running sum of a hundred million values would lose digits.

use burn::tensor::Tensor;

use crate::error::Result;

/// Values of a row.
const ROW: usize = 4096;

/// Returns the sums of the squares of the gradients that exist, one `[1]` each, in their order and on their device.
pub fn squares(gradients: &[Option<Tensor<1>>]) -> Vec<Tensor<1>> {
    gradients.iter().flatten().map(|it| sum(it.clone().square())).collect()
}

/// Returns the sum of a vector as `[1]`.
pub fn sum(values: Tensor<1>) -> Tensor<1> {
    let mut values = values;
    loop {
        let [n_values] = values.dims();
        if n_values <= ROW {
            return values.sum_dim(0);
        }
        let n_rows = n_values / ROW;
        let whole = values.clone().narrow(0, 0, n_rows * ROW).reshape([n_rows, ROW]);
        let mut sums = vec![whole.sum_dim(1).reshape([n_rows])];
        if n_rows * ROW < n_values {
            sums.push(values.narrow(0, n_rows * ROW, n_values - n_rows * ROW).sum_dim(0));
        }
        values = Tensor::cat(sums, 0);
    }
}

/// Returns the norm of the whole, given the sums of squares of its parts.
pub fn norm(squares: &[f32]) -> f64 {
    squares.iter().map(|it| f64::from(*it)).sum::<f64>().sqrt()
}

/// Returns what gradients of this norm are multiplied by so that it becomes at most `clip`; torch's term against
/// division by zero included. A `clip` of 0 is no limit.
pub fn scale(norm: f64, clip: f64) -> f64 {
    if clip <= 0.0 { 1.0 } else { (clip / (norm + 1e-6)).min(1.0) }
}

/// Reads vectors of one number each in one go.
///
/// # Errors
///
/// The device has failed.
pub fn read(numbers: Vec<Tensor<1>>) -> Result<Vec<f32>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = Tensor::cat(numbers, 0).try_into_vec_as::<f32>();
    numbers.map_err(|cause| std::io::Error::other(format!("the device failed: {cause}")).into())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn check(n_values: usize) {
        let values: Vec<f32> =
            (0..n_values).map(|it| ((it * 7919) % 1009) as f32 / 500.0).collect();
        let expected: f64 = values.iter().map(|it| f64::from(*it).powi(2)).sum();
        let gradient = Tensor::<1>::from_data(values.as_slice(), &Device::flex());
        let found = read(squares(&[Some(gradient)])).unwrap()[0];
        let tolerance = 1e-6 * expected.max(1e-9);
        assert!((f64::from(found) - expected).abs() <= tolerance, "{n_values}: {found} {expected}");
    }

    #[test]
    fn the_sum_of_squares_is_that_of_double_precision() {
        for n_values in [1, 2, 4095, 4096, 4097, 3 * 4096, 3 * 4096 + 5, 1_000_003] {
            check(n_values);
        }
    }

    #[test]
    fn many_equal_values_lose_no_digits() {
        // A running sum in 32 bits stops at 16,777,216.
        let ones = Tensor::<1>::ones([20_000_000], &Device::flex());
        assert_eq!(read(vec![sum(ones)]).unwrap(), [20_000_000.0]);
    }

    #[test]
    fn the_norm_is_that_of_all_together_and_missing_gradients_count_nothing() {
        let device = Device::flex();
        let gradients = [
            Some(Tensor::<1>::from_data([3.0_f32, 0.0], &device)),
            None,
            Some(Tensor::<1>::from_data([-4.0_f32], &device)),
        ];
        let squares = read(squares(&gradients)).unwrap();
        assert_eq!(squares, [9.0, 16.0]);
        assert_eq!(norm(&squares), 5.0);
        assert_eq!(norm(&[]), 0.0);
        assert!(!norm(&[1.0, f32::NAN]).is_finite());
    }

    #[test]
    fn only_norms_above_the_limit_are_cut() {
        assert_eq!(scale(0.5, 1.0), 1.0);
        assert_eq!(scale(0.0, 1.0), 1.0);
        assert_eq!(scale(100.0, 0.0), 1.0);
        assert!((scale(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert!(scale(4.0, 1.0) < 0.25);
    }
}

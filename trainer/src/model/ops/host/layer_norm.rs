//! Layer normalisation, a row while it is in the cache.

use burn::tensor::Tensor;

use super::{numbers, rows, sum_of, tensor};

/// See [`super::super::layer_norm::forward`].
pub(in crate::model::ops) fn forward(
    x: Tensor<2>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<2> {
    let [n, width] = x.dims();
    let (mut x, weight, bias) = (numbers(x), numbers(weight), numbers(bias));
    let share = 1.0 / width as f32;
    rows(&mut x, width, |_, x| {
        let mean = sum_of(x, x, |it, _| it) * share;
        // The sum of squares less the square of the sum would lose what rows far from 0 differ in.
        let variance = sum_of(x, x, |it, _| (it - mean) * (it - mean)) * share;
        let inverse = 1.0 / (variance + epsilon as f32).sqrt();
        for ((it, weight), bias) in x.iter_mut().zip(&weight).zip(&bias) {
            *it = (*it - mean) * inverse * weight + bias;
        }
    });
    tensor(x, [n, width])
}

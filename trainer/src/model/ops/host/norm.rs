//! Root mean square normalisation in one pass a row.

use burn::tensor::Tensor;

use super::{numbers, row, rows, sum_of, tensor};

/// See [`super::super::rms_norm::forward`].
pub(in crate::model::ops) fn forward(x: Tensor<2>, weight: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let [n, width] = x.dims();
    let (x, weight) = (numbers(x), numbers(weight));
    let mut y = vec![0.0; n * width];
    rows(&mut y, width, |number, y| {
        let x = row(&x, number, width);
        let inverse = inverse(x, epsilon);
        for ((y, x), weight) in y.iter_mut().zip(x).zip(&weight) {
            *y = x * inverse * weight;
        }
    });
    tensor(y, [n, width])
}

/// See [`super::super::rms_norm::backward`]; the gradient of the weight is not made here.
pub(in crate::model::ops) fn backward(
    x: Tensor<2>,
    weight: Tensor<1>,
    epsilon: f64,
    dy: Tensor<2>,
) -> Tensor<2> {
    let [n, width] = x.dims();
    let (x, weight, mut dx) = (numbers(x), numbers(weight), numbers(dy));
    rows(&mut dx, width, |number, dx| {
        let x = row(&x, number, width);
        let inverse = inverse(x, epsilon);
        for (dx, weight) in dx.iter_mut().zip(&weight) {
            *dx *= weight;
        }
        let along = sum_of(dx, x, |dx, x| dx * x) * inverse * inverse / width as f32;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = (*dx - x * along) * inverse;
        }
    });
    tensor(dx, [n, width])
}

#[inline(always)]
fn inverse(x: &[f32], epsilon: f64) -> f32 {
    let mean = sum_of(x, x, |a, b| a * b) / x.len() as f32;
    1.0 / (mean + epsilon as f32).sqrt()
}

//! Root mean square normalisation, as Hugging Face computes it: in 32 bits, then cast, then scaled.

use burn::tensor::{DType, Tensor};

use super::host;

/// Returns `x / rms(x) * weight`, shape `[rows, width]`; `weight` has shape `[width]`.
pub(in crate::model) fn forward(x: Tensor<2>, weight: Tensor<1>, epsilon: f64) -> Tensor<2> {
    match host::holds(&x) {
        true => host::norm::forward(x, weight, epsilon),
        false => forward_tensors(x, weight, epsilon),
    }
}

pub(super) fn forward_tensors(x: Tensor<2>, weight: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let dtype = x.dtype();
    let (scaled, _) = normalise(x, epsilon);
    scaled.cast(dtype) * weight.unsqueeze::<2>()
}

/// Returns the gradients of `x` and, if asked for, of `weight` (in 32 bits), from that of the result.
pub(in crate::model) fn backward(
    x: Tensor<2>,
    weight: Tensor<1>,
    epsilon: f64,
    dy: Tensor<2>,
    wants_weight: bool,
) -> (Tensor<2>, Option<Tensor<1>>) {
    match host::holds(&x) && !wants_weight {
        true => (host::norm::backward(x, weight, epsilon, dy), None),
        false => backward_tensors(x, weight, epsilon, dy, wants_weight),
    }
}

pub(super) fn backward_tensors(
    x: Tensor<2>,
    weight: Tensor<1>,
    epsilon: f64,
    dy: Tensor<2>,
    wants_weight: bool,
) -> (Tensor<2>, Option<Tensor<1>>) {
    let dtype = x.dtype();
    let (scaled, inverse) = normalise(x, epsilon);
    let dy = dy.cast(DType::F32);
    let dweight =
        wants_weight.then(|| (dy.clone() * scaled.clone()).sum_dim(0).reshape([weight.dims()[0]]));
    let dscaled = dy * weight.cast(DType::F32).unsqueeze::<2>();
    let along = (dscaled.clone() * scaled.clone()).mean_dim(1);
    let dx = (dscaled - scaled * along) * inverse;
    (dx.cast(dtype), dweight)
}

/// Returns `x / rms(x)` and `1 / rms(x)`, shape `[rows, 1]`, both in 32 bits.
fn normalise(x: Tensor<2>, epsilon: f64) -> (Tensor<2>, Tensor<2>) {
    let x = x.cast(DType::F32);
    let inverse = x.clone().square().mean_dim(1).add_scalar(epsilon).sqrt().recip();
    (x * inverse.clone(), inverse)
}

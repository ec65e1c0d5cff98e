//! Layer normalisation, as encoders of BERT's kind have it: mean 0 and variance 1, then scaled and moved. Forward only.

use burn::tensor::{DType, Tensor};

use super::host;

/// Returns `(x - mean) / sqrt(variance + epsilon) * weight + bias` of every row, shape `[rows, width]`.
pub(crate) fn forward(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f64) -> Tensor<2> {
    match host::holds(&x) {
        true => host::layer_norm::forward(x, weight, bias, epsilon),
        false => forward_tensors(x, weight, bias, epsilon),
    }
}

pub(super) fn forward_tensors(
    x: Tensor<2>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<2> {
    let dtype = x.dtype();
    let x = x.cast(DType::F32);
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    let scaled = centred / variance.add_scalar(epsilon).sqrt();
    scaled.cast(dtype) * weight.unsqueeze::<2>() + bias.unsqueeze::<2>()
}

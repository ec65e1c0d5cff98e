//! The gated activation of the feed-forward layer: `silu(gate) * up`.

use burn::tensor::{Tensor, activation};

use super::host;

/// Returns `silu(gate) * up`; all shapes are equal.
pub(in crate::model) fn forward(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    match host::holds(&gate) {
        true => host::activation::forward(gate, up),
        false => forward_tensors(gate, up),
    }
}

pub(super) fn forward_tensors(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    activation::silu(gate) * up
}

/// Returns the gradients of `gate` and `up` from that of the result.
pub(in crate::model) fn backward(
    gate: Tensor<2>,
    up: Tensor<2>,
    dy: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    match host::holds(&gate) {
        true => host::activation::backward(gate, up, dy),
        false => backward_tensors(gate, up, dy),
    }
}

pub(super) fn backward_tensors(
    gate: Tensor<2>,
    up: Tensor<2>,
    dy: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let sigmoid = activation::sigmoid(gate.clone());
    let silu = gate * sigmoid.clone();
    // silu'(g) = σ + g σ (1 - σ) = σ + silu - silu σ
    let slope = sigmoid.clone() + silu.clone() - silu.clone() * sigmoid;
    (dy.clone() * up * slope, dy * silu)
}

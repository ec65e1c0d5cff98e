//! The activation of encoders: `x Φ(x)` with the normal distribution itself, not its approximation by tanh. Forward only.

use burn::tensor::{Tensor, activation};

use super::host;

/// Returns `gelu(x)`.
pub(crate) fn forward(x: Tensor<2>) -> Tensor<2> {
    match host::holds(&x) {
        true => host::gelu::forward(x),
        false => activation::gelu(x),
    }
}

/// Returns `gelu(gate) * up`; all shapes are equal.
pub(crate) fn gated(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    match host::holds(&gate) {
        true => host::gelu::gated(gate, up),
        false => activation::gelu(gate) * up,
    }
}

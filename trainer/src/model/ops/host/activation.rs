//! The gated activation in one pass.

use burn::tensor::Tensor;

use super::{exp, numbers, row, rows, rows_of_two, tensor};

/// See [`super::super::swiglu::forward`].
pub(in crate::model::ops) fn forward(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let [n, width] = gate.dims();
    let (mut gate, up) = (numbers(gate), numbers(up));
    rows(&mut gate, width, |number, gate| {
        for (gate, up) in gate.iter_mut().zip(row(&up, number, width)) {
            *gate = *gate * sigmoid(*gate) * up;
        }
    });
    tensor(gate, [n, width])
}

/// See [`super::super::swiglu::backward`].
pub(in crate::model::ops) fn backward(
    gate: Tensor<2>,
    up: Tensor<2>,
    dy: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let [n, width] = gate.dims();
    let (mut gate, mut up, dy) = (numbers(gate), numbers(up), numbers(dy));
    rows_of_two((&mut gate, width), (&mut up, width), |number, gate, up| {
        let dy = row(&dy, number, width);
        for ((gate, up), dy) in gate.iter_mut().zip(up.iter_mut()).zip(dy) {
            let sigmoid = sigmoid(*gate);
            let silu = *gate * sigmoid;
            *gate = dy * *up * (sigmoid + silu * (1.0 - sigmoid));
            *up = dy * silu;
        }
    });
    (tensor(gate, [n, width]), tensor(up, [n, width]))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

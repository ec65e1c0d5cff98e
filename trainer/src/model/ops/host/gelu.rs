//! The activation of encoders in one pass.

use burn::tensor::Tensor;

use super::{numbers, row, rows, tensor};

/// Beyond it, `Φ` is 0 or 1 in 32 bits.
const EDGE: f32 = 5.5;

/// `(Φ(x) - 1/2) / x` up to the edge is a quotient of polynomials of `x²`; these are the upper one's coefficients, from
/// the highest power down. Fitted by least squares, reweighted towards the smallest largest error, which is 7e-9.
const UPPER: [f32; 6] = [
    2.274_967_2e-8,
    6.352_120_6e-6,
    1.688_224_4e-4,
    4.677_240_7e-3,
    3.385_232_4e-2,
    3.989_422_3e-1,
];

/// The lower one's coefficients.
const LOWER: [f32; 6] =
    [1.197_511_8e-6, 7.364_65e-5, 1.884_426_5e-3, 2.864_568_7e-2, 2.515_211e-1, 1.0];

/// See [`super::super::gelu::forward`].
pub(in crate::model::ops) fn forward(x: Tensor<2>) -> Tensor<2> {
    let [n, width] = x.dims();
    let mut x = numbers(x);
    rows(&mut x, width, |_, x| {
        for it in x {
            *it *= normal(*it);
        }
    });
    tensor(x, [n, width])
}

/// See [`super::super::gelu::gated`].
pub(in crate::model::ops) fn gated(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let [n, width] = gate.dims();
    let (mut gate, up) = (numbers(gate), numbers(up));
    rows(&mut gate, width, |number, gate| {
        for (gate, up) in gate.iter_mut().zip(row(&up, number, width)) {
            *gate = *gate * normal(*gate) * up;
        }
    });
    tensor(gate, [n, width])
}

/// Returns `Φ(x)`, the share of the normal distribution below `x`, to within 8e-7.
#[inline(always)]
pub(super) fn normal(x: f32) -> f32 {
    let square = x * x;
    let value = |coefficients: &[f32; 6]| {
        coefficients.iter().fold(0.0, |sum, coefficient| sum * square + coefficient)
    };
    let inside = 0.5 + x * value(&UPPER) / value(&LOWER);
    let above = if EDGE < x { 1.0 } else { inside };
    if x < -EDGE { 0.0 } else { above }
}

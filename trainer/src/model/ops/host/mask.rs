//! Dropout in one pass.

use burn::tensor::Tensor;

use super::{numbers, rows, tensor};

/// Returns `x` with the numbers zeroed whose index `drops`, and the others multiplied by `scale`.
pub(in crate::model::ops) fn apply(
    x: Tensor<2>,
    drops: impl Fn(u32) -> bool + Sync,
    scale: f32,
) -> Tensor<2> {
    let [n, width] = x.dims();
    let mut x = numbers(x);
    rows(&mut x, width, |number, x| {
        for (index, it) in ((number * width) as u32..).zip(x) {
            *it *= if drops(index) { 0.0 } else { scale };
        }
    });
    tensor(x, [n, width])
}

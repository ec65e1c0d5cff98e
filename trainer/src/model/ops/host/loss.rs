//! The loss of a chunk of logits and its gradient, in place.

use burn::tensor::Tensor;

use super::{exp, largest, numbers, rows_of_two, sum_of, tensor};

/// Turns `logits`, shape `[rows, vocabulary]`, into `(softmax - onehot(target)) · scale`; returns the losses, `[rows]`, too.
pub(in crate::model::ops) fn loss(
    logits: Tensor<2>,
    targets: &[i32],
    scale: f64,
) -> (Tensor<1>, Tensor<2>) {
    let [n, width] = logits.dims();
    let mut logits = numbers(logits);
    let mut losses = vec![0.0; n];
    let scale = scale as f32;
    rows_of_two((&mut logits, width), (&mut losses, 1), |number, logits, loss| {
        let target = targets.get(number).map_or(0, |it| *it as usize);
        let said = logits.get(target).copied().unwrap_or_default();
        let highest = largest(logits);
        for it in logits.iter_mut() {
            *it = exp(*it - highest);
        }
        let sum = sum_of(logits, logits, |it, _| it);
        let factor = scale / sum;
        for it in logits.iter_mut() {
            *it *= factor;
        }
        if let Some(it) = logits.get_mut(target) {
            *it -= scale;
        }
        loss.fill(sum.ln() + highest - said);
    });
    (tensor(losses, [n]), tensor(logits, [n, width]))
}

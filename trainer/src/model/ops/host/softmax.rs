//! Softmax over the visible keys of every query, in place.

use burn::tensor::Tensor;

use super::{exp, largest, numbers, row, rows_of_two, sum_of, tensor};

/// The visible keys of every query of a chunk, one range a query, window after window.
#[derive(Clone, Copy, Debug)]
pub(in crate::model::ops) struct Visible<'a> {
    /// First and one past the last key, counted from the first key of the chunk.
    pub(in crate::model::ops) ranges: &'a [(u32, u32)],
    /// Queries of a window.
    pub(in crate::model::ops) queries: usize,
    /// Windows that share the ranges: 1, or all of them.
    pub(in crate::model::ops) windows: usize,
}

impl Visible<'_> {
    /// Splits a row of scores into the visible part and what lies before and after it.
    #[inline(always)]
    fn split<'b>(
        &self,
        number: usize,
        rows_of_window: usize,
        scores: &'b mut [f32],
    ) -> (&'b mut [f32], &'b mut [f32], &'b mut [f32], usize) {
        let window = number / rows_of_window % self.windows;
        let place = window * self.queries + number % self.queries;
        let (start, end) = self.ranges.get(place).copied().unwrap_or_default();
        let (start, end) = (start as usize, (end as usize).min(scores.len()));
        let (before, rest) = scores.split_at_mut(start.min(end));
        let (seen, after) = rest.split_at_mut(end - before.len());
        (before, seen, after, start)
    }
}

/// Turns `scores`, shape `[windows, kv heads, rep · queries, keys]`, into probabilities; returns log-sum-exps, too.
pub(in crate::model::ops) fn forward(
    scores: Tensor<4>,
    scale: f64,
    visible: Visible<'_>,
) -> (Tensor<4>, Tensor<4>) {
    let [windows, kv, n, keys] = scores.dims();
    let mut scores = numbers(scores);
    let mut sums = vec![0.0; windows * kv * n];
    let scale = scale as f32;
    rows_of_two((&mut scores, keys), (&mut sums, 1), |number, scores, sums| {
        let (before, seen, after, _) = visible.split(number, kv * n, scores);
        before.fill(0.0);
        after.fill(0.0);
        let highest = largest(seen) * scale;
        for it in seen.iter_mut() {
            *it = exp(*it * scale - highest);
        }
        let sum = sum_of(seen, seen, |it, _| it);
        let inverse = 1.0 / sum;
        for it in seen.iter_mut() {
            *it *= inverse;
        }
        sums.fill(highest + sum.ln());
    });
    (tensor(scores, [windows, kv, n, keys]), tensor(sums, [windows, kv, n, 1]))
}

/// Returns the probabilities again, and the gradient of the scores.
///
/// `dprobabilities` has the shape of `scores`; `along` is the product of the result and its gradient, one number a query.
pub(in crate::model::ops) fn backward(
    scores: Tensor<4>,
    sums: Tensor<4>,
    dprobabilities: Tensor<4>,
    along: Tensor<4>,
    scale: f64,
    visible: Visible<'_>,
) -> (Tensor<4>, Tensor<4>) {
    let shape = scores.dims();
    let [_, kv, n, keys] = shape;
    let (mut scores, mut dscores) = (numbers(scores), numbers(dprobabilities));
    let (sums, along) = (numbers(sums), numbers(along));
    let scale = scale as f32;
    rows_of_two((&mut scores, keys), (&mut dscores, keys), |number, scores, dscores| {
        let (sum, along) = (row(&sums, number, 1), row(&along, number, 1));
        let (Some(sum), Some(along)) = (sum.first(), along.first()) else { return };
        let (before, seen, after, start) = visible.split(number, kv * n, scores);
        before.fill(0.0);
        after.fill(0.0);
        let (dbefore, rest) = dscores.split_at_mut(start.min(before.len()));
        let (dseen, dafter) = rest.split_at_mut(seen.len());
        dbefore.fill(0.0);
        dafter.fill(0.0);
        for (it, dscore) in seen.iter_mut().zip(dseen) {
            *it = exp(*it * scale - sum);
            *dscore = *it * (*dscore - along) * scale;
        }
    });
    (tensor(scores, shape), tensor(dscores, shape))
}

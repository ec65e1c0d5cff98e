//! Attention in chunks of queries: the scores of a whole window never exist at once.
//!
//! Heads that share keys are folded into rows, so that keys are never repeated and their gradients sum by themselves.
//! The backward pass computes the probabilities again from the saved log-sum-exp, as FlashAttention-2 does.

use burn::tensor::{Bool, DType, Device, Int, Tensor};

use super::host::{self, softmax::Visible};

/// Which keys are hidden from which queries, chunk by chunk.
#[derive(Clone, Debug)]
pub(crate) struct Masks {
    chunks: Vec<Chunk>,
}

/// Queries `start..end` of every window; they see `seen` keys at most, from `first` on.
#[derive(Clone, Debug)]
struct Chunk {
    first: usize,
    seen: usize,
    start: usize,
    end: usize,
    view: View,
}

/// What the queries of a chunk see.
#[derive(Clone, Debug)]
enum View {
    /// First and one past the last key that every query sees, counted from the chunk's first; window after window.
    Ranges(Vec<(u32, u32)>),
    /// Shape `[windows or 1, 1, 1, queries, keys]`; true where a key is hidden.
    Hidden(Box<Tensor<5, Bool>>),
}

impl Masks {
    /// Returns the masks of windows of `length` tokens.
    ///
    /// With `segments`, `windows · length` numbers that only rise within a window, tokens see their own segment alone.
    /// `in_memory` says that the scores are 32-bit numbers in memory.
    pub(crate) fn new(
        length: usize,
        segments: Option<&[u32]>,
        chunk: usize,
        device: &Device,
        in_memory: bool,
    ) -> Masks {
        let starts = (0..length).step_by(chunk.max(1));
        let chunks = starts.map(|start| {
            let end = length.min(start + chunk.max(1));
            chunk_of(start, end, length, segments, device, in_memory)
        });
        Masks { chunks: chunks.collect() }
    }

    /// Returns the masks of windows of which only the first `lengths` tokens are text: every query sees all of them.
    pub(crate) fn of_lengths(
        lengths: &[usize],
        length: usize,
        chunk: usize,
        device: &Device,
        in_memory: bool,
    ) -> Masks {
        let chunk = chunk.max(1);
        let chunks = (0..length).step_by(chunk).map(|start| {
            let end = length.min(start + chunk);
            let ranges = lengths.iter().flat_map(|it| (start..end).map(|_| (0, *it as u32)));
            let view = View::of(ranges.collect(), lengths.len(), length, device, in_memory);
            Chunk { first: 0, seen: length, start, end, view }
        });
        Masks { chunks: chunks.collect() }
    }

    /// Returns the mask of `n` queries that stand after the first `before` keys; they see these and each other.
    pub(crate) fn after(before: usize, n: usize, device: &Device, in_memory: bool) -> Masks {
        let ranges = (0..n).map(|query| (0, (before + query + 1) as u32)).collect();
        let view = View::of(ranges, 1, before + n, device, in_memory);
        Masks { chunks: vec![Chunk { first: 0, seen: before + n, start: 0, end: n, view }] }
    }
}

fn chunk_of(
    start: usize,
    end: usize,
    length: usize,
    segments: Option<&[u32]>,
    device: &Device,
    in_memory: bool,
) -> Chunk {
    let windows: Vec<Option<&[u32]>> = match segments {
        Some(segments) => segments.chunks(length.max(1)).map(Some).collect(),
        None => vec![None],
    };
    let first_key = |window: &Option<&[u32]>, query: usize| match window {
        Some(numbers) => numbers.partition_point(|it| Some(it) < numbers.get(query)),
        None => 0,
    };
    // Keys before the first segment that any query of the chunk belongs to are seen by none.
    let first = windows.iter().map(|window| first_key(window, start)).min().unwrap_or(0);
    let range = |window, query: usize| {
        ((first_key(window, query) - first) as u32, (query + 1 - first) as u32)
    };
    let ranges = windows.iter().flat_map(|window| (start..end).map(move |it| range(window, it)));
    let seen = end - first;
    let view = View::of(ranges.collect(), windows.len(), seen, device, in_memory);
    Chunk { first, seen, start, end, view }
}

impl View {
    fn of(
        ranges: Vec<(u32, u32)>,
        windows: usize,
        keys: usize,
        device: &Device,
        in_memory: bool,
    ) -> View {
        if in_memory {
            return View::Ranges(ranges);
        }
        // Compared on the device: a mask of a long window is larger than what it is made of by thousands.
        let shape = [windows, 1, 1, ranges.len() / windows.max(1), keys];
        let ends = |of: fn(&(u32, u32)) -> u32| {
            let numbers: Vec<i32> = ranges.iter().map(|it| of(it) as i32).collect();
            let column = Tensor::<1, Int>::from_data(numbers.as_slice(), (device, DType::I32));
            column.reshape([windows, 1, 1, ranges.len() / windows.max(1), 1]).expand(shape)
        };
        let key = Tensor::<1, Int>::arange(0..keys as i64, (device, DType::I32));
        let key = key.reshape([1, 1, 1, 1, keys]).expand(shape);
        let before = key.clone().lower(ends(|it| it.0));
        View::Hidden(Box::new(before.bool_or(key.greater_equal(ends(|it| it.1)))))
    }
}

/// What the backward pass needs besides queries, keys, values and the result.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// Log-sum-exp of the scores of every query, one tensor a chunk, shape `[windows, kv heads, rep · chunk, 1]`.
    chunks: Vec<Tensor<4>>,
}

#[cfg(test)]
impl Sums {
    /// Returns the tensors.
    pub(crate) fn chunks(&self) -> &[Tensor<4>] {
        &self.chunks
    }
}

/// Returns the attention of `q`, shape `[windows, heads, length, width]`, to `k` and `v`, which have fewer heads.
pub(crate) fn forward(
    q: &Tensor<4>,
    k: &Tensor<4>,
    v: &Tensor<4>,
    masks: &Masks,
) -> (Tensor<4>, Sums) {
    let (mut outputs, mut sums) = (Vec::new(), Vec::new());
    let [windows, heads, _, width] = q.dims();
    for chunk in &masks.chunks {
        let folded = Folded::new(q, k);
        let scores = fold(q, chunk, folded.kv).matmul(keys(k, chunk).swap_dims(2, 3));
        let (probabilities, sum) = match &chunk.view {
            View::Ranges(ranges) => {
                host::softmax::forward(scores, folded.scale, visible(ranges, chunk))
            }
            View::Hidden(hidden) => {
                let scores = folded.masked(scores, hidden, chunk);
                let highest = scores.clone().max_dim(3);
                let powers = (scores - highest.clone()).exp();
                let sum = powers.clone().sum_dim(3);
                ((powers / sum.clone()).cast(v.dtype()), highest + sum.log())
            }
        };
        let output = probabilities.matmul(keys(v, chunk));
        outputs.push(output.reshape([windows, heads, chunk.end - chunk.start, width]));
        sums.push(sum);
    }
    (Tensor::cat(outputs, 2), Sums { chunks: sums })
}

/// Returns the gradients of `q`, `k` and `v` from that of `output`.
pub(crate) fn backward(
    q: &Tensor<4>,
    k: &Tensor<4>,
    v: &Tensor<4>,
    output: &Tensor<4>,
    sums: &Sums,
    masks: &Masks,
    doutput: &Tensor<4>,
) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
    let [windows, heads, _, width] = q.dims();
    let dtype = q.dtype();
    let mut dqs = Vec::new();
    let mut dk = k.zeros_like().cast(DType::F32);
    let mut dv = v.zeros_like().cast(DType::F32);
    for (chunk, sum) in masks.chunks.iter().zip(&sums.chunks) {
        let folded = Folded::new(q, k);
        let queries = fold(q, chunk, folded.kv);
        let dout = fold(doutput, chunk, folded.kv);
        let out = fold(output, chunk, folded.kv);
        let scores = queries.clone().matmul(keys(k, chunk).swap_dims(2, 3));
        let along = (dout.clone() * out).cast(DType::F32).sum_dim(3);
        let dprobabilities = dout.clone().matmul(keys(v, chunk).swap_dims(2, 3));
        let (probabilities, dscores) = match &chunk.view {
            View::Ranges(ranges) => {
                let visible = visible(ranges, chunk);
                let sum = sum.clone();
                host::softmax::backward(scores, sum, dprobabilities, along, folded.scale, visible)
            }
            View::Hidden(hidden) => {
                let scores = folded.masked(scores, hidden, chunk);
                let probabilities = (scores - sum.clone()).exp();
                let dscores = probabilities.clone() * (dprobabilities.cast(DType::F32) - along);
                (probabilities.cast(dtype), dscores.mul_scalar(folded.scale).cast(dtype))
            }
        };
        let dvalues = probabilities.swap_dims(2, 3).matmul(dout);
        let dkeys = dscores.clone().swap_dims(2, 3).matmul(queries);
        let dq = dscores.matmul(keys(k, chunk));
        dqs.push(dq.reshape([windows, heads, chunk.end - chunk.start, width]));
        dk = added(dk, dkeys, chunk);
        dv = added(dv, dvalues, chunk);
    }
    (Tensor::cat(dqs, 2), dk.cast(dtype), dv.cast(dtype))
}

/// Sizes of a chunk with the heads that share keys folded into rows.
struct Folded {
    windows: usize,
    kv: usize,
    rep: usize,
    scale: f64,
}

impl Folded {
    fn new(q: &Tensor<4>, k: &Tensor<4>) -> Folded {
        let [windows, heads, _, width] = q.dims();
        let kv = k.dims()[1];
        Folded { windows, kv, rep: heads / kv, scale: 1.0 / (width as f64).sqrt() }
    }

    /// Returns the scores of a chunk in 32 bits, scaled, with hidden ones far below all others.
    fn masked(&self, scores: Tensor<4>, hidden: &Tensor<5, Bool>, chunk: &Chunk) -> Tensor<4> {
        let (n, seen) = (chunk.end - chunk.start, chunk.seen);
        let shape = [self.windows, self.kv, self.rep, n, seen];
        let scores = scores.cast(DType::F32).mul_scalar(self.scale).reshape(shape);
        // Large enough to vanish, small enough that a row of nothing else stays finite.
        let masked = scores.mask_fill(hidden.clone().expand(shape), -1e30);
        masked.reshape([self.windows, self.kv, self.rep * n, seen])
    }
}

fn visible<'a>(ranges: &'a [(u32, u32)], chunk: &Chunk) -> Visible<'a> {
    let queries = chunk.end - chunk.start;
    Visible { ranges, queries, windows: ranges.len() / queries.max(1) }
}

/// Returns the queries of a chunk, shape `[windows, kv heads, rep · chunk, width]`.
fn fold(x: &Tensor<4>, chunk: &Chunk, kv: usize) -> Tensor<4> {
    let [windows, heads, _, width] = x.dims();
    let n = chunk.end - chunk.start;
    x.clone().narrow(2, chunk.start, n).reshape([windows, kv, heads / kv * n, width])
}

/// Returns the keys, or values, that a chunk may see.
fn keys(x: &Tensor<4>, chunk: &Chunk) -> Tensor<4> {
    x.clone().narrow(2, chunk.first, chunk.seen)
}

/// Adds the gradient of the keys that a chunk sees.
fn added(sum: Tensor<4>, part: Tensor<4>, chunk: &Chunk) -> Tensor<4> {
    let [windows, kv, _, width] = sum.dims();
    let place = [0..windows, 0..kv, chunk.first..chunk.first + chunk.seen, 0..width];
    let before = sum.clone().slice(place.clone());
    sum.slice_assign(place, before + part.cast(DType::F32))
}

//! Attention in chunks of queries: the scores of a whole window never exist at once.
//!
//! Heads that share keys are folded into rows, so that keys are never repeated and their gradients sum by themselves.
//! The backward pass computes the probabilities again from the saved log-sum-exp, as FlashAttention-2 does.

use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

/// Which keys are hidden from which queries, chunk by chunk.
#[derive(Clone, Debug)]
pub(in crate::model) struct Masks {
    chunks: Vec<Chunk>,
}

/// Queries `start..end` of every window; they see `seen` keys at most, from `first` on.
#[derive(Clone, Debug)]
struct Chunk {
    first: usize,
    seen: usize,
    start: usize,
    end: usize,
    /// Shape `[windows or 1, 1, 1, end - start, seen]`; true where a key is hidden.
    hidden: Tensor<5, Bool>,
}

impl Masks {
    /// Returns the masks of windows of `length` tokens.
    ///
    /// With `segments`, `windows · length` numbers that only rise within a window, tokens see their own segment alone.
    pub(in crate::model) fn new(
        length: usize,
        segments: Option<&[u32]>,
        chunk: usize,
        device: &Device,
    ) -> Masks {
        let starts = (0..length).step_by(chunk.max(1));
        let chunks = starts.map(|start| {
            let end = length.min(start + chunk.max(1));
            chunk_of(start, end, length, segments, device)
        });
        Masks { chunks: chunks.collect() }
    }

    /// Returns the mask of `n` queries that stand after the first `before` keys; they see these and each other.
    pub(in crate::model) fn after(before: usize, n: usize, device: &Device) -> Masks {
        let hidden = (0..n).flat_map(|query| (0..before + n).map(move |key| before + query < key));
        let shape = [1, 1, 1, n, before + n];
        let hidden: Vec<bool> = hidden.collect();
        let hidden = Tensor::from_data(TensorData::new(hidden, shape), device);
        Masks { chunks: vec![Chunk { first: 0, seen: before + n, start: 0, end: n, hidden }] }
    }
}

fn chunk_of(
    start: usize,
    end: usize,
    length: usize,
    segments: Option<&[u32]>,
    device: &Device,
) -> Chunk {
    let windows: Vec<Option<&[u32]>> = match segments {
        Some(segments) => segments.chunks(length.max(1)).map(Some).collect(),
        None => vec![None],
    };
    // Keys before the first segment that any query of the chunk belongs to are seen by none.
    let first_of = |window: &Option<&[u32]>| match window {
        Some(numbers) => numbers.partition_point(|it| Some(it) < numbers.get(start)),
        None => 0,
    };
    let first = windows.iter().map(first_of).min().unwrap_or(0);
    let mut hidden = Vec::with_capacity(windows.len() * (end - start) * (end - first));
    for window in &windows {
        for query in start..end {
            hidden.extend((first..end).map(|key| match window {
                Some(numbers) => query < key || numbers.get(query) != numbers.get(key),
                None => query < key,
            }));
        }
    }
    let shape = [windows.len(), 1, 1, end - start, end - first];
    let hidden = Tensor::from_data(TensorData::new(hidden, shape), device);
    Chunk { first, seen: end - first, start, end, hidden }
}

/// What the backward pass needs besides queries, keys, values and the result.
#[derive(Clone, Debug)]
pub(in crate::model) struct Sums {
    /// Log-sum-exp of the scores of every query, one tensor a chunk, shape `[windows, kv heads, rep · chunk, 1]`.
    chunks: Vec<Tensor<4>>,
}

/// Returns the attention of `q`, shape `[windows, heads, length, width]`, to `k` and `v`, which have fewer heads.
pub(in crate::model) fn forward(
    q: &Tensor<4>,
    k: &Tensor<4>,
    v: &Tensor<4>,
    masks: &Masks,
) -> (Tensor<4>, Sums) {
    let (mut outputs, mut sums) = (Vec::new(), Vec::new());
    let [windows, heads, _, width] = q.dims();
    for chunk in &masks.chunks {
        let folded = Folded::new(q, k);
        let scores = folded.scores(fold(q, chunk, folded.kv), keys(k, chunk), chunk);
        let highest = scores.clone().max_dim(3);
        let powers = (scores - highest.clone()).exp();
        let sum = powers.clone().sum_dim(3);
        let probabilities = (powers / sum.clone()).cast(v.dtype());
        let output = probabilities.matmul(keys(v, chunk));
        outputs.push(output.reshape([windows, heads, chunk.end - chunk.start, width]));
        sums.push(highest + sum.log());
    }
    (Tensor::cat(outputs, 2), Sums { chunks: sums })
}

/// Returns the gradients of `q`, `k` and `v` from that of `output`.
pub(in crate::model) fn backward(
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
        let scores = folded.scores(queries.clone(), keys(k, chunk), chunk);
        let probabilities = (scores - sum.clone()).exp();
        let narrow = probabilities.clone().cast(dtype);
        let dvalues = narrow.swap_dims(2, 3).matmul(dout.clone());
        let along = (dout.clone() * out).cast(DType::F32).sum_dim(3);
        let dprobabilities = dout.matmul(keys(v, chunk).swap_dims(2, 3)).cast(DType::F32);
        let dscores =
            (probabilities * (dprobabilities - along)).mul_scalar(folded.scale).cast(dtype);
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

    /// Returns the scores of a chunk in 32 bits, shape `[windows, kv heads, rep · chunk, keys]`.
    fn scores(&self, queries: Tensor<4>, keys: Tensor<4>, chunk: &Chunk) -> Tensor<4> {
        let (n, seen) = (chunk.end - chunk.start, chunk.seen);
        let scores = queries.matmul(keys.swap_dims(2, 3)).cast(DType::F32).mul_scalar(self.scale);
        let shape = [self.windows, self.kv, self.rep, n, seen];
        let hidden = chunk.hidden.clone().expand(shape);
        // Large enough to vanish, small enough that a row of nothing else stays finite.
        let masked = scores.reshape(shape).mask_fill(hidden, -1e30);
        masked.reshape([self.windows, self.kv, self.rep * n, seen])
    }
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

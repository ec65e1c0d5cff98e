//! A transformer block of Llama or Qwen2: attention, then the feed-forward layer, each beside the residual stream.

use burn::tensor::{DType, Device, Tensor};

use super::ops::{
    Layout,
    attention::{self, Masks, Sums},
    dropout::{Dropout, Key},
    linear::{Group, Inner},
    rms_norm,
    rotary::{self, Rotation},
    swiglu,
};
use crate::{
    data::window::Window,
    host,
    optimizer::parameter::{self, Gradients},
    settings::Attention,
    weights::config::ModelConfig,
};

/// A norm's weight, shape `[width]`.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    /// The weight.
    pub(super) weight: Tensor<1>,
    /// Its position among the parameters, if it is trained.
    pub(super) trained: Option<usize>,
    /// Term against division by zero.
    pub(super) epsilon: f64,
}

impl Norm {
    /// Returns the normalised rows.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        rms_norm::forward(x, self.weight.clone(), self.epsilon)
    }

    /// Returns the gradient of the rows and adds that of the weight.
    pub(super) fn backward(
        &self,
        x: Tensor<2>,
        dy: Tensor<2>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let wants = self.trained.is_some();
        let (dx, dweight) = rms_norm::backward(x, self.weight.clone(), self.epsilon, dy, wants);
        if let Some(dweight) = dweight {
            parameter::add(gradients, self.trained, || dweight);
        }
        dx
    }
}

/// Windows as one block of rows, padded at the end to the longest.
#[derive(Clone, Debug)]
pub(super) struct MicroBatch {
    /// Windows.
    pub(super) windows: usize,
    /// Tokens of each, padding included.
    pub(super) length: usize,
    /// Turns of all positions.
    pub(super) rotation: Rotation,
    /// What no token may attend to.
    pub(super) masks: Masks,
}

impl MicroBatch {
    /// Lays `windows` out; `length` is at least that of the longest.
    pub(super) fn new(
        windows: &[Window],
        length: usize,
        config: &ModelConfig,
        attention: Attention,
        chunk: usize,
        dtype: DType,
        device: &Device,
    ) -> MicroBatch {
        // Padding stands after everything that is learned, so what it attends to does not matter.
        let padded = |of: fn(&Window) -> &[u32], fill: u32| -> Vec<u32> {
            let rows = windows.iter().flat_map(|window| {
                let padding = std::iter::repeat_n(fill, length.saturating_sub(window.len()));
                of(window).iter().copied().chain(padding)
            });
            rows.collect()
        };
        let positions = padded(|it| &it.positions, 0);
        let segments =
            (attention == Attention::Segment).then(|| padded(|it| &it.segments, u32::MAX));
        let in_memory = host::runs(device, dtype);
        MicroBatch {
            windows: windows.len(),
            length,
            rotation: Rotation::new(config, &positions, windows.len(), dtype, device, in_memory),
            masks: Masks::new(length, segments.as_deref(), chunk, device, in_memory),
        }
    }
}

impl MicroBatch {
    /// Lays out a piece of a text that `before` tokens precede.
    pub(super) fn after(
        window: &Window,
        before: usize,
        config: &ModelConfig,
        dtype: DType,
        device: &Device,
    ) -> MicroBatch {
        let in_memory = host::runs(device, dtype);
        MicroBatch {
            windows: 1,
            length: window.len(),
            rotation: Rotation::new(config, &window.positions, 1, dtype, device, in_memory),
            masks: Masks::after(before, window.len(), device, in_memory),
        }
    }
}

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Its number, from 0.
    pub(super) number: u32,
    /// Query heads.
    pub(super) n_heads: usize,
    /// Key and value heads.
    pub(super) n_kv_heads: usize,
    /// Width of a head.
    pub(super) head_dim: usize,
    /// Norm before attention.
    pub(super) input_norm: Norm,
    /// Queries, keys, values.
    pub(super) qkv: Group,
    /// Output of attention.
    pub(super) output: Group,
    /// Norm before the feed-forward layer.
    pub(super) middle_norm: Norm,
    /// Gate and up.
    pub(super) gate_up: Group,
    /// Down.
    pub(super) down: Group,
}

/// Dropout of a micro-batch: probability and key; `None` in validation.
pub(super) type Drop = Option<(f64, Key)>;

/// What the backward pass of a block needs of its forward pass. Shapes are `[rows, width]` but for heads.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    x: Tensor<2>,
    qkv: Inner,
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    attended: Tensor<4>,
    sums: Sums,
    output: Inner,
    middle: Tensor<2>,
    gate_up: Inner,
    gate: Tensor<2>,
    up: Tensor<2>,
    down: Inner,
}

impl Saved {
    /// Returns the bytes of everything but the input.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let bytes = |shape: &[usize], dtype: DType| shape.iter().product::<usize>() * dtype.size();
        let inners = [&self.qkv, &self.output, &self.gate_up, &self.down];
        let matrices = inners.into_iter().flatten().chain([&self.middle, &self.gate, &self.up]);
        let heads =
            [&self.q, &self.k, &self.v, &self.attended].into_iter().chain(self.sums.chunks());
        matrices.map(|it| bytes(&it.dims(), it.dtype())).sum::<usize>()
            + heads.map(|it| bytes(&it.dims(), it.dtype())).sum::<usize>()
    }
}

impl Block {
    /// Returns the output of the block, shape `[rows, width]`, and what its backward pass needs.
    pub(super) fn forward(
        &self,
        x: Tensor<2>,
        batch: &MicroBatch,
        drop: Drop,
    ) -> (Tensor<2>, Saved) {
        let normed = self.input_norm.forward(x.clone());
        let (qkv_out, qkv) = self.qkv.forward(normed, self.dropout(drop, 0));
        let [q, k, v] = three(qkv_out);
        let (heads, kv_heads) = self.layouts(batch);
        let q = batch.rotation.forward(q, heads);
        let k = batch.rotation.forward(k, kv_heads);
        let v = rotary::to_heads(v, kv_heads);
        let (attended, sums) = attention::forward(&q, &k, &v, &batch.masks);
        let (out, output) =
            self.output.forward(rotary::to_rows(attended.clone(), heads), self.dropout(drop, 1));
        let middle = x.clone() + one(out);
        let normed = self.middle_norm.forward(middle.clone());
        let (gate_up_out, gate_up) = self.gate_up.forward(normed, self.dropout(drop, 2));
        let [gate, up] = two(gate_up_out);
        let activated = swiglu::forward(gate.clone(), up.clone());
        let (out, down) = self.down.forward(activated, self.dropout(drop, 3));
        let y = middle.clone() + one(out);
        (y, Saved { x, qkv, q, k, v, attended, sums, output, middle, gate_up, gate, up, down })
    }

    /// Returns the output for rows that go on from the keys and values of earlier ones, and these with their own.
    pub(super) fn extend(
        &self,
        x: Tensor<2>,
        batch: &MicroBatch,
        before: Option<(Tensor<4>, Tensor<4>)>,
    ) -> (Tensor<2>, (Tensor<4>, Tensor<4>)) {
        let [q, k, v] = three(self.qkv.forward(self.input_norm.forward(x.clone()), None).0);
        let (heads, kv_heads) = self.layouts(batch);
        let q = batch.rotation.forward(q, heads);
        let mut k = batch.rotation.forward(k, kv_heads);
        let mut v = rotary::to_heads(v, kv_heads);
        if let Some((keys, values)) = before {
            k = Tensor::cat(vec![keys, k], 2);
            v = Tensor::cat(vec![values, v], 2);
        }
        let attended = attention::forward(&q, &k, &v, &batch.masks).0;
        let attended = rotary::to_rows(attended, heads);
        let middle = x + one(self.output.forward(attended, None).0);
        let normed = self.middle_norm.forward(middle.clone());
        let [gate, up] = two(self.gate_up.forward(normed, None).0);
        let y = middle + one(self.down.forward(swiglu::forward(gate, up), None).0);
        (y, (k, v))
    }

    /// Returns the gradient of the block's input and adds those of its parameters.
    pub(super) fn backward(
        &self,
        saved: Saved,
        batch: &MicroBatch,
        drop: Drop,
        dy: Tensor<2>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let Saved { x, qkv, q, k, v, attended, sums, output, middle, gate_up, gate, up, down } =
            saved;
        let activated = swiglu::forward(gate.clone(), up.clone());
        let dactivated =
            self.down.backward(activated, down, self.dropout(drop, 3), vec![dy.clone()], gradients);
        let (dgate, dup) = swiglu::backward(gate, up, dactivated);
        let normed = self.middle_norm.forward(middle.clone());
        let dnormed = self.gate_up.backward(
            normed,
            gate_up,
            self.dropout(drop, 2),
            vec![dgate, dup],
            gradients,
        );
        let dmiddle = dy + self.middle_norm.backward(middle, dnormed, gradients);

        let (heads, kv_heads) = self.layouts(batch);
        let rows = rotary::to_rows(attended.clone(), heads);
        let dattended = self.output.backward(
            rows,
            output,
            self.dropout(drop, 1),
            vec![dmiddle.clone()],
            gradients,
        );
        let dattended = rotary::to_heads(dattended, heads);
        let (dq, dk, dv) =
            attention::backward(&q, &k, &v, &attended, &sums, &batch.masks, &dattended);
        let dq = batch.rotation.backward(dq, heads);
        let dk = batch.rotation.backward(dk, kv_heads);
        let dv = rotary::to_rows(dv, kv_heads);
        let normed = self.input_norm.forward(x.clone());
        let dnormed =
            self.qkv.backward(normed, qkv, self.dropout(drop, 0), vec![dq, dk, dv], gradients);
        dmiddle + self.input_norm.backward(x, dnormed, gradients)
    }

    /// Returns the dropout of a group of layers; without a probability there is none.
    fn dropout(&self, drop: Drop, group: u32) -> Option<Dropout> {
        drop.filter(|(probability, _)| 0.0 < *probability).map(|(probability, key)| Dropout {
            probability,
            key: key.with(self.number).with(group),
        })
    }

    /// Returns how query heads, and key and value heads, lie in the rows of a batch.
    fn layouts(&self, batch: &MicroBatch) -> (Layout, Layout) {
        let layout = |heads| Layout {
            windows: batch.windows,
            length: batch.length,
            heads,
            width: self.head_dim,
        };
        (layout(self.n_heads), layout(self.n_kv_heads))
    }
}

fn one(outputs: Vec<Tensor<2>>) -> Tensor<2> {
    outputs.into_iter().next().unwrap_or_else(|| unreachable!("a group has a layer"))
}

fn two(outputs: Vec<Tensor<2>>) -> [Tensor<2>; 2] {
    outputs.try_into().unwrap_or_else(|_| unreachable!("gate and up"))
}

fn three(outputs: Vec<Tensor<2>>) -> [Tensor<2>; 3] {
    outputs.try_into().unwrap_or_else(|_| unreachable!("q, k and v"))
}

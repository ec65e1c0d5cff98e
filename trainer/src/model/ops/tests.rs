//! Every backward pass against burn's autodiff of the same forward pass, and chunks against the whole.

use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation};

use super::{
    Layout,
    attention::{self, Masks},
    cross_entropy::{self, Wanted},
    dropout::{Dropout, Key},
    linear::{Group, Layer, Trained},
    rms_norm,
    rotary::{self, Rotation},
    swiglu,
};
use crate::weights::config::{Architecture, Llama3Scaling, ModelConfig, Rope};

fn device() -> Device {
    Device::flex()
}

/// Returns numbers between -1 and 1 that depend on `seed` alone.
pub(super) fn some<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let n = shape.iter().product::<usize>() as u64;
    let number = |index: u64| {
        let hash = (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ (seed << 17)).rotate_left(29);
        (hash.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let numbers: Vec<f32> = (0..n).map(number).collect();
    Tensor::from_data(TensorData::new(numbers, shape), &device())
}

fn leaf<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    x.clone().autodiff().require_grad()
}

/// Fails unless the largest difference is within `tolerance` of the largest number.
#[track_caller]
pub(super) fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32) {
    assert_eq!(found.dims(), expected.dims());
    let largest = expected.clone().abs().max().into_scalar::<f32>();
    let worst = (found - expected).abs().max().into_scalar::<f32>();
    assert!(0.0 < largest, "an oracle of zeros proves nothing");
    assert!(worst <= tolerance * largest, "{worst} of {largest}");
}

fn config(scaling: Option<Llama3Scaling>) -> ModelConfig {
    ModelConfig {
        architecture: Architecture::Llama,
        hidden_size: 16,
        intermediate_size: 24,
        n_layers: 1,
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 8,
        vocab_size: 11,
        rms_norm_eps: 1e-5,
        rope: Rope { theta: 10_000.0, scaling },
        tied: false,
        qkv_bias: false,
        bos_id: None,
        eos_ids: vec![],
        max_position_embeddings: 64,
        raw: serde_json::Map::new(),
    }
}

#[test]
fn rms_norm_agrees_with_autodiff() {
    let (x, w, dy) = (some([7, 10], 1), some([10], 2), some([7, 10], 3));
    let (lx, lw) = (leaf(&x), leaf(&w));
    let loss =
        (rms_norm::forward_tensors(lx.clone(), lw.clone(), 1e-5) * dy.clone().autodiff()).sum();
    let oracle = loss.backward();
    let (dx, dw) = rms_norm::backward(x, w, 1e-5, dy, true);
    close(dx, lx.grad(&oracle).unwrap(), 1e-5);
    close(dw.unwrap(), lw.grad(&oracle).unwrap(), 1e-5);
}

#[test]
fn swiglu_agrees_with_autodiff() {
    let (gate, up, dy) = (some([5, 9], 4) * 4.0, some([5, 9], 5), some([5, 9], 6));
    let (lg, lu) = (leaf(&gate), leaf(&up));
    let oracle =
        (swiglu::forward_tensors(lg.clone(), lu.clone()) * dy.clone().autodiff()).sum().backward();
    let (dgate, dup) = swiglu::backward(gate, up, dy);
    close(dgate, lg.grad(&oracle).unwrap(), 1e-5);
    close(dup, lu.grad(&oracle).unwrap(), 1e-5);
}

#[test]
fn rotation_back_is_the_gradient_of_rotation() {
    let positions = [0, 1, 2, 3, 4, 0, 1, 2, 9, 500];
    let layout = Layout { windows: 2, length: 5, heads: 3, width: 8 };
    let x = some([10, 24], 7);
    let dy = some([2, 3, 5, 8], 8);
    let turned = [true, false].map(|in_memory| {
        let config = config(None);
        let rotation = Rotation::new(&config, &positions, 2, DType::F32, &device(), in_memory);
        let turned = rotation.forward(x.clone(), layout);
        // <R x, dy> = <x, Rᵀ dy> for every x and dy.
        let left = (turned.clone() * dy.clone()).sum().into_scalar::<f32>();
        let back = rotation.backward(dy.clone(), layout);
        let right = (x.clone() * back).sum().into_scalar::<f32>();
        assert!((left - right).abs() < 1e-4, "{left} {right}");
        close(rotation.backward(turned.clone(), layout), x.clone(), 1e-5);
        turned
    });
    let [one, other] = turned;
    close(one.clone(), other, 1e-6);
    // Position 0 does not turn; others do.
    let plain = rotary::to_heads(x.clone(), layout);
    close(one.clone().narrow(2, 0, 1), plain.clone().narrow(2, 0, 1), 1e-6);
    let moved = (one - plain.clone()).narrow(2, 1, 4).abs().max().into_scalar::<f32>();
    assert!(0.1 < moved);
    close(rotary::to_rows(plain, layout), x, 1e-7);
}

#[test]
fn attention_agrees_with_autodiff_and_with_any_chunk() {
    let (q, k, v) =
        (some([2, 4, 13, 8], 1) * 3.0, some([2, 2, 13, 8], 2) * 3.0, some([2, 2, 13, 8], 3));
    let dy = some([2, 4, 13, 8], 4);
    let packed: Vec<u32> =
        [vec![0; 4], vec![1; 6], vec![2; 3], vec![0; 12], vec![u32::MAX; 1]].concat();
    for segments in [None, Some(packed.as_slice())] {
        let expected = naive_attention(&leaf(&q), &leaf(&k), &leaf(&v), segments).inner();
        let leaves = (leaf(&q), leaf(&k), leaf(&v));
        let y = naive_attention(&leaves.0, &leaves.1, &leaves.2, segments);
        let oracle = (y * dy.clone().autodiff()).sum().backward();
        for (chunk, in_memory) in
            [(1, true), (3, false), (5, true), (5, false), (13, true), (64, false)]
        {
            let masks = Masks::new(13, segments, chunk, &device(), in_memory);
            let (y, sums) = attention::forward(&q, &k, &v, &masks);
            close(y.clone(), expected.clone(), 1e-5);
            let (dq, dk, dv) = attention::backward(&q, &k, &v, &y, &sums, &masks, &dy);
            close(dq, leaves.0.grad(&oracle).unwrap(), 1e-4);
            close(dk, leaves.1.grad(&oracle).unwrap(), 1e-4);
            close(dv, leaves.2.grad(&oracle).unwrap(), 1e-4);
        }
    }
}

/// The definition: one score for every pair of tokens, keys repeated for every head.
fn naive_attention(
    q: &Tensor<4>,
    k: &Tensor<4>,
    v: &Tensor<4>,
    segments: Option<&[u32]>,
) -> Tensor<4> {
    let [windows, heads, length, width] = q.dims();
    let rep = heads / k.dims()[1];
    let repeated = |x: &Tensor<4>| {
        let wide = x.clone().unsqueeze_dim::<5>(2).repeat_dim(2, rep);
        wide.reshape([windows, heads, length, width])
    };
    let scores = q.clone().matmul(repeated(k).swap_dims(2, 3)) / (width as f64).sqrt();
    let hidden: Vec<f32> = (0..windows * length * length)
        .map(|index| {
            let (window, query, key) =
                (index / (length * length), index / length % length, index % length);
            let at = |place: usize| segments.map(|it| it[window * length + place]);
            if query < key || at(query) != at(key) { -1e30 } else { 0.0 }
        })
        .collect();
    let hidden = TensorData::new(hidden, [windows, 1, length, length]);
    let hidden = Tensor::<4>::from_data(hidden, &device()).autodiff();
    activation::softmax(scores + hidden, 3).matmul(repeated(v))
}

#[test]
fn linear_group_agrees_with_autodiff() {
    let x = some([6, 5], 1);
    let group = Group {
        weight: some([7, 5], 2),
        bias: Some(some([7], 3)),
        a: Some(some([4, 5], 4)),
        layers: vec![
            layer(4, Some(some([4, 2], 5)), [0, 1, 2, 3]),
            layer(1, None, [4, 5, 6, 7]),
            layer(2, Some(some([2, 2], 6)), [8, 9, 10, 11]),
        ],
        scale: 1.7,
    };
    let dys = [some([6, 4], 7), some([6, 1], 8), some([6, 2], 9)];
    for dropout in [None, Some(Dropout { probability: 0.4, key: Key::new(5, 6, 7) })] {
        let (outputs, inner) = group.forward(x.clone(), dropout);
        let mut gradients = vec![None; 12];
        let dx = group.backward(x.clone(), inner, dropout, dys.to_vec(), &mut gradients);

        let lx = leaf(&x);
        let (w, bias, a) =
            (leaf(&group.weight), leaf(&some::<1>([7], 3)), leaf(&some::<2>([4, 5], 4)));
        let (b0, b2) = (leaf(&some::<2>([4, 2], 5)), leaf(&some::<2>([2, 2], 6)));
        let seen = match dropout {
            Some(it) => {
                let mask = it.apply(Tensor::ones([6, 5], (&device(), DType::F32)));
                lx.clone() * mask.autodiff()
            }
            None => lx.clone(),
        };
        let plain = lx.clone().matmul(w.clone().transpose()) + bias.clone().unsqueeze::<2>();
        let adapter = |number: usize, b: &Tensor<2>| {
            let a = a.clone().narrow(0, 2 * number, 2);
            seen.clone().matmul(a.transpose()).matmul(b.clone().transpose()) * 1.7
        };
        let expected = [
            plain.clone().narrow(1, 0, 4) + adapter(0, &b0),
            plain.clone().narrow(1, 4, 1),
            plain.narrow(1, 5, 2) + adapter(1, &b2),
        ];
        let mut loss = Tensor::<1>::zeros([1], &device()).autodiff();
        for ((found, expected), dy) in outputs.into_iter().zip(expected).zip(&dys) {
            close(found, expected.clone().inner(), 1e-5);
            loss = loss + (expected * dy.clone().autodiff()).sum();
        }
        let oracle = loss.backward();
        close(dx, lx.grad(&oracle).unwrap(), 1e-5);
        let found = gradients;
        let at = |index: usize, rows: usize, columns: usize| {
            found[index].clone().unwrap().reshape([rows, columns])
        };
        let da = a.grad(&oracle).unwrap();
        close(at(0, 2, 5), da.clone().narrow(0, 0, 2), 1e-5);
        close(at(8, 2, 5), da.narrow(0, 2, 2), 1e-5);
        close(at(1, 4, 2), b0.grad(&oracle).unwrap(), 1e-5);
        close(at(9, 2, 2), b2.grad(&oracle).unwrap(), 1e-5);
        let dw = w.grad(&oracle).unwrap();
        close(at(2, 4, 5), dw.clone().narrow(0, 0, 4), 1e-5);
        close(at(6, 1, 5), dw.clone().narrow(0, 4, 1), 1e-5);
        close(at(10, 2, 5), dw.narrow(0, 5, 2), 1e-5);
        let dbias = bias.grad(&oracle).unwrap().reshape([7, 1]);
        close(at(3, 4, 1), dbias.clone().narrow(0, 0, 4), 1e-5);
        close(at(11, 2, 1), dbias.narrow(0, 5, 2), 1e-5);
    }
}

fn layer(out: usize, b: Option<Tensor<2>>, [a, at_b, weight, bias]: [usize; 4]) -> Layer {
    let adapter = b.is_some();
    let trained = Trained {
        a: adapter.then_some(a),
        b: adapter.then_some(at_b),
        weight: Some(weight),
        bias: Some(bias),
    };
    Layer { out, b, trained }
}

#[test]
fn loss_agrees_with_autodiff_and_with_any_chunk() {
    let (h, w) = (some([9, 6], 1) * 4.0, some([11, 6], 2) * 2.0);
    let y = [3, 0, 10, 10, 5, 7, 1, 2, 3];
    let targets = TensorData::new(y.to_vec(), [9, 1]);
    let targets = Tensor::<2, Int>::from_data(targets, (&device(), DType::I32));
    let (lh, lw) = (leaf(&h), leaf(&w));
    let said = activation::log_softmax(lh.clone().matmul(lw.clone().transpose()), 1)
        .gather(1, targets.autodiff());
    let expected = said.clone().neg().reshape([9]).inner();
    let oracle = (said.sum().neg() * 0.25).backward();
    for chunk in [1, 2, 4, 9, 100] {
        let wanted = Wanted { chunk, scale: Some(0.25), head: true, row: Some(10) };
        let loss = cross_entropy::loss(h.clone(), &w, &y, wanted);
        close(loss.tokens, expected.clone(), 1e-5);
        close(loss.hidden.unwrap(), lh.grad(&oracle).unwrap(), 1e-5);
        let dw = lw.grad(&oracle).unwrap();
        close(loss.row.unwrap(), dw.clone().narrow(0, 10, 1), 1e-5);
        close(loss.head.unwrap(), dw, 1e-5);
    }
}

#[test]
fn llama3_scaling_slows_long_waves_only() {
    let scaling = Llama3Scaling {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192,
    };
    let rope = |scaling| Rope { theta: 500_000.0, scaling };
    let plain = super::rotary::frequencies(&rope(None), 128);
    let scaled = super::rotary::frequencies(&rope(Some(scaling)), 128);
    assert_eq!(plain[0], scaled[0]);
    assert!((plain[63] / scaled[63] - 8.0).abs() < 1e-3);
    let between = plain.iter().zip(&scaled).filter(|(plain, scaled)| {
        let ratio = **plain / **scaled;
        1.001 < ratio && ratio < 7.999
    });
    // Waves of 2,048 to 8,192 tokens: 64 ln(8192/2048) / ln 500000 = 6.8 pairs apart.
    assert!((6..=7).contains(&between.count()));
}

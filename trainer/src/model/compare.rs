//! The operations of a block on one device beside another: how far apart their results lie.

use burn::tensor::{DType, Device, Tensor, TensorData};
use half::bf16;

use super::{
    Key,
    engine::Engine,
    ops::{
        Layout,
        attention::{self, Masks},
        cross_entropy::{self, Wanted},
        dropout::Dropout,
        linear::{Group, Layer, Trained},
        rms_norm,
        rotary::Rotation,
        swiglu,
    },
};
use crate::{
    data::window::{NO_LANGUAGE, Window},
    error::Result,
    optimizer::parameter::Gradients,
    settings::{Init, Method, Settings},
    weights::{config::ModelConfig, random, source::Weights},
};

/// A result of an operation on two devices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// The operation and its result.
    pub name: &'static str,
    /// Largest difference, as a share of the largest number; infinite if a number is not finite.
    pub worst: f32,
    /// Most that rounding explains.
    pub tolerance: f32,
}

impl Apart {
    /// Returns whether rounding explains the difference.
    pub fn is_close(&self) -> bool {
        self.worst <= self.tolerance
    }
}

/// Computes everything with numbers of `dtype` on `device` and with 32 bits on `reference`.
///
/// # Errors
///
/// `config` is no model that can be drawn. It should be a small one: all of it is computed, on both.
pub fn compare(
    config: &ModelConfig,
    device: &Device,
    dtype: DType,
    reference: &Device,
) -> Result<Vec<Apart>> {
    let tolerance = |name: &str| match (name, dtype) {
        // Who stays is a matter of whole numbers.
        (name, _) if name.starts_with("dropout") => 0.0,
        // Matrix products of 32-bit numbers may run on tensor cores, which keep ten bits of each.
        (_, DType::F32) => 5e-3,
        // The largest difference in hundreds of matrices, each after a dozen operations.
        (name, _) if name.starts_with("step") => 0.1,
        _ => 0.03,
    };
    let of = |device: &Device, dtype_there: DType| -> Result<Vec<Output>> {
        let place = Place { device, rounded: dtype, dtype: dtype_there };
        let mut outputs = place.operations(config);
        outputs.extend(place.engine(config)?);
        Ok(outputs)
    };
    let (found, expected) = (of(device, dtype)?, of(reference, DType::F32)?);
    let apart = found.into_iter().zip(expected).map(|((name, found), (_, expected))| Apart {
        name,
        worst: worst(&found, &expected),
        tolerance: tolerance(name),
    });
    Ok(apart.collect())
}

/// Name and numbers of a result.
type Output = (&'static str, Vec<f32>);

fn worst(found: &[f32], expected: &[f32]) -> f32 {
    let largest = expected.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
    let differences = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    // `max` passes over what is no number.
    let worst = differences
        .fold(0.0_f32, |most, it| most.max(if it.is_nan() { f32::INFINITY } else { it }));
    match worst / largest {
        share if share.is_finite() && found.len() == expected.len() => share,
        _ => f32::INFINITY,
    }
}

/// Where and with which numbers to compute.
struct Place<'a> {
    device: &'a Device,
    /// What all inputs are rounded to, so that both devices are given the same.
    rounded: DType,
    dtype: DType,
}

/// Rows of the matrices: more than a chunk, and no multiple of one.
const LENGTH: usize = 150;
const WINDOWS: usize = 2;
const CHUNK: usize = 64;

impl Place<'_> {
    /// Returns numbers of deviation 1 that depend on the name alone.
    fn some<const D: usize>(&self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let mut numbers = random::normal(7, name, shape.iter().product(), 1.0);
        if self.rounded == DType::BF16 {
            numbers.iter_mut().for_each(|it| *it = bf16::from_f32(*it).to_f32());
        }
        let data = TensorData::new(numbers, shape);
        Tensor::<D>::from_data(data, (self.device, DType::F32)).cast(self.dtype)
    }

    fn operations(&self, config: &ModelConfig) -> Vec<Output> {
        let mut outputs = self.rows_alone(config);
        outputs.extend(self.attention(config));
        outputs.extend(self.linear(config));
        outputs.extend(self.loss(config));
        outputs
    }

    /// Operations that know no other row.
    fn rows_alone(&self, config: &ModelConfig) -> Vec<Output> {
        let (rows, width, inner) = (WINDOWS * LENGTH, config.hidden_size, config.intermediate_size);
        let (x, dy) = (self.some("x", [rows, width]), self.some("dy", [rows, width]));
        let weight = self.some("norm", [width]);
        let normed = rms_norm::forward(x.clone(), weight.clone(), 1e-5);
        let (dx, dweight) = rms_norm::backward(x, weight, 1e-5, dy, true);
        let [gate, up, dactivated] =
            ["gate", "up", "dactivated"].map(|name| self.some(name, [rows, inner]));
        let activated = swiglu::forward(gate.clone(), up.clone());
        let (dgate, dup) = swiglu::backward(gate, up, dactivated);
        let positions: Vec<u32> = (0..rows as u32).map(|it| it % 97 * 41).collect();
        let in_memory = crate::host::runs(self.device, self.dtype);
        let rotation =
            Rotation::new(config, &positions, WINDOWS, self.dtype, self.device, in_memory);
        let (heads, head) = (config.n_heads, config.head_dim);
        let layout = Layout { windows: WINDOWS, length: LENGTH, heads, width: head };
        let flat = self.some("flat", [rows, heads * head]);
        let turned = self.some("turned", [WINDOWS, heads, LENGTH, head]);
        let dropout = Dropout { probability: 0.05, key: Key::new(3, 1, 4) };
        let ones = Tensor::<2>::ones([rows, inner], (self.device, self.dtype));
        vec![
            ("norm", numbers(normed)),
            ("norm, gradient of the input", numbers(dx)),
            ("norm, gradient of the weight", dweight.map_or(vec![], numbers)),
            ("swiglu", numbers(activated)),
            ("swiglu, gradient of the gate", numbers(dgate)),
            ("swiglu, gradient of the other", numbers(dup)),
            ("rotation", numbers(rotation.forward(flat, layout))),
            ("rotation, gradient", numbers(rotation.backward(turned, layout))),
            ("dropout, what stays", numbers(dropout.apply(ones).greater_elem(0.5).float())),
        ]
    }

    fn attention(&self, config: &ModelConfig) -> Vec<Output> {
        let shape = |heads: usize| [WINDOWS, heads, LENGTH, config.head_dim];
        let (q, dy) =
            (self.some("q", shape(config.n_heads)), self.some("da", shape(config.n_heads)));
        let (k, v) =
            (self.some("k", shape(config.n_kv_heads)), self.some("v", shape(config.n_kv_heads)));
        let segments: Vec<u32> = (0..(WINDOWS * LENGTH) as u32).map(|it| it / 37).collect();
        let in_memory = crate::host::runs(self.device, self.dtype);
        let mut outputs = Vec::new();
        for (segments, names) in [
            (None, ["attention", "attention, dq", "attention, dk", "attention, dv"]),
            (
                Some(segments.as_slice()),
                ["segments", "segments, dq", "segments, dk", "segments, dv"],
            ),
        ] {
            let masks = Masks::new(LENGTH, segments, CHUNK, self.device, in_memory);
            let (y, sums) = attention::forward(&q, &k, &v, &masks);
            let (dq, dk, dv) = attention::backward(&q, &k, &v, &y, &sums, &masks, &dy);
            outputs.extend(names.into_iter().zip([y, dq, dk, dv].map(numbers)));
        }
        outputs
    }

    /// Three layers of one input, the one in the middle without an adapter.
    fn linear(&self, config: &ModelConfig) -> Vec<Output> {
        let (rows, width, rank) = (WINDOWS * LENGTH, config.hidden_size, 8);
        let outs = [width, width / 2, width / 4];
        let scaled = |x: Tensor<2>| x.div_scalar((width as f64).sqrt());
        let layers = outs.iter().zip(["b0", "", "b2"]).enumerate().map(|(number, (out, name))| {
            let b = (!name.is_empty()).then(|| self.some(name, [*out, rank]));
            let at = |place: usize| b.is_some().then_some(2 * number + place);
            let trained = Trained { a: at(0), b: at(1), ..Trained::default() };
            Layer { out: *out, b, trained }
        });
        let total = outs.iter().sum();
        let group = Group {
            weight: scaled(self.some("w", [total, width])),
            bias: Some(self.some("bias", [total])),
            a: Some(scaled(self.some("a", [2 * rank, width]))),
            layers: layers.collect(),
            scale: 2.0,
        };
        let x = self.some("x", [rows, width]);
        let dropout = Some(Dropout { probability: 0.05, key: Key::new(1, 5, 9) });
        let dys =
            outs.iter().zip(["d0", "d1", "d2"]).map(|(out, name)| self.some(name, [rows, *out]));
        let (ys, inner) = group.forward(x.clone(), dropout);
        let mut gradients = vec![None; 6] as Gradients;
        let dx = group.backward(x, inner, dropout, dys.collect(), &mut gradients);
        let trained = gradients.into_iter().flatten().map(numbers);
        let mut outputs: Vec<Output> = ["linear", "linear without adapter", "linear, last"]
            .into_iter()
            .zip(ys.into_iter().map(numbers))
            .collect();
        outputs.push(("linear, gradient of the input", numbers(dx)));
        outputs.extend(
            ["linear, dA", "linear, dB", "linear, dA, last", "linear, dB, last"]
                .into_iter()
                .zip(trained),
        );
        outputs
    }

    fn loss(&self, config: &ModelConfig) -> Vec<Output> {
        let (rows, width) = (WINDOWS * LENGTH, config.hidden_size);
        let targets: Vec<i32> =
            (0..rows).map(|it| (it * 7919 % config.vocab_size) as i32).collect();
        let head = self.some("head", [config.vocab_size, width]).div_scalar((width as f64).sqrt());
        let wanted = Wanted { chunk: CHUNK, scale: Some(0.25), head: true, row: Some(3) };
        let loss = cross_entropy::loss(self.some("x", [rows, width]), &head, &targets, wanted);
        vec![
            ("loss", numbers(loss.tokens)),
            ("loss, gradient of the input", loss.hidden.map_or(vec![], numbers)),
            ("loss, gradient of the head", loss.head.map_or(vec![], numbers)),
            ("loss, gradient of a row", loss.row.map_or(vec![], numbers)),
        ]
    }

    /// A whole step, with adapters and with all weights trained.
    fn engine(&self, config: &ModelConfig) -> Result<Vec<Output>> {
        let weights = Weights::open("".as_ref(), config, Init::Random, 5)?;
        let mut outputs = Vec::new();
        for (method, names) in [
            (Method::Lora, ["step, loss", "step, gradients"]),
            (Method::Full, ["step of all weights, loss", "step of all weights, gradients"]),
        ] {
            let settings = Settings {
                method,
                rank: 8,
                attention_chunk: CHUNK,
                loss_chunk: CHUNK,
                ..Settings::default()
            };
            let mut engine =
                Engine::new(config.clone(), &settings, Some(9), &weights, self.device, self.dtype)?;
            // B begins with zeros, which would hide the gradient of A.
            let values = engine.parameters().iter().map(|it| match it.name.contains("lora_B") {
                true => self.some(&it.name, [it.value.dims()[0]]).cast(DType::F32).mul_scalar(0.02),
                false => it.value.clone(),
            });
            let values = values.collect();
            engine.set_parameters(values);
            let windows = [window(LENGTH, config), window(LENGTH - 31, config)];
            let n_learned = windows.iter().map(Window::n_learned).sum();
            let mut gradients = vec![None; engine.parameters().len()];
            let loss = engine.learn(&windows, Key::new(2, 7, 1), n_learned, &mut gradients).sum();
            // One after the other: a wrong one among many of right size still shows in the largest difference.
            let gradients = gradients.into_iter().flatten();
            let all = gradients.flat_map(|it| {
                let largest = it.clone().abs().max().add_scalar(f32::MIN_POSITIVE);
                numbers(it / largest)
            });
            let [loss_name, gradients_name] = names;
            outputs.push((loss_name, vec![loss as f32]));
            outputs.push((gradients_name, all.collect()));
        }
        Ok(outputs)
    }
}

fn window(tokens: usize, config: &ModelConfig) -> Window {
    Window {
        ids: (0..tokens).map(|it| (it * 31 % config.vocab_size) as u32).collect(),
        positions: (0..tokens as u32).collect(),
        segments: vec![0; tokens],
        learned: (0..tokens).map(|it| it % 11 != 0).collect(),
        languages: vec![NO_LANGUAGE; tokens],
        rows: vec![],
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.cast(DType::F32).into_data().iter::<f32>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ModelConfig {
        let json = serde_json::json!({
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 64,
            "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 2, "vocab_size": 130, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
        });
        ModelConfig::parse("config.json".as_ref(), json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn sixteen_bits_come_close_to_thirty_two_in_every_operation() {
        let device = Device::flex();
        let all = compare(&config(), &device, DType::BF16, &device).unwrap();
        assert!(25 < all.len());
        for it in &all {
            assert!(it.is_close(), "{it:?}");
        }
        // Were nothing rounded, the comparison would compare a thing with itself.
        assert!(20 < all.iter().filter(|it| 0.0 < it.worst).count());
    }

    #[test]
    fn differences_are_found() {
        assert_eq!(worst(&[1.0, -3.0], &[1.0, -4.0]), 0.25);
        assert_eq!(worst(&[1.0, f32::NAN, 1.0], &[1.0, 1.0, 1.0]), f32::INFINITY);
        assert_eq!(worst(&[1.0], &[1.0, 1.0]), f32::INFINITY);
        assert_eq!(worst(&[0.0], &[0.0]), f32::INFINITY);
    }
}

//! Where the time of a step goes: every operation of a block by itself, at the sizes of a real model.

use std::time::Instant;

use burn::tensor::{DType, Device, Tensor};

use super::{
    Key,
    block::{Block, MicroBatch},
    build::{self, Builder},
    ops::{
        Layout, attention,
        cross_entropy::{self, Wanted},
        dropout::Dropout,
        linear::Group,
        rotary, swiglu,
    },
};
use crate::{
    data::window::{NO_LANGUAGE, Window},
    error::Result,
    optimizer::parameter::Gradients,
    settings::{Init, Settings},
    weights::{config::ModelConfig, random, source::Weights},
};

/// The time of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// The operation.
    pub name: &'static str,
    /// How often a window meets it, if no block computes its activations again.
    pub calls: usize,
    /// Seconds a call takes.
    pub seconds: f64,
}

impl Stage {
    /// Returns the seconds that a window spends in it.
    pub fn total(&self) -> f64 {
        self.calls as f64 * self.seconds
    }
}

/// Times the operations on one window of `tokens` tokens, the best of `repeats` calls after one that is not counted.
///
/// Each is waited for, so that together they take longer than a step, in which the device never waits.
///
/// # Errors
///
/// `config` is no model that can be drawn.
pub fn time(
    config: &ModelConfig,
    settings: &Settings,
    tokens: usize,
    device: &Device,
    dtype: DType,
    repeats: usize,
) -> Result<Vec<Stage>> {
    let model = Model::new(config, settings, tokens, device, dtype)?;
    let clock = Clock { device, repeats, stages: Vec::new(), n_layers: config.n_layers };
    Ok(model.time(clock))
}

/// Calls operations and notes how long they take.
struct Clock<'a> {
    device: &'a Device,
    repeats: usize,
    n_layers: usize,
    stages: Vec<Stage>,
}

impl Clock<'_> {
    /// Times what a block does `calls` times. The result is held until the device is done, or it might not be computed.
    fn block<R>(&mut self, name: &'static str, calls: usize, work: impl FnMut() -> R) {
        self.window(name, calls * self.n_layers, work);
    }

    /// Times what happens to a window `calls` times.
    fn window<R>(&mut self, name: &'static str, calls: usize, mut work: impl FnMut() -> R) {
        let mut best = f64::INFINITY;
        for repeat in 0..=self.repeats.max(1) {
            let start = Instant::now();
            let result = work();
            // A device that fails here fails the step, too, which reports it.
            let done = self.device.sync().is_ok();
            if 0 < repeat && done {
                best = best.min(start.elapsed().as_secs_f64());
            }
            drop(result);
        }
        self.stages.push(Stage { name, calls, seconds: best });
    }
}

/// One block of a model, and a window.
struct Model<'a> {
    config: &'a ModelConfig,
    settings: &'a Settings,
    tokens: usize,
    device: &'a Device,
    dtype: DType,
    block: Block,
    batch: MicroBatch,
    head: Tensor<2>,
    n_parameters: usize,
}

impl<'a> Model<'a> {
    fn new(
        config: &'a ModelConfig,
        settings: &'a Settings,
        tokens: usize,
        device: &'a Device,
        dtype: DType,
    ) -> Result<Model<'a>> {
        let weights = &Weights::open("".as_ref(), config, Init::Random, 1)?;
        let parameters = Vec::new();
        let mut builder = Builder { config, settings, weights, device, dtype, parameters };
        let mut block = builder.block(0)?;
        let head = builder.embedding()?.0;
        let parameters = builder.parameters;
        for group in [&mut block.qkv, &mut block.output, &mut block.gate_up, &mut block.down] {
            build::refresh_group(group, &parameters, dtype);
        }
        let window = Window {
            ids: vec![0; tokens],
            positions: (0..tokens as u32).collect(),
            segments: vec![0; tokens],
            learned: vec![true; tokens],
            languages: vec![NO_LANGUAGE; tokens],
            rows: vec![],
        };
        let chunk = settings.attention_chunk;
        let windows = [window];
        let batch =
            MicroBatch::new(&windows, tokens, config, settings.attention, chunk, dtype, device);
        let n_parameters = parameters.len();
        Ok(Model { config, settings, tokens, device, dtype, block, batch, head, n_parameters })
    }

    fn rows(&self, width: usize) -> Tensor<2> {
        // The same few numbers again and again: drawing hundreds of millions would take longer than what is timed.
        let some = random::normal(1, "rows", width, 1.0);
        let row = Tensor::<1>::from_floats(some.as_slice(), self.device);
        row.cast(self.dtype).unsqueeze::<2>().repeat_dim(0, self.tokens)
    }

    fn time(&self, mut clock: Clock<'_>) -> Vec<Stage> {
        let (config, block) = (self.config, &self.block);
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let x = self.rows(width);
        clock.block("norm", 4, || block.input_norm.forward(x.clone()));
        clock.block("norm, backward", 2, || {
            block.input_norm.backward(x.clone(), x.clone(), &mut Gradients::new())
        });
        let attended = self.rows(config.n_heads * config.head_dim);
        let activated = self.rows(inner);
        self.group(&mut clock, ["q, k, v", "q, k, v, backward"], &block.qkv, &x);
        self.group(&mut clock, ["output", "output, backward"], &block.output, &attended);
        self.group(&mut clock, ["gate, up", "gate, up, backward"], &block.gate_up, &x);
        self.group(&mut clock, ["down", "down, backward"], &block.down, &activated);
        let thinned = |x: &Tensor<2>| self.dropout().map(|it| it.apply(x.clone()));
        clock.block("dropout (within the eight above)", 2, || {
            [thinned(&x), thinned(&x), thinned(&attended), thinned(&activated)]
        });
        clock.block("swiglu", 2, || swiglu::forward(activated.clone(), activated.clone()));
        clock.block("swiglu, backward", 1, || {
            swiglu::backward(activated.clone(), activated.clone(), activated.clone())
        });
        let layout = |heads: usize| Layout {
            windows: 1,
            length: self.tokens,
            heads,
            width: config.head_dim,
        };
        let (many, few) = (layout(config.n_heads), layout(config.n_kv_heads));
        let keys = self.rows(config.n_kv_heads * config.head_dim);
        let batch = &self.batch;
        let turned = |x: &Tensor<2>, layout| batch.rotation.forward(x.clone(), layout);
        clock.block("rotation", 1, || (turned(&attended, many), turned(&keys, few)));
        let (q, k) = (turned(&attended, many), turned(&keys, few));
        let v = rotary::to_heads(keys, few);
        clock.block("rotation, backward", 1, || {
            let back = |x: &Tensor<4>, layout| batch.rotation.backward(x.clone(), layout);
            (back(&q, many), back(&k, few))
        });
        clock.block("attention", 1, || attention::forward(&q, &k, &v, &batch.masks));
        let (y, sums) = attention::forward(&q, &k, &v, &batch.masks);
        clock.block("attention, backward", 1, || {
            attention::backward(&q, &k, &v, &y, &sums, &batch.masks, &q)
        });
        let wanted =
            Wanted { chunk: self.settings.loss_chunk, scale: Some(1.0), head: false, row: None };
        let targets = vec![0; self.tokens];
        clock.window("loss", 1, || cross_entropy::loss(x.clone(), &self.head, &targets, wanted));
        clock.stages
    }

    fn dropout(&self) -> Option<Dropout> {
        let probability = self.settings.dropout;
        (0.0 < probability).then(|| Dropout { probability, key: Key::new(1, 1, 1) })
    }

    /// Times the two passes of linear layers.
    fn group(
        &self,
        clock: &mut Clock<'_>,
        [forward, backward]: [&'static str; 2],
        group: &Group,
        x: &Tensor<2>,
    ) {
        clock.block(forward, 1, || group.forward(x.clone(), self.dropout()));
        let (ys, inner) = group.forward(x.clone(), self.dropout());
        clock.block(backward, 1, || {
            let mut gradients = vec![None; self.n_parameters];
            let dx = group.backward(
                x.clone(),
                inner.clone(),
                self.dropout(),
                ys.clone(),
                &mut gradients,
            );
            (dx, gradients)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_timed() {
        let json = serde_json::json!({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16,
            "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
            "num_key_value_heads": 2, "vocab_size": 23, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
        });
        let config =
            ModelConfig::parse("config.json".as_ref(), json.to_string().as_bytes()).unwrap();
        let settings = Settings { rank: 2, attention_chunk: 4, ..Settings::default() };
        let stages = time(&config, &settings, 9, &Device::flex(), DType::F32, 1).unwrap();
        assert_eq!(stages.len(), 18);
        for stage in stages {
            assert!(stage.calls == 1 || stage.calls % 3 == 0, "{stage:?}");
            assert!(stage.total().is_finite(), "{stage:?}");
        }
    }
}
